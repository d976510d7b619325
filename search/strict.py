"""Nothing rather than noise: the least score of a hit that is an answer.

Every collection has a best answer to every text. Where `evaluate calibrate` chose a rule on judged photos, that is
gone by. Else it is the stated default: `search.unrelated` has 200 texts that few collections can answer; what stands no
higher than they do is left out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from gallery.calibration import Calibration
from gallery.encoders import TextEncoder
from gallery.settings import Settings
from gallery.stores.collection import ImageCollection
from search.unrelated import Background, measure_background

STANDING = 2.0
"""Standard deviations above the mean of the best scores of unrelated texts that a hit must reach, by default."""


def strict_score(
    texts: TextEncoder,
    collection: ImageCollection,
    settings: Settings | None = None,
    calibration: Calibration | None = None,
) -> float:
    """Return the least cosine of a hit that is no noise.

    What the unrelated texts score is measured once for each generation of the collection, on a server for each number
    of pictures, and kept with the encoder.

    Args:
        texts: Encodes the unrelated texts.
        collection: Where they are asked.
        settings: Where the measurement is kept; without them it is not.
        calibration: The encoder's, which may have a rule.
    """
    chosen = calibration.strict if calibration else None
    if calibration and chosen and chosen.rule == "probability":
        return calibration.least_score(chosen.threshold)
    if chosen and chosen.rule == "cosine":
        return chosen.threshold
    found = _background(texts, collection, settings)
    standing = chosen.threshold if chosen else STANDING
    return found.mean + standing * found.deviation if found else -1.0


def _background(texts: TextEncoder, collection: ImageCollection, settings: Settings | None) -> Background | None:
    folder = settings.encoder_folder(texts.spec.fingerprint) if settings else None
    path = folder / f"unrelated-{collection.name}.json" if folder else None
    of = {"generation": collection.generation, "pictures": collection.count()}
    return _kept(path, of) or _measured(path, of, lambda: measure_background(texts, collection))


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
            return found  # a folder that cannot be written to costs the next search its measuring, no more
    return found
