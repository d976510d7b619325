"""Give every shard of a Qdrant cluster the replicas that its collection asks for, after a node was lost or added.

    python docker/replicate.py http://127.0.0.1:6333

Give the address of any running node, and its key as QDRANT_API_KEY. Shards that lack a replica are copied, one after
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


def replicas(node: str, collection: str) -> dict[int, dict[int, str]]:
    """Return the peers that have each shard of a collection, and in which state."""
    state = ask(node, f"/collections/{collection}/cluster")
    found: dict[int, dict[int, str]] = {}
    for shard in [*state["local_shards"], *state["remote_shards"]]:
        found.setdefault(shard["shard_id"], {})[shard.get("peer_id", state["peer_id"])] = shard["state"]
    return found


def replicate(node: str, collection: str) -> int:
    """Copy the shards of a collection that lack a replica; return how many replicas were made."""
    peers = {int(peer) for peer in ask(node, "/cluster")["peers"]}
    wanted = min(ask(node, f"/collections/{collection}")["config"]["params"]["replication_factor"], len(peers))
    made = 0
    for shard in sorted(replicas(node, collection)):
        while len((now := replicas(node, collection))[shard]) < wanted:
            source = next((peer for peer, state in now[shard].items() if state == "Active"), None)
            if source is None:
                sys.exit(f"no replica of shard {shard} of {collection} is active; start the nodes that have one")
            held = Counter(peer for there in now.values() for peer in there)
            target = min(peers - now[shard].keys(), key=lambda peer: held[peer])
            print(f"{collection}: copying shard {shard} from {source} to {target}", flush=True)
            step = {"shard_id": shard, "from_peer_id": source, "to_peer_id": target}
            ask(node, f"/collections/{collection}/cluster", {"replicate_shard": step})
            _wait(node, collection, shard, target)
            made += 1
    return made


def _wait(node: str, collection: str, shard: int, peer: int) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while replicas(node, collection)[shard].get(peer) != "Active":
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
    try:
        main(sys.argv[1].rstrip("/"))
    except OSError as error:
        sys.exit(f"{sys.argv[1]} does not answer as a node of a cluster: {error}")
