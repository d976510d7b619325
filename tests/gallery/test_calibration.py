"""Calibrations are used as scikit-learn's models are, and kept with their encoder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from gallery.calibration import Calibration, StrictRule, calibration_path, load_calibration, save_calibration
from gallery.errors import BadInput
from gallery.settings import Settings
from gallery.spec import Spec

SPEC = Spec(encoder="letters", dimension=26, space="letters 1", text="letters 1")
STRICT = StrictRule("standing", 1.5, auroc=0.8, kept=0.95, false_answers=0.4, queries=900)


def test_knots_and_numbers_give_what_scikit_learn_predicts() -> None:
    chance = np.random.default_rng(0)
    scores = chance.random(300)
    happened = chance.random(300) < scores
    grid = np.linspace(-0.5, 1.5, 50)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(scores, happened)
    ours = Calibration("isotonic", tuple(isotonic.X_thresholds_), tuple(isotonic.y_thresholds_))
    assert [ours.probability(x) for x in grid] == pytest.approx(isotonic.predict(grid))
    logistic = LogisticRegression(C=1e6).fit(scores[:, None], happened)
    ours = Calibration("logistic", (float(logistic.intercept_[0]), float(logistic.coef_[0, 0])))
    assert [ours.probability(x) for x in grid] == pytest.approx(logistic.predict_proba(grid[:, None])[:, 1])
    assert Calibration("logistic", (0.0, 1.0)).probability(-1e9) == pytest.approx(0)


@pytest.mark.parametrize(
    "calibration",
    [Calibration("logistic", (-2.0, 8.0)), Calibration("isotonic", (0.1, 0.2, 0.3, 0.6), (0.0, 0.4, 0.4, 0.9))],
)
def test_the_least_score_of_a_probability(calibration: Calibration) -> None:
    for probability in (0.2, 0.4, 0.85):
        least = calibration.least_score(probability)
        assert calibration.probability(least) >= probability
        assert calibration.probability(least - 1e-6) < probability
    assert calibration.least_score(0.0) == pytest.approx(-1)
    assert calibration.least_score(0.9999) == 2


def test_it_is_kept_with_the_encoder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert load_calibration(settings, SPEC) is None
    ours = Calibration("isotonic", (0.1, 0.3), (0.0, 1.0), pairs=7, brier=0.05, source="judged photos")
    path = save_calibration(settings, SPEC, ours)
    assert path == tmp_path / "encoders" / SPEC.fingerprint / "calibration.json"
    assert load_calibration(settings, SPEC) == ours
    save_calibration(settings, SPEC, replace(ours, strict=STRICT))
    kept = load_calibration(settings, SPEC)
    assert kept
    assert kept.strict == STRICT
    assert [child.name for child in path.parent.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"kind": "isotonic", "scores": [2, 1], "probabilities": [0, 1], "pairs": 1, "brier": 0, "source": ""}',
        '{"kind": "isotonic", "scores": [], "probabilities": [], "pairs": 1, "brier": 0, "source": ""}',
        '{"kind": "isotonic", "scores": [0, 1], "probabilities": [0, 7], "pairs": 1, "brier": 0, "source": ""}',
        '{"kind": "logistic", "scores": [0, NaN], "probabilities": [], "pairs": 1, "brier": 0, "source": ""}',
        '{"kind": "other", "scores": [0, 1], "probabilities": [], "pairs": 1, "brier": 0, "source": ""}',
        Calibration("logistic", (0.0, 1.0), strict=replace(STRICT, rule="mood")).to_json(),
        Calibration("logistic", (0.0, 1.0), strict=replace(STRICT, threshold=float("nan"))).to_json(),
        Calibration("logistic", (0.0, 1.0), strict=STRICT).to_json().replace("auroc", "area"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    settings = Settings(data_dir=tmp_path)
    path = calibration_path(settings, SPEC)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(BadInput, match="evaluate calibrate"):
        load_calibration(settings, SPEC)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "encoders").write_text("a file")
    with pytest.raises(BadInput, match="DATA_DIR"):
        save_calibration(Settings(data_dir=tmp_path), SPEC, Calibration("logistic", (0.0, 1.0)))
