"""The comparison from end to end, on drawn judged sets in both forms, and its report."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import ir_measures
import numpy as np
import pytest
from drawn_judgements import ColourNetwork, build, build_flickr8k
from letter_encoder import LetterEncoder
from pandas import read_csv
from scipy import stats

from baseline.emit import system_name
from baseline.training import KINDS
from eval.compare import MEAN, TEXTS, Comparison, compare, per_query_table
from eval.encoders import Towers
from eval.fitting import calibrate_encoder
from eval.report import render, write_report
from gallery.judged.splits import split
from gallery.judged.trec import read_run
from gallery.judged.vectors import picture_vectors
from gallery.settings import Settings

SYSTEMS = {"two towers (tfidf)", "early fusion, network (tfidf)", "early fusion, ridge (tfidf)"}
SYSTEMS |= {"early fusion, linear (tfidf)", "random order"}
LETTERS = Towers(LetterEncoder(), LetterEncoder())
Found = tuple[Comparison, Path]


def found_in(
    folder: Path,
    form: Callable[[Path, int, int], Path],
    encoder: Towers | None,
    *,
    texts: Sequence[str],
    seeds: Sequence[int],
) -> Found:
    (folder / "judged").mkdir()
    network: Any = ColourNetwork()
    data, out = form(folder / "judged", 50, 12), folder / "runs"
    out.mkdir()
    (out / "old.run").write_text("of an earlier comparison")
    found = compare(data, Settings(folder / "data"), network, encoder, out, lambda _: None, texts=texts, seeds=seeds)
    assert not (out / "old.run").exists()
    return found, folder


@pytest.fixture(scope="module")
def practicum(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return found_in(tmp_path_factory.mktemp("practicum"), build, None, texts=TEXTS, seeds=[0])


@pytest.fixture(scope="module")
def flickr8k(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return found_in(tmp_path_factory.mktemp("flickr8k"), build_flickr8k, LETTERS, texts=["tfidf"], seeds=[0, 1])


def test_flickr8ks_form_runs_from_end_to_end_and_nothing_judged_is_learned(flickr8k: Found, tmp_path: Path) -> None:
    found, folder = flickr8k
    assert found.judged_unseen
    assert {system.name for system in found.systems} == SYSTEMS | {"letters"}
    trainings = {system.name: len(system.runs) for system in found.systems}
    assert (trainings["two towers (tfidf)"], trainings["early fusion, ridge (tfidf)"]) == (2, 1)
    assert {figures.name for figures in found.pairs} == SYSTEMS - {"random order"} | {MEAN, "letters"}
    assert {figures.pairs for figures in found.pairs} == {2 * len(found.data.matches)}
    seen = [path.read_text() for path in (folder / "runs").rglob("*.seen")]
    assert len(seen) == 20
    assert not any(line.startswith("te") for text in seen for line in text.splitlines()), "so the judged are called"
    assert found.judging
    assert found.judging.expert
    assert found.judging.crowd
    assert -1 <= found.judging.crowd.value <= 1
    report = write_report(found, tmp_path, "report", {key: key for key in MADE}).read_text()
    assert "are those that people judged" in report
    assert "## Can it tell that nothing matches?" in report
    assert "**It cannot.**" in report
    assert "letters" in json.loads((tmp_path / "report.json").read_text())["encoder"]["name"]
    said: list[str] = []
    fitted = calibrate_encoder(LETTERS, folder / "judged", Settings(folder / "data"), said.append)
    assert fitted.fitted.calibration.pairs == len(found.data.judged.judgements)


def test_the_table_is_what_ir_measures_finds_in_the_written_files(practicum: Found) -> None:
    found, folder = practicum
    names = {"Success@1": ir_measures.Success @ 1, "RR": ir_measures.RR, "nDCG": ir_measures.nDCG}
    qrels = list(ir_measures.read_trec_qrels(str(folder / "runs" / "qrels")))  # type: ignore[no-untyped-call]
    for system in found.systems:
        paths = [p for p in (folder / "runs" / "queries").glob("*.run") if read_run(p).name == system.name]
        runs = [list(ir_measures.read_trec_run(str(path))) for path in paths]  # type: ignore[no-untyped-call]
        assert len(runs) == len(system.runs)
        for name, measure in names.items():
            theirs = [ir_measures.calc_aggregate([measure], qrels, run)[measure] for run in runs]
            assert system.measures[name].value == pytest.approx(np.mean(theirs)), (system.name, name)


def test_figures_of_pairs_are_what_scipy_finds_in_the_written_files(practicum: Found) -> None:
    found, folder = practicum
    scores: list[float] = []
    given: list[int] = []
    errors: list[float] = []
    run = read_run(folder / "runs" / "held-out" / "early-fusion-ridge-(tfidf).0.run")
    known = {(topic, a.document): a.score for topic, answers in run.answers.items() for a in answers}
    judged = read_csv(folder / "runs" / "held-out" / "judged.tsv", sep="\t")
    for topic, image, probability, *grades in judged.itertuples(index=False):
        if (score := known.get((unquote(topic), unquote(image)))) is None:
            continue
        errors.append(np.clip(score, 0, 1) - probability)
        if image != unquote(topic).partition("#")[0]:
            scores += [score] * 3
            given += grades
    assert len(errors) == len(split(found.data.judged, found.data.matches, "held-out", 0).judged)
    figures = next(figures for figures in found.pairs if figures.name == "early fusion, ridge (tfidf)")
    assert figures.tau
    assert figures.tau.value == pytest.approx(stats.kendalltau(scores, given, variant="c").statistic)
    assert figures.errors["RMSE"].value == pytest.approx(np.sqrt(np.mean(np.square(errors))), abs=1e-6)
    assert next(figures for figures in found.pairs if figures.name == MEAN).tau is None


def test_linear_early_fusion_says_the_same_to_everything_and_two_towers_do_not(practicum: Found) -> None:
    by_name = {system.name: system for system in practicum[0].systems}
    assert set(by_name) == {system_name(kind, text) for kind in KINDS for text in TEXTS} | {"random order"}
    for text in TEXTS:
        assert by_name[system_name("ridge", text)].collapse.distinct == 1
        assert by_name[system_name("linear", text)].collapse.distinct == 1
        assert by_name[system_name("two-tower", text)].collapse.distinct > 3


def test_an_encoders_figures_are_those_of_its_vectors(flickr8k: Found, tmp_path: Path) -> None:
    found, _ = flickr8k
    judged, encoder = found.data.judged, LetterEncoder()
    photos = picture_vectors(encoder, "letters", judged.paths(judged.gallery), tmp_path)
    scores = encoder.encode_texts([query.text for query in judged.queries]) @ photos.T
    system = next(system for system in found.systems if system.name == "letters")
    (run,) = system.runs
    for topic, row in zip(found.topics, scores, strict=True):
        assert [a.score for a in run.answers[topic.id]] == pytest.approx(sorted(row, reverse=True), abs=1e-5)
    assert found.judging
    own = [judged.gallery.index(query.image) for query in judged.queries]
    assert found.judging.right == pytest.approx(np.mean(scores.argmax(axis=1) == own))


MADE = ("command", "commit", "date", "machine", "versions")


def test_the_report_has_every_system_in_every_form(practicum: Found, tmp_path: Path) -> None:
    found, _ = practicum
    report = write_report(found, tmp_path, "baseline", {key: f"the {key} <b>" for key in MADE}).read_text()
    page = (tmp_path / "baseline.html").read_text()
    facts = json.loads((tmp_path / "baseline.json").read_text())
    for system in found.systems:
        assert re.search(rf"^\| {re.escape(system.name)} \| {len(system.runs)} \|", report, re.MULTILINE)
        assert f"<td>{system.name}</td>" in page
        assert facts["systems"][system.name]["measures"]["RR"]["value"] == system.measures["RR"].value
    assert "the command &lt;b&gt;" in page
    assert page.count("<h1>") == 1
    parts = split(found.data.judged, found.data.matches)
    learned = [len(parts.captions), len(parts.pairs), sum(pair.image == pair.caption.image for pair in parts.pairs)]
    assert list(facts["data"].values())[2:] == learned
    assert all(
        f" {count} " in next(line for line in report.splitlines() if "own" in line and "loss" in line)
        for count in learned
    )
    assert "<strong>" in page
    assert not re.search(r"\n{4,}", report)
    assert all(f"the {key} <b>" in report for key in MADE)
    for file in re.findall(r"\]\((baseline-\w+\.png)\)", report):
        assert (tmp_path / file).stat().st_size > 1000
    values = per_query_table(found)
    assert len(values) == len(found.topics) * len(found.systems)
    best = values.xs(found.systems[0].name, level="system")
    assert best["RR"].mean() == pytest.approx(found.systems[0].measures["RR"].value)


def test_what_goes_into_a_table_or_a_page_is_escaped(flickr8k: Found, tmp_path: Path) -> None:
    found, _ = flickr8k
    odd = replace(found, systems=[replace(system, name=f"{system.name} a|b") for system in found.systems])
    report = write_report(odd, tmp_path, "report", {key: key for key in MADE}).read_text()
    assert len(re.findall(r"^\| [^|]* a\\\|b \|", report, re.MULTILINE)) == 3 * len(odd.systems)
    assert "against two towers (tfidf) a\\|b |" in report
    assert "&lt;i&gt;" in render("report.html", title="<i>", body="")
