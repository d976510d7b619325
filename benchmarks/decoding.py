"""Decodes files that stdin names, one after another, and prints as JSON the seconds of each and the largest memory.

Runs as a separate process, so that nothing else is measured.
"""

import json
import resource
import sys
import time
from pathlib import Path

from gallery.errors import UnreadableImage
from gallery.pictures import open_image
from gallery.pictures.loader import end_workers


def main() -> None:
    """Read paths as JSON from stdin, decode the files, and print their cost."""
    seconds: dict[str, float] = {}
    for path in json.load(sys.stdin):
        started = time.monotonic()
        try:
            open_image(path, 448)
        except UnreadableImage as error:
            del error
        seconds[path] = time.monotonic() - started
    end_workers()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    here = int(status["VmHWM"].split()[0])  # `ru_maxrss` would start at the parent process's value
    megabytes = max(here, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
    json.dump({"seconds": seconds, "megabytes": megabytes}, sys.stdout)


if __name__ == "__main__":
    main()
