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
    """Predictions of about one size: their mean, the mean of what happened, how many, their share of all weight."""

    predicted: float
    observed: float
    count: int
    weight: float


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


def probability_errors(
    predicted: ArrayLike, target: ArrayLike, bins: int = 10, weights: ArrayLike | None = None
) -> ProbabilityErrors:
    """Return the errors of probabilities against a target from 0 to 1; `weights` say how much each pair counts."""
    p, y = np.asarray(predicted, float), np.asarray(target, float)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, float)
    match = (y >= 0.5).astype(float)
    squared = float(np.average((p - y) ** 2, weights=w))
    spread = float(np.average((y - np.average(y, weights=w)) ** 2, weights=w))
    curve = reliability(p, match, bins, w)
    return ProbabilityErrors(
        rmse=squared**0.5,
        r2=1 - squared / spread if spread else float("nan"),
        brier=float(np.average((p - match) ** 2, weights=w)),
        calibration_error=sum(abs(b.predicted - b.observed) * b.weight for b in curve),
        reliability=curve,
        pairs=len(p),
    )


def reliability(
    predicted: ArrayLike, happened: ArrayLike, bins: int = 10, weights: ArrayLike | None = None
) -> tuple[Bin, ...]:
    """Part predictions into bins of equal number, lowest first; predictions of one size stay together."""
    p, y = np.asarray(predicted, float), np.asarray(happened, float)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, float)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    where = np.searchsorted(edges, p, side="right")
    return tuple(
        Bin(
            float(np.average(p[here], weights=w[here])),
            float(np.average(y[here], weights=w[here])),
            int(here.sum()),
            float(w[here].sum() / w.sum()),
        )
        for here in (where == number for number in np.unique(where))
    )


def _agreement(scores: Values, judgements: Values, variant: str, pairs: int) -> Agreement:
    tau = stats.kendalltau(scores, judgements, variant=variant).statistic
    return Agreement(float(tau), variant, float(stats.spearmanr(scores, judgements).statistic), pairs)
