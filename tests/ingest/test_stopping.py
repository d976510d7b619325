"""Ctrl-C and SIGTERM, sent to a real process: nothing that was encoded is encoded again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gallery.settings import Settings
from gallery.stores import open_store
from ingest.pipeline import ingest
from ingest.stopping import STOPPED, Stop, stoppable

SUPPORT = Path(__file__).parents[1] / "support"
PICTURES = 120
RUN = """
import os, sys, time
from pathlib import Path
from letter_encoder import LetterEncoder
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.pipeline import ingest
from ingest.stopping import STOPPED, stoppable

photos, data, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

class Slow(LetterEncoder):
    def encode_pixels(self, pixels):
        os.write(1, b"encoding %d\\n" % len(pixels))
        time.sleep(seconds)
        return super().encode_pixels(pixels)

editor = open_store(Settings(data_dir=data)).edit("photos")
try:
    with stoppable() as stop:
        ingest([photos], editor, Slow, batch_size=4, stop=stop)
        print("done", flush=True)
except KeyboardInterrupt:
    editor.close()
    sys.exit(STOPPED)
editor.close()
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(PICTURES):
        Image.new("RGB", (1 + number, 3), "red").save(folder / f"{number:03d}.png")
    return folder


def start(photos: Path, data: Path, seconds: float) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(photos), str(data), str(seconds)],
        env=os.environ | {"PYTHONPATH": str(SUPPORT), "PYTHONUNBUFFERED": "1"},
        cwd=SUPPORT.parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def encoded(out: str) -> int:
    return sum(int(line.split()[1]) for line in out.splitlines() if line.startswith("encoding"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_encoded_when_a_run_is_stopped_is_kept(photos: Path, tmp_path: Path, number: signal.Signals) -> None:
    with start(photos, tmp_path / "data", 0.1) as process:
        assert process.stdout
        assert process.stderr
        seen = "".join(process.stdout.readline() for _ in range(3))
        process.send_signal(number)
        first = encoded(seen + process.stdout.read())
        errors = process.stderr.read()
    assert process.returncode == STOPPED
    assert "Traceback" not in errors
    assert 0 < first < PICTURES
    with start(photos, tmp_path / "data", 0) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert encoded(out) == PICTURES - first
    collection = open_store(Settings(data_dir=tmp_path / "data")).open("photos")
    assert collection.count() == PICTURES
    collection.close()


def test_a_second_signal_ends_at_once_without_a_traceback(photos: Path, tmp_path: Path) -> None:
    with start(photos, tmp_path / "data", 60) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith("encoding")
        process.send_signal(signal.SIGINT)
        while not (line := process.stderr.readline()).startswith("Finishing"):
            assert line
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
    assert process.returncode == STOPPED
    assert "Ended at once" in errors
    assert "Traceback" not in errors


def test_a_stop_is_heard_at_once_where_nothing_is_shielded(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), stoppable():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the signal was not heard")
    assert capfd.readouterr().err == "", "nothing has to be finished"


@pytest.mark.parametrize("waits", [True, False])
def test_a_stop_within_what_is_shielded_is_heard_while_it_waits_or_at_its_end(waits: bool) -> None:
    stop, done = Stop(), []
    with pytest.raises(KeyboardInterrupt), stop.shielded():  # noqa: PT012
        stop.ask()
        done.append("the rest")
        if waits:
            with stop.waiting():
                done.append("waited")
    assert done == ["the rest"]


def test_a_run_that_is_stopped_before_it_begins_can_be_run_again(photos: Path, tmp_path: Path) -> None:
    from letter_encoder import LetterEncoder

    settings = Settings(data_dir=tmp_path / "data")

    def stopped() -> LetterEncoder:
        raise KeyboardInterrupt

    editor = open_store(settings).edit("photos")
    with pytest.raises(KeyboardInterrupt):
        ingest([photos], editor, stopped)
    editor.close()
    editor = open_store(settings).edit("photos")
    assert ingest([photos], editor, LetterEncoder).indexed == PICTURES
    editor.close()
