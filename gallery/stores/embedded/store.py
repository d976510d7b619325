"""All embedded collections of a DATA_DIR. Slow imports happen where they are needed."""

import contextlib
from pathlib import Path

from gallery.errors import CollectionError
from gallery.settings import Settings
from gallery.stores.contract import CollectionInfo, Editor, Finding, ImageCollection
from gallery.stores.dates import rfc3339
from gallery.stores.embedded.disk import bytes_on_disk
from gallery.stores.embedded.generations import (
    CURRENT,
    Workshop,
    collection_folders,
    published,
    published_collections,
    unfinished,
)
from gallery.stores.filters import ONCE
from gallery.stores.journal import Journal
from gallery.stores.names import check_is_there, check_name, chosen_name


class EmbeddedStore:
    """The collections below `DATA_DIR/collections`, one folder each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def names(self) -> list[str]:
        return published_collections(self._settings.data_dir)

    def overview(self) -> list[CollectionInfo]:
        return [_info(folder) for folder in collection_folders(self._settings.data_dir)]

    def open(self, name: str | None = None) -> ImageCollection:
        name = chosen_name(name, self.names() or self._begun_names())
        self._check_is_published(name)
        from gallery.stores.embedded.collection import open_published

        return open_published(self._folder(name))

    def edit(self, name: str, *, new: bool = True) -> Editor:
        if not new:
            self._check_is_published(name)
        elif name not in self._begun_names():
            check_name(name)
        from gallery.stores.embedded.editor import EmbeddedEditor

        return EmbeddedEditor(self._folder(name), self._settings.public_url)

    def drop(self, name: str) -> None:
        check_is_there(name, self._begun_names())
        with contextlib.closing(Workshop(self._folder(name))) as workshop:
            workshop.remove_all()

    def journal(self, name: str, *, new: bool = True) -> Journal:
        if not new:
            check_is_there(name, self._begun_names())
        folder = self._folder(name)
        while True:  # another process may publish meanwhile, and remove the generation about to be opened
            current = published(folder)
            generation = unfinished(folder) or current
            if generation is None:
                return Journal(None)
            try:
                return Journal(generation / "journal.sqlite", new=False)
            except CollectionError:
                if published(folder) == current:
                    raise

    def check(self, name: str) -> list[Finding]:
        check_is_there(name, self._begun_names())
        from gallery.stores.embedded.health import findings

        return list(findings(self._folder(name)))

    def repair(self, name: str) -> None:
        check_is_there(name, self._begun_names())
        from gallery.stores.embedded.repairing import repair

        repair(self._folder(name))

    def _check_is_published(self, name: str) -> None:
        names = self.names()
        if name not in names and name in self._begun_names():
            raise CollectionError(
                f"nothing can be searched in {name} yet: its first ingest has not got that far, or was stopped; wait "
                f"for it, run ingest PATH again, or remove it: ingest --drop {name} --yes"
            )
        check_is_there(name, names)

    def _folder(self, name: str) -> Path:
        return self._settings.data_dir / "collections" / name

    def _begun_names(self) -> list[str]:
        return [folder.name for folder in collection_folders(self._settings.data_dir)]


def _info(folder: Path) -> CollectionInfo:
    """Return the facts about a collection; an unreadable one must not hide the others."""
    from gallery.stores.embedded.collection import open_published

    megabytes = bytes_on_disk(folder) / 1e6
    if published(folder) is None:
        cure = f"run ingest PATH again, or ingest --drop {folder.name} --yes"
        return CollectionInfo(folder.name, f"never finished: {cure}", 0, megabytes)
    try:
        with contextlib.closing(open_published(folder)) as collection:
            encoder, pictures = collection.spec.encoder, collection.count(ONCE)
    except CollectionError as error:
        encoder, pictures = f"cannot be read: {error}", 0
    changed_at = None
    with contextlib.suppress(OSError):
        changed_at = rfc3339((folder / CURRENT).stat().st_mtime_ns)
    return CollectionInfo(folder.name, encoder, pictures, megabytes, changed_at)
