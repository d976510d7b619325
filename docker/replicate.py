"""Give every shard of a Qdrant cluster the replicas that its collection asks for, after a node was lost or added.

    python docker/replicate.py http://127.0.0.1:6333

The address is that of any node that lives, and QDRANT_API_KEY its key. Shards that lack a replica are copied, one after
another, to the nodes that hold the fewest; searching and writing go on meanwhile. Run it again until it says that
nothing is lacking. Only the standard library is needed.
"""

import json
import os
import sys
import time
import urllib.request
from collections import Counter
from typing import Any

MOST_SECONDS = 3600
"""For one shard."""


def ask(node: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - whatever the server says
    """Return what a node answers."""
    headers = {"Content-Type": "application/json", "api-key": os.environ.get("QDRANT_API_KEY", "")}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(node + path, data, headers), timeout=60) as answer:
        return json.load(answer)["result"]


def places(node: str, collection: str) -> dict[int, list[int]]:
    """Return the peers on which each shard of a collection has an active replica."""
    state = ask(node, f"/collections/{collection}/cluster")
    found: dict[int, list[int]] = {}
    for shard in [*state["local_shards"], *state["remote_shards"]]:
        peers = found.setdefault(shard["shard_id"], [])
        if shard["state"] == "Active":
            peers.append(shard.get("peer_id", state["peer_id"]))
    return found


def replicate(node: str, collection: str) -> int:
    """Copy the shards of a collection that lack a replica; return how many replicas were made."""
    wanted = ask(node, f"/collections/{collection}")["config"]["params"]["replication_factor"]
    peers = [int(peer) for peer in ask(node, "/cluster")["peers"]]
    made = 0
    for shard in sorted(places(node, collection)):
        while there := _lacks_one(node, collection, shard, min(wanted, len(peers))):
            held = Counter(peer for replicas in places(node, collection).values() for peer in replicas)
            new = min(set(peers) - set(there), key=lambda peer: held[peer])
            print(f"{collection}: copying shard {shard} from {there[0]} to {new}", flush=True)
            step = {"shard_id": shard, "from_peer_id": there[0], "to_peer_id": new}
            ask(node, f"/collections/{collection}/cluster", {"replicate_shard": step})
            _wait(node, collection, shard, new)
            made += 1
    return made


def _lacks_one(node: str, collection: str, shard: int, wanted: int) -> list[int]:
    """Return where a shard is that has fewer replicas than wanted; nothing for one that has them, or none at all."""
    there = places(node, collection)[shard]
    return there if len(there) < wanted else []


def _wait(node: str, collection: str, shard: int, peer: int) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while peer not in places(node, collection)[shard]:
        if time.monotonic() > deadline:
            sys.exit(f"shard {shard} of {collection} is not copied after {MOST_SECONDS} s; see the servers' logs")
        time.sleep(0.5)


def main(node: str) -> None:
    """Go through all collections."""
    names = [collection["name"] for collection in ask(node, "/collections")["collections"]]
    made = sum(replicate(node, name) for name in names)
    print(f"{made} replicas were made" if made else "no replica is lacking", f"in {len(names)} collections")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1].rstrip("/"))
