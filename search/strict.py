"""The minimum score for a hit to count as an answer, if a rule for it was measured.

Every collection has a best picture for every text, and with most encoders the score does not show whether it is a good
one. Then nothing is left out and no note is shown. Only a rule that `evaluate calibrate` chose on judged photos counts,
and only if it separated answers from the rest there.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from gallery.calibration import Calibration
from gallery.encoders import TextEncoder
from gallery.settings import Settings
from gallery.stores import ImageCollection
from search.unrelated import Background, measure_background

STANDING = 2.0
"""Standard deviations above the unrelated texts: a rule of thumb, with which `evaluate` compares measured rules."""


def least_score(
    texts: TextEncoder,
    collection: ImageCollection,
    settings: Settings | None = None,
    calibration: Calibration | None = None,
    *,
    measure: bool = True,
) -> float | None:
    """Return the minimum cosine for a hit to count as an answer to a single text; None without a rule.

    A rule may depend on how unrelated texts score in the collection. That is measured once for each generation, on a
    server for each number of pictures, and kept with the encoder.

    Args:
        texts: Encodes the unrelated texts.
        collection: Is searched for them.
        settings: Where the measurement is kept; without them it is not.
        calibration: The encoder's, which may have a rule.
        measure: Whether to measure if that was not done yet; otherwise None is returned.
    """
    rule = calibration.strict if calibration else None
    if calibration is None or rule is None or not rule.separates:
        return None
    if rule.rule == "probability":
        return calibration.least_score(rule.threshold)
    if rule.rule == "cosine":
        return rule.threshold
    found = _background(texts, collection, settings, measure=measure)
    return found.mean + rule.threshold * found.deviation if found else None


def _background(
    texts: TextEncoder, collection: ImageCollection, settings: Settings | None, *, measure: bool
) -> Background | None:
    folder = settings.encoder_folder(texts.spec.fingerprint) if settings else None
    path = folder / f"unrelated-{collection.name}.json" if folder else None
    of = {"generation": collection.generation, "pictures": collection.count()}
    kept = _kept(path, of)
    return kept or (_measured(path, of, lambda: measure_background(texts, collection)) if measure else None)


def _kept(path: Path | None, of: Mapping[str, object]) -> Background | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8")) if path else None
        if values and {key: values[key] for key in of} == of:
            return Background(float(values["mean"]), float(values["deviation"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is measured again
    return None


def _measured(
    path: Path | None, of: Mapping[str, object], measure: Callable[[], Background | None]
) -> Background | None:
    found = measure()
    if path and found:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({**asdict(found), **of}) + "\n", encoding="utf-8")
        except OSError:
            return found  # if the folder cannot be written to, the next search just measures again
    return found
