"""What searches see of an unfinished ingest: in-process, with the embedded engine."""

import itertools
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from letter_encoder import COLOURS, LetterEncoder
from PIL import Image

from gallery.errors import CollectionError
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import Progress, open_store
from ingest.pipeline import ingest
from ingest.report import IngestReport
from search.engine import SearchEngine
from search.request import Request

FILES, PICTURES = 700, 600
"""Files, of which the last hundred are copies of the first."""


class OtherLetters(LetterEncoder):
    """Vectors of another space."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = Spec(encoder="other letters", dimension=26, space="letters 2", text="letters 2")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    for number in range(FILES):
        colour = list(COLOURS.values())[number % len(COLOURS)]
        Image.new("RGB", (1 + number % PICTURES, 3), colour).save(root / f"{number:03d}.png")
    return root


def run(
    settings: Settings,
    photos: Path,
    encoder: Callable[[], LetterEncoder] = LetterEncoder,
    look: Callable[[IngestReport], None] = lambda _: None,
) -> IngestReport:
    with closing(open_store(settings).edit("photos")) as editor:
        if editor.spec and not editor.spec.fits(encoder().spec):
            editor.change(encoder().spec)
        return ingest([photos], editor, encoder, on_progress=look)


def shown(settings: Settings) -> tuple[int, str, Progress | None]:
    """Return how many pictures a search finds, by which encoder, and the ingest's progress."""
    if not open_store(settings).names():
        with pytest.raises(CollectionError, match="nothing can be searched in photos yet"):
            open_store(settings).open()
        return 0, "", None
    with closing(open_store(settings).open("photos")) as collection:
        return collection.count(), collection.spec.encoder, collection.progress


def now_and_then(look: Callable[[], object]) -> Callable[[IngestReport], None]:
    """Return what looks at every twentieth report: each look opens the collection."""
    reports = itertools.count()

    def look_sometimes(_: IngestReport) -> None:
        if next(reports) % 20 == 0:
            look()

    return look_sometimes


def stop_after(pictures: int) -> Callable[[IngestReport], None]:
    def look(report: IngestReport) -> None:
        if report.indexed >= pictures:
            raise KeyboardInterrupt

    return look


def test_pictures_can_be_searched_from_the_first_write_on(settings: Settings, photos: Path) -> None:
    seen = list[tuple[int, str, Progress | None]]()
    report = run(settings, photos, look=now_and_then(lambda: seen.append(shown(settings))))
    seen.append(shown(settings))
    assert report.done == FILES
    found = {count: progress for count, _, progress in seen}
    assert found == {0: None, 256: Progress(256, FILES), PICTURES: None}


def test_an_answer_says_how_much_is_indexed_and_the_next_run_keeps_all_of_it(settings: Settings, photos: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(settings, photos, look=stop_after(400))
    with closing(SearchEngine(LetterEncoder(), open_store(settings).open("photos"))) as engine:
        answer = engine.answer(Request(q="red"))
    assert (answer.total, answer.notes) == (
        256,
        [f"ingest has not finished: 256 of {FILES} files are indexed so far"],
    )
    again = run(settings, photos)
    assert again.unchanged >= 400
    assert again.unchanged + again.done == FILES
    with closing(SearchEngine(LetterEncoder(), open_store(settings).open("photos"))) as engine:
        answer = engine.answer(Request(q="red"))
    assert (answer.total, answer.notes) == (PICTURES, [])


def test_a_run_that_died_just_after_it_showed_everything_is_finished_by_the_next(
    settings: Settings, photos: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(settings, photos, look=stop_after(256))
    collection = settings.data_dir / "collections" / "photos"
    assert (collection / "CURRENT").read_text() == "gen-000001"
    shutil.rmtree(collection / "gen-000002")  # it died before this copy was made
    with closing(open_store(settings).edit("photos")) as editor:
        ingest([photos / "000.png"], editor, LetterEncoder)
    assert shown(settings) == (256, "letters", None)


def test_a_change_of_the_encoder_shows_nothing_before_it_is_whole(settings: Settings, photos: Path) -> None:
    run(settings, photos)
    seen = set[tuple[int, str]]()
    run(settings, photos, OtherLetters, now_and_then(lambda: seen.add(shown(settings)[:2])))
    seen.add(shown(settings)[:2])
    assert seen == {(PICTURES, "letters"), (PICTURES, "other letters")}


def test_a_collection_that_doubles_shows_its_new_pictures_and_one_that_grows_a_little_waits(
    settings: Settings, photos: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for number in range(200):
        Image.new("RGB", (3, 1 + number), "red").save(few / f"{number:03d}.png")
    run(settings, few)
    seen = set[int]()
    run(settings, photos, look=now_and_then(lambda: seen.add(shown(settings)[0])))
    seen.add(shown(settings)[0])
    assert seen == {200, 200 + 256, 200 + PICTURES}
