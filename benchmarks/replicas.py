"""Reads what each replica of each shard of a Qdrant cluster holds, from its own node.

A search asks only one replica, which hides gaps in the others. This asks every node for its own shards over REST.
"""

import json
import os
import sys
import time
import urllib.request
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.contents import Contents, difference
from gallery.stores.payload import to_record

Shards = dict[int, dict[str, Contents]]
"""What each node holds of each shard."""
_PAGE = 500


def ask(node: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - whatever the server says
    """Return what a node answers.

    Raises:
        OSError: It does not answer, or refuses.
    """
    headers = {"Content-Type": "application/json", "api-key": os.environ.get("QDRANT_API_KEY", "")}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(node + path, data, headers), timeout=30) as answer:
        return json.load(answer)["result"]


def replicas(nodes: list[str], name: str, seconds: float) -> Shards:
    """Return what every replica of a collection holds, once all are active; exit with 1 if that takes longer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            _check_active(nodes, name)
            return _read(nodes, name)
        except OSError as error:  # a node is down, or its replicas are recovering
            if time.monotonic() > deadline:
                sys.exit(f"after {seconds:.0f} s the replicas are not whole: {error}")
            time.sleep(0.5)


def count(node: str, name: str) -> int:
    """Return how many pictures a node counts in a collection."""
    return int(ask(node, f"/collections/{name}/points/count", {"exact": True})["count"])


def check_counts(nodes: list[str], name: str, wanted: int) -> None:
    """Exit with 1 unless every node counts as many pictures."""
    for node in nodes:
        for _ in range(5):  # a different replica may answer each time
            if (found := count(node, name)) != wanted:
                sys.exit(f"{node} counts {found} pictures instead of {wanted}")


def check_replicas(wanted: Contents, shards: Shards) -> int:
    """Return how many replicas each shard has; exit with 1 if they differ, or their total is wrong."""
    together: Contents = {}
    for shard, of_node in shards.items():
        first, *others = of_node.values()
        for other in others:
            if differs := difference(first, other):
                sys.exit(f"replicas of shard {shard}: {differs}")
        together |= first
    if differs := difference(wanted, together):
        sys.exit(differs)
    numbers = {len(of_node) for of_node in shards.values()}
    if len(numbers) != 1:
        sys.exit(f"shards have {sorted(numbers)} replicas")
    return numbers.pop()


def _check_active(nodes: list[str], name: str) -> None:
    for node in nodes:
        state = ask(node, f"/collections/{name}/cluster")
        away = [shard for shard in [*state["local_shards"], *state["remote_shards"]] if shard["state"] != "Active"]
        if away or state["shard_transfers"]:
            raise TimeoutError(f"{node} sees {len(away)} replicas that are not active")


def _read(nodes: list[str], name: str) -> Shards:
    found: Shards = defaultdict(dict)
    for node in nodes:
        for shard in ask(node, f"/collections/{name}/cluster")["local_shards"]:
            found[shard["shard_id"]][node] = _points(node, f"/collections/{name}/shards/{shard['shard_id']}")
    return found


def _points(node: str, shard: str) -> Contents:
    found: Contents = {}
    wanted: dict[str, Any] = {"limit": _PAGE, "with_payload": True, "with_vector": [""]}
    while True:
        page = ask(node, f"{shard}/points/scroll", wanted)
        for point in page["points"]:
            record = replace(to_record(point["id"], point["payload"]), indexed_at="")
            vector = point["vector"][""] if isinstance(point["vector"], dict) else point["vector"]
            found[point["id"]] = record, np.asarray(vector, np.float32)
        if page["next_page_offset"] is None:
            return found
        wanted["offset"] = page["next_page_offset"]
