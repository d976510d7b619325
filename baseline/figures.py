"""Figures for predictions and for rankings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def prediction_figures(predicted: Floats, target: Floats) -> dict[str, float]:
    """Return errors and rank correlations of unclipped predictions, shape `(n,)` each.

    R² is against the mean of `target`. The correlations are 0 where one side never changes.
    """
    from scipy.stats import kendalltau, spearmanr

    error = predicted - target
    constant = np.ptp(predicted) == 0 or np.ptp(target) == 0
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "r2": float(1 - np.sum(error**2) / np.sum((target - target.mean()) ** 2)) if np.ptp(target) else 0.0,
        "spearman": 0.0 if constant else float(spearmanr(predicted, target).statistic),
        "kendall": 0.0 if constant else float(kendalltau(predicted, target).statistic),
    }


def ranks_of_own(scores: Floats, own: Sequence[int]) -> NDArray[np.int64]:
    """Return at which place, from 0, every query's own image comes; of equal scores the earlier column is first.

    Args:
        scores: Shape `(queries, images)`.
        own: For every query the column of its image.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.asarray(np.argmax(order == np.asarray(own)[:, None], axis=1), np.int64)


def retrieval_figures(scores: Floats, own: Sequence[int]) -> dict[str, float]:
    """Return how often a query's own image is among the first, and how alike the queries' rankings are.

    `rankings_alike` is the mean Spearman correlation between the rankings of two queries: 1 where all are the same.
    """
    ranks = ranks_of_own(scores, own)
    order = np.argsort(-scores, axis=1, kind="stable")
    places = np.argsort(order, axis=1).astype(np.float64)
    n = len(scores)
    alike = (np.corrcoef(places).sum() - n) / (n * (n - 1)) if n > 1 and scores.shape[1] > 1 else 1.0
    return {
        "success@1": float(np.mean(ranks < 1)),
        "success@5": float(np.mean(ranks < 5)),
        "success@10": float(np.mean(ranks < 10)),
        "mrr": float(np.mean(1 / (ranks + 1))),
        "distinct_first": float(len(set(order[:, 0].tolist()))),
        "distinct_rankings": float(len(np.unique(order, axis=0))),
        "rankings_alike": float(alike),
    }


def interval_over_photos(values: Floats, photos: Sequence[str], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean of `values`, drawing photos, as one photo's captions are alike."""
    names, group = np.unique(photos, return_inverse=True)
    sums, counts = np.bincount(group, weights=values), np.bincount(group)
    drawn = np.random.default_rng(seed).integers(len(names), size=(9999, len(names)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)
