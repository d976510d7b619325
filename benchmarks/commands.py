"""Runs `ingest`, `search` and functions in separate processes, forked from a warm one so that they start at once."""

import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_PRELOADED = ["ingest.cli", "ingest.commands", "ingest.health", "ingest.places", "ingest.encoders", "search.cli"]
_PRELOADED += ["search.command", "gallery.encoders.encoder", "gallery.stores.embedded.repairing", "onnxruntime"]
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([*_PRELOADED, "filelock"])


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a process: its exit code, negative for a signal, and its output."""

    code: int
    out: str
    err: str


def run_command(
    line: list[str], data_dir: Path, work: Path, timeout: float = 60, number: int = signal.SIGKILL, server: str = ""
) -> Ran:
    """Run `ingest` or `search`, whatever store the user's own environment names.

    Args:
        line: The command with its arguments.
        data_dir: Its DATA_DIR.
        work: A folder for what the process writes.
        timeout: Seconds after which a signal is sent.
        number: Of the signal.
        server: Its QDRANT_URL; by default collections are in files.
    """
    out, err = work / "stdout", work / "stderr"
    err.unlink(missing_ok=True)
    process = _PROCESSES.Process(target=_command, args=(line, data_dir, server, out, err))
    process.start()
    while process.is_alive() and not err.exists():  # a signal is for the command, not for what starts it
        process.join(0.001)
    process.join(timeout)
    if process.is_alive() and process.pid:
        os.kill(process.pid, number)
        process.join()
    assert process.exitcode is not None
    return Ran(process.exitcode, *(path.read_text("utf-8", "backslashreplace") for path in (out, err)))


def must(line: list[str], data_dir: Path, work: Path, timeout: float = 60, server: str = "") -> str:
    """Run a command, and return its output; exit with its error if it fails."""
    ran = run_command(line, data_dir, work, timeout, server=server)
    if ran.code:
        sys.exit(f"{' '.join(line)} ended with {ran.code}: {ran.err}")
    return ran.out


def result_of(function: Callable[..., T], *values: object, seconds: int = 60) -> T:
    """Return what a function of a module returns in a separate process, or raise what it raises.

    Raises:
        BrokenProcessPool: A signal ended the process, as it does after so many `seconds`.
    """
    with ProcessPoolExecutor(1, _PROCESSES, initializer=signal.alarm, initargs=(seconds,)) as pool:
        return pool.submit(function, *values).result()


def peak_megabytes(process: int | str = "self") -> int:
    """Return the most memory that a process has had, mapped files included.

    Not `ru_maxrss`, which begins with that of the process that started this one.
    """
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def _command(line: list[str], data_dir: Path, server: str, out: Path, err: Path) -> None:
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ |= {"DATA_DIR": str(data_dir), "QDRANT_URL": server, "PUBLIC_URL": ""}
    sys.argv = line
    importlib.import_module(f"{line[0]}.cli").main(prog_name=line[0])
