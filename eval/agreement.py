"""How well scores agree with people, and predicted probabilities with what happened."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlations of scores with judgements, each between -1 and 1.

    Attributes:
        tau: Kendall's τ of the variant asked for: `c` for grades, `b` for shares.
    """

    tau: float
    variant: str
    spearman: float
    pairs: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of about one size: their mean, the mean of what happened, how many."""

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True, slots=True)
class ProbabilityErrors:
    """Errors of predicted probabilities.

    Attributes:
        rmse: Root of the mean squared error against the target, a share from 0 to 1.
        r2: 1 - squared error / that of the target's mean; 0 is as good as the mean, negative is worse.
        brier: Mean squared error against match or no match: a target of at least 0.5, or less.
        calibration_error: Mean distance of predicted and observed share over bins of equal number, against the same.
    """

    rmse: float
    r2: float
    brier: float
    calibration_error: float
    reliability: tuple[Bin, ...]
    pairs: int


def expert_agreement(scores: ArrayLike, grades: Sequence[Sequence[int]]) -> Agreement:
    """Compare scores with grades as CLIPScore does: every grade of a pair is an item of its own; Kendall's τ-c.

    Args:
        scores: One per pair.
        grades: The grades of each pair, here three. Pairs of a photo with its own caption are to be left out.
    """
    repeated = np.repeat(np.asarray(scores, float), [len(of_pair) for of_pair in grades])
    return _agreement(repeated, np.concatenate([np.asarray(g, float) for g in grades]), "c", len(grades))


def crowd_agreement(scores: ArrayLike, shares: ArrayLike) -> Agreement:
    """Compare scores with the shares of yes as CLIPScore does: Kendall's τ-b, own captions kept."""
    shares = np.asarray(shares, float)
    return _agreement(np.asarray(scores, float), shares, "b", len(shares))


def probability_errors(predicted: ArrayLike, target: ArrayLike, bins: int = 10) -> ProbabilityErrors:
    """Return the errors of probabilities against a target from 0 to 1."""
    p, y = np.asarray(predicted, float), np.asarray(target, float)
    match = (y >= 0.5).astype(float)
    spread = float(((y - y.mean()) ** 2).sum())
    curve = reliability(p, match, bins)
    return ProbabilityErrors(
        rmse=float(np.sqrt(((p - y) ** 2).mean())),
        r2=1 - float(((p - y) ** 2).sum()) / spread if spread else float("nan"),
        brier=float(((p - match) ** 2).mean()),
        calibration_error=sum(abs(b.predicted - b.observed) * b.count for b in curve) / len(p),
        reliability=curve,
        pairs=len(p),
    )


def reliability(predicted: ArrayLike, happened: ArrayLike, bins: int = 10) -> tuple[Bin, ...]:
    """Part predictions into bins of equal number, lowest first; predictions of one size stay together."""
    p, y = np.asarray(predicted, float), np.asarray(happened, float)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    where = np.searchsorted(edges, p, side="right")
    return tuple(
        Bin(float(p[where == b].mean()), float(y[where == b].mean()), int((where == b).sum())) for b in np.unique(where)
    )


def _agreement(scores: Values, judgements: Values, variant: str, pairs: int) -> Agreement:
    tau = stats.kendalltau(scores, judgements, variant=variant).statistic
    return Agreement(float(tau), variant, float(stats.spearmanr(scores, judgements).statistic), pairs)
