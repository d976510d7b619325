"""Downloads a file of the model hub: what has arrived is kept, and the next attempt continues from there.

huggingface_hub's own download discards what a broken one has fetched, and reports progress every ten megabytes at most.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import get_session
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

from gallery.errors import EncoderError

CHUNK = 1 << 18
TRIES = 3
"""How many attempts in a row may fetch nothing."""
_PARTIAL = 206


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository.

    Attributes:
        name: Its path in the repository.
        size: In bytes.
        sha256: The digest of its content; for small files, only `blob` is known.
        blob: Its digest as git computes it.
    """

    name: str
    size: int
    sha256: str | None = None
    blob: str | None = None


def part_of(target: Path) -> Path:
    """Return where the bytes of `target` are kept until all of them have arrived."""
    return target.with_name(f"{target.name}.part")


def bytes_there(target: Path) -> int:
    """Return how many bytes of `target` have arrived in earlier attempts."""
    try:
        return part_of(target).stat().st_size
    except OSError:
        return 0


def transfer(
    url: str,
    file: HubFile,
    target: Path,
    *,
    patience: float,
    pause: float,
    on_bytes: Callable[[int], None],
) -> None:
    """Download a file to `target`, continuing an earlier attempt.

    Args:
        url: The file's address.
        file: Its expected size and digest.
        target: Where it belongs; its folder exists.
        patience: Seconds to wait for the next byte.
        pause: Seconds between two attempts.
        on_bytes: Called with the number of bytes so far.

    Raises:
        httpx2.HTTPError: The server does not answer, or not with the file, also after `TRIES` tries.
        EncoderError: The bytes are not those of the file, or cannot be written.
    """
    part, fruitless, failure = part_of(target), 0, None
    if bytes_there(target) > file.size:
        part.unlink()
    part.touch()
    while (before := bytes_there(target)) < file.size and fruitless < TRIES:
        try:
            _fetch(url, part, before, patience, on_bytes)
        except httpx2.TransportError as error:
            failure = error
            time.sleep(pause)
        fruitless = 0 if bytes_there(target) > before else fruitless + 1
    if before < file.size and failure:
        raise failure
    if not _is_sound(part, file):
        part.unlink()
        raise EncoderError(f"{file.name} did not arrive as it was published; try again")
    part.replace(target)


def _fetch(url: str, part: Path, there: int, patience: float, on_bytes: Callable[[int], None]) -> None:
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    if there:
        headers["Range"] = f"bytes={there}-"
    with get_session().stream("GET", url, headers=headers, timeout=patience, follow_redirects=True) as response:
        hf_raise_for_status(response)
        there = there if response.status_code == _PARTIAL else 0
        try:
            with part.open("ab" if there else "wb") as file:
                for chunk in response.iter_bytes(CHUNK):
                    file.write(chunk)
                    there += len(chunk)
                    on_bytes(there)
        except OSError as error:
            raise EncoderError(
                f"{part.parent} cannot be written to ({error.strerror}); make room and run the same again, which goes "
                "on with what has arrived"
            ) from error


def _is_sound(path: Path, file: HubFile) -> bool:
    if path.stat().st_size != file.size:
        return False
    if file.sha256:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
    if file.blob:
        blob = b"blob %d\0" % file.size + path.read_bytes()
        return hashlib.sha1(blob, usedforsecurity=False).hexdigest() == file.blob
    return True
