import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from gallery.encoder import load_encoder

import baseline.cli
import baseline.ranker
from baseline.compare import compare
from baseline.features import ImageVectors, RememberedBert
from baseline.figures import ranks_of_own, retrieval_figures
from baseline.published import verdict
from baseline.report import CHOSEN_ONCE, write_report
from baseline.scoring import score_model
from baseline.training import prepare, train
from baseline.two_tower import TowerChoices, train_heads
from gallery.errors import BadInput, EncoderError
from gallery.judged.projection import project
from gallery.judged.text_vectors import BertVectors


def silent(line: str) -> None:
    assert line


def test_image_vectors_are_kept_by_content(tmp_path: Path, judged: Path, network: Any) -> None:  # noqa: ANN401
    paths = sorted((judged / "train_images").iterdir())
    first = ImageVectors(network, tmp_path / "kept").of(paths)
    assert network.pictures == len(paths)
    moved = [path.rename(path.with_name(f"x{path.name}")) for path in paths]
    np.testing.assert_array_equal(ImageVectors(network, tmp_path / "kept").of(moved[::-1]), first[::-1])
    assert network.pictures == len(paths)


def test_everything_is_compared_and_reported(tmp_path: Path, judged: Path, network: Any) -> None:  # noqa: ANN401
    data = prepare(judged, network, tmp_path / "kept", silent)
    (found,) = compare(data, silent, texts=["tfidf"])
    by_model = {run["model"]: run for run in found.retrieval if run["seed"] == 0}
    assert by_model["linear"]["distinct_rankings"] == by_model["ridge"]["distinct_rankings"] == 1
    assert by_model["linear"]["matrix_rank"] <= 2
    towers = [run["success@1"] for run in found.retrieval if run["model"] == "two-tower"]
    assert len(towers) == 5
    assert np.mean(towers) > 3 * by_model["ridge"]["success@1"]
    write_report(found, tmp_path / "out", "make baseline", network.fingerprint, "0123abc", (2.0, 1.0))
    saved = json.loads((tmp_path / "out" / "baseline.json").read_text())
    assert (saved["counts"]["queries"], saved["commit"]) == (12, "0123abc")
    assert saved["retrieval"] == found.retrieval
    report = (tmp_path / "out" / "baseline.md").read_text()
    assert f"| tfidf | two-tower | 5 | {np.mean(towers):.3f}" in report
    errors = [run["mae"] for run in found.predictions if (run["split"], run["model"]) == ("held-out", "ridge")]
    assert f"{np.mean(errors):.3f} ± {np.std(errors, ddof=1):.3f}" in report
    ours, theirs = report.index("| ours | as above | tfidf | mlp |"), report.index("| danlikendy | ResNet50 | TF-IDF |")
    assert CHOSEN_ONCE in report
    assert ours < theirs < report.index("Our best network under this split, on tfidf, has MAE")


def test_a_saved_model_has_the_figures_of_the_comparison(
    tmp_path: Path,
    judged: Path,
    network: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baseline.ranker, "ImageNetwork", lambda *_: network)
    data = prepare(judged, network, tmp_path / "kept", silent)
    (found,) = compare(data, silent, texts=["tfidf"])
    (expected,) = (
        run for run in found.predictions if (run["split"], run["model"], run["seed"]) == ("held-out", "ridge", 3)
    )
    train("ridge", data, tmp_path / "model", text="tfidf", split="held-out", seed=3)
    figures = score_model(tmp_path / "model", judged, tmp_path / "kept", silent)
    assert {name: figures[name] for name in ("rmse", "mae", "r2", "spearman", "kendall")} == pytest.approx(
        {name: expected[name] for name in ("rmse", "mae", "r2", "spearman", "kendall")}
    )
    # Of other data another part is drawn, in which there may be what was learned from.
    grades = judged / "ExpertAnnotations.tsv"
    lines = grades.read_text().splitlines()
    grades.write_text("\n".join(lines[:-40]) + "\n")
    with pytest.raises(BadInput, match="learned from other pairs"):
        score_model(tmp_path / "model", judged, tmp_path / "kept", silent)
    grades.write_text("\n".join(lines[::-1]) + "\n")
    again = score_model(tmp_path / "model", judged, tmp_path / "kept", silent)
    assert again["mae"] == pytest.approx(figures["mae"]), "rows in another order are the same data"


@pytest.mark.parametrize(
    ("mae", "r2", "said"), [(0.18, 0.3, "beats both"), (0.2, 0.3, "not beat MAE:"), (0.2, 0.1, "not beat MAE and R²:")]
)
def test_the_verdict_goes_by_the_figures(mae: float, r2: float, said: str) -> None:
    ridge, mean = {"mae": 0.21, "r2": 0.05}, {"mae": 0.25, "r2": 0.0}
    sentence = verdict("bert", {"mae": mae, "r2": r2}, ridge, mean, {"mae": 0.2, "r2": 0.15})
    assert said in sentence
    assert ("0.250 on our rows" in sentence) == ("not" in said)
    assert sentence.endswith("is 0.150.")


