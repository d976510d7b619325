"""Downloads from a local hub: intact, broken, refused, silent, and without disk space."""

import functools
import io
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import COMMIT, TinyHub, tiny_hub

from gallery.encoders.downloads import Downloads
from gallery.encoders.hub import Hub
from gallery.errors import EncoderError

REPOSITORY = "somebody/clip-tiny"
WEIGHTS = random.Random(0).randbytes(3_000_000)


@pytest.fixture
def served() -> Iterator[TinyHub]:
    with tiny_hub() as hub:
        hub.repositories[REPOSITORY] = {"config.json": b'{"model_type": "clip"}', "model.safetensors": WEIGHTS}
        yield hub


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def hub(served: TinyHub, said: io.StringIO, tmp_path: Path) -> Hub:
    shown = functools.partial(Downloads, said)
    folder, cache = tmp_path / "downloads", tmp_path / "cache"
    return Hub(folder, served.endpoint, cache, offline=False, patience=0.3, pause=0.01, downloads=shown)


def changed(hub: Hub, **values: object) -> Hub:
    return replace(hub, **values)  # type: ignore[arg-type]


def test_files_arrive_whole_by_way_of_a_second_host_and_only_once(hub: Hub, served: TinyHub) -> None:
    folder = hub.fetch(REPOSITORY, ["model.safetensors", "config.json"])
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert folder.name == COMMIT
    before = len(served.asked)
    assert hub.fetch(REPOSITORY, ["model.safetensors", "config.json"]) == folder
    assert len(served.asked) == before


def test_the_token_is_not_given_to_the_second_host(hub: Hub, served: TinyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.fetch(REPOSITORY, ["model.safetensors"])
    told = {("/blob/" in path): "authorization" in map(str.lower, headers) for _, path, headers in served.asked}
    assert told == {False: True, True: False}


def test_a_broken_connection_goes_on_where_it_broke(hub: Hub, served: TinyHub) -> None:
    served.breaks["model.safetensors"] = [1_000_000, 500_000]
    folder = hub.fetch(REPOSITORY, ["model.safetensors"])
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    ranges = [int(asked.partition("=")[2].rstrip("-") or 0) for asked in served.downloads()]
    assert len(ranges) == 3
    assert 0 == ranges[0] < ranges[1] < ranges[2] <= 1_500_000


def test_the_next_run_goes_on_with_what_the_last_one_brought(hub: Hub, served: TinyHub, said: io.StringIO) -> None:
    served.breaks["model.safetensors"] = [1_000_000, 0, 0, 0]
    with pytest.raises(EncoderError, match=r"connection to the model hub broke while .* run the same command again"):
        hub.fetch(REPOSITORY, ["model.safetensors"])
    served.breaks.clear()
    served.asked.clear()
    folder = hub.fetch(REPOSITORY, ["model.safetensors"])
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    (asked,) = served.downloads()
    assert "bytes=" in asked
    assert "going on at" in said.getvalue().splitlines()[-1]


def test_bytes_that_are_not_the_published_ones_are_thrown_away(hub: Hub) -> None:
    target = hub.folder / "somebody--clip-tiny" / COMMIT / "model.safetensors.part"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"x" * 1_000_000)
    with pytest.raises(EncoderError, match="did not arrive as it was published"):
        hub.fetch(REPOSITORY, ["model.safetensors"])
    assert (hub.fetch(REPOSITORY, ["model.safetensors"]) / "model.safetensors").read_bytes() == WEIGHTS


def test_a_part_that_is_too_long_is_begun_anew(hub: Hub) -> None:
    target = hub.folder / "somebody--clip-tiny" / COMMIT / "model.safetensors.part"
    target.parent.mkdir(parents=True)
    target.write_bytes(WEIGHTS + b"x")
    assert (hub.fetch(REPOSITORY, ["model.safetensors"]) / "model.safetensors").read_bytes() == WEIGHTS


