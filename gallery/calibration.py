"""From a score to the probability that text and picture match.

`evaluate calibrate` fits it on judged pairs and keeps it with the encoder; numbers are all that is needed to use it.
The probability holds for pairs like the judged ones; it says how probable it is that people call the text a
description of the picture.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.errors import BadInput
from gallery.settings import Settings
from gallery.spec import Spec

FILE = "calibration.json"
SEPARATES = 0.9
"""The least AUROC of a rule that `search` may use: of ten pairs of queries, one with and one without an answer, it
orders nine correctly."""


@dataclass(frozen=True, slots=True)
class StrictRule:
    """How `search --strict` tells answers from noise, as chosen on judged photos.

    Attributes:
        rule: What is compared with the threshold: the `cosine` of a hit, its match `probability`, or its `standing`
            among the best scores of unrelated texts in the collection.
        threshold: The least value that counts as an answer.
        auroc: How well it told whether a query's own photo was there; 0.5 is chance.
        kept: Share of the queries that had an answer and kept it.
        false_answers: Share of the queries that got an answer although theirs had been taken out.
        queries: How many there were.
        auroc_interval: 95 % bootstrap interval over photos; None in files of earlier versions.
        false_interval: The same for `false_answers`.
        photos: How many photos the queries were written for.
        source: The data that all of this was measured on, in words.
    """

    rule: str
    threshold: float
    auroc: float
    kept: float
    false_answers: float
    queries: int
    auroc_interval: tuple[float, float] | None = None
    false_interval: tuple[float, float] | None = None
    photos: int = 0
    source: str = ""

    @property
    def separates(self) -> bool:
        """Whether it tells queries with an answer from those without: the whole interval of `auroc` is high enough."""
        return (self.auroc_interval[0] if self.auroc_interval else self.auroc) >= SEPARATES

    def check(self) -> None:
        """Validate the rule.

        Raises:
            ValueError: It is invalid.
        """
        numbers = (self.threshold, self.auroc, self.kept, self.false_answers)
        if self.rule not in ("cosine", "probability", "standing") or not np.isfinite(numbers).all():
            raise ValueError("its strict rule is invalid")


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising function from scores to probabilities.

    Attributes:
        kind: `isotonic`: straight lines between knots, level beyond them. `logistic`: 1 / (1 + exp(-(a + b score))).
        scores: The knots' scores, rising; for `logistic`, the two numbers a and b.
        probabilities: The knots' probabilities, 0 to 1; empty for `logistic`.
        pairs: How many judged pairs it was fitted on.
        brier: Its cross-validated Brier score on them.
        source: The data, in words.
        strict: The rule of `search --strict`; None if none was chosen.
    """

    kind: str
    scores: tuple[float, ...]
    probabilities: tuple[float, ...] = ()
    pairs: int = 0
    brier: float | None = None
    source: str = ""
    strict: StrictRule | None = None

    def probability(self, score: float) -> float:
        """Return the probability of a match for a score, 0 to 1."""
        return float(self.probabilities_of(np.array([score]))[0])

    def probabilities_of(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of a match for each score, shape `(n,)`."""
        if self.kind == "isotonic":
            return np.interp(scores, self.scores, self.probabilities)
        intercept, slope = self.scores
        found: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(intercept + slope * scores, -700, 700)))
        return found

    def least_score(self, probability: float) -> float:
        """Return the least score from -1 to 1 that has at least this probability; 2 where none has."""
        low, high = -1.0, 1.0
        if self.probability(high) < probability:
            return 2.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if self.probability(middle) >= probability else (middle, high)
        return high

    def to_json(self) -> str:
        """Return it as one JSON object."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Calibration":
        """Read what `to_json` wrote.

        Raises:
            ValueError: It is something else.
        """
        try:
            values = json.loads(text)
            calibration = cls(
                kind=values["kind"],
                scores=tuple(map(float, values["scores"])),
                probabilities=tuple(map(float, values["probabilities"])),
                pairs=int(values["pairs"]),
                brier=values["brier"],
                source=str(values["source"]),
                strict=_strict_rule(values.get("strict")),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a calibration: {error}") from error
        calibration.check()
        return calibration

    def check(self) -> None:
        """Validate the numbers of a calibration.

        Raises:
            ValueError: They are invalid.
        """
        numbers = (*self.scores, *self.probabilities)
        if self.kind == "isotonic":
            rising = list(self.scores) == sorted(self.scores) and list(self.probabilities) == sorted(self.probabilities)
            fits = 0 < len(self.scores) == len(self.probabilities) and rising
            fits = fits and all(0 <= probability <= 1 for probability in self.probabilities)
        else:
            fits = self.kind == "logistic" and len(self.scores) == 2 and not self.probabilities
        if not fits or not np.isfinite(numbers).all():
            raise ValueError("its numbers are not a calibration")


def _strict_rule(values: Any) -> StrictRule | None:  # noqa: ANN401 - out of a file
    if values is None:
        return None
    rule = StrictRule(
        rule=str(values["rule"]),
        threshold=float(values["threshold"]),
        auroc=float(values["auroc"]),
        kept=float(values["kept"]),
        false_answers=float(values["false_answers"]),
        queries=int(values["queries"]),
        auroc_interval=_interval(values.get("auroc_interval")),
        false_interval=_interval(values.get("false_interval")),
        photos=int(values.get("photos", 0)),
        source=str(values.get("source", "")),
    )
    rule.check()
    return rule


def _interval(values: Any) -> tuple[float, float] | None:  # noqa: ANN401 - out of a file
    if values is None:
        return None
    low, high = values
    return float(low), float(high)


def calibration_path(settings: Settings, spec: Spec) -> Path:
    """Return where the calibration of an encoder is kept."""
    return settings.encoder_folder(spec.fingerprint) / FILE


def save_calibration(settings: Settings, spec: Spec, calibration: Calibration) -> Path:
    """Store a calibration with its encoder, replacing an earlier one, and return its path.

    Raises:
        BadInput: The folder cannot be written to.
    """
    path = calibration_path(settings, spec)
    draft = path.with_suffix(".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(calibration.to_json(), encoding="utf-8")
        draft.replace(path)  # atomically, so that a search never reads half of it
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}); set DATA_DIR to a folder that can") from error
    return path


def calibration_state(settings: Settings, spec: Spec) -> tuple[int, int] | None:
    """Return a mark that differs between any two calibrations of an encoder; None without a calibration.

    Raises:
        BadInput: The file cannot be looked at.
    """
    path = calibration_path(settings, spec)
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    return status.st_mtime_ns, status.st_ino


def load_calibration(settings: Settings, spec: Spec) -> Calibration | None:
    """Return the calibration of an encoder, or None.

    Raises:
        BadInput: The file holds something else.
    """
    path = calibration_path(settings, spec)
    try:
        return Calibration.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be used: {error}; remove it, or run evaluate calibrate again") from error
