"""Waiting for a server: until a new collection is ready, and until its graphs are made."""

import logging
import time
from dataclasses import dataclass

from qdrant_client import models

from gallery.errors import CollectionError
from gallery.stores.server.connection import Link

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait.

    Attributes:
        begin: For the replicas of a new collection.
        green: For the server's graphs at the end.
        pause: Between two checks.
    """

    begin: float = 30.0
    green: float = 900.0
    pause: float = 2.0


def wait_for_graphs(link: Link, name: str, target: str, patience: Patience) -> None:
    """Wait until all nodes have made their graphs: before, points are visible but searches are slow.

    After `patience.green` seconds, a message says that the server continues by itself.

    Raises:
        CollectionError: The server has given up; with its reason.
    """
    deadline = time.monotonic() + patience.green
    for client in link.clients():
        while True:
            try:
                info = link.impatient().call(client.get_collection, target)
            except CollectionError:
                break  # a node that is down makes its graphs when it is back; do not wait for it
            if info.status == models.CollectionStatus.GREEN:
                break
            if info.status == models.CollectionStatus.RED:
                raise CollectionError(
                    f"the server cannot finish collection {name}: {info.optimizer_status}; see its log, and that its "
                    "disk has room"
                )
            if info.status == models.CollectionStatus.GREY:  # after a restart, it waits for a first request
                link.call(client.update_collection, target, optimizers_config=models.OptimizersConfigDiff())
            if time.monotonic() > deadline:
                _LOG.warning(
                    "Collection %s is %s after %.0f s: everything can be searched; the server continues by itself.",
                    *(name, info.status.value, patience.green),
                )
                return
            time.sleep(patience.pause)