def test_a_hub_that_falls_silent_is_waited_for_a_while(hub: Hub, served: TinyHub) -> None:
    served.silent.add("model.safetensors")
    with pytest.raises(EncoderError, match=r"sent nothing of somebody/clip-tiny for 0\.3 seconds"):
        hub.fetch(REPOSITORY, ["model.safetensors"])


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (404, "RepoNotFound", "has no somebody/clip-tiny, or it is private"),
        (401, "RepoNotFound", "has no somebody/clip-tiny, or it is private"),
        (401, "GatedRepo", "accept them at .* and set HF_TOKEN"),
        (403, "GatedRepo", "accept them at .* and set HF_TOKEN"),
        (404, "RevisionNotFound", "has changed at the model hub"),
        (503, "", "answers 503 for somebody/clip-tiny; try later"),
        (429, "", "answers 429 for somebody/clip-tiny; try later"),
    ],
)
def test_each_refusal_has_its_sentence(hub: Hub, served: TinyHub, status: int, code: str, sentence: str) -> None:
    served.refusals[REPOSITORY] = (status, code)
    with pytest.raises(EncoderError, match=sentence):
        hub.fetch(REPOSITORY, ["model.safetensors"])


def test_a_file_that_is_missing_is_named(hub: Hub) -> None:
    with pytest.raises(EncoderError, match=r"somebody/clip-tiny has no file model\.onnx"):
        hub.fetch(REPOSITORY, ["model.onnx"])


def test_a_hub_that_cannot_be_reached_is_named(hub: Hub) -> None:
    nowhere = changed(hub, endpoint=f"http://127.0.0.1:{unused_port()}")
    with pytest.raises(EncoderError, match=r"cannot be reached at http://127\.0\.0\.1:.* HF_ENDPOINT"):
        nowhere.fetch(REPOSITORY, ["model.safetensors"])


def test_a_name_that_is_none_is_refused(hub: Hub) -> None:
    with pytest.raises(EncoderError, match="is not a name on the model hub"):
        hub.fetch("a/b/c", ["model.safetensors"])


def test_too_little_room_is_said_before_the_first_byte(hub: Hub, served: TinyHub) -> None:
    with pytest.raises(EncoderError, match=r"needs 3 MB and .* has room for 1; make room"):
        changed(hub, free=lambda _: 1_000_000).fetch(REPOSITORY, ["model.safetensors"])
    assert served.downloads() == []


def test_a_disk_that_becomes_full_has_its_sentence(hub: Hub) -> None:
    part = hub.folder / "somebody--clip-tiny" / COMMIT / "model.safetensors.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(EncoderError, match=r"cannot be written to \(No space left on device\); make room"):
        hub.fetch(REPOSITORY, ["model.safetensors"])


def test_a_folder_that_cannot_be_written_to_has_its_sentence(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EncoderError, match=r"cannot be written to \(Not a directory\)"):
        changed(hub, folder=tmp_path / "file").fetch(REPOSITORY, ["model.safetensors"])


def test_two_that_want_the_same_bring_it_once(hub: Hub, served: TinyHub) -> None:
    with ThreadPoolExecutor() as pool:
        folders = list(pool.map(lambda _: hub.fetch(REPOSITORY, ["model.safetensors"]), range(3)))
    assert len(set(folders)) == len(served.downloads()) == 1


def test_without_the_network_only_what_is_here_is_used(hub: Hub, served: TinyHub) -> None:
    offline = changed(hub, offline=True)
    with pytest.raises(EncoderError, match="is not on this machine and HF_HUB_OFFLINE is set"):
        offline.fetch(REPOSITORY, ["model.safetensors"])
    assert served.asked == []
    folder = hub.fetch(REPOSITORY, ["model.safetensors"])
    assert offline.fetch(REPOSITORY, ["model.safetensors"]) == folder


def test_what_another_program_downloaded_is_used_from_the_cache_of_the_hub(hub: Hub, served: TinyHub) -> None:
    from huggingface_hub import hf_hub_download

    for name in ("config.json", "model.safetensors"):
        hf_hub_download(REPOSITORY, name, endpoint=served.endpoint, cache_dir=hub.cache)
    served.asked.clear()
    folder = hub.fetch(REPOSITORY, ["config.json", "model.safetensors"])
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert served.asked == []
    assert changed(hub, offline=True).fetch_source(REPOSITORY) == folder


