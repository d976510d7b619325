"""Writes results/scale.md, .json and .png from the figures of `benchmarks.scale`."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.results import RESULTS, machine

COSTS = {
    "points/s written": "build",
    "MB of memory to build, peak": "build",
    "seconds to optimise": "optimise",
    "CPU seconds to optimise": "optimise",
    "points in the graph": "optimise",
    "segments": "optimise",
    "MB of memory to optimise, peak": "optimise",
    "MB on disk": "measure",
    "MB on disk, apparent": "measure",
    "seconds to open": "measure",
    "seconds to open and answer once, from the disk": "measure",
    "MB of memory to open, anonymous": "measure",
    "MB of memory to ask, peak": "measure",
    "MB of memory to ask, anonymous": "measure",
    "numpy, ms": "truth",
    "seconds of an ingest of 250 more": "later",
    "of these, copying the generation": "later",
    "of these, finishing and publishing": "later",
}
KINDS = ("plain", "filter 10 %", "filter 0.1 %")
SHOWN = ("full vectors", "no rescoring", "rescored of 4 x", "rescored of 4 x, ef 256", "rescored of 4 x, ef 512")


def write_report(folder: Path) -> None:
    """Write the figures of all runs below `folder`, runs of the same size next to each other."""
    runs = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("*/figures.json")}
    names = sorted(runs, key=lambda name: (int(name.split("-")[0]), name))
    command = "python -m benchmarks.scale --points N --quantisation none|int8|turbo4"
    lines = [
        "# From 10 000 to 1 000 000 pictures, embedded",
        "",
        f"{machine('scale')['machine']}. `{command}`, 512 floats a vector,",
        "drawn (benchmarks/drawn_vectors.py); 200 queries, the ten nearest with their payload. Times are p50 and p99",
        "in ms; recall is against brute force by numpy. The machine was shared; the load is in the last rows.",
        "",
        _row(["cost", *names]),
        _row(["---"] * (1 + len(names))),
    ]
    for figure, stage in COSTS.items():
        lines.append(_row([figure, *(_value(runs[name].get(stage, {}).get(figure)) for name in names)]))
    for stage in ("build", "optimise", "measure", "later"):
        key = f"load while it ran ({stage})"
        lines.append(_row([f"load: {stage}", *(_value(runs[name].get(stage, {}).get(key)) for name in names)]))
    for name in names:
        answers = {key: value for key, value in runs[name].get("measure", {}).items() if isinstance(value, dict)}
        ways = list(dict.fromkeys(key.split(", ", 1)[1] for key in answers))
        if ways:
            lines += ["", f"## {name}", "", _row(["way", *KINDS]), _row(["---"] * 4)]
            lines += [_row([way, *(_answer(answers.get(f"{kind}, {way}")) for kind in KINDS)]) for way in ways]
    notes = folder / "notes.md"
    lines += ["", "![Growth](scale.png)", "", notes.read_text().strip() if notes.exists() else ""]
    (RESULTS / "scale.md").write_text("\n".join(lines).rstrip() + "\n")
    (RESULTS / "scale.json").write_text(json.dumps({name: runs[name] for name in names}, indent=1) + "\n")
    _plot(runs)


def _plot(runs: dict[str, Any]) -> None:
    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, (times, recalls) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for way in ("default", *SHOWN):
        for quantisation, style in (("none", "--"), ("turbo4", "-")):
            points = [
                (int(name.split("-")[0]), run["measure"][f"plain, {way}"])
                for name, run in runs.items()
                if name.endswith(quantisation) and f"plain, {way}" in run.get("measure", {})
            ]
            points.sort(key=lambda point: point[0])
            if len(points) > 1 and (way != "default" or quantisation == "none"):
                label = f"{quantisation}: {way}"
                sizes = [size for size, _ in points]
                times.plot(sizes, [answer["ms"][0] for _, answer in points], style, marker="o", label=label)
                recalls.plot(sizes, [answer["recall@10"] for _, answer in points], style, marker="o", label=label)
    for name, run in runs.items():
        if name.endswith("unindexed") and (answer := run["measure"].get("plain, rescored of 4 x")):
            label = "turbo4: no graph, rescored of 4 x"
            times.plot([int(name.split("-")[0])], [answer["ms"][0]], "kx", label=label)
            recalls.plot([int(name.split("-")[0])], [answer["recall@10"]], "kx", label=label)
    floor = {int(name.split("-")[0]): run["truth"]["numpy, ms"][0] for name, run in runs.items() if "truth" in run}
    times.plot(sorted(floor), [floor[size] for size in sorted(floor)], ":", color="grey", label="numpy, all vectors")
    times.set(xscale="log", yscale="log", xlabel="pictures", ylabel="p50 of a search, ms")
    recalls.set(xscale="log", xlabel="pictures", ylabel="recall@10")
    times.legend(fontsize=7)
    figure.savefig(RESULTS / "scale.png", dpi=110)
    plt.close(figure)


def _answer(answer: dict[str, Any] | None) -> str:
    return f"{answer['ms'][0]} / {answer['ms'][1]}, {answer['recall@10']:.4f}" if answer else ""


def _value(value: object) -> str:
    if value is None:
        return "not run"
    return " / ".join(map(str, value)) if isinstance(value, list) else str(value)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
