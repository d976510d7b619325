"""What the server's store does beyond the contract: names, faults of servers and clusters.

Without a server, and on the one at QDRANT_URL, where that holds no collection yet.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import grpc
import numpy as np
import pytest
from faulty_server import Answer, FaultyServer
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.conversions.conversion import RestToGrpc

from gallery.errors import CollectionError
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import Entry, Filter
from gallery.stores.payload import INDEXED_KEYS
from gallery.stores.server.connection import AnyNode, Caller, Link
from gallery.stores.server.options import Limits, ServerOptions
from gallery.stores.server.reaching import addresses
from gallery.stores.server.store import ServerStore
from gallery.stores.server.waiting import Patience, wait_for_graphs

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]

MakeRecord = Callable[..., ImageRecord]
UnitRows = Callable[..., NDArray[np.float32]]

SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")
OTHER = replace(SPEC, encoder="words", space="words-1")
QUICK = Patience(begin=5, green=0.5, pause=0.001)
INTERNAL, NOT_FOUND = grpc.StatusCode.INTERNAL, grpc.StatusCode.NOT_FOUND
REAL_SERVER = pytest.mark.skipif("QDRANT_URL" not in os.environ, reason="QDRANT_URL is not set")
VECTORS = models.VectorParams(size=64, distance=models.Distance.COSINE)


@pytest.fixture(params=["memory", pytest.param("server", marks=[pytest.mark.server, REAL_SERVER])])
def server(request: pytest.FixtureRequest) -> Iterator[FaultyServer]:
    server = FaultyServer() if request.param == "memory" else real_server()
    yield server
    for made in server.get_collections().collections if request.param == "server" else []:
        server.delete_collection(made.name)
    QdrantClient.close(server)


def real_server() -> FaultyServer:
    settings = Settings.from_environ(os.environ)
    node = addresses(settings.qdrant_url)[0]
    server = FaultyServer(
        url=str(node),
        grpc_port=node.port + 1,
        api_key=settings.qdrant_api_key,
        prefer_grpc=True,
        timeout=60,
        check_compatibility=False,
    )
    if server.get_collections().collections:
        QdrantClient.close(server)
        pytest.skip("the server holds collections, whose names these tests may need")
    return server


class Machine:
    """A machine that works with the server."""

    def __init__(self, server: FaultyServer, data: Path, make_record: MakeRecord, unit_rows: UnitRows) -> None:
        self._make_record, self._rows = make_record, unit_rows(100)
        self.store = ServerStore(Settings(data, qdrant_url="http://qdrant"), lambda *_: server, QUICK)

    def vector(self, number: int) -> NDArray[np.float32]:
        row: NDArray[np.float32] = self._rows[number]
        return row

    def record(self, number: int) -> ImageRecord:
        return self._make_record(number)

    def write(self, name: str, *numbers: int, spec: Spec = SPEC, change: bool = False, finish: bool = True) -> None:
        with closing(self.store.edit(name)) as editor:
            if change:
                editor.change(spec)
            editor.begin(spec)
            records = [self.record(number) for number in numbers]
            editor.upsert(records, self._rows[list(numbers)])
            editor.journal.write(Entry(file, record.sha256) for record in records for file in record.files)
            if finish:
                editor.finish()

    def count(self, name: str) -> int:
        return self.store.open(name).count()


@pytest.fixture
def machine(server: FaultyServer, tmp_path: Path, make_record: MakeRecord, unit_rows: UnitRows) -> Machine:
    return Machine(server, tmp_path / "one", make_record, unit_rows)


@pytest.fixture
def other_machine(server: FaultyServer, tmp_path: Path, make_record: MakeRecord, unit_rows: UnitRows) -> Machine:
    return Machine(server, tmp_path / "two", make_record, unit_rows)


class Node:
    """A node that answers with its name, or not at all."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name, self.error, self.calls = name, error, 0

    def count(self, collection: str) -> str:
        self.calls += 1
        if self.error:
            raise self.error
        return f"{self.name}: {collection}"


def nodes(*errors: Exception | None) -> tuple[list[Node], Any]:
    made = [Node(f"node {number}", error) for number, error in enumerate(errors)]
    return made, AnyNode(made)


def test_a_call_goes_to_the_next_node_and_stays_there() -> None:
    made, client = nodes(Answer(), None, None)
    assert [client.count("photos") for _ in range(3)] == ["node 1: photos"] * 3
    assert [node.calls for node in made] == [1, 3, 0]


