"""Runs and qrels of any system: the same figures as trec_eval's."""

import json
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from click.testing import CliRunner

from eval.cli import main
from eval.measures import MEASURES


def write(folder: Path, seed: int, name: str, skill: float) -> tuple[Path, Path]:
    """Write a run over 20 topics and 50 documents, with ties and graded qrels; the last topic has no answer."""
    chance = np.random.default_rng(seed)
    relevant = np.random.default_rng(99).integers(-1, 3, (20, 50)) * (np.random.default_rng(98).random((20, 50)) < 0.1)
    qrels = [f"q{t} 0 d{d} {relevant[t, d]}" for t in range(20) for d in range(50) if d < 5 or relevant[t, d]]
    scores = np.round(skill * relevant + chance.normal(size=(20, 50)), 1)
    lines = [f"q{t}\tQ0\td{d}\t1\t{scores[t, d]}\t{name}" for t in range(19) for d in chance.permutation(50)]
    (folder / f"{seed}.run").write_text("\n".join([*lines, f"unknown Q0 d1 1 0.5 {name}"]) + "\n")
    (folder / "qrels").write_text("\n".join(qrels) + "\n")
    return folder / f"{seed}.run", folder / "qrels"


def test_figures_are_those_of_trec_eval(tmp_path: Path) -> None:
    run, qrels = write(tmp_path, 1, "theirs", 0.6)
    done = CliRunner().invoke(main, ["run", str(run), str(qrels)], catch_exceptions=False)
    assert done.exit_code == 0
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    measures = {name: ir_measures.parse_measure(name) for name in MEASURES}
    expected = ir_measures.pytrec_eval.calc_aggregate(
        measures.values(),
        list(ir_measures.read_trec_qrels(str(qrels))),  # type: ignore[no-untyped-call]
        [doc for doc in ir_measures.read_trec_run(str(run)) if doc.query_id != "unknown"],  # type: ignore[no-untyped-call]
    )
    for name, measure in measures.items():
        assert float(lines[name].split()[0]) == pytest.approx(expected[measure], abs=5e-4), name
    assert (lines["run"], lines["queries"]) == ("theirs", "20")
    assert done.stderr.splitlines() == [
        f"{run}: 1 topics are not in {qrels}, and are left out.",
        f"{run}: 1 of 20 topics have no answer, and count 0.",
    ]


def test_several_runs_are_tested_against_the_best(tmp_path: Path) -> None:
    paths = [write(tmp_path, seed, "theirs", skill)[0] for seed, skill in ((1, 0.1), (2, 3.0), (3, 0.1))]
    asked = [*map(str, paths), str(tmp_path / "qrels")]
    done = CliRunner().invoke(main, ["run", *asked], catch_exceptions=False)
    lines = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert list(lines)[2:-3] == list(MEASURES)
    assert lines["run"].split("\t")[0] == str(paths[1]), "of one name all, they go by their files"
    best, *others = lines["p of RR against the first"].split("\t")
    assert best == ""
    assert [float(p.split()[-1]) < 0.01 for p in others] == [True, True]
    values = json.loads(CliRunner().invoke(main, ["run", *asked, "--json"]).stdout)
    assert [f"{v['measures']['AP']['value']:.3f}" for v in values] == [
        figure.split()[0] for figure in lines["AP"].split("\t")
    ]


def test_files_that_do_not_fit_are_told(tmp_path: Path) -> None:
    run, qrels = write(tmp_path, 1, "theirs", 1)
    (tmp_path / "empty").write_text("")
    (tmp_path / "other").write_text("x 0 d1 1\n")
    for path, said in (("empty", "has no line"), ("other", "give the qrels of the same queries")):
        done = CliRunner().invoke(main, ["run", str(run), str(tmp_path / path)])
        assert (done.exit_code, done.stdout) == (1, "")
        assert said in done.stderr
    assert "4 columns; the format has 6" in CliRunner().invoke(main, ["run", str(qrels), str(qrels)]).stderr
    assert CliRunner().invoke(main, ["run", str(run)]).exit_code == 2
