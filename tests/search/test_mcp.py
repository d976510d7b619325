"""`search --mcp`, called by the protocol's own client."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import doctest_gallery
import pytest
from letters_folder import make_letters
from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import ImageContent, TextContent
from PIL import Image
from served import draw

from gallery.extras import install
from gallery.settings import Settings
from gallery.stores import open_store
from search.engine import SearchEngine
from search.mcp import server_of
from search.request import Request

ASKED = ("search", "similar", "facts", "thumbnail", "collections")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    settings, _, photos = doctest_gallery.make(tmp_path_factory.mktemp("agents"))
    make_letters(settings)
    return settings, photos


def ask(
    settings: Settings, *calls: tuple[str, dict[str, object]], collection: str | None = None, hide_places: bool = False
) -> list[Any]:
    """Return each call's answer: JSON, a picture's bytes, or an error's sentence."""

    async def asked() -> list[Any]:
        async with Client(server_of(settings, collection, print, hide_places=hide_places)) as client:
            return [said(await client.call_tool(name, given)) for name, given in calls]

    return anyio.run(asked)


def said(result: Any) -> Any:  # noqa: ANN401 - of several types
    (content,) = result.content
    if isinstance(content, ImageContent):
        assert content.mime_type == "image/jpeg"
        return base64.b64decode(content.data)
    assert isinstance(content, TextContent)
    return content.text if result.is_error else json.loads(content.text)


def test_an_agent_gets_what_the_engine_answers(gallery: tuple[Settings, Path]) -> None:
    settings, photos = gallery
    lines = ("2*red + blue", "gold -red", "", "has:captions format:png")
    answers = ask(settings, *[("search", {"line": line, "limit": 3}) for line in lines])
    with SearchEngine.open(settings) as engine:
        for line, answer in zip(lines, answers, strict=True):
            expected = engine.answer(Request(q=line, limit=3, group="near-duplicates"))
            assert [(hit["id"], hit["score"]) for hit in answer["hits"]] == [(h.id, h.score) for h in expected.hits]
            assert answer["understood"] == expected.understood
    assert answers[0]["hits"][0]["path"] == str(photos / "red.png")


def test_a_picture_is_named_by_id_by_path_and_by_the_end_of_its_path(gallery: tuple[Settings, Path]) -> None:
    settings, photos = gallery
    (found,) = ask(settings, ("search", {"line": "red", "limit": 1}))
    names = (found["hits"][0]["id"], str(photos / "red.png"), "photos/red.png", "red.png")
    alike = ask(settings, *[("similar", {"picture": name}) for name in names])
    assert all(answer["hits"] == alike[0]["hits"] for answer in alike)
    assert next(Path(hit["path"]).name for hit in alike[0]["hits"]) == "green.png"
    assert len(alike[0]["hits"]) == 3, "without itself"
    facts = ask(settings, *[("facts", {"picture": name}) for name in names])
    assert all(fact == facts[0] for fact in facts)
    assert (facts[0]["captions"], facts[0]["width"], facts[0]["date"][:2]) == (["all red"], 8, "20")


def test_a_thumbnail_is_a_small_jpeg_of_the_picture(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "data")
    encoder = make_letters(settings)
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (2000, 1000), "red").save(tmp_path / "photos" / "wide.png")
    ingested(settings, tmp_path / "photos", encoder)
    (jpeg,) = ask(settings, ("thumbnail", {"picture": "wide.png"}))
    with Image.open(BytesIO(jpeg)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (480, 240))
        assert picture.convert("RGB").getpixel((9, 9))[0] > 250  # type: ignore[index]
    (tmp_path / "photos" / "wide.png").write_bytes(b"another file by now")
    for kept in (settings.data_dir / "thumbs").rglob("*.jpg"):
        kept.unlink()
    (error,) = ask(settings, ("thumbnail", {"picture": "wide.png"}))
    assert "run ingest again" in error


def test_collections_are_listed_and_named(gallery: tuple[Settings, Path], tmp_path: Path) -> None:
    settings, _ = gallery
    (listed,) = ask(settings, ("collections", {}))
    assert [(each["name"], each["encoder"], each["pictures"]) for each in listed] == [("colours", "letters", 4)]
    (wrong,) = ask(settings, ("search", {"line": "red", "collection": "nowhere"}))
    assert wrong == "there is no collection nowhere; there are: colours"
    (none,) = ask(Settings(tmp_path), ("search", {"line": "red"}))
    assert none == "there is no collection yet; make one: ingest FOLDER"
    (none,) = ask(Settings(tmp_path), ("search", {"line": "red"}), collection="photos")
    assert none == "there is no collection yet; make one: ingest FOLDER"


