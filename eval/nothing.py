"""How well a number tells that a collection has no answer: every query is asked with its own photo, and without it.

The rule of `search --strict` and its threshold are chosen here, on photos that are not those that they are measured on.
As a rule has to hold in collections of any size, it is chosen over collections of several sizes, drawn of the photos.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from gallery.calibration import StrictRule
from gallery.vectors import Vectors
from search.strict import STANDING
from search.unrelated import background

KEPT = 0.95
SHARES = (1.0, 0.3, 0.1)
"""Of the photos, what the collections have that a rule is chosen on; of each size as many as make all photos."""
RULES = ("standing", "cosine", "probability")
"""What `search` can do. Of rules of one AUROC, to two digits, the first is chosen, which goes by the collection."""
SEPARATES = 0.6
"""An AUROC below which nobody should speak of telling apart."""
LEAST_QUERIES = 100
MOST_QUERIES = 2000
"""Of more, so many are drawn: their cosines with Flickr8k's 7000 photos take 110 MB, those of all 30 000 took 2 GB."""
Values = NDArray[np.float64]
Numbers = Mapping[str, tuple[Values, Values]]


@dataclass(frozen=True, slots=True)
class Told:
    """How well one number tells queries with an answer from those without.

    Attributes:
        rule: One of `RULES`, or `pictures`: the standing of each picture's score among those that it has with
            unrelated texts.
        auroc: Chance that a query with an answer gets a higher number than one without; 0.5 is chance.
        threshold: The number below which a collection is said to have no answer, as chosen elsewhere.
        kept: Share of the queries with an answer that reach the threshold.
        false_answers: Share of the queries without an answer that reach it, too.
    """

    rule: str
    auroc: float
    threshold: float
    kept: float
    false_answers: float
    queries: int


def tell_apart(rule: str, present: ArrayLike, absent: ArrayLike, threshold: float | None = None) -> Told:
    """Measure a number that queries get with their own photo in the collection, and without it.

    Without a `threshold`, it is the highest that keeps 95 % of those with an answer.
    """
    kept, gone = np.asarray(present, float), np.asarray(absent, float)
    if threshold is None:
        threshold = float(np.sort(kept)[int(np.floor((1 - KEPT) * len(kept)))])
    return Told(
        rule,
        auroc(kept, gone),
        threshold,
        float((kept >= threshold).mean()),
        float((gone >= threshold).mean()),
        len(kept),
    )


def auroc(positives: Values, negatives: Values) -> float:
    """Return the area under the ROC curve, ties counted half."""
    ranks = stats.rankdata(np.concatenate([positives, negatives]))
    n, m = len(positives), len(negatives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


@dataclass(frozen=True, slots=True)
class Choice:
    """The rule of `search --strict`, and what it was chosen from.

    Attributes:
        told: Every rule, with the highest threshold that keeps 95 % of the queries with an answer.
        by_default: The rule that `search --strict` goes by where none was chosen, in the collection of all photos.
        rule: The chosen one of `RULES`.
        photos: Of which the collections were drawn.
    """

    told: Mapping[str, Told]
    by_default: Told
    rule: str
    photos: int

    def stored(self) -> StrictRule:
        """Return it as `search` takes it."""
        values = asdict(self.told[self.rule])
        return StrictRule(**values)


def choose_rule(
    texts: Vectors,
    photos: Vectors,
    own: Sequence[int],
    unrelated: Vectors,
    probability: Callable[[float], float],
    seed: int = 0,
) -> Choice:
    """Choose the rule that tells best whether the own photo is there, and its threshold.

    Args:
        texts: Vectors of the queries, shape `(queries, dimension)`; of more than `MOST_QUERIES` so many are drawn.
        photos: Vectors of the photos, shape `(photos, dimension)`.
        own: The row of each query's own photo.
        unrelated: Vectors of the unrelated texts.
        probability: A calibration.
        seed: Of the draws.
    """
    asked = _drawn(len(texts), seed)
    of_asked, scores, by_chance = np.asarray(own)[asked], cosines(texts[asked], photos), cosines(unrelated, photos)
    drawn: dict[str, list[tuple[Values, Values]]] = {}
    for rows, columns, places in _collections(of_asked, len(photos), seed):
        found = numbers_for(scores[np.ix_(rows, columns)], places.tolist(), by_chance[:, columns], probability)
        for rule, numbers in found.items():
            drawn.setdefault(rule, []).append(numbers)
    told = {
        rule: tell_apart(rule, np.concatenate([a for a, _ in parts]), np.concatenate([b for _, b in parts]))
        for rule, parts in drawn.items()
    }
    of_all = numbers_for(scores, of_asked.tolist(), by_chance, probability)["standing"]
    best = max(RULES, key=lambda rule: round(told[rule].auroc, 2))
    return Choice(told, tell_apart("standing", *of_all, STANDING), best, len(photos))


def cosines(texts: Vectors, photos: Vectors) -> Values:
    """Return the cosine of every text and photo, shape `(texts, photos)`."""
    return (texts @ photos.T).astype(np.float64)


def _drawn(queries: int, seed: int) -> NDArray[np.int64]:
    """Return the rows of the queries that are asked, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(queries)[:MOST_QUERIES])


def _collections(
    own: NDArray[np.int64], photos: int, seed: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Yield collections: rows of the queries whose photo is in it, columns of the photos, and where the photos are."""
    chance = np.random.default_rng(seed)
    for share in SHARES:
        size = max(2, round(share * photos))
        for _ in range(round(1 / share)):
            columns = np.sort(chance.permutation(photos)[:size])
            rows = np.flatnonzero(np.isin(own, columns))
            if len(rows):
                yield rows, columns, np.searchsorted(columns, own[rows])


def numbers_for(
    scores: Values, own: Sequence[int], unrelated: Values, probability: Callable[[float], float]
) -> Numbers:
    """Return, per rule, the numbers of queries with their own photo in the collection, and without it.

    Args:
        scores: Of every query and photo, shape `(queries, photos)`.
        own: The column of each query's own photo.
        unrelated: The scores of unrelated texts, shape `(texts, photos)`.
        probability: A calibration.
    """
    mean, spread = unrelated.mean(axis=0), np.maximum(unrelated.std(axis=0), 1e-6)
    best, best_without = _with_and_without(scores.copy(), own)
    by_chance = background(unrelated.max(axis=1).tolist())
    return {
        "cosine": (best, best_without),
        "probability": (_each(probability, best), _each(probability, best_without)),
        "standing": (_each(by_chance.standing, best), _each(by_chance.standing, best_without)),
        "pictures": _with_and_without((scores - mean) / spread, own),
    }


def _with_and_without(scores: Values, own: Sequence[int]) -> tuple[Values, Values]:
    """Return each query's best score, and its best without its own photo; takes that out of `scores`."""
    best = scores.max(axis=1)
    scores[np.arange(len(scores)), own] = -np.inf
    return best, scores.max(axis=1)


def _each(function: Callable[[float], float], values: Values) -> Values:
    return np.array([function(float(value)) for value in values])
