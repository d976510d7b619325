"""Checks of docker/ that need no Docker engine."""

import os
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from gallery.stores.server.reaching import OLDEST

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
CLUSTER = yaml.safe_load((ROOT / "docker" / "compose.cluster.yaml").read_text())


class Answers(BaseHTTPRequestHandler):
    """Answers /readyz with the server's `status`."""

    def do_GET(self) -> None:
        status = getattr(self.server, "status", 200)
        self.send_response(status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Answers) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()


def health(port: int) -> int:
    """Run the health check of the compose file against another port; return its exit code."""
    kind, *command = COMPOSE["services"]["qdrant"]["healthcheck"]["test"]
    assert kind == "CMD"
    command = [part.replace("$$", "$").replace("6333", str(port)) for part in command]
    return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode


def test_the_health_check_asks_the_server(server: HTTPServer) -> None:
    port = server.server_address[1]
    assert health(port) == 0
    server.status = 503  # type: ignore[attr-defined]
    assert health(port) == 1
    server.shutdown()
    server.server_close()
    assert health(port) == 1


def test_nothing_listens_beyond_this_machine() -> None:
    services = [*COMPOSE["services"].values(), *CLUSTER["services"].values()]
    ports = [port for service in services for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_server_is_the_version_that_was_tested() -> None:
    image = COMPOSE["services"]["qdrant"]["image"]
    assert image.rsplit(":v", 1)[1] == ".".join(map(str, OLDEST))


def test_the_image_holds_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    ignore = (ROOT / "docker" / "Dockerfile.dockerignore").read_text()
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"COPY {package} {package}\n" in dockerfile
        assert f"!{package}\n" in ignore


def test_the_nodes_of_a_cluster_are_the_server_and_share_nothing() -> None:
    nodes = CLUSTER["services"]
    server = COMPOSE["services"]["qdrant"]
    assert len(nodes) == 3
    assert all(node["image"] == server["image"] for node in nodes.values())
    assert all(node["healthcheck"]["test"] == server["healthcheck"]["test"] for node in nodes.values())
    for key in ("volumes", "ports"):
        assert len({place for node in nodes.values() for place in node[key]}) == sum(
            len(n[key]) for n in nodes.values()
        )
    assert {name: node["hostname"] for name, node in nodes.items()} == {name: name for name in nodes}
    assert len({tuple(node["command"]) for node in nodes.values()}) == 1


def started(name: str, living: str | None, folder: Path) -> str:
    """Run the command of the node `name` while the node `living` is there; return how it started the server."""
    program = folder / "qdrant"
    program.write_text('#!/bin/bash\necho "$@"\n')
    program.chmod(0o755)
    bash, option, script = CLUSTER["services"][name]["command"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1] if living else 1
        reached = f"/dev/tcp/127.0.0.1/$([ $node = {living} ] && echo {port} || echo 1)"
        script = script.replace("$$", "$").replace("/dev/tcp/$node/6335", reached)
        done = subprocess.run(
            [bash, option, script],
            cwd=folder,
            env=os.environ | {"HOSTNAME": name},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "living", "arguments"),
    [
        ("qdrant1", None, "--uri http://qdrant1:6335"),
        ("qdrant1", "qdrant3", "--bootstrap http://qdrant3:6335 --uri http://qdrant1:6335"),
        ("qdrant2", "qdrant1", "--bootstrap http://qdrant1:6335 --uri http://qdrant2:6335"),
        ("qdrant2", "qdrant3", "--bootstrap http://qdrant3:6335 --uri http://qdrant2:6335"),
        ("qdrant3", None, "--bootstrap http://qdrant1:6335 --uri http://qdrant3:6335"),
    ],
)
def test_a_node_joins_any_that_lives_and_begins_no_second_cluster(
    name: str, living: str | None, arguments: str, tmp_path: Path
) -> None:
    assert started(name, living, tmp_path) == arguments


def test_what_a_server_keeps_outlives_its_container() -> None:
    for server in (COMPOSE["services"]["qdrant"], *CLUSTER["services"].values()):
        assert {place.split(":")[1] for place in server["volumes"]} == {"/qdrant/storage", "/qdrant/snapshots"}