@pytest.mark.parametrize(
    ("tool", "given", "sentence"),
    [
        ("search", {"line": "red", "limit": 201}, "limit: "),
        ("search", {"line": "red", "limit": 0}, "limit: "),
        ("search", {"line": "red", "limit": "many"}, "limit: "),
        ("search", {"lime": "red"}, "there is no parameter lime; did you mean line?"),
        ("search", {"line": "year:never"}, "year"),
        ("search", {"line": "x" * 20_001}, "line: "),
        ("search", {"line": 'like:"/etc/hostname"'}, "like: takes the id of a picture here, not a path"),
        ("search", {"line": "folder:~"}, "folder takes"),
        ("similar", {"picture": "/etc/hostname"}, "there is no picture /etc/hostname"),
        ("similar", {"picture": "00000000-0000-0000-0000-000000000000"}, "has no picture"),
        ("facts", {}, "picture: Field required"),
        ("thumbnail", {"picture": "nothing.png"}, "there is no picture"),
        ("thumbnail", {"picture": "\udcff\x1b[31m.png"}, "there is no picture"),
        ("drop", {}, "there is no tool drop; the tools are: search, similar, facts, thumbnail, collections"),
    ],
)
def test_what_makes_no_sense_is_answered_in_one_sentence(
    gallery: tuple[Settings, Path], tool: str, given: dict[str, object], sentence: str
) -> None:
    (error,) = ask(gallery[0], (tool, given))
    assert isinstance(error, str)
    assert sentence in error
    assert "\n" not in error
    assert error.isprintable()


def test_all_tools_are_said_to_change_nothing_and_change_nothing(gallery: tuple[Settings, Path]) -> None:
    async def listed(client: Client) -> list[Any]:
        return (await client.list_tools()).tools

    tools = over_memory(gallery[0], listed)
    assert [tool.name for tool in tools] == list(ASKED)
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)
    files = sorted(path for path in gallery[0].data_dir.rglob("*") if "collections" in path.parts)
    ask(gallery[0], ("search", {"line": "red"}), ("similar", {"picture": "red.png"}), ("collections", {}))
    assert sorted(path for path in gallery[0].data_dir.rglob("*") if "collections" in path.parts) == files


def over_memory(settings: Settings, work: Callable[[Client], Awaitable[Any]]) -> Any:  # noqa: ANN401 - what `work` returns
    async def worked() -> Any:  # noqa: ANN401 - the same
        async with Client(server_of(settings, None, print)) as client:
            return await work(client)

    return anyio.run(worked)


def ingested(settings: Settings, photos: Path, encoder: Path) -> None:
    from click.testing import CliRunner

    import ingest.cli

    arguments = [str(photos), "--encoder", str(encoder), "--precision", "float32"]
    environment = {"DATA_DIR": str(settings.data_dir), "QDRANT_URL": None, "ENCODER": None}
    done = CliRunner().invoke(ingest.cli.main, arguments, env=environment)
    assert done.exit_code == 0, done.output


def test_an_answer_is_of_what_was_published_last(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "data")
    encoder = make_letters(settings)
    draw(tmp_path / "photos")
    ingested(settings, tmp_path / "photos", encoder)

    async def before_and_after(client: Client) -> list[Any]:
        first = said(await client.call_tool("search", {"limit": 100}))
        Image.new("RGB", (21, 17), "black").save(tmp_path / "photos" / "new.png")
        await anyio.to_thread.run_sync(ingested, settings, tmp_path / "photos", encoder)
        return [first, said(await client.call_tool("search", {"limit": 100}))]

    first, second = over_memory(settings, before_and_after)
    assert second["total"] == first["total"] + 1
    assert "new.png" in {Path(hit["path"]).name for hit in second["hits"]}


def test_paths_that_are_not_utf8_do_not_break_the_protocol(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "data")
    encoder = make_letters(settings)
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (9, 9), "red").save(os.fsencode(tmp_path / "photos") + b"/caf\xe9 \xff.png")
    ingested(settings, tmp_path / "photos", encoder)
    over_stdio(settings, "caf\udce9 \udcff.png")


def over_stdio(settings: Settings, name: str) -> None:
    script = [sys.executable, "-c", "from search.cli import run; run()", "--mcp"]
    environment = {**os.environ, "DATA_DIR": str(settings.data_dir)}
    server = StdioServerParameters(command=script[0], args=script[1:], env=environment)

    async def asked() -> None:
        async with Client(stdio_client(server)) as client:
            hit = said(await client.call_tool("search", {"line": "red"}))["hits"][0]
            assert Path(hit["path"]).name == name
            assert said(await client.call_tool("thumbnail", {"picture": hit["id"]}))[:2] == b"\xff\xd8"

    anyio.run(asked)


def test_without_the_package_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    script = "import sys; sys.modules['mcp'] = None; from search.cli import run; run()"
    environment = {**os.environ, "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script, "--mcp"], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: --mcp needs a package: {install('mcp')}\n"


def test_an_agent_is_not_told_where_pictures_were_taken_if_that_is_hidden(tmp_path: Path) -> None:
    settings, _, photos = doctest_gallery.make(tmp_path)
    make_letters(settings)
    with closing(open_store(settings).edit("colours")) as editor:
        assert editor.spec
        editor.begin(editor.spec)
        editor.update([replace(r, location=(38.72, -9.14)) for r in editor.points.records() if "red" in r.path])
        editor.finish()
    calls: list[tuple[str, dict[str, object]]] = [
        ("search", {"line": "has:place"}),
        ("facts", {"picture": str(photos / "red.png")}),
        ("search", {"line": "near:38.72,-9.14"}),
    ]
    found, facts, near = ask(settings, *calls)
    assert found["hits"][0]["location"] == facts["location"] == near["hits"][0]["location"] == [38.72, -9.14]
    found, facts, near = ask(settings, *calls, hide_places=True)
    assert (found["hits"][0]["location"], facts["location"]) == (None, None)
    assert "hidden here" in near
