"""The journal: what ingest knows about files."""

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gallery.errors import CollectionError, Reason
from gallery.records import ImageFile
from gallery.stores import Entry, Journal

NOT_UTF8 = os.fsdecode(b"/tmp/\xff.jpg")
DOG = Entry(ImageFile("/dog.jpg", 10, 20), sha256="d0")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        yield journal


@pytest.mark.parametrize(
    "entry",
    [
        DOG,
        Entry(ImageFile("/\U0001f415.jpg", 0, -1), "d1", captions="c1"),
        Entry(ImageFile(NOT_UTF8, 2**40, 0), reason=Reason.DAMAGED, detail="cut short"),
    ],
    ids=lambda entry: ascii(entry.file.path),
)
def test_an_entry_comes_back_as_it_was_and_survives_closing(tmp_path: Path, entry: Entry) -> None:
    for _ in range(2):
        with closing(Journal(tmp_path / "journal.sqlite")) as journal:
            if journal.entry(entry.file.path) is None:
                journal.write([entry])
            assert journal.entry(entry.file.path) == entry
            assert journal.entry("/other.jpg") is None


def test_writing_again_replaces_what_is_known_of_a_file(journal: Journal) -> None:
    journal.write([DOG])
    assert journal.places("d0") == 1
    journal.write([replace(DOG, sha256="d1")])
    assert journal.entry("/dog.jpg") == replace(DOG, sha256="d1")
    assert journal.places("d1") == 1
    assert journal.places("d0") == 0
    assert (journal.knows("d1"), journal.knows("d0")) == (True, False)


def test_a_new_file_gets_what_is_known(tmp_path: Path) -> None:
    with closing(Journal(None)) as journal:
        journal.write([DOG])
        journal.move_to(tmp_path / "new.sqlite")
        assert journal.entry("/dog.jpg") == DOG
    with closing(Journal(tmp_path / "new.sqlite")) as journal:
        assert journal.entry("/dog.jpg") == DOG


def test_a_file_that_is_there_is_kept_as_it_is(tmp_path: Path, journal: Journal) -> None:
    cat = Entry(ImageFile("/cat.jpg", 1, 2), sha256="c0")
    with closing(Journal(tmp_path / "there.sqlite")) as there:
        there.write([cat])
    journal.write([DOG])
    journal.move_to(tmp_path / "there.sqlite")
    assert journal.entry("/cat.jpg") == cat
    assert journal.entry("/dog.jpg") is None


def test_several_threads_may_use_it_at_once(journal: Journal) -> None:
    def work(thread: int) -> bool:
        for number in range(10):
            entry = Entry(ImageFile(f"/{thread}/{number}.jpg", number, thread), sha256=f"{thread}-{number}")
            journal.write([entry])
            if journal.entry(entry.file.path) != entry or journal.places(f"{thread}-{number}") != 1:
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_all_or_none_of_the_entries_are_written(tmp_path: Path, journal: Journal) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON files WHEN NEW.size = 666 BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    with pytest.raises(CollectionError, match="full; make room"):
        journal.write([DOG, Entry(ImageFile("/z.jpg", 666, 0))])
    assert journal.entry("/dog.jpg") is None