def test_the_hub_answers_or_does_not_within_seconds(hub: Hub, served: TinyHub) -> None:
    assert hub.answers(REPOSITORY)
    assert not hub.answers("somebody/else")
    assert not changed(hub, offline=True).answers(REPOSITORY)
    assert not changed(hub, endpoint=f"http://127.0.0.1:{unused_port()}").answers(REPOSITORY)
    served.silent.add("api")
    began = time.monotonic()
    assert not hub.answers(REPOSITORY, seconds=0.3)
    assert time.monotonic() - began < 2


OLD_LAYOUT = ["modules.json", "config_sentence_transformers.json", "0_CLIPModel/config.json"]
OLD_LAYOUT += ["0_CLIPModel/pytorch_model.bin", "0_CLIPModel/vocab.json", "0_CLIPModel/merges.txt"]
SHARDED = ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
SHARDED += ["model.safetensors.index.json", "tokenizer.json", "tokenizer.model"]
NEEDLESS = ["README.md", "onnx/model.onnx", "onnx/config.json", "tf_model.h5", "flax_model.msgpack", ".gitattributes"]


@pytest.mark.parametrize("needed", [OLD_LAYOUT, SHARDED, ["config.json", "model.safetensors", "vocab.txt"]])
def test_an_export_gets_what_it_needs_and_no_more(hub: Hub, served: TinyHub, needed: list[str]) -> None:
    needless = [*NEEDLESS, *(["pytorch_model.bin"] if needed[-1] != "0_CLIPModel/merges.txt" else [])]
    served.repositories[REPOSITORY] = {name: name.encode() for name in [*needed, *needless]}
    folder = hub.fetch_source(REPOSITORY)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == sorted(needed)


def test_files_are_written_into_the_folder_of_their_repository_alone(hub: Hub, served: TinyHub) -> None:
    names = ["model.safetensors", "../../evil.json", "/tmp/evil.json", "a folder/odd #1?.json"]
    served.repositories[REPOSITORY] = dict.fromkeys(names, b"{}")
    folder = hub.fetch_source(REPOSITORY)
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == ["a folder/odd #1?.json", "model.safetensors"]
    assert not [*hub.folder.glob("*.json"), *hub.folder.parent.glob("*.json")]


def test_weights_for_open_clip_alone_are_refused(hub: Hub, served: TinyHub) -> None:
    served.repositories[REPOSITORY] = dict.fromkeys(["open_clip_config.json", "open_clip_model.safetensors"], b"")
    with pytest.raises(EncoderError, match="has no weights that transformers reads"):
        hub.fetch_source(REPOSITORY)


def test_a_download_is_shown_in_plain_lines_at_every_tenth() -> None:
    said, now = io.StringIO(), iter(range(100))
    with Downloads(said, lambda: float(next(now))) as shown:
        shown.begin("o/n/model.onnx", 100_000_000, 20_000_000)
        for there in range(20_000_000, 100_000_001, 5_000_000):
            shown.advance(there)
        shown.begin("o/n/config.json", 1000, 0)
        shown.advance(1000)
    lines = said.getvalue().splitlines()
    assert lines[0] == "Downloading o/n/model.onnx, 100 MB, going on at 20 MB"
    assert lines[1] == "o/n/model.onnx: 30 of 100 MB (30 %), 3.3 MB/s, 21 s left"
    assert len(lines) == 10
    assert lines[-2:] == ["o/n/model.onnx: 100 of 100 MB (100 %), 4.7 MB/s", "Downloading o/n/config.json, 0.0 MB"]


def test_a_terminal_gets_a_bar_with_rate_and_time() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    said, now = Terminal(), iter(range(1000))
    with Downloads(said, lambda: float(next(now))) as shown:
        shown.begin("o/n/model.onnx", 100_000_000, 0)
        for there in range(0, 50_000_001, 5_000_000):
            shown.advance(there)
    assert all(word in said.getvalue() for word in ("o/n/model.onnx", "50.0/100.0 MB", "MB/s", "0:0"))


def unused_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])
