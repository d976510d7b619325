"""The output of a run without a terminal."""

import pytest

from gallery.errors import Reason
from ingest.progress import ProgressDisplay
from ingest.report import IngestReport


def test_lines_come_every_five_seconds_and_tell_a_rate_once_there_is_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 100.0
    monkeypatch.setattr("ingest.progress.time.monotonic", lambda: clock)
    display = ProgressDisplay()
    report = IngestReport(to_read=100, unchanged=7, walking=False)

    report.indexed, clock = 10, 106.0
    display.show(report)
    assert capsys.readouterr().err == "10 of 100 files, 7 already there, 0 unreadable\n"

    report.indexed, clock = 20, 110.0
    display.show(report)
    assert not capsys.readouterr().err

    report.indexed, clock = 29, 116.0
    report.unreadable.append(("/a.jpg", Reason.DAMAGED, ""))
    display.show(report)
    assert capsys.readouterr().err == "30 of 100 files, 2.0 files/s, 7 already there, 1 unreadable, 35 s left\n"
