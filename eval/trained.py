"""The systems that learn from judged data: trained here, to be compared, and judged on photos that they did not see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gallery.encoder import Encoder
from numpy.typing import NDArray

from baseline.ranker import BaselineRanker
from baseline.training import Data, prepare, split_matches, train
from eval.agreement import Agreement, ProbabilityErrors, expert_agreement, probability_errors
from eval.calibrate import calibrate, fit
from eval.photos import Photos
from gallery.judged.networks import ImageNetwork
from gallery.records import Match
from gallery.settings import Settings

NETWORK = "efficientnet-lite2"
TEXT = "bert"
MODELS = {"two towers": "two-tower", "MLP": "mlp", "ridge": "ridge", "linear": "linear"}
SAYS = {
    "two towers": "two projection heads on frozen vectors, trained contrastively on captions with their own photos",
    "MLP": "early fusion: text and image vector side by side; a network predicts the match probability",
    "ridge": "early fusion with ridge regression",
    "linear": "early fusion with linear regression",
}
Tell = Callable[[str], None]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Held:
    """What a system is worth on judged pairs that it was not fitted to.

    Attributes:
        errors: Of its probabilities; None where it predicts none.
        experts: Kendall's τ-c with the experts' grades, without own captions, as CLIPScore has it.
    """

    name: str
    errors: ProbabilityErrors | None
    experts: Agreement


class Trainer:
    """Trains the models of `baseline` on one judged set."""

    def __init__(self, data: Path, settings: Settings, folder: Path, tell: Tell) -> None:
        """Make or fetch the image vectors.

        Args:
            data: The folder of the judged set.
            settings: Where vectors are kept.
            folder: Where trained models go.
            tell: Called with what is done.
        """
        self._settings = settings
        self._folder = folder
        self._tell = tell
        self._cache = settings.features_folder()
        self.data: Data = prepare(data, ImageNetwork(NETWORK, "", settings.device), self._cache, tell)

    def retrievers(self) -> list[BaselineRanker]:
        """Train every model on all judged pairs, and return it as a searcher of the photos to be found."""
        judged = self.data.judged
        return [self._trained(name, "all", [judged.query_images / file for file in judged.gallery]) for name in MODELS]

    def held_out(self, encoder_name: str, encoder: Encoder, photos: Photos, seed: int = 0) -> list[Held]:
        """Judge the mean, the encoder and every model, each fitted to the same pairs, on pairs of other photos."""
        train_part, held = split_matches(self.data.matches, "held-out", seed)
        target = np.array([match.probability for match in held])
        mean = float(np.mean([match.probability for match in train_part]))
        cosines = [encoder_scores(encoder, photos, part) for part in (train_part, held)]
        kind = calibrate(cosines[0], train_part).calibration.kind
        fitted = fit(kind, cosines[0], np.array([match.probability for match in train_part]))
        probabilities = [fitted.probability(score) for score in cosines[1]]
        found = [
            Held(
                "the mean of the others", probability_errors(np.full(len(held), mean), target), Agreement(0, "c", 0, 0)
            ),
            Held(
                f"{encoder_name}, calibrated",
                probability_errors(probabilities, target),
                self._experts(held, cosines[1]),
            ),
        ]
        names = sorted({match.image for match in held})
        for name, model in MODELS.items():
            ranker = self._trained(name, "held-out", [self.data.judged.images / file for file in names], seed)
            scores = _of_pairs(ranker, names, held)
            errors = None if model == "two-tower" else probability_errors(scores.clip(0, 1), target)
            found.append(Held(name, errors, self._experts(held, scores)))
        return found

    def _trained(self, name: str, split: str, images: Sequence[Path], seed: int = 0) -> BaselineRanker:
        self._tell(f"training {name} ({split})")
        folder = self._folder / f"{MODELS[name]}-{split}"
        train(MODELS[name], self.data, folder, text=TEXT, split=split, seed=seed)
        return BaselineRanker(name, folder, images, self._cache, self._settings.device)

    def _experts(self, matches: Sequence[Match], scores: Values) -> Agreement:
        grades: Mapping[tuple[str, str], tuple[int, ...]] = {
            (judgement.image, judgement.caption.id): judgement.grades for judgement in self.data.judged.judgements
        }
        rows = [row for row, match in enumerate(matches) if match.image != match.caption.image]
        of_pairs = [grades[matches[row].image, matches[row].caption.id] for row in rows]
        graded = [(row, given) for row, given in zip(rows, of_pairs, strict=True) if given]
        return expert_agreement(scores[[row for row, _ in graded]], [given for _, given in graded])


def encoder_scores(encoder: Encoder, photos: Photos, matches: Sequence[Match]) -> Values:
    """Return the cosine of every pair."""
    texts = sorted({match.caption.text for match in matches})
    words = dict(zip(texts, encoder.encode_texts(texts), strict=True))
    images = dict(zip(photos.names, photos.vectors, strict=True))
    return np.array([float(images[match.image] @ words[match.caption.text]) for match in matches])


def _of_pairs(ranker: BaselineRanker, names: Sequence[str], matches: Sequence[Match]) -> Values:
    texts = sorted({match.caption.text for match in matches})
    row = {text: number for number, text in enumerate(texts)}
    column = {name: number for number, name in enumerate(names)}
    scores = ranker.scores(texts)
    return np.array([float(scores[row[match.caption.text], column[match.image]]) for match in matches])
