"""docker/replicate.py against a cluster that is made up: shards by peer, and copies that take a moment."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "docker" / "replicate.py"


class Cluster(HTTPServer):
    """Three peers, one of which, 3, is new and holds nothing; peer 1 is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.shards = {0: {1: "Active", 2: "Active"}, 1: {1: "Active"}, 2: {2: "Active", 1: "Dead"}, 3: {2: "Active"}}
        self.copied: list[dict[str, int]] = []

    def answer(self, path: str, body: Any) -> Any:  # noqa: ANN401 - JSON
        if path == "/collections":
            return {"collections": [{"name": "photos--1"}]}
        if path == "/collections/photos--1":
            return {"config": {"params": {"replication_factor": 2}}}
        if path == "/cluster":
            return {"peers": {"1": {}, "2": {}, "3": {}}}
        assert path == "/collections/photos--1/cluster"
        if body:
            step = body["replicate_shard"]
            assert self.shards[step["shard_id"]][step["from_peer_id"]] == "Active"
            self.shards[step["shard_id"]][step["to_peer_id"]] = "Partial"
            self.copied.append(step)
            return True
        replicas = [(shard, peer, state) for shard, peers in self.shards.items() for peer, state in peers.items()]
        for peers in self.shards.values():  # what was being copied is there when it is next looked at
            peers.update({peer: "Active" for peer, state in peers.items() if state == "Partial"})
        return {
            "peer_id": 1,
            "local_shards": [{"shard_id": s, "state": state} for s, peer, state in replicas if peer == 1],
            "remote_shards": [{"shard_id": s, "peer_id": p, "state": state} for s, p, state in replicas if p != 1],
        }


class Handler(BaseHTTPRequestHandler):
    """Passes requests on to the cluster."""

    server: Cluster

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"result": self.server.answer(self.path, body)}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()


def replicate(cluster: Cluster) -> str:
    command = [sys.executable, str(SCRIPT), f"http://127.0.0.1:{cluster.server_port}/"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_every_shard_gets_its_second_replica_where_the_fewest_are(cluster: Cluster) -> None:
    assert replicate(cluster).endswith("2 replicas were made in 1 collections\n")
    assert [(step["shard_id"], step["from_peer_id"], step["to_peer_id"]) for step in cluster.copied] == [
        (1, 1, 3),
        (3, 2, 3),
    ]
    assert replicate(cluster) == "no replica is lacking in 1 collections\n"


def test_a_shard_without_an_active_replica_is_told_of(cluster: Cluster) -> None:
    cluster.shards[1] = {1: "Dead"}
    with pytest.raises(subprocess.CalledProcessError) as failed:
        replicate(cluster)
    assert "no replica of shard 1 of photos--1 is active" in failed.value.stderr
