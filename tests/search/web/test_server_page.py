"""Pages of a server's collection, which limits pictures per request: the same answers as an embedded store's."""

from collections.abc import Iterator
from typing import Any

import pytest
from asking import ask
from letter_encoder import LetterEncoder
from limited_client import LimitedClient
from memory_server import memory_server
from served import Served, draw_alike, index, served, served_again

from gallery.settings import Settings
from gallery.stores.server import collection as server
from gallery.stores.server import options as server_options
from search.engine import SearchEngine

pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("embedded"), draw_alike) as page:
        yield page


@pytest.fixture(scope="module", params=[10_000, 3])
def remote(
    embedded: Served, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    client = LimitedClient(10_000)
    with memory_server(client) as url, pytest.MonkeyPatch.context() as patch:
        settings = Settings(tmp_path_factory.mktemp("remote"), qdrant_url=url)
        index(settings, embedded.photos, LetterEncoder())
        client.most = request.param
        patch.setattr(server_options, "MOST_HITS", request.param)
        patch.setattr(server, "_PAGE", min(server._PAGE, request.param))
        with served_again(settings, embedded.photos) as page:
            yield page


def without_times(answer: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an answer without what differs between runs."""
    if isinstance(answer, list):
        return [without_times(each) for each in answer]
    if isinstance(answer, dict):
        return {key: without_times(value) for key, value in answer.items() if key not in ("indexed_at", "seconds")}
    return round(answer, 4) if isinstance(answer, float) else answer


@pytest.mark.parametrize(
    "query",
    [
        "q=",
        "q=&offset=4&limit=4",
        "q=&group=near-duplicates&limit=60",
        "q=red&group=near-duplicates&limit=60",
        "q=red&group=folder",
        "q=red&group=day",
        "q=red&limit=200&offset=10000",
        "q=red&sort=date&min_score=0.01",
        "q=&sort=date",
        "q=red+folder:warm",
        "q=red+path:*.png",
        "q=path:*.png&limit=100",
        "q=has:duplicates",
        "q=red+-has:duplicates",
        "q=camera:none",
        "q=(folder:warm+OR+format:jpeg)+-path:gold*",
        "q=red+NOT+(folder:warm+OR+orientation:landscape)",
        "q=red&width=>=50",
        "q=red&hybrid=true",
    ],
)
def test_the_answers_are_those_of_an_embedded_store(embedded: Served, remote: Served, query: str) -> None:
    expected = embedded.client.get(f"/api/search?{query}")
    found = remote.client.get(f"/api/search?{query}")
    assert found.status_code == 200, found.text
    assert without_times(found.json()) == without_times(expected.json())


def test_facets_and_pages_of_a_server(embedded: Served, remote: Served) -> None:
    assert remote.client.get("/api/facets").json() == embedded.client.get("/api/facets").json()
    id = embedded.id_of("gold.png")
    for address in (f"/api/images/{id}/similar?limit=5", f"/api/images/{id}/similar?limit=50"):
        expected, found = embedded.client.get(address).json(), remote.client.get(address).json()
        assert without_times(found) == without_times(expected)
    for address in ("/", "/?q=red", f"/?like={id}", f"/pictures/{id}", "/?q=red&sort=date", "/ready"):
        assert remote.client.get(address).status_code == 200, address


def test_the_command_may_ask_for_all_that_it_can(embedded: Served, remote: Served) -> None:
    with SearchEngine.open(remote.settings, text_encoder=LetterEncoder()) as engine:
        found = [hit.path for hit in ask(engine, "red", 10_000).hits]
        by_date = [hit.path for hit in ask(engine, "red", 10_000, sort="date", min_score=-1).hits]
    with SearchEngine.open(embedded.settings, text_encoder=LetterEncoder()) as engine:
        assert found == [hit.path for hit in ask(engine, "red", 10_000).hits]
        assert by_date == [hit.path for hit in ask(engine, "red", 10_000, sort="date", min_score=-1).hits]
