"""`ingest --watch`: what starts a run, what does not, and what is left alone."""

import os
import plistlib
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from configparser import ConfigParser
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from letters_folder import make_letters
from PIL import Image

import ingest.cli
from gallery.errors import CollectionError
from gallery.extras import install
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.stopping import STOPPED
from ingest.watching import keep_up_to_date

Step = Collection[str | Path] | Callable[[], object]


class Watched:
    """Runs the loop over a test's invented changes: paths, or actions on the disk."""

    def __init__(self, *roots: Path, data_dir: Path = Path("/nowhere")) -> None:
        self.roots, self.data_dir = roots, data_dir
        self.runs: list[list[str]] = []
        self.said: list[str] = []
        self.failures: list[Exception] = []

    def after(self, *steps: Step) -> list[list[str]]:
        """Return the names of the folders of each run."""
        left = iter(steps)

        def changes(_: Sequence[str]) -> Iterator[Collection[str]]:
            yield ()
            for step in left:
                yield [] if callable(step) and step() is not self else [str(path) for path in step]  # type: ignore[union-attr]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            keep_up_to_date(self.roots, self.update, self.data_dir, self.said.append, changes=changes, again_after=0.0)
        return self.runs

    def update(self, roots: Sequence[Path]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.runs.append([root.name for root in roots])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for folder in ("photos/.hidden", "photos/@eaDir", "photos/private", "photos/alps", "more"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "photos" / ".galleryignore").write_text("private/\n")
    for path in ("photos/notes.txt", "photos/a.jpg", "photos/alps/b.PNG"):
        (tmp_path / path).write_bytes(b"")
    return tmp_path / "photos"


def test_the_first_run_takes_what_changed_before_anybody_listened(photos: Path) -> None:
    assert Watched(photos, photos.parent / "more").after() == [["more", "photos"]]


@pytest.mark.parametrize(
    "path", ["a.jpg", "alps/b.PNG", "gone.heic", "alps", "gone-folder", ".galleryignore", "alps/.galleryignore"]
)
def test_pictures_folders_and_ignore_files_begin_a_run_below_their_own_path_alone(photos: Path, path: str) -> None:
    assert Watched(photos, photos.parent / "more").after([photos / path]) == [["more", "photos"], ["photos"]]


@pytest.mark.parametrize(
    "path", ["notes.txt", ".a.jpg.part", ".hidden/a.jpg", "@eaDir/a.jpg", "private/a.jpg", "data/thumbs/a.jpg"]
)
def test_what_is_never_indexed_begins_none(photos: Path, path: str) -> None:
    assert Watched(photos, data_dir=photos / "data").after([photos / path]) == [["photos"]]


def test_a_folder_within_the_data_folder_is_watched_as_any_other(photos: Path) -> None:
    assert len(Watched(photos, data_dir=photos.parent).after([photos / "a.jpg"])) == 2


def test_a_run_that_failed_is_tried_again_and_said_once(photos: Path) -> None:
    watched = Watched(photos)
    watched.failures = [CollectionError("photos is held by another process")] * 3
    assert watched.after([photos / "a.jpg"], [], [], []) == [["photos"]]
    assert [line for line in watched.said if "held by another" in line] == [
        "photos is held by another process. It is tried again every 0 seconds."
    ]


def test_a_folder_that_is_away_as_a_whole_is_left_alone_until_it_is_back(photos: Path) -> None:
    away, more = photos.with_name("away"), photos.parent / "more"
    watched = Watched(photos, more)
    runs = watched.after(lambda: photos.rename(away), [more / "x.jpg"], lambda: away.rename(photos), [more / "y.jpg"])
    assert runs == [["more", "photos"], ["more"], ["more"], ["more", "photos"], ["more"]]
    assert f"{photos} is away; its pictures stay in the collection." in watched.said


def test_another_folder_in_its_place_is_looked_through(photos: Path) -> None:
    other = photos.with_name("other")
    shutil.copytree(photos, other)

    def mount() -> None:
        photos.rename(photos.with_name("before"))
        other.rename(photos)

    assert Watched(photos).after(mount, []) == [["photos"], ["photos"]]


def pictures(settings: Settings) -> set[str]:
    store = open_store(settings)
    if "photos" not in store.names():
        return set()
    with closing(store.open("photos")) as collection:
        return {Path(record.path).name for record in collection.records()}


def is_free(settings: Settings) -> bool:
    """Whether another process could write, as long as nothing changes."""
    try:
        open_store(settings).edit("photos", new=False).close()
    except CollectionError:
        return False
    return True


def draw(path: Path, colour: str) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (16 + len(path.name), 16), colour).save(path)


def test_a_collection_follows_its_folder_until_ctrl_c(tmp_path: Path) -> None:
    settings, photos = Settings(tmp_path / "data"), tmp_path / "photos"
    encoder = make_letters(settings)
    for number, colour in enumerate(("red", "green", "blue", "gold", "black", "red")):
        draw(photos / f"{colour}{'x' * number}.png", colour)
    first = {path.name for path in photos.iterdir()}
    arguments = [str(photos), "--watch", "--encoder", str(encoder), "--precision", "float32"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest", *arguments],
        env={**os.environ, "DATA_DIR": str(settings.data_dir)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: process.poll() is not None or pictures(settings) == first)
        draw(photos / "new" / "new.png", "gold")
        until(lambda: pictures(settings) == first | {"new.png"})
        until(lambda: is_free(settings))
        (photos / "red.png").unlink()
        until(lambda: pictures(settings) == first - {"red.png"} | {"new.png"})
        until(lambda: is_free(settings))  # the run has ended, not only published
        time.sleep(0.5)  # and says so
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "1 indexed" in said
    assert "1 pruned" in said


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["{photos}", "--watch", "--dry-run"], 2, "--watch goes with PATH"),
        (["--list", "--watch"], 2, "--watch goes with PATH"),
        (["{photos}/a.jpg", "--watch"], 1, "--watch takes folders"),
        (["{photos}/nowhere", "--watch"], 1, "--watch takes folders"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_indexed(
    photos: Path, tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    given = [argument.format(photos=photos) for argument in arguments]
    done = CliRunner().invoke(ingest.cli.main, given, env={"DATA_DIR": str(tmp_path / "data"), "QDRANT_URL": None})
    assert (done.exit_code, sentence in done.output) == (code, True), done.output
    assert not (tmp_path / "data").exists()


def test_the_service_files_of_the_documents_are_well_formed() -> None:
    text = (Path(__file__).parents[2] / "docs" / "watch.md").read_text()
    unit, plist = (
        ConfigParser(interpolation=None),
        plistlib.loads(re.findall(r"```xml\n(.*?)```", text, re.DOTALL)[0].encode()),
    )
    unit.read_string(re.findall(r"```ini\n(.*?)```", text, re.DOTALL)[0])
    assert unit["Service"]["ExecStart"].endswith("--watch")
    assert unit["Service"]["SuccessExitStatus"] == str(STOPPED)
    assert plist["ProgramArguments"][-1] == "--watch"


def test_without_the_package_one_sentence_says_what_to_install(photos: Path, tmp_path: Path) -> None:
    script = "import sys; sys.modules['watchfiles'] = None; from ingest.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, str(photos), "--watch"],
        capture_output=True,
        text=True,
        env={**os.environ, "DATA_DIR": str(tmp_path / "data")},
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: --watch needs a package: {install('watch')}\n"
    assert not (tmp_path / "data").exists()
