"""A page of a collection, served by a process of its own, for what measures or looks at it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from urllib.request import urlopen

EXAMPLES = ("--collection", "examples")


@contextlib.contextmanager
def page_running(
    options: Sequence[str] = EXAMPLES, environment: Mapping[str, str] = os.environ
) -> Iterator[tuple[str, int]]:
    """Run `search --serve` on a free port; yield its address and its process id once its model answers."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "search", "--serve", "--port", str(port), *options]
    page = subprocess.Popen(command, env=dict(environment), stderr=subprocess.DEVNULL)
    try:
        while page.poll() is None:
            with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/ready") as answer:
                if answer.status == 200:
                    break
            time.sleep(0.2)
        else:
            raise SystemExit("the page did not start")
        yield f"http://127.0.0.1:{port}", page.pid
    finally:
        page.send_signal(signal.SIGTERM)
        page.wait(30)
