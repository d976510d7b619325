"""Copies of files: complete, with times and modes, without holes, and independent of the original."""

import errno
import os
import sys
from pathlib import Path

import pytest

from gallery.stores.embedded import cloning
from gallery.stores.embedded.cloning import copy_file

WAYS = ["as the file system allows", "no shared blocks", "no shared blocks and no holes"]


def refuse(*_: object) -> int:
    raise OSError(errno.EOPNOTSUPP, "as a file system says that cannot share blocks")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != WAYS[0]:
        monkeypatch.setattr("fcntl.ioctl", refuse)
    if request.param == WAYS[2]:
        monkeypatch.delattr(os, "SEEK_DATA", raising=False)
    return str(request.param)


CONTENTS = {
    "nothing": [],
    "bytes": [(0, b"abc" * 5000)],
    "a hole at the start": [(1 << 20, b"end")],
    "a hole in the middle": [(0, b"start"), (3 << 20, b"end")],
    "a hole at the end": [(0, b"start"), (4 << 20, b"")],
    "nothing but a hole": [(2 << 20, b"")],
}


@pytest.mark.parametrize("content", CONTENTS)
def test_a_copy_is_the_same(content: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloning, "_PIECE", 4096)
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        for place, data in CONTENTS[content]:
            file.seek(place)
            file.write(data)
            file.truncate(place + len(data))
    source.chmod(0o640)
    os.utime(source, ns=(10**18, 10**18 + 5))
    copy_file(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mode == source.stat().st_mode
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    if way != WAYS[2]:
        assert target.stat().st_blocks <= source.stat().st_blocks


@pytest.mark.usefixtures("way")
def test_a_copy_does_not_follow_its_original(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"a" * 10_000)
    copy_file(source, target)
    with source.open("r+b") as file:
        file.write(b"b" * 10_000)
    assert target.read_bytes() == b"a" * 10_000


def test_blocks_are_shared_by_the_request_of_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(sys, "platform", "linux")
    requests = []

    def share(target: int, request: int, source: int) -> int:
        requests.append(request)
        os.write(target, os.pread(source, 100, 0))  # what a file system does that can
        return 0

    monkeypatch.setattr(fcntl, "ioctl", share)
    (tmp_path / "source").write_bytes(b"abc")
    copy_file(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"abc"
    assert requests == [0x40049409]
