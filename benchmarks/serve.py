"""Measures warm text queries over HTTP to a page in a separate process: one client, then 32 at once.

The page reports its encoder's time with each answer. Writes results/serve.md and results/serve.json.
"""

import argparse
import http.client
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np

from benchmarks.page import page_running
from benchmarks.results import machine, write_results
from benchmarks.scale_stages import record_of
from gallery.encoders import load_encoder
from gallery.settings import Settings
from gallery.stores import open_store

WORDS = ("dog", "cat", "castle", "ship", "lake", "tower", "car", "bee", "market", "horse", "bridge", "river", "snow")
TEXTS = [f"a {a} near a {b}" for a in WORDS for b in WORDS if a != b]


def fill(settings: Settings, count: int) -> None:
    """Make a collection of drawn vectors in the encoder's space."""
    encoder = load_encoder(settings, "conse")
    editor = open_store(settings).edit("drawn")
    editor.begin(encoder.spec)
    rows = np.random.default_rng(0).standard_normal((count, encoder.spec.dimension), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for start in range(0, count, 500):
        numbers = range(start, min(start + 500, count))
        editor.upsert([record_of(number) for number in numbers], rows[numbers.start : numbers.stop])
    editor.finish()
    editor.close()


def ask(connection: http.client.HTTPConnection, text: str) -> tuple[int, float, float]:
    """Return the status, the milliseconds, and the encoder's share of these."""
    start = time.perf_counter()
    connection.request("GET", f"/api/search?q={quote(text)}")
    response = connection.getresponse()
    body = response.read()
    milliseconds = 1000 * (time.perf_counter() - start)
    encode = 1000 * json.loads(body)["seconds"]["encode"] if response.status == http.client.OK else 0.0
    return response.status, milliseconds, encode


def client(address: str, texts: list[str]) -> list[tuple[int, float, float]]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    return [ask(connection, text) for text in texts]


def peak_megabytes(process: int) -> int:
    """Return the peak memory of a process, including mapped files."""
    (line,) = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--each", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        fill(settings, options.vectors)
        environment = os.environ | {"DATA_DIR": folder, "HF_HUB_OFFLINE": "1"}
        with page_running(environment, ["--collection", "drawn"]) as (address, process):
            client(address, TEXTS[:10])
            alone = client(address, TEXTS[:100])
            before = peak_megabytes(process)
            start = time.perf_counter()
            with ThreadPoolExecutor(options.clients) as pool:
                shares = [TEXTS[number : number + options.each] for number in range(options.clients)]
                many = [each for part in pool.map(lambda texts: client(address, texts), shares) for each in part]
            seconds = time.perf_counter() - start
            peak = peak_megabytes(process)
    over = [milliseconds - encode for _, milliseconds, encode in alone]
    values = machine("serve") | {
        "vectors": options.vectors,
        "one client: median ms": round(float(np.median([each[1] for each in alone])), 1),
        "one client: median ms of the encoder": round(float(np.median([each[2] for each in alone])), 1),
        "one client: median ms beyond the encoder": round(float(np.median(over)), 1),
        "clients at once": options.clients,
        "requests": len(many),
        "not answered with 200": sum(each[0] != http.client.OK for each in many),
        "requests a second": round(len(many) / seconds, 1),
        "p50 ms": round(float(np.percentile([each[1] for each in many], 50)), 1),
        "p99 ms": round(float(np.percentile([each[1] for each in many], 99)), 1),
        "peak memory of the page with one client, MB": before,
        "peak memory of the page, MB": peak,
        "load average": round(os.getloadavg()[0], 1),
    }
    write_results("serve", "The page under load: ConSE over drawn vectors", values)


if __name__ == "__main__":
    main()