def test_when_a_node_goes_away_later_the_next_takes_over() -> None:
    made, client = nodes(None, None)
    assert client.count("photos") == "node 0: photos"
    made[0].error, made[1].error = Answer(), None
    assert client.count("photos") == "node 1: photos"
    made[0].error, made[1].error = None, Answer()
    assert client.count("photos") == "node 0: photos"


def test_when_all_are_away_it_is_said_with_what_to_look_at() -> None:
    _, client = nodes(Answer(), Answer())
    with pytest.raises(CollectionError, match="http://a,http://b says: not there; check that it runs"):
        Caller("http://a,http://b", 0.01)(client.count, "photos")


def test_what_a_node_refuses_is_not_asked_of_another() -> None:
    made, client = nodes(Answer(grpc.StatusCode.INVALID_ARGUMENT), None)
    with pytest.raises(Answer):
        client.count("photos")
    assert made[1].calls == 0


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "says: no$"),
        (grpc.StatusCode.UNAUTHENTICATED, "says: no; check the key for it .*QDRANT_COPY_API_KEY"),
        (grpc.StatusCode.INTERNAL, "says: no; see the server's log"),
    ],
)
def test_the_advice_fits_the_cause(code: grpc.StatusCode, advice: str) -> None:
    _, client = nodes(Answer(code, "no"))
    with pytest.raises(CollectionError, match=advice):
        Caller("http://a", 0.01)(client.count, "photos")


def test_a_write_waits_for_internal_errors_to_pass_and_a_search_does_not(server: FaultyServer) -> None:
    server.fail("get_aliases", Answer(INTERNAL), Answer(INTERNAL))
    assert Caller("http://a", 5, writing=True)(server.get_aliases).aliases == []
    server.fail("get_aliases", Answer(INTERNAL))
    with pytest.raises(CollectionError):
        Caller("http://a", 5)(server.get_aliases)


@pytest.mark.parametrize(("nodes", "shards", "replicas"), [(1, 2, 1), (3, 12, 2), (6, 12, 2)])
def test_collections_are_made_as_advised(nodes: int, shards: int, replicas: int) -> None:
    options = ServerOptions.of(nodes).collection(512)
    assert (options["shard_number"], options["replication_factor"]) == (shards, replicas)
    assert options["write_consistency_factor"] == 1, "a node that is away stops nothing"


def test_the_options_reach_a_server_of_any_version_through_grpc() -> None:
    options = ServerOptions.of(3).collection(512)
    vectors = RestToGrpc.convert_vectors_config(options["vectors_config"])
    assert (vectors.params.size, vectors.params.on_disk) == (512, True)
    quantised = RestToGrpc.convert_quantization_config(options["quantization_config"])
    assert quantised.turboquant.always_ram
    assert RestToGrpc.convert_strict_mode_config(options["strict_mode_config"]).max_query_limit == 10_000


def test_a_stricter_strict_mode_is_kept_to() -> None:
    strict = models.StrictModeConfigOutput(
        enabled=True,
        max_query_limit=1000,
        upsert_max_batchsize=100,
        search_max_hnsw_ef=64,
        search_max_oversampling=2,
        search_allow_exact=False,
    )
    limits = Limits.of(strict)
    params = limits.search_params(exact=True)
    assert (limits.hits, limits.written, params.hnsw_ef, params.exact) == (1000, 100, 64, False)
    assert params.quantization
    assert params.quantization.oversampling == 2


