"""What an encoder's cosines are worth beyond retrieval: agreement with people, match probability, "nothing matches"."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gallery.encoder import Encoder, Vectors
from numpy.typing import ArrayLike, NDArray

from eval.agreement import Agreement, crowd_agreement, expert_agreement
from eval.calibrate import Fitted, calibrate
from eval.data import EVERYBODY
from eval.nothing import Choice, Told, choose_rule, cosines, numbers_for, tell_apart
from eval.photos import Photos
from eval.runs import Topic
from gallery.judged.dataset import JudgedSet
from gallery.judged.judgements import match_probabilities
from search.strict import STANDING
from search.unrelated import unrelated_texts

CLIPSCORE_PREFIX = "A photo depicts "
RESAMPLES = 200
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sure:
    """A correlation with people and its 95 % bootstrap interval over photos."""

    agreement: Agreement
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Judging:
    """What was found on the judged training photos, and once on the unseen ones.

    Attributes:
        calibrated_on_unseen: Mean predicted probability, and share of matches, of the first answers to the queries.
        nothing: Per rule on the training photos, where thresholds were chosen, then on the unseen ones with these.
        default: The same for the rule that `search --strict` goes by where none was chosen.
        choice: The rule that was chosen on the training photos.
        own, other: Cosines of the unseen photos with their own queries and with those of other photos.
    """

    expert: Sure
    crowd: Sure
    fitted: Fitted
    calibrated_on_unseen: tuple[float, float]
    nothing: Sequence[tuple[Told, Told]]
    default: tuple[Told, Told]
    choice: Choice
    own: Values
    other: Values


def judge_encoder(
    encoder: Encoder, judged: JudgedSet, trained_on: Photos, unseen: Photos, topics: Sequence[Topic]
) -> Judging:
    """Judge an encoder that was not trained on the judged photos."""
    words = encoder.encode_texts([caption.text for caption in judged.captions])
    photo_row = {name: row for row, name in enumerate(trained_on.names)}
    fitted = _calibration(judged, words, trained_on, photo_row)
    probability = fitted.calibration.probability
    own = [photo_row[caption.image] for caption in judged.captions]
    unrelated = encoder.encode_texts(unrelated_texts())
    choice = choose_rule(words, trained_on.vectors, own, unrelated, probability)
    new_scores = cosines(encoder.encode_texts([topic.text for topic in topics]), unseen.vectors)
    new_own = [unseen.names.index(topic.photo) for topic in topics]
    after = numbers_for(new_scores, new_own, cosines(unrelated, unseen.vectors), probability)
    nothing = [(told, tell_apart(rule, *after[rule], told.threshold)) for rule, told in choice.told.items()]
    default = (choice.by_default, tell_apart("standing", *after["standing"], STANDING))
    is_own = np.zeros(new_scores.shape, bool)
    is_own[np.arange(len(topics)), new_own] = True
    first = new_scores.argmax(axis=1)
    expert, crowd = _agreements(encoder, judged, trained_on, photo_row)
    return Judging(
        expert=expert,
        crowd=crowd,
        fitted=fitted,
        calibrated_on_unseen=(
            float(np.mean([probability(score) for score in new_scores.max(axis=1)])),
            float((first == new_own).mean()),
        ),
        nothing=nothing,
        default=default,
        choice=choice,
        own=new_scores[is_own],
        other=new_scores[~is_own],
    )


def _calibration(judged: JudgedSet, words: Vectors, photos: Photos, photo_row: dict[str, int]) -> Fitted:
    text_row = {caption: row for row, caption in enumerate(judged.captions)}
    matches, _ = match_probabilities(judged.judgements, EVERYBODY)
    texts, images = [text_row[match.caption] for match in matches], [photo_row[match.image] for match in matches]
    return calibrate(_of_pairs(words, texts, photos, images), matches, source=judged.images.parent.name)


def _agreements(encoder: Encoder, judged: JudgedSet, photos: Photos, photo_row: dict[str, int]) -> tuple[Sure, Sure]:
    """Follow CLIPScore: no own captions among the experts' pairs; CLIP reads the text after its prefix."""
    prefix = CLIPSCORE_PREFIX if "clip" in encoder.spec.space else ""
    words = encoder.encode_texts([prefix + caption.text for caption in judged.captions])
    text_row = {caption: row for row, caption in enumerate(judged.captions)}
    graded = [pair for pair in judged.judgements if pair.grades and pair.image != pair.caption.image]
    voted = [pair for pair in judged.judgements if pair.yes + pair.no]
    found = []
    for pairs in (graded, voted):
        images = np.array([photo_row[pair.image] for pair in pairs])
        of_pairs = _of_pairs(words, [text_row[pair.caption] for pair in pairs], photos, images)
        if pairs is graded:
            found.append(_sure(of_pairs, np.array([pair.grades for pair in pairs]), images))
        else:
            found.append(_sure(of_pairs, np.array([pair.yes / (pair.yes + pair.no) for pair in pairs]), images))
    return found[0], found[1]


def _of_pairs(words: Vectors, texts: ArrayLike, photos: Photos, images: ArrayLike) -> Values:
    """Return the cosine of every pair of rows, and of no others: those of all in Flickr8k take 2 GB."""
    one, two = words[np.asarray(texts, int)], photos.vectors[np.asarray(images, int)]
    of_pairs: Values = np.einsum("ij,ij->i", one, two).astype(np.float64)
    return of_pairs


def _sure(scores: Values, judgements: Values, images: NDArray[np.int64], seed: int = 0) -> Sure:
    def measure(rows: NDArray[np.int64]) -> Agreement:
        chosen = judgements[rows]
        return (
            expert_agreement(scores[rows], chosen.tolist())
            if chosen.ndim == 2
            else crowd_agreement(scores[rows], chosen)
        )

    chance = np.random.default_rng(seed)
    of_image = [np.flatnonzero(images == image) for image in np.unique(images)]
    taus = [
        measure(np.concatenate([of_image[n] for n in chance.integers(0, len(of_image), len(of_image))])).tau
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(taus, [0.025, 0.975])
    return Sure(measure(np.arange(len(scores))), float(low), float(high))
