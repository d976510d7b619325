"""Measures warm text queries over HTTP to a page in a separate process: one client, then 32 at once.

    python -m benchmarks.serve [--vectors 10000]

Of each answer the page says how long its encoder took. Writes results/serve.md and results/serve.json.
"""

import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import quote

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.commands import peak_megabytes
from benchmarks.page import page_running
from benchmarks.results import write_results
from benchmarks.small import made_up_record, working_folder, write_points
from gallery.encoders import load_encoder
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.vectors import unit_rows

CLIENTS, EACH = 32, 15
WORDS = ("dog", "cat", "castle", "ship", "lake", "tower", "car", "bee", "market", "horse", "bridge", "river", "snow")
TEXTS = [f"a {a} near a {b}" for a in WORDS for b in WORDS if a != b]


@click.command()
@click.option("--vectors", default=10_000, show_default=True)
def main(vectors: int) -> None:
    """Measure, print a table, and write results/serve.md and results/serve.json."""
    with working_folder() as work:
        fill(Settings(data_dir=work), vectors)
        environment = os.environ | {"DATA_DIR": str(work), "HF_HUB_OFFLINE": "1"}
        with page_running(["--collection", "drawn"], environment) as (address, process):
            client(address, TEXTS[:10])
            alone = client(address, TEXTS[:100])
            before, start = peak_megabytes(process), time.perf_counter()
            with ThreadPoolExecutor(CLIENTS) as pool:
                parts = pool.map(lambda number: client(address, TEXTS[number : number + EACH]), range(CLIENTS))
                many = np.concatenate(list(parts))
            seconds = time.perf_counter() - start
            peak = peak_megabytes(process)
    whole, of_encoder = np.median(alone[:, 1:], axis=0)
    rows: dict[str, float | str] = {
        "vectors": vectors,
        "one client: median ms": round(whole, 1),
        "one client: median ms of the encoder": round(of_encoder, 1),
        "one client: median ms beyond the encoder": round(float(np.median(alone[:, 1] - alone[:, 2])), 1),
        "clients at once": CLIENTS,
        "requests": len(many),
        "not answered with 200": int((many[:, 0] != http.client.OK).sum()),
        "requests a second": round(len(many) / seconds, 1),
        "p50 ms": round(float(np.percentile(many[:, 1], 50)), 1),
        "p99 ms": round(float(np.percentile(many[:, 1], 99)), 1),
        "peak memory of the page with one client, MB": before,
        "peak memory of the page, MB": peak,
        "load average": round(os.getloadavg()[0], 1),
    }
    write_results("serve", "The page under load: ConSE over drawn vectors", rows)


def fill(settings: Settings, count: int) -> None:
    """Make a collection of drawn vectors in ConSE's space."""
    encoder = load_encoder(settings, "conse")
    rows = unit_rows(np.random.default_rng(0).standard_normal((count, encoder.spec.dimension), np.float32))
    with closing(open_store(settings).edit("drawn")) as editor:
        editor.begin(encoder.spec)
        write_points(editor, [made_up_record(row) for row in range(count)], rows)
        editor.finish()


def client(address: str, texts: list[str]) -> NDArray[np.float64]:
    """Ask one text after the other; return a row for each: status, milliseconds, and of these the encoder's."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    rows = []
    for text in texts:
        start = time.perf_counter()
        connection.request("GET", f"/api/search?q={quote(text)}")
        response = connection.getresponse()
        body = response.read()
        milliseconds = 1000 * (time.perf_counter() - start)
        encode = 1000 * json.loads(body)["seconds"]["encode"] if response.status == http.client.OK else 0.0
        rows.append((response.status, milliseconds, encode))
    return np.array(rows, np.float64)


if __name__ == "__main__":
    main()
