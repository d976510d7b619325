"""The actions of the command `ingest`, one function each; errors are raised as `GalleryError`."""

import contextlib
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gallery.errors import BadInput, CollectionError
from gallery.pictures import status_of
from gallery.pictures.thumbnails import Thumbnails
from gallery.printable import counted, printable
from gallery.settings import DEFAULT_COLLECTION, Settings
from gallery.stores import Entry, Journal, default_name, open_store
from gallery.stores.tuning import outgrown
from gallery.tables import read_captions
from ingest.captions import CaptionsByPath
from ingest.encoding import EncoderChoice, Wish
from ingest.foreseeing import foresee
from ingest.locating import Locator
from ingest.part import Part
from ingest.pipeline import ingest
from ingest.progress import ProgressDisplay, print_rows, print_summary, summary_line
from ingest.removal import emptied, remove
from ingest.report import IngestReport
from ingest.sharing import publish
from ingest.stopping import Stop
from ingest.watching import check_watchable, keep_up_to_date

SOME_UNREADABLE = 3
"""Exit code of a finished run that could not read some files or folders."""


def index(
    settings: Settings,
    paths: Sequence[Path],
    collection: str,
    *,
    encoder: str | None,
    precision: str | None,
    captions: Path | None,
    batch_size: int | None,
    exclude: Sequence[str],
    prune: bool,
    dry_run: bool,
    part: str | None,
    yes: bool,
    stop: Stop | None = None,
    verify: bool = False,
    no_places: bool = False,
) -> int:
    """Bring a collection up to date with the files below `paths`, and return the exit code."""
    if not prune:  # which removes what was below a PATH that is gone
        for path in paths:
            status_of(path)  # before an encoder is loaded
    by_path = _captions(captions)
    started = time.monotonic()
    locate = Locator(keep=not no_places)
    choice = EncoderChoice(settings, Wish(encoder, precision, insist=yes), paths, exclude, _say)
    if dry_run:
        report = foresee(settings, paths, collection, choice, by_path, exclude, prune=prune)
    else:
        report = _take_in(
            settings,
            paths,
            collection,
            choice,
            captions=by_path,
            exclude=exclude,
            batch_size=batch_size or choice.at_once,
            prune=prune,
            prune_all=yes,
            part=Part.parse(part) if part else None,
            locate=locate,
            verify=verify,
            stop=stop,
        )
    print_summary(report, time.monotonic() - started)
    if report.elsewhere:
        _say(f"Left {counted(report.elsewhere, 'file')} to the other parts.")
    _say_what_was_left_out(report, by_path)
    if locate.lacking:
        _say(f"{locate.lacking}.")
    _say_what_was_not_walked(report)
    if report.gone:
        _say(f"Pictures whose files are gone: {report.gone}. Add --prune to remove them.")
    if report.indexed + report.updated + report.unchanged and not dry_run:
        _say(_next_command(collection))
    return SOME_UNREADABLE if report.unreadable or report.not_walked else 0


def watch(settings: Settings, paths: Sequence[Path], collection: str, **options: Any) -> None:  # noqa: ANN401 - of `index`
    """Index the files below `paths`, and keep the collection up to date with them until a KeyboardInterrupt.

    Missing files are pruned, with the safeguards of `--prune`, which `--yes` lifts for the first run only.
    """
    check_watchable(paths)
    index(settings, paths, collection, **options | {"prune": True})

    def update(roots: Sequence[Path]) -> None:
        choice = EncoderChoice(settings, Wish(), roots, options["exclude"], _say)
        report = _take_in(
            settings,
            roots,
            collection,
            choice,
            captions=_captions(options["captions"]),
            exclude=options["exclude"],
            batch_size=options["batch_size"] or choice.at_once,
            prune=True,
            part=Part.parse(options["part"]) if options["part"] else None,
            locate=Locator(keep=not options["no_places"]),
            stop=options["stop"],
        )
        if line := summary_line(report):
            _say(f"{time.strftime('%H:%M:%S')} {line}")
        _say_what_was_not_walked(report)

    keep_up_to_date([Path(os.path.abspath(path)) for path in paths], update, settings.data_dir, _say)


def _captions(file: Path | None) -> CaptionsByPath | None:
    return CaptionsByPath(read_captions(file), file.parent) if file else None


def _take_in(
    settings: Settings,
    paths: Sequence[Path],
    collection: str,
    choice: EncoderChoice,
    *,
    part: Part | None,
    **options: Any,  # noqa: ANN401 - of `ingest`
) -> IngestReport:
    """Index what changed below `paths`, holding the collection's lock meanwhile."""
    with contextlib.closing(open_store(settings).edit(collection)) as editor, ProgressDisplay() as display:
        open_encoder = choice.for_editor(editor)
        if part and editor.former:
            raise BadInput("a change of the encoder is one machine's work; leave --part out")
        report = ingest(paths, editor, open_encoder, part=part, on_progress=display.show, **options)
    Thumbnails(settings.data_dir).remove(report.removed)
    return report


def _say_what_was_not_walked(report: IngestReport) -> None:
    for path, reason in report.not_walked:
        _say(f"{printable(path)}: {printable(reason)}")


