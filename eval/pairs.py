"""Compares scores of judged pairs with people: their order with grades, their values with match probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau

from eval.measures import Estimate, Values, estimates
from gallery.errors import BadInput
from gallery.judged.splits import photo_of
from gallery.judged.trec import Run
from gallery.records import Judgement, Match

RESAMPLES = 999
ERRORS = ("RMSE", "MAE", "R²", "Brier score")
Grades = Mapping[tuple[str, str], Sequence[int]]
"""Image and id of a sentence -> the experts' grades."""


@dataclass(frozen=True, slots=True)
class PairFigures:
    """One system's figures on judged pairs.

    Attributes:
        errors: The errors of predicted match probabilities, by name, see `ERRORS`; empty if the system predicts none.
        tau: Kendall's τ-c with the experts' grades, without own captions, as in CLIPScore; None if the system gives all
            pairs the same score.
    """

    name: str
    pairs: int
    photos: int
    errors: Mapping[str, Estimate]
    tau: Estimate | None


def scores_of(run: Run, matches: Sequence[Match]) -> Values:
    """Return the score that a run gives to each pair, shape `(n,)`.

    Raises:
        BadInput: A pair is missing from the run.
    """
    known = {(topic, answer.document): answer.score for topic, of in run.answers.items() for answer in of}
    try:
        return np.array([known[match.caption.id, match.image] for match in matches])
    except KeyError as error:
        raise BadInput(f"the run {run.name} has no score of the pair {error}; write it again") from error


def judge_pairs(
    name: str, scores: Values, matches: Sequence[Match], grades: Grades, *, predicts: bool, ranks: bool = True
) -> PairFigures:
    """Judge the scores of pairs.

    Args:
        name: The system.
        scores: One per pair; predictions are clipped to 0…1.
        matches: The pairs.
        grades: The experts' grades.
        predicts: Whether the scores are predicted match probabilities.
        ranks: Whether the scores differ from pair to pair.
    """
    photos = pair_photos(matches)
    target = np.array([match.probability for match in matches])
    errors = probability_errors(scores.clip(0, 1), target, photos) if predicts else {}
    distinct = len({photo for pair in photos for photo in pair})
    return PairFigures(name, len(matches), distinct, errors, expert_tau(scores, matches, grades) if ranks else None)


def probability_errors(
    predicted: Values, target: Values, photos: Sequence[tuple[str, str]], given: Values | None = None
) -> dict[str, Estimate]:
    """Return the errors of probabilities against a target from 0 to 1, by name, see `ERRORS`.

    The Brier score compares with match or no match: a target of at least a half, or below.

    Args:
        predicted: Shape `(n,)`, 0 to 1.
        target: Shape `(n,)`, 0 to 1.
        photos: The two photos of each pair.
        given: The weight of each pair; equal by default.
    """
    error, match = predicted - target, target >= 0.5
    columns = np.stack([error**2, np.abs(error), (predicted - match) ** 2, target, target**2], axis=1)
    base = np.ones(len(target)) if given is None else given

    def errors(weights: Values) -> list[float]:
        squared, absolute, brier, mean, square = np.average(columns, axis=0, weights=weights * base)
        return [squared**0.5, absolute, 1 - squared / max(square - mean**2, 1e-12), brier]

    return dict(zip(ERRORS, estimates(errors, photos, resamples=RESAMPLES), strict=True))


def expert_tau(scores: Values, matches: Sequence[Match], grades: Grades) -> Estimate | None:
    """Compare scores with grades as CLIPScore does: by τ-c, without own captions, each grade a separate item."""
    rows = [row for row, m in enumerate(matches) if m.image != m.caption.image and grades.get((m.image, m.caption.id))]
    if not rows:
        return None
    graded = [matches[row] for row in rows]
    given = np.array([grades[match.image, match.caption.id] for match in graded], float)
    return tau(scores[rows], given, pair_photos(graded), "c")


def expert_grades(judgements: Sequence[Judgement]) -> Grades:
    """Return the grades by pair."""
    return {(judged.image, judged.caption.id): judged.grades for judged in judgements if judged.grades}


def tau(scores: Values, judgements: Values, photos: Sequence[tuple[str, str]], variant: str) -> Estimate:
    """Return Kendall's τ of scores with judgements, shape `(n,)` or `(n, judges)`."""
    columns = judgements.reshape(len(scores), -1)

    def measure(weights: Values) -> float:
        times = weights.astype(int)
        repeated = np.repeat(columns, times, axis=0)
        items = np.repeat(scores, times * columns.shape[1])
        return float(kendalltau(items, repeated.ravel(), variant=variant).statistic)

    return estimates(measure, photos, resamples=RESAMPLES)[0]


def pair_photos(matches: Sequence[Match]) -> list[tuple[str, str]]:
    """Return the two photos of each pair: its image, and the photo of its sentence."""
    return [(match.image, photo_of(match)) for match in matches]
