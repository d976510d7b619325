"""Counts of values, compared with the paths of all pictures."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np
import pytest

from gallery.records import ImageFile, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import ImageCollection, open_store
from search.contents import Contents
from search.filtering import lower
from search.query import Condition
from search.web.pages import MOST_CHOICES, choices

PLACES = [
    ["/photos/a.jpg"],
    ["/photos/2019/b.jpg"],
    ["/photos/2019/alps/c.jpg"],
    ["/photos/2019/alps/d.jpg", "/photos/2019/sea/d.jpg"],
    ["/photos/2019/alps/e.jpg", "/photos/2020/e.jpg"],
    ["/photos/2020 (old)/f.jpg"],
]


@pytest.fixture
def photos(
    make_record: Callable[..., ImageRecord], unit_rows: Callable[..., np.ndarray], tmp_path: Path
) -> Iterator[ImageCollection]:
    store = open_store(Settings(data_dir=tmp_path))
    with closing(store.edit("photos")) as editor:
        editor.begin(Spec(encoder="letters", dimension=64, space="letters", text="letters"))
        records = [
            replace(make_record(number), files=tuple(ImageFile(path, 1, 1) for path in paths))
            for number, paths in enumerate(PLACES)
        ]
        editor.upsert(records, unit_rows(len(records)))
        editor.finish()
    with closing(store.open("photos")) as collection:
        yield collection


def test_a_folder_counts_the_pictures_in_it_and_below_it_once(photos: ImageCollection) -> None:
    folders = {str(parent) for paths in PLACES for path in paths for parent in PurePath(path).parents} - {"/"}
    wanted = {
        folder: sum(any(PurePath(folder) in PurePath(path).parents for path in paths) for paths in PLACES)
        for folder in folders
    }
    assert Contents(photos).folders() == wanted


def test_a_folder_counts_what_its_filter_lets_through(photos: ImageCollection) -> None:
    for folder, count in Contents(photos).folders().items():
        assert photos.count(lower([Condition("folder", ":", str(folder))], photos).filter) == count


def test_folders_are_listed_as_a_tree_without_what_they_share(photos: ImageCollection) -> None:
    found = choices({"folder": Contents(photos).folders()})["folder"]
    assert [(choice.shown, choice.count) for choice in found.listed] == [
        ("photos", 6),
        ("photos/2019", 4),
        ("photos/2019/alps", 3),
        ("photos/2019/sea", 1),
        ("photos/2020", 1),
        ("photos/2020 (old)", 1),
    ]


def test_values_that_are_not_listed_are_counted() -> None:
    found = choices({"camera": {f"camera {number:04d}": 1 for number in range(MOST_CHOICES + 234)}})["camera"]
    assert (len(found.listed), found.more) == (MOST_CHOICES, 234)