def _say_what_was_left_out(report: IngestReport, captions: CaptionsByPath | None) -> None:
    if report.skipped:
        kinds = ", ".join(f"{number} {kind}" for kind, number in report.skipped.most_common())
        _say(f"Skipped: {kinds}.")
    unmatched = captions.unmatched() if captions else []
    if captions and unmatched:
        _say(f"{len(unmatched)} of {counted(captions.names, 'name')} in the captions file match no picture:")
        for name in unmatched:
            _say(f"  {printable(name)}")
    if report.moved:
        old, new = map(printable, report.moved)
        _say(
            f"{report.gone_elsewhere} of these files are also known at places that are gone. If {old} is {new} now: "
            f"ingest --moved {shlex.quote(old)} {shlex.quote(new)}"
        )


def forget(settings: Settings, collection: str, paths: Sequence[str | Path], *, yes: bool, dry_run: bool) -> None:
    """List what a collection knows below `paths`, and with `yes` remove it.

    Raises:
        BadInput: A path is empty, which would mean the current folder; or nothing below them is known, or `yes` and
            `dry_run` are both false: nothing was removed.
    """
    if not all(str(path) for path in paths):
        raise BadInput("--forget needs a path; for the current folder, give a dot")
    if yes:
        with contextlib.closing(open_store(settings).edit(collection, new=False)) as editor:
            if changing := editor.changing():
                raise CollectionError(
                    f"the encoder of {collection} is being changed, and what is removed now could come back with it; "
                    f"finish that first: ingest PATH --encoder NAME (begun: {changing}), or name the old encoder "
                    "to take the change back"
                )
            files, pictures = _listed(editor.journal, paths)
            removed = remove(editor, files)
            publish(editor)  # even if nothing is listed: a removal that was interrupted may only lack this
        Thumbnails(settings.data_dir).remove(removed)
        _check_known(files, paths)
        _say(f"Removed {_of(files, pictures)} from {collection}.")
    else:
        with contextlib.closing(open_store(settings).journal(collection, new=False)) as journal:
            files, pictures = _listed(journal, paths)
        _check_known(files, paths)
        if not dry_run:
            raise BadInput(f"nothing was removed; add --yes to remove {_of(files, pictures)}")
        _say(f"{_of(files, pictures)} would be removed.")


def _listed(journal: Journal, paths: Sequence[str | Path]) -> tuple[list[Entry], int]:
    entries = [entry for path in paths for entry in journal.under(os.path.abspath(path))]
    for entry in entries:
        _put(printable(entry.file.path))
    return entries, emptied(journal, entries)


def _check_known(files: Sequence[Entry], paths: Sequence[str | Path]) -> None:
    if not files:
        asked = " or ".join(printable(os.path.abspath(path)) for path in paths)
        raise BadInput(f"nothing at or below {asked} is indexed; nothing was removed")


def _of(files: Sequence[Entry], pictures: int) -> str:
    return f"{counted(len(files), 'file')} and {counted(pictures, 'picture')}"


def drop(settings: Settings, name: str, *, yes: bool, dry_run: bool = False) -> None:
    """Remove a collection with `yes`; without, say how large it is.

    Raises:
        BadInput: `yes` and `dry_run` are both false; nothing was removed.
    """
    store = open_store(settings)
    if yes:
        digests = _digests(settings, name)
        store.drop(name)
        Thumbnails(settings.data_dir).remove(digests)
        _say(f"Removed {name}.")
        return
    infos = [info for info in store.overview() if info.name == name]
    if not infos:
        raise CollectionError(f"there is no collection {name}; see ingest --list")
    size = f"{name} has {counted(infos[0].pictures, 'picture')} ({printable(infos[0].encoder)})"
    if not dry_run:
        raise BadInput(f"nothing was removed: {size}; add --yes to remove it")
    _say(f"{size}, and would be removed.")


def _digests(settings: Settings, name: str) -> list[str]:
    """Return the digests of a collection's pictures, whose thumbnails are removed with it; none if it is damaged."""
    try:
        with contextlib.closing(open_store(settings).journal(name)) as journal:
            return [digest for digest, _ in journal.contents()]
    except CollectionError:
        return []


def default_collection(settings: Settings) -> str:
    """Return the collection that is meant if none is named."""
    return default_name(open_store(settings).names())


def list_failures(settings: Settings, collection: str) -> None:
    """Print the unreadable files of a collection."""
    with contextlib.closing(open_store(settings).journal(collection, new=False)) as journal:
        rows = [
            [printable(entry.file.path), str(entry.reason), str(entry.file.size), printable(entry.detail)]
            for entry in journal.failures()
        ]
    print_rows(["path", "reason", "bytes", "detail"], rows)


def list_all(settings: Settings) -> None:
    """Print a table of all collections, and a note on those that have outgrown the embedded store."""
    collections = open_store(settings).overview()
    rows = [
        [
            printable(info.name),
            printable(info.encoder),
            str(info.pictures),
            "" if info.megabytes is None else f"{info.megabytes:.1f}",
            info.changed_at or "",
        ]
        for info in collections
    ]
    print_rows(["collection", "encoder", "pictures", "MB", "changed"], rows)
    for info in collections:
        if not settings.qdrant_url and (advice := outgrown(info.pictures)):
            _say(f"{info.name}: {advice} --collection {info.name}")


def _next_command(collection: str) -> str:
    beside = Path(sys.argv[0]).with_name("search")
    command = beside if beside.is_file() else "python -m search"  # as we ourselves may have been started
    option = "" if collection == DEFAULT_COLLECTION else f" --collection {collection}"
    return f'Next: {command}{option} "a cat"'


def _put(line: str) -> None:
    sys.stdout.write(line + "\n")


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