@pytest.mark.parametrize("captions_of_one", [1, 3])
def test_towers_learn_what_belongs_together(captions_of_one: int) -> None:
    draw = np.random.default_rng(0)
    shared = draw.standard_normal((300, 8))
    to_text, to_image = draw.standard_normal((8, 20)), draw.standard_normal((8, 30))
    images = (shared @ to_image).astype(np.float32)
    owners = np.repeat(np.arange(300), captions_of_one)
    texts = (shared[owners] @ to_text + 0.1 * draw.standard_normal((len(owners), 20))).astype(np.float32)
    known = owners < 200
    heads = train_heads(texts[known], images[:200], owners[known].tolist(), TowerChoices(16, 2, 40, 1e-2, dropout=0.1))
    scores = project(texts[~known], "text", heads) @ project(images[200:], "image", heads).T
    assert np.mean(ranks_of_own(scores, (owners[~known] - 200).tolist()) == 0) > 0.8
    assert heads["text.heads"].shape == (2, 16, 20)


def test_towers_need_two_images() -> None:
    with pytest.raises(BadInput, match="at least two images"):
        train_heads(np.ones((2, 3), "f4"), np.ones((1, 3), "f4"), [0, 0])


def test_bert_encodes_a_sentence_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def encode(_: BertVectors, texts: list[str]) -> Any:  # noqa: ANN401
        asked.append(list(texts))
        return np.array([[len(text), 1] for text in texts], "f4").reshape(-1, 2)

    monkeypatch.setattr(BertVectors, "__init__", lambda *_: None)
    monkeypatch.setattr(BertVectors, "encode", encode)
    bert = RememberedBert("any")
    assert bert.encode(["aa", "b", "aa"]).tolist() == [[2, 1], [1, 1], [2, 1]]
    assert bert.encode(["ccc", "b"]).tolist() == [[3, 1], [1, 1]]
    assert bert.encode([]).shape == (0, 2)
    assert asked == [["aa", "b"], ["ccc"], [], []]


def test_figures_by_hand() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.1, 0.2, 0.2]])
    assert ranks_of_own(scores, [0, 2, 2]).tolist() == [0, 2, 1]
    figures = retrieval_figures(scores, [0, 2, 2])
    assert figures["success@1"] == pytest.approx(1 / 3)
    assert figures["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)
    assert (figures["distinct_first"], figures["distinct_rankings"]) == (2, 2)


def test_trained_models_search_and_towers_are_an_encoder(
    tmp_path: Path, make_judged: Callable[[int, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    judged = make_judged(16, 3)
    run = CliRunner().invoke
    models = {"ridge": tmp_path / "data/models/ridge-tfidf-efficientnet-lite2", "two-tower": tmp_path / "two-tower"}
    for kind, model in models.items():
        options = ["--out", str(model)] if kind == "two-tower" else []
        done = run(baseline.cli.main, ["train", kind, str(judged), "--text", "tfidf", *options])
        assert done.exit_code == 0, done.output
        assert done.stdout == f"{model}\n"
        following = f"ingest PHOTOS --encoder {model} " if kind == "two-tower" else f"baseline search {model} "
        assert f"Next: {following}" in done.stderr
        done = run(baseline.cli.main, ["search", str(model), "a red bar", str(judged / "test_images"), "-k", "2"])
        assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["1", "2"], done.output
        done = run(baseline.cli.main, ["score", str(model), str(judged)])
        assert done.stdout.startswith("success@1\t"), done.output
        assert "rmse\t" not in done.stdout, "what was learned from does not judge"
        assert ("predict no match probability" if kind == "two-tower" else "train with --split held-out") in done.stderr
    encoder = load_encoder(str(tmp_path / "two-tower"))
    vectors = encoder.encode_texts(["a red bar", "words never seen"])
    assert vectors.shape == (2, encoder.spec.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.encode_texts([]).shape == (0, encoder.spec.dimension)
    assert load_encoder(str(tmp_path / "two-tower")).spec == encoder.spec
    values = json.loads((tmp_path / "two-tower" / "towers.json").read_text())
    values["image"]["fingerprint"] = "another"
    (tmp_path / "two-tower" / "towers.json").write_text(json.dumps(values))
    with pytest.raises(EncoderError, match="trained on another"):
        load_encoder(str(tmp_path / "two-tower"))


def test_searching_goes_to_the_device_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICE", "cuda:1")
    given: list[Any] = []

    class Noting:
        def __init__(self, *arguments: Any) -> None:  # noqa: ANN401
            given.extend(arguments)

        def search(self, *_: object) -> list[Any]:
            return []

    monkeypatch.setattr(baseline.ranker, "BaselineRanker", Noting)
    done = CliRunner().invoke(baseline.cli.main, ["search", str(tmp_path), "a red bar", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert given[-1] == "cuda:1"


def test_a_split_that_holds_photos_out_trains_on_fewer(tmp_path: Path, judged: Path, network: Any) -> None:  # noqa: ANN401
    data = prepare(judged, network, tmp_path / "kept", silent)
    for split in ("all", "held-out", "leaky"):
        train("ridge", data, tmp_path / split, text="tfidf", split=split)
    counts = {s: json.loads((tmp_path / s / "fusion.json").read_text())["pairs"] for s in ("all", "held-out", "leaky")}
    assert counts["held-out"] < counts["leaky"] < counts["all"]
