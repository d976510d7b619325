"""Collections that are damaged, or not there yet: the page lives, says so, and answers for all others."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from letter_encoder import LetterEncoder
from PIL import Image
from served import Served, listening, served, until

from gallery.errors import CollectionError
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.stores.embedded.cloning import copy_file
from ingest.pipeline import ingest
from search.collections import Collections, check_choice
from search.engine import SearchEngine
from search.towers import Towers
from search.web.api import create_app

Damage = Callable[[Path], Any]


def cut_segments(generation: Path) -> None:
    for path in generation.glob("shard/segments/**/*"):
        if path.is_file():
            os.truncate(path, path.stat().st_size // 2)


LOST: dict[str, Damage] = {
    "spec-broken": lambda generation: (generation / "spec.json").write_text('{"schema": 1, "enc'),
    "spec-gone": lambda generation: (generation / "spec.json").unlink(),
    "segments-cut": cut_segments,
    "shard-gone": lambda generation: shutil.rmtree(generation / "shard"),
    "seal-broken": lambda generation: (generation / "sealed.json").write_bytes(b"\0"),
}
NO_LOSS: dict[str, Damage] = {
    "pointer-garbage": lambda generation: (generation.parent / "CURRENT").write_bytes(b"\xff" * 40),
    "pointer-elsewhere": lambda generation: (generation.parent / "CURRENT").write_text("gen-000099"),
    "journal-garbage": lambda generation: (generation / "journal.sqlite").write_bytes(b"\0" * 5000),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("damaged")) as page:
        whole = page.settings.data_dir / "collections" / "drawn"
        for name, damage in (LOST | NO_LOSS).items():
            shutil.copytree(whole, whole.with_name(name), copy_function=copy_file)  # keeps holes
            damage(next(whole.with_name(name).glob("gen-*")))
        yield page


@pytest.mark.parametrize("name", LOST)
def test_a_damaged_collection_gets_its_sentence_and_no_server_error(page: Served, name: str) -> None:
    id = page.id_of("red.png")
    for path in ("api/search?q=red", "api/facets", "api/collection", "api/suggestions?q=re", f"thumbs/{id}.jpg"):
        response = page.client.get(f"/c/{name}/{path}")
        assert response.status_code == 409, path
        assert f"ingest --repair --collection {name}" in response.json()["detail"], path
        assert "retry-after" not in response.headers
    for path in ("?q=red", f"pictures/{id}"):
        response = page.client.get(f"/c/{name}/{path}")
        assert response.status_code == 409, path
        assert f"ingest --repair --collection {name}" in response.text, path


@pytest.mark.parametrize("name", ["drawn", *NO_LOSS])
def test_other_collections_answer_beside_damaged_ones(page: Served, name: str) -> None:
    assert page.client.get(f"/c/{name}/api/search?q=red").json()["total"] == 7
    assert page.client.get(f"/c/{name}/?q=red").status_code == 200


def test_the_page_lists_damaged_collections_beside_whole_ones(page: Served) -> None:
    assert page.client.get("/api/collections").json() == sorted(["drawn", *LOST, *NO_LOSS])
    for path in ("/", "/ready", "/health", "/metrics", "/api/facets", "/api/search?q=red"):
        assert page.client.get(path).status_code == 200, path


@contextlib.contextmanager
def empty_page(settings: Settings, first: str | None) -> Iterator[httpx.Client]:
    """Serve before anything is indexed."""
    letters = LetterEncoder()

    def opener(name: str, loaded: Sequence[SearchEngine]) -> SearchEngine:
        return SearchEngine.open(settings, name, text_encoder=Towers(letters, lambda: letters), loaded=loaded)

    app = create_app(Collections(first, open_store(settings).names, opener), settings)
    with listening(app) as address, httpx.Client(base_url=address, timeout=10) as client:
        until(lambda: client.get("/health").status_code == 200)
        yield client


@pytest.mark.parametrize(
    ("begun", "sentence"), [(False, "make one: ingest FOLDER"), (True, "its first ingest has not got that far")]
)
def test_a_page_that_was_there_first_answers_as_soon_as_pictures_are(
    tmp_path: Path, begun: bool, sentence: str
) -> None:
    settings, photos = Settings(tmp_path / "data"), tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (9, 9), "red").save(photos / "red.png")
    encoder = LetterEncoder()
    with contextlib.closing(open_store(settings).edit("birds")) as editor:
        if begun:
            editor.begin(encoder.spec)
        with empty_page(settings, "birds" if begun else None) as client:
            waiting = client.get("/api/search?q=red")
            assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "2")
            assert sentence in waiting.json()["detail"]
            assert 'id="waking"' in client.get("/").text, "it asks again by itself"
            ingest([photos], editor, lambda: encoder)
            until(lambda: client.get("/api/search?q=red").status_code == 200)
            assert client.get("/api/collection").json()["name"] == "birds"
            assert "red.png" in client.get("/?q=red").text


def test_a_wrong_name_beside_others_is_refused_at_once() -> None:
    check_choice([], None)
    check_choice([], "birds")
    check_choice(["birds"], None)
    with pytest.raises(CollectionError, match="there is no collection bird; give --collection one of: birds"):
        check_choice(["birds"], "bird")
    with pytest.raises(CollectionError, match="there are several collections"):
        check_choice(["birds", "cats"], None)
