"""The model hub: the contents of a repository, and its files on this machine.

Files that another program has downloaded into the hub's own cache are used from there. Missing files are downloaded to
a folder of ours, until the encoder has been made from them.
"""

import fnmatch
import json
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from filelock import FileLock
from huggingface_hub import HfApi, constants, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from gallery.encoders.downloads import MEGABYTE, Downloads
from gallery.encoders.hub_errors import offline_error, saying
from gallery.encoders.transfer import HubFile, bytes_there, transfer
from gallery.errors import EncoderError

HUB_SECONDS = 5.0
"""How long a new collection waits for the hub to answer."""
PATIENCE = 30.0
"""Seconds without a byte after which a download counts as broken."""

_CONFIGURATION = ("*.json", "*.txt", "*.model", "*.jinja")
_NO_SOURCE = (
    "onnx/*",
    "openvino/*",
    "*.msgpack",
    "open_clip*",
    "README*",
    "training_args*",
    "*/onnx/*",
    "*/openvino/*",
)
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True, slots=True)
class Repository:
    """What a repository holds.

    Attributes:
        name: `owner/name`.
        revision: Its commit, 40 hexadecimal digits.
        files: Its files by name.
    """

    name: str
    revision: str
    files: dict[str, HubFile]


@dataclass(frozen=True, slots=True)
class Hub:
    """The model hub, as reached from this machine.

    Attributes:
        folder: Where downloads are kept until they are no longer needed.
        endpoint: The hub's address; `HF_ENDPOINT` unless given.
        cache: The hub's own cache; `HF_HUB_CACHE` unless given.
        offline: Whether to stay off the network; `HF_HUB_OFFLINE` by default.
        patience: Seconds without a byte after which a download counts as broken.
        pause: Seconds between two attempts.
        downloads: Makes the progress display of a download.
        free: Returns the free bytes on a folder's disk.
    """

    folder: Path
    endpoint: str = field(default_factory=lambda: constants.ENDPOINT)
    cache: Path = field(default_factory=lambda: Path(constants.HF_HUB_CACHE))
    offline: bool = field(default_factory=constants.is_offline_mode)
    patience: float = PATIENCE
    pause: float = 1.0
    downloads: Callable[[], Downloads] = Downloads
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free

    def answers(self, repository: str, seconds: float = HUB_SECONDS) -> bool:
        """Return whether the hub offers this repository, within `seconds`.

        It is asked in a separate thread, so that neither name look-up nor a silent network delays the run.
        """
        answers: list[bool] = []

        def ask() -> None:
            try:
                self._api().model_info(repository, timeout=seconds)
            except Exception:  # noqa: BLE001 - whatever is wrong with the network, there is no hub
                return
            answers.append(True)

        if not self.offline:
            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            thread.join(seconds)
        return bool(answers)

    def list(self, repository: str, revision: str | None = None) -> Repository:
        """Return what a repository holds, at a commit or in its newest state.

        Raises:
            EncoderError: The hub does not answer.
        """
        with self._saying(repository):
            info = self._api().model_info(repository, revision=revision, files_metadata=True, timeout=self.patience)
        files = {
            given.rfilename: HubFile(
                given.rfilename, given.size or 0, given.lfs.sha256 if given.lfs else None, given.blob_id
            )
            for given in info.siblings or ()
            if _is_inside(given.rfilename)
        }
        return Repository(repository, str(info.sha), files)

    def there(self, repository: str, names: Sequence[str], revision: str | None = None) -> Path | None:
        """Return the folder on this machine that holds these files of a repository, if there is one."""
        try:
            paths = [
                try_to_load_from_cache(repository, name, cache_dir=self.cache, revision=revision) for name in names
            ]
        except HFValidationError:
            return None
        if paths and all(isinstance(path, str) for path in paths):
            return Path(str(paths[0])).parents[len(PurePosixPath(names[0]).parts) - 1]
        kept = [self._kept(repository) / revision] if revision else sorted(self._kept(repository).glob("*"))
        return next((folder for folder in kept if names and all((folder / name).is_file() for name in names)), None)

    def source_there(self, repository: str, revision: str | None = None) -> Path | None:
        """Return the folder on this machine that seems to hold the weights of a repository, if there is one."""
        for settings in ("modules.json", "config.json"):
            folder = self.there(repository, [settings], revision)
            if folder and any(next(folder.rglob(pattern), None) for pattern in _WEIGHTS):
                return folder
        return None

    def fetch(self, repository: str, names: Sequence[str], revision: str | None = None) -> Path:
        """Return a folder with these files of a repository, after downloading the missing ones.

        Raises:
            EncoderError: They cannot be downloaded, or there is no room for them.
        """
        if folder := self.there(repository, names, revision):
            return folder
        listed = self.list(repository, revision)
        if missing := [name for name in names if name not in listed.files]:
            raise EncoderError(f"{repository} has no file {missing[0]} at the model hub; use another --encoder")
        folder = self._kept(repository) / listed.revision
        with self._writing(folder), FileLock(folder.with_suffix(".lock")):  # others may download the same
            missing_files = [listed.files[name] for name in names if not (folder / name).is_file()]
            self._bring(listed, missing_files, folder)
        return folder

    def fetch_source(self, repository: str, revision: str | None = None) -> Path:
        """Return a folder with the files of a repository that an export needs; see `source_files`.

        Without the network, the folder holds whatever this machine already has.

        Raises:
            EncoderError: It cannot be downloaded, or there is no room for it.
        """
        try:
            listed = self.list(repository, revision)
        except EncoderError:
            if folder := self.source_there(repository, revision):
                return folder
            raise
        return self.fetch(repository, source_files(repository, listed.files), listed.revision)

    def config(self, repository: str, revision: str | None = None) -> dict[str, Any]:
        """Return the `config.json` of a repository's model, of its first module where it has several.

        Raises:
            EncoderError: The encoder is unavailable.
        """
        listed = self.list(repository, revision)
        name = next((name for name in ("0_CLIPModel/config.json", "config.json") if name in listed.files), None)
        if name is None:
            raise EncoderError(f"{repository} has no config.json, so transformers cannot read it")
        path = self.fetch(repository, [name], listed.revision) / name
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise EncoderError(f"{repository} has a config.json that cannot be read ({error})") from error
        return values if isinstance(values, dict) else {}

    def forget(self, repository: str) -> None:
        """Remove the downloads of a repository; the hub's own cache stays."""
        shutil.rmtree(self._kept(repository), ignore_errors=True)

    def _bring(self, repository: Repository, files: Sequence[HubFile], folder: Path) -> None:
        for file in files:
            (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
        room = self.free(folder)
        needed = sum(file.size - bytes_there(folder / file.name) for file in files)
        if needed > room:
            raise EncoderError(
                f"{repository.name} needs {needed / MEGABYTE:.0f} MB and {folder} has room for {room / MEGABYTE:.0f}; "
                "make room, or set DATA_DIR"
            )
        with self.downloads() as shown, self._saying(repository.name):
            for file in files:
                target = folder / file.name
                shown.begin(f"{repository.name}/{file.name}", file.size, bytes_there(target))
                url = f"{self.endpoint}/{repository.name}/resolve/{repository.revision}/{quote(file.name)}"
                transfer(url, file, target, patience=self.patience, pause=self.pause, on_bytes=shown.advance)

    @contextmanager
    def _writing(self, folder: Path) -> Iterator[None]:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise EncoderError(
                f"{folder} cannot be written to ({error.strerror}); make room, or set DATA_DIR"
            ) from error

    def _kept(self, repository: str) -> Path:
        return self.folder / repository.replace("/", "--")

    def _saying(self, repository: str) -> AbstractContextManager[None]:
        if self.offline:
            raise offline_error(repository)
        return saying(repository, self.endpoint, self.patience)

    def _api(self) -> HfApi:
        return HfApi(endpoint=self.endpoint)


def source_files(repository: str, names: Iterable[str]) -> list[str]:
    """Choose what an export needs of a repository: configuration, tokenizer, and weights in one format per folder.

    >>> source_files("o/n", ["0_CLIPModel/pytorch_model.bin", "0_CLIPModel/config.json", "onnx/model.onnx"])
    ['0_CLIPModel/config.json', '0_CLIPModel/pytorch_model.bin']

    Raises:
        EncoderError: It has no weights that transformers reads.
    """
    source = [name for name in names if not _matches(name, _NO_SOURCE)]
    weights = [name for name in source if _matches(name, _WEIGHTS)]
    safe = {PurePosixPath(name).parent for name in weights if name.endswith(".safetensors")}
    if not weights:
        raise EncoderError(
            f"{repository} has no weights that transformers reads; see `ingest --encoders` for what works"
        )
    weights = [name for name in weights if name.endswith(".safetensors") or PurePosixPath(name).parent not in safe]
    return sorted({*weights, *(name for name in source if _matches(name, _CONFIGURATION))})


def _is_inside(name: str) -> bool:
    """Whether a file with this name would be inside its repository's folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(
        fnmatch.fnmatchcase(given, pattern) for given in (name, PurePosixPath(name).name) for pattern in patterns
    )