def test_a_stricter_server_still_answers_everything(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", *range(60))
    strict = models.StrictModeConfig(
        enabled=True,
        max_query_limit=20,
        upsert_max_batchsize=10,
        search_max_hnsw_ef=64,
        search_max_oversampling=1.5,
        search_allow_exact=False,
        unindexed_filtering_retrieve=False,
        unindexed_filtering_update=False,
        max_payload_index_count=len(INDEXED_KEYS),
    )
    server.update_collection(f"photos--{SPEC.fingerprint}", strict_mode_config=strict)
    machine.write("photos", *range(60, 100))
    opened = machine.store.open("photos")
    assert len(opened.nearest(machine.vector(1), 50, exact=True)) == 50
    assert len(opened.newest(50)) == 50
    assert opened.count() == sum(opened.facet("stack", 1000).values()) == len(list(opened.scan())) == 100
    for key in INDEXED_KEYS:
        assert opened.count(Filter(must=((key, None),))) + opened.count(Filter(must_not=((key, None),))) == 100, key


def test_one_address_of_a_cluster_makes_a_collection_for_a_cluster(
    machine: Machine, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(server, "cluster_status", lambda: SimpleNamespace(peers={"1": {}, "2": {}, "3": {}}))
    monkeypatch.setattr(server, "create_collection", lambda name, **options: made.append({"name": name, **options}))
    with closing(machine.store.edit("photos")) as editor, pytest.raises(CollectionError):
        editor.begin(SPEC)  # nothing was made
    assert [(options["shard_number"], options["replication_factor"]) for options in made] == [(12, 2)]


def test_a_drop_outlasts_a_change_of_leader(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1)
    server.fail("delete_collection", Answer(INTERNAL, "Waiting for consensus operation commit failed"))
    machine.store.drop("photos")
    assert not server.get_collections().collections


def test_a_snapshot_under_another_name_has_a_journal_of_its_own(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1, 2)
    metadata = server.get_collection(f"photos--{SPEC.fingerprint}").config.metadata
    server.create_collection("restored", VECTORS, metadata=metadata)
    with closing(machine.store.journal("photos")) as journal, closing(machine.store.journal("restored")) as other:
        assert (journal.pictures(), other.pictures()) == (2, 0)


def test_a_collection_whose_name_only_begins_alike_is_never_removed(machine: Machine, server: FaultyServer) -> None:
    server.create_collection("pix--backup", VECTORS)
    server.create_collection("pix--0123456789abcdef", VECTORS)  # somebody else's, whatever its name
    machine.write("pix--2021", 1, 2)
    machine.write("pix", 3, 4)
    machine.write("pix", 3, 4, spec=OTHER, change=True)
    assert (machine.count("pix"), machine.count("pix--2021")) == (2, 2)
    machine.store.drop("pix")
    assert machine.store.names() == ["pix--2021"]
    left = {collection.name for collection in server.get_collections().collections}
    assert left == {f"pix--2021--{SPEC.fingerprint}", "pix--backup", "pix--0123456789abcdef"}


def test_what_ingest_did_not_make_is_not_dropped(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1)
    server.create_collection("plain", VECTORS)
    for alias, target in [("handy", "plain"), ("mine", f"photos--{SPEC.fingerprint}")]:
        made = models.CreateAlias(collection_name=target, alias_name=alias)
        server.update_collection_aliases([models.CreateAliasOperation(create_alias=made)])
    for name in ("plain", "handy", "mine"):
        with pytest.raises(CollectionError, match="ingest did not make"):
            machine.store.drop(name)
    with pytest.raises(CollectionError, match="also known as mine"):
        machine.store.drop("photos")
    assert machine.count("photos") == 1


def test_a_collection_whose_shards_cannot_be_loaded_can_be_dropped(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1)
    broken = [Answer(grpc.StatusCode.INVALID_ARGUMENT, "0 of 0 read operations failed")] * 9
    server.fail("get_collection", *broken)
    machine.store.drop("photos")
    assert not server.get_collections().collections


def test_a_change_of_the_encoder_is_no_collection_of_its_own(machine: Machine) -> None:
    machine.write("photos", 1, 2)
    machine.write("photos", 1, spec=OTHER, change=True, finish=False)
    assert machine.store.names() == ["photos"]
    assert machine.store.open().spec == SPEC
    with closing(machine.store.edit("photos")) as editor:
        assert editor.changing() == "words"


def test_what_a_stopped_change_left_is_removed_by_the_next_run(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1, 2)
    server.fail("delete_collection", Answer(grpc.StatusCode.INVALID_ARGUMENT))
    with pytest.raises(CollectionError):
        machine.write("photos", 1, 2, spec=OTHER, change=True)
    assert len(server.get_collections().collections) == 2
    with closing(machine.store.edit("photos")) as editor:
        assert editor.changing() is None
    assert [c.name for c in server.get_collections().collections] == [f"photos--{OTHER.fingerprint}"]


def test_an_open_collection_answers_nothing_once_its_encoder_is_another(machine: Machine) -> None:
    machine.write("photos", 1, 2)
    opened = machine.store.open("photos")
    machine.write("photos", 1, 2, spec=OTHER, change=True)
    assert not opened.is_current()


def test_a_server_that_is_away_for_a_moment_is_waited_for(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1)
    opened = machine.store.open("photos")
    machine.write("photos", 1, 2)
    server.fail("get_aliases", Answer(), Answer())
    assert not opened.is_current(), "and does not count as unchanged"


def test_a_server_is_waited_for_no_longer_than_promised() -> None:
    _, client = nodes(*[Answer()] * 99)
    started = time.monotonic()
    with pytest.raises(CollectionError, match="check that it runs"):
        Caller("http://a", 1.0)(client.count, "photos")
    assert 0.5 < time.monotonic() - started < 1.5


def test_every_ingest_gives_another_generation(machine: Machine) -> None:
    machine.write("photos", 1, 2)
    opened = machine.store.open("photos")
    assert opened.is_current()
    machine.write("photos", 1, 2)
    assert not opened.is_current()
    assert machine.store.open("photos").generation != opened.generation


def test_the_list_says_when_an_ingest_ended(machine: Machine, server: FaultyServer) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    machine.write("photos", 1, 2)
    (info,) = machine.store.overview()
    assert (info.name, info.encoder, info.pictures) == ("photos", "letters", 2)
    assert begun <= datetime.fromisoformat(str(info.changed_at)) <= datetime.now(UTC)
    server.update_collection(f"photos--{SPEC.fingerprint}", metadata={**SPEC.to_dict(), "changed": str(uuid4())})
    assert machine.store.overview()[0].changed_at is None, "as earlier versions wrote it"


def test_pictures_that_others_removed_are_read_again(
    machine: Machine, other_machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.write("photos", 1, 2, 3)
    with closing(other_machine.store.edit("photos")) as editor:
        editor.begin(SPEC)
        editor.delete([machine.record(2).id])
        editor.finish()
    with closing(machine.store.edit("photos")) as editor:
        assert [editor.journal.places(machine.record(n).sha256) > 0 for n in (1, 2, 3)] == [True, False, True]
    assert "1 picture of photos went missing after being indexed here" in caplog.text


def test_without_its_alias_a_collection_is_gone_on_with(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1, 2)
    gone = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="photos"))
    server.update_collection_aliases([gone])
    assert machine.store.names() == ["photos"]
    machine.write("photos", 3)
    assert machine.count("photos") == 3
    assert [alias.alias_name for alias in server.get_aliases().aliases] == ["photos"]


def test_two_machines_begin_a_collection_together(machine: Machine, other_machine: Machine) -> None:
    one, two = machine.store.edit("photos"), other_machine.store.edit("photos")
    for editor, number in [(one, 1), (two, 2)]:
        editor.begin(SPEC)
        editor.upsert([machine.record(number)], np.eye(1, 64, dtype=np.float32))
        editor.journal.write([Entry(machine.record(number).files[0], machine.record(number).sha256)])
        editor.finish()
        editor.close()
    assert machine.count("photos") == 2
    with closing(other_machine.store.edit("photos")) as editor:
        assert editor.journal.pictures() == 1


def test_two_machines_that_begin_with_different_encoders_are_told(machine: Machine, other_machine: Machine) -> None:
    late = other_machine.store.edit("photos")
    machine.write("photos", 1)
    with pytest.raises(CollectionError, match="another process has just made collection photos with letters"):
        late.begin(OTHER)
    late.close()


def test_a_collection_that_is_just_being_made_is_waited_for(machine: Machine, server: FaultyServer) -> None:
    editor = machine.store.edit("photos")
    server.fail("get_collection", Answer(NOT_FOUND), Answer(INTERNAL))
    server.fail("count", Answer(NOT_FOUND), Answer(INTERNAL))
    editor.begin(SPEC)
    editor.close()


def test_a_point_of_somebody_else_breaks_nothing(
    machine: Machine, server: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    machine.write("photos", 1, 2)
    point = models.PointStruct(id=7, vector=[1.0] + [0.0] * 63)
    server.upsert("photos", [point])
    opened = machine.store.open("photos")
    assert len(opened.nearest(np.eye(1, 64, dtype=np.float32)[0], 3)) == 2
    assert len(list(opened.scan())) == len(list(opened.records())) == len(opened.newest(9)) == 2
    assert "Point 7 of photos was not written by ingest" in caplog.text


def test_old_collections_stop_no_write_any_more(
    machine: Machine, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write("photos", 1)
    info = server.get_collection(f"photos--{SPEC.fingerprint}")
    info.config.params.write_consistency_factor = 2
    asked: list[Any] = []
    monkeypatch.setattr(server, "get_collection", lambda _: info)
    monkeypatch.setattr(server, "update_collection", lambda _, **options: asked.append(options))
    machine.write("photos", 2, finish=False)
    assert [options["collection_params"].write_consistency_factor for options in asked] == [1]


def test_what_one_replica_lacks_is_written_whole(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1, 2)
    server.fail("batch_update_points", Answer(NOT_FOUND, "No point with id"))
    with closing(machine.store.edit("photos")) as editor:
        editor.begin(SPEC)
        editor.update([replace(machine.record(1), width=7), replace(machine.record(5), width=7)])
    there = machine.store.open("photos").get([machine.record(1).id, machine.record(5).id])
    assert {id: record.width for id, record in there.items()} == {machine.record(1).id: 7}


def test_an_editor_reads_every_replica_and_else_those_that_answer(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1)
    opened = machine.store.open("photos", every_replica=True)
    opened._every_replica = True  # a server in memory has one replica
    server.fail("retrieve", Answer(INTERNAL, "does not have enough active replicas"))
    assert opened.present([machine.record(1).id]) == {machine.record(1).id}
    assert server.calls[-2:] == ["retrieve", "retrieve"]


def test_thumbnails_keep_their_addresses_without_public_url(
    server: FaultyServer, tmp_path: Path, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    settings = Settings(tmp_path, qdrant_url="http://qdrant")
    for public_url, expected in [("https://photos", "https://photos"), (None, "https://photos"), ("", None)]:
        store = ServerStore(replace(settings, public_url=public_url), lambda *_: server, QUICK)
        with closing(store.edit("photos")) as editor:
            editor.begin(SPEC)
            editor.upsert([make_record()], unit_rows(1))
            editor.finish()
        assert store.open("photos").public_url() == expected


def test_one_connection_reads_and_one_writes_each_with_its_key(server: FaultyServer, tmp_path: Path) -> None:
    keys: list[str | None] = []

    def connect(settings: Settings, _: bool) -> QdrantClient:
        keys.append(settings.qdrant_api_key)
        return server

    settings = Settings(tmp_path, qdrant_url="http://a", qdrant_api_key="w", qdrant_read_only_api_key="r")
    store = ServerStore(settings, connect, QUICK)
    with closing(store.edit("photos")) as editor:
        editor.begin(SPEC)
    store.names()
    store.open("photos").close()
    store.journal("photos").close()
    assert keys == ["w", "r"]
    assert "'w'" not in repr(settings)
    assert "'r'" not in repr(settings)


def test_somebody_elses_collections_are_counted_and_not_named(machine: Machine, server: FaultyServer) -> None:
    machine.write("photos", 1)
    server.create_collection("secret", VECTORS)
    with pytest.raises(CollectionError, match=r"give one of: photos \(1 more were not made by ingest\)"):
        machine.store.open("nosuch")
    assert machine.store.open().name == "photos"
    assert [info.name for info in machine.store.overview()] == ["photos", "secret"]


def test_facets_ask_for_all_values_and_cut_afterwards(
    machine: Machine, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write("photos", *range(30))
    asked: list[int] = []
    facet = QdrantClient.facet

    def note(*args: Any, **options: Any) -> models.FacetResponse:  # noqa: ANN401 - the client's
        asked.append(options["limit"])
        return facet(server, *args, **options)

    monkeypatch.setattr(server, "facet", note)
    assert list(machine.store.open("photos").facet("folder", 2).values()) == [6, 6]
    assert asked == [10_000], "each shard cuts its own list"


def test_a_server_that_reads_only_is_checked(machine: Machine) -> None:
    machine.write("photos", 1)
    assert [finding.what for finding in machine.store.check("photos") if "index" not in finding.what] == []


class Status:
    """A server whose collection has one status after another."""

    def __init__(self, *statuses: str) -> None:
        self._left = list(statuses)
        self.woken: list[str] = []

    def get_collection(self, _: str) -> SimpleNamespace:
        status = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        return SimpleNamespace(status=models.CollectionStatus(status), optimizer_status="No space left")

    def update_collection(self, name: str, **_: object) -> None:
        self.woken.append(name)


class Away(Status):
    """A server that cannot be reached."""

    def get_collection(self, _: str) -> SimpleNamespace:
        raise Answer()


def wait(*servers: Status) -> None:
    client: Any = servers[0] if len(servers) == 1 else AnyNode(servers)
    wait_for_graphs(Link(client, Caller("http://a", 5)), "photos", "photos--1", QUICK)


def test_the_end_waits_for_green_on_every_node() -> None:
    one, two = Status("green"), Status("yellow", "grey", "yellow", "green")
    wait(one, two)
    assert two.woken == ["photos--1"], "a server that waits after a restart is woken"
    assert two._left == ["green"]


def test_the_end_does_not_wait_for_a_node_that_is_away() -> None:
    other = Status("yellow", "green")
    started = time.monotonic()
    wait(Away("green"), other)
    assert time.monotonic() - started < 2
    assert other._left == ["green"]


def test_a_server_that_gave_up_is_told_of() -> None:
    with pytest.raises(CollectionError, match="No space left"):
        wait(Status("yellow", "red"))


def test_the_waiting_has_an_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        wait(Status("yellow"))
    assert "is yellow" in caplog.text


def test_an_editor_that_was_not_begun_has_no_points(machine: Machine) -> None:
    with closing(machine.store.edit("photos")) as editor, pytest.raises(RuntimeError):
        editor.points.count()
