"""The report's plots. Figures only: no picture of the data is drawn."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pandas import DataFrame

from eval.systems import System

# Okabe and Ito's colours, which people with any colour vision can distinguish; lines also differ in dashes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")


def success_plot(systems: Sequence[System], path: Path) -> None:
    """Draw success@k over k for every system."""
    figure, axes = _figure("first k pictures looked at", "queries with the right picture")
    for number, system in enumerate(systems):
        steps = np.arange(1, len(system.curve) + 1)
        colour, dashes = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        axes.plot(steps, system.curve, label=system.name, linewidth=2, color=colour, linestyle=dashes)
    axes.set_xscale("log")
    axes.set_ylim(0, 1)
    ticks = [k for k in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if k <= len(systems[0].curve)]
    axes.set_xticks(ticks, [str(k) for k in ticks])
    axes.minorticks_off()
    figure.legend(loc="outside lower center", ncols=2, frameon=False)  # inside it would lie on a curve
    _save(figure, path)


def reliability_plot(bins: DataFrame, path: Path) -> None:
    """Draw observed shares against predicted probabilities, see `eval.calibrate.reliability`; equal on the diagonal."""
    figure, axes = _figure("predicted match probability", "share that people called a match")
    top = 1.05 * float(bins[["predicted", "observed"]].to_numpy().max())
    axes.plot([0, top], [0, top], color="#999999", linewidth=1)
    axes.plot(bins["predicted"], bins["observed"], "o-", color=COLOURS[0])
    for predicted, observed, pairs in bins.itertuples(index=False):
        axes.annotate(f"{pairs}", (predicted, observed), (4, -10), textcoords="offset points", fontsize=7)
    _save(figure, path)


def scores_plot(own: NDArray[np.float64], other: NDArray[np.float64], path: Path) -> None:
    """Draw the distributions of the cosines of matching and of other pairs."""
    figure, axes = _figure("cosine", "density")
    edges = np.linspace(min(own.min(), other.min()), max(own.max(), other.max()), 50).tolist()
    axes.hist(other, edges, density=True, alpha=0.6, color=COLOURS[4], label=f"other pairs ({len(other)})")
    axes.hist(own, edges, density=True, alpha=0.6, color=COLOURS[0], label=f"matching pairs ({len(own)})")
    axes.legend(frameon=False)
    _save(figure, path)


def _figure(across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#dddddd", linewidth=0.5)
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Software": None})
