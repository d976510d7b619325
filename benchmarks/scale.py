"""What a collection of many pictures costs, from drawn unit vectors.

    python -m benchmarks.scale --points N [--quantisation none|int8|turbo4] [--folder DIR]

Each stage runs in a separate process and stores its figures in DIR/N-QUANTISATION/figures.json, so that an interrupted
run continues where it stopped. Then everything in DIR goes to results/scale.md, .json and .png.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click

STAGES = ("build", "truth", "optimise", "measure", "later")


@click.command()
@click.option("--points", required=True, type=click.IntRange(1000))
@click.option("--quantisation", default="none", type=click.Choice(["none", "int8", "turbo4"]))
@click.option("--folder", default="build/scale", type=click.Path(file_okay=False, path_type=Path), show_default=True)
@click.option("--stage", type=click.Choice(STAGES), help="Run this stage alone, in this process.")
@click.option("--report/--no-report", default=True, help="Write results/scale.* from all that the folder holds.")
def main(points: int, quantisation: str, folder: Path, stage: str | None, report: bool) -> None:
    """Run the remaining stages, and write the report."""
    here = folder / f"{points}-{quantisation}"
    here.mkdir(parents=True, exist_ok=True)
    if stage:
        _run(stage, here, points, quantisation)
        return
    for each in STAGES:
        if each not in _figures(here):
            command = [sys.executable, "-m", "benchmarks.scale", "--points", str(points), "--folder", str(folder)]
            subprocess.run([*command, "--quantisation", quantisation, "--stage", each], check=True)
    if report:
        from benchmarks.scale_report import write_report

        write_report(folder)


def _run(stage: str, here: Path, points: int, quantisation: str) -> None:
    from benchmarks import scale_stages as stages

    print(f"{time.strftime('%H:%M:%S')} {here.name} {stage}", flush=True)
    work = {
        "build": lambda: stages.build(here, points, quantisation),
        "truth": lambda: stages.truth(here, points),
        "optimise": lambda: stages.optimise(here, quantisation),
        "measure": lambda: stages.measure(here, points, quantisation),
        "later": lambda: stages.later(here),
    }
    before = os.getloadavg()[0]
    figures = work[stage]()
    figures |= {f"load while it ran ({stage})": f"{before:.1f} to {os.getloadavg()[0]:.1f}"}
    (here / "figures.json").write_text(json.dumps(_figures(here) | {stage: figures}, indent=1))
    print(f"{time.strftime('%H:%M:%S')} {here.name} {stage}: {figures}", flush=True)


def _figures(here: Path) -> dict[str, dict[str, object]]:
    path = here / "figures.json"
    figures: dict[str, dict[str, object]] = json.loads(path.read_text()) if path.exists() else {}
    return figures


if __name__ == "__main__":
    main()
