"""What the server's store does beyond the contract: options, fail-over, keys, waiting. Without a server."""

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.conversions.conversion import RestToGrpc

from gallery.errors import CollectionError
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores.server import connection as server_connection
from gallery.stores.server import editor as server_editor
from gallery.stores.server.collection import open_server, server_collections
from gallery.stores.server.connection import AnyNode, Caller, connect
from gallery.stores.server.editor import ServerEditor, edit_server
from gallery.stores.server.options import ServerOptions

SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")


class Away(grpc.RpcError, grpc.Call):  # type: ignore[misc]  # as grpc itself makes them
    """What grpc raises for a node that is not there."""

    def __init__(self, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "not there"


class Node:
    """A node that answers with its name, or not at all."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name, self.error, self.calls = name, error, 0

    def count(self, collection: str) -> str:
        self.calls += 1
        if self.error:
            raise self.error
        return f"{self.name}: {collection}"

    def close(self) -> None:
        self.name = "closed"


def nodes(*errors: Exception | None) -> tuple[list[Node], Any]:
    made = [Node(f"node {number}", error) for number, error in enumerate(errors)]
    return made, AnyNode(made)  # type: ignore[arg-type]  # stand-ins


def test_a_call_goes_to_the_next_node_and_stays_there() -> None:
    made, client = nodes(Away(), None, None)
    assert [client.count("photos") for _ in range(3)] == ["node 1: photos"] * 3
    assert [node.calls for node in made] == [1, 3, 0]


def test_when_a_node_goes_away_later_the_next_takes_over() -> None:
    made, client = nodes(None, None)
    assert client.count("photos") == "node 0: photos"
    made[0].error, made[1].error = Away(), None
    assert client.count("photos") == "node 1: photos"
    made[0].error, made[1].error = None, Away()
    assert client.count("photos") == "node 0: photos"


def test_when_all_are_away_it_is_said() -> None:
    _, client = nodes(Away(), Away())
    with pytest.raises(CollectionError, match="not there"):
        Caller("http://a,http://b", 0.01)(client.count, "photos")


def test_what_a_node_refuses_is_not_asked_of_another() -> None:
    made, client = nodes(Away(grpc.StatusCode.INVALID_ARGUMENT), None)
    with pytest.raises(Away):
        client.count("photos")
    assert made[1].calls == 0


def test_several_addresses_make_several_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def make(**options: Any) -> Node:  # noqa: ANN401 - the client's
        made.append(options)
        return Node("node")

    monkeypatch.setattr(server_connection, "QdrantClient", make)
    connect(Settings(Path(), qdrant_url="http://a:6333, http://b:6333,", qdrant_api_key="k"))
    assert [(options["url"], options["api_key"]) for options in made] == [
        ("http://a:6333", "k"),
        ("http://b:6333", "k"),
    ]
    with pytest.raises(CollectionError, match="'b'"):
        connect(Settings(Path(), qdrant_url="http://a,b"))


@pytest.mark.parametrize(("read_only", "wanted"), [("r", "r"), (None, "w")])
def test_searches_connect_with_the_key_that_may_only_read(
    read_only: str | None, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str | None] = []
    client = QdrantClient(":memory:")
    monkeypatch.setattr(client, "close", lambda: None)

    def note(settings: Settings, *_: float) -> QdrantClient:
        keys.append(settings.qdrant_api_key)
        return client

    monkeypatch.setattr(server_connection, "connect", note)
    settings = Settings(tmp_path, qdrant_url="http://a", qdrant_api_key="w", qdrant_read_only_api_key=read_only)
    edit_server(settings, "photos").begin(SPEC)
    server_collections(settings)
    open_server(settings, "photos")
    assert keys == ["w", wanted, wanted]
    assert "'w'" not in repr(settings)
    assert "'r'" not in repr(settings)


@pytest.mark.parametrize(("nodes", "shards", "replicas"), [(1, 2, 1), (3, 12, 2), (6, 12, 2)])
def test_collections_are_made_as_advised(nodes: int, shards: int, replicas: int) -> None:
    options = ServerOptions.of(nodes).collection(512)
    assert options["shard_number"] == shards
    assert options["replication_factor"] == options["write_consistency_factor"] == replicas


def test_the_options_reach_a_server_through_grpc() -> None:
    options = ServerOptions.of(3).collection(512)
    vectors = RestToGrpc.convert_vectors_config(options["vectors_config"])
    assert vectors.params.size == 512
    quantised = RestToGrpc.convert_quantization_config(options["quantization_config"])
    assert quantised.WhichOneof("quantization") == "turboquant"
    assert RestToGrpc.convert_strict_mode_config(options["strict_mode_config"]).max_query_limit == 10_000


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServerEditor:
    client = QdrantClient(":memory:")
    monkeypatch.setattr(server_connection, "connect", lambda *_: client)
    monkeypatch.setattr(server_editor, "GREEN_PAUSE", 0.001)
    editor = edit_server(Settings(tmp_path, qdrant_url="http://a"), "photos")
    editor.begin(SPEC)
    return editor


@pytest.fixture
def becomes(editor: ServerEditor, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return a function that sets what the server says of the collection, and returns what it was asked to do."""
    asked: list[str] = []

    def set_to(*statuses: str) -> list[str]:
        left = list(statuses)

        def look(_: str) -> SimpleNamespace:
            status = left.pop(0) if len(left) > 1 else left[0]
            return SimpleNamespace(status=models.CollectionStatus(status), optimizer_status="No space left")

        monkeypatch.setattr(editor._client, "get_collection", look)
        monkeypatch.setattr(editor._client, "update_collection", lambda name, **_: asked.append(name))
        return asked

    return set_to


def test_the_end_waits_for_green(editor: ServerEditor, becomes: Callable[..., list[str]]) -> None:
    asked = becomes("yellow", "grey", "yellow", "green")
    editor.finish()
    assert asked == [f"photos--{SPEC.fingerprint}"], "a server that waits after a restart is woken"


def test_a_server_that_gave_up_is_told_of(editor: ServerEditor, becomes: Callable[..., list[str]]) -> None:
    becomes("yellow", "red")
    with pytest.raises(CollectionError, match="No space left"):
        editor.finish()


def test_the_waiting_has_an_end(
    editor: ServerEditor,
    becomes: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(server_editor, "GREEN_PATIENCE", 0.01)
    becomes("yellow")
    with caplog.at_level(logging.WARNING):
        editor.finish()
    assert "is yellow" in caplog.text
