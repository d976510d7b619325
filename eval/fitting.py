"""Calibrating an encoder on pairs that a user judged, and choosing the rule of `search --strict`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.calibrate import Fitted, calibrate
from eval.encoders import Towers
from eval.nothing import LEAST_QUERIES, MOST_QUERIES, Questions, Told, choose_rule
from gallery.errors import BadInput
from gallery.judged.dataset import read_judged, read_probabilities
from gallery.judged.judgements import match_probabilities
from gallery.judged.vectors import Remembered, pair_cosines, picture_vectors
from gallery.printable import counted
from gallery.records import Match
from gallery.settings import Settings
from search.unrelated import unrelated_texts

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration, and the rule of `--strict` if enough texts have a photo of their own."""

    fitted: Fitted
    told: Told | None
    matching: float

    def rows(self) -> list[tuple[str, str]]:
        """Return the figures as readable lines."""
        fitted = self.fitted
        rows = [
            ("kind", fitted.calibration.kind),
            ("pairs", str(fitted.calibration.pairs)),
            ("matching", f"{self.matching:.4f}"),
            *((f"brier of {kind}", str(brier)) for kind, brier in fitted.brier.items()),
            ("brier of the mean", f"{self.matching * (1 - self.matching):.3f}"),
            ("pairs judged out of fold", str(fitted.pairs)),
        ]
        if told := self.told:
            rows += [
                ("strict rule", told.rule),
                ("strict threshold", f"{told.threshold:.4f}"),
                ("strict auroc", str(told.auroc)),
                ("strict kept", str(told.kept)),
                ("strict false answers", str(told.false_answers)),
                ("strict queries", f"{told.queries} of {counted(told.photos, 'photo')}"),
                ("strict separates", "yes" if told.separates else "no"),
            ]
        return rows


def read_matches(path: Path) -> tuple[list[Match], Path]:
    """Read judged pairs and the folder of their images: a judged set, or a CSV file beside the images.

    Raises:
        BadInput: It is neither, or it has no pairs.
    """
    if path.is_dir():
        judged = read_judged(path)
        matches, folder = match_probabilities(judged.judgements, crowd_alone=True)[0], judged.images
    else:
        matches, folder = read_probabilities(path), path.parent
    for match in matches:
        if not (folder / match.image).is_file():
            raise BadInput(f"{path}: {match.image} is not there; name images by their path from the file's folder")
    if not matches:
        raise BadInput(f"{path} has no judged pair; give pictures, texts and how probable it is that they match")
    return matches, folder


def calibrate_encoder(
    encoder: Towers, path: Path, settings: Settings, tell: Tell, least_queries: int = LEAST_QUERIES
) -> Calibrated:
    """Fit a calibration to judged pairs, and choose how `search --strict` tells that nothing matches.

    Args:
        encoder: The encoder to calibrate.
        path: The judged pairs; see `read_matches`.
        settings: Says where vectors are cached.
        tell: Called with progress messages.
        least_queries: How many texts with a photo of their own are needed to choose a rule.
    """
    matches, folder = read_matches(path)
    names = sorted({match.image for match in matches})
    pairs, of_photos = counted(len(matches), "judged pair"), counted(len(names), "photo")
    tell(f"{pairs} of {of_photos}; encoder {encoder.texts.spec.encoder}")
    paths, space = [folder / name for name in names], encoder.pictures.spec.space
    vectors = picture_vectors(encoder.pictures, space, paths, settings.features_folder(), tell)
    photos = dict(zip(names, vectors, strict=True))
    texts = Remembered(encoder.texts.encode_texts)
    of_pairs = np.stack([photos[match.image] for match in matches])
    scores = pair_cosines(texts([match.caption.text for match in matches]), of_pairs)
    fitted = calibrate(scores, matches, source=path.resolve().name)
    told = _strict_rule(matches, names, vectors, texts, tell, least_queries)
    if told:
        rule = told.stored(path.resolve().name)
        fitted = replace(fitted, calibration=replace(fitted.calibration, strict=rule))
    return Calibrated(fitted, told, float(np.mean([match.probability >= 0.5 for match in matches])))


def _strict_rule(
    matches: Sequence[Match], names: Sequence[str], photos: np.ndarray, texts: Remembered, tell: Tell, least: int
) -> Told | None:
    place = {name: row for row, name in enumerate(names)}
    queries = sorted({(m.caption.text, place[m.caption.image]) for m in matches if m.caption.image in place})
    if len(queries) < least:
        tell(f"Texts with a photo of their own: {len(queries)}, fewer than {least}; no rule for --strict was chosen.")
        return None
    own = np.array([row for _, row in queries])
    asked = Questions(texts([text for text, _ in queries]), photos, own, texts(unrelated_texts()))
    told, _ = choose_rule(asked.drawn(MOST_QUERIES, 0))
    if not told.separates:
        said = "No rule tells whether the right photo is there"
        tell(f"{said}: the AUROC is {told.auroc}, and chance is 0.5. The calibration says so.")
    return told
