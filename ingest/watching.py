"""`ingest --watch`: a collection is kept up to date with folders, run by run, for as long as the process lives.

A run starts once the folders have been quiet, and covers the PATHs below which something changed. It holds the
collection's lock meanwhile. If another process is writing, it tries again later.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from gallery.errors import BadInput, GalleryError
from gallery.extras import install
from gallery.pictures import IGNORE_FILE, SUFFIXES, LeftOut, is_video
from gallery.printable import printable
from ingest.removal import is_below

QUIET_MS, LATEST_MS = 1000, 60_000
"""Milliseconds without a change after which a run starts, and after which one starts in any case."""
LOOK_MS = 1000
"""How often, in milliseconds, to check whether a PATH has appeared, disappeared, or moved to another disk."""
AGAIN_SECONDS = 30.0
"""Seconds after which a failed run is tried again."""
Changes = Callable[[Sequence[str]], Iterator[Collection[str]]]
"""Watches folders and yields what changed; now and then it yields nothing."""
Identities = Mapping[str, tuple[int, int]]


def check_watchable(roots: Sequence[Path]) -> None:
    """Check that folders can be watched, before the first run.

    Raises:
        BadInput: watchfiles is not installed, or a PATH is not a folder.
    """
    if find_spec("watchfiles") is None:
        raise BadInput(f"--watch needs a package: {install('watch')}")
    for root in roots:
        if not root.is_dir():
            raise BadInput(f"--watch takes folders, and {root} is none; give the folder that it is in")


def keep_up_to_date(
    roots: Sequence[Path],
    update: Callable[[Sequence[Path]], None],
    data_dir: Path,
    say: Callable[[str], None],
    *,
    changes: "Changes | None" = None,
    again_after: float = AGAIN_SECONDS,
) -> None:
    """Update a collection whenever something changes below folders, until a KeyboardInterrupt.

    A missing folder is left alone until it is back, because its disk may be unmounted.

    Args:
        roots: Absolute folders.
        update: Brings the collection up to date with the folders it is given. It may raise GalleryError.
        data_dir: Changes in it are made by this program, and ignored.
        say: Called with failures, and when folders disappear and come back.
        changes: The source of changes.
        again_after: Seconds after which an update that failed is tried again.
    """
    said = ""
    while True:
        there = _identities(roots)
        say(f"Watching {', '.join(map(printable, there)) or 'for the folders to come back'}; Ctrl-C ends it.")
        pending, not_before = set(there), 0.0  # changes so far went unseen
        for changed in (changes or changes_below)(list(there)):
            if (now := _identities(roots)) != there:
                for root in there.keys() - now.keys():
                    say(f"{printable(root)} is away; its pictures stay in the collection.")
                break
            pending |= _roots_of(changed, there, str(data_dir))
            if not pending or time.monotonic() < not_before:
                continue
            try:
                update([Path(root) for root in sorted(pending)])
                pending, said = set(), ""
            except GalleryError as error:
                not_before = time.monotonic() + again_after
                if str(error) != said:
                    said = str(error)
                    say(f"{printable(said)}. It is tried again every {again_after:.0f} seconds.")


def changes_below(roots: Sequence[str]) -> Iterator[Collection[str]]:
    """Listen with watchfiles, see `Changes`.

    Raises:
        BadInput: The system's limit on watched folders is too low.
    """
    from watchfiles import watch

    try:
        for changes in watch(
            *roots,
            watch_filter=None,
            debounce=LATEST_MS,
            step=QUIET_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            yield [path for _, path in changes]
    except FileNotFoundError:
        return  # gone since the check
    except OSError as error:
        raise BadInput(
            f"the folders cannot be watched ({error.strerror}); raise fs.inotify.max_user_watches, or set "
            "WATCHFILES_FORCE_POLLING=1"
        ) from error


def _identities(roots: Sequence[Path]) -> Identities:
    """Return the folders that exist, each with an identity that another folder at its path would not have."""
    found = {}
    for root in map(str, roots):
        try:
            status = os.stat(root)
        except OSError:
            continue
        found[root] = (status.st_dev, status.st_ino)
    return found


def _roots_of(changed: Collection[str], there: Identities, data_dir: str) -> set[str]:
    """Return the folders below which a change may concern the collection."""
    roots = set[str]()
    left_out: dict[str, LeftOut] = {}
    for path in changed:
        above = [root for root in there if is_below(path, [root])]
        if not above:  # under another name of the folder, as macOS reports it
            return set(there)
        for root in set(above) - roots:
            own = is_below(data_dir, [root]) and is_below(path, [data_dir])
            if not own and _concerns(path, left_out.setdefault(root, LeftOut(root))):
                roots.add(root)
    return roots


def _concerns(path: str, is_left_out: LeftOut) -> bool:
    """Return whether a change of this file or folder can change the collection."""
    try:
        if Path(path).name == IGNORE_FILE:
            return True
        if is_left_out(path):
            return False
    except BadInput:  # an ignore file cannot be read: the run reports that
        return True
    return Path(path).suffix.lower() in SUFFIXES or is_video(path) or not Path(path).is_file()
