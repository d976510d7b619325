"""The actions of the subcommands of `evaluate`. Results go to stdout, messages to `tell`."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from gallery.settings import Settings

if TYPE_CHECKING:
    from eval.encoders import Towers
    from gallery.encoders import Encoder, TextEncoder

Tell = Callable[[str], None]
Rows = Sequence[tuple[str, ...]]


def run_compare(data: Path, encoder_name: str | None, systems: str, out: Path, settings: Settings, tell: Tell) -> None:
    """Compare systems on judged data, write the report, and print its table."""
    from eval.compare import compare, per_query_table
    from eval.report import SUCCESS, write_report
    from eval.systems import TESTED
    from gallery.encoders import choose_encoder, load_encoder
    from gallery.judged.networks import ImageNetwork
    from gallery.revision import made_with

    encoder, texts, name = None, ["bert", "tfidf"], "baseline"
    command = f"make baseline DATA={data.resolve().name}"
    if systems == "all":
        chosen, why = choose_encoder(settings, encoder_name or settings.encoder)
        tell(why)
        encoder, texts, name = _towers(load_encoder(settings, chosen, say=tell), settings), ["bert"], "report"
        command = f"make eval DATA={data.resolve().name} ENCODER={chosen}"
    made = made_with(command)
    network = ImageNetwork("efficientnet-lite2", "", settings.device)
    runs = _hidden(out / "runs") / name
    found = compare(data, settings, network, encoder, runs, tell, texts=texts)
    report = write_report(found, out, name, made)
    per_query_table(found).to_csv(runs / "per-query.tsv", sep="\t", float_format="%.6g")
    measures = (*SUCCESS, TESTED)
    _print([("system", *measures), *((s.name, *(str(s.measures[m]) for m in measures)) for s in found.systems)])
    tell(f"{report}; every query in {runs / 'per-query.tsv'}")


def run_calibrate(
    data: Path,
    name: str | None,
    encoder_name: str | None,
    settings: Settings,
    tell: Tell,
    encoder: "Towers | None" = None,
) -> None:
    """Fit a calibration to judged pairs, store it with the encoder, and print its quality.

    The encoder is `encoder`, or the one named `encoder_name`, or that of the collection `name`.
    """
    from eval.fitting import calibrate_encoder
    from gallery.calibration import save_calibration
    from gallery.encoders import load_encoder
    from gallery.opening import encoder_of_collection
    from gallery.stores import open_store

    if encoder is None and encoder_name:
        encoder = _towers(load_encoder(settings, encoder_name, say=tell), settings)
    elif encoder is None:
        with closing(open_store(settings).open(name)) as collection:
            encoder = _towers(encoder_of_collection(settings, collection, tell), settings)
    found = calibrate_encoder(encoder, data, settings, tell)
    path = save_calibration(settings, encoder.texts.spec, found.fitted.calibration)
    _print([*found.rows(), ("file", str(path))])


def run_collection(
    queries: Path | None,
    name: str | None,
    settings: Settings,
    *,
    run_path: Path | None = None,
    qrels_path: Path | None = None,
    per_query_path: Path | None = None,
    as_json: bool = False,
    text_encoder: "TextEncoder | None" = None,
) -> None:
    """Measure a collection by queries from a file, or else by its own captions, and print the figures."""
    from eval.collection import judge_collection, topics_from_captions, topics_from_file
    from gallery.judged.trec import write_qrels, write_run
    from search.engine import SearchEngine

    with SearchEngine.open(settings, name, text_encoder=text_encoder) as engine:
        if queries:
            topics, qrels = topics_from_file(queries, engine.collection)
        else:
            topics, qrels = topics_from_captions(engine.collection)
        report = judge_collection(engine, topics, qrels)
    if run_path:
        write_run(report.run, run_path)
    if qrels_path:
        write_qrels(qrels, qrels_path)
    if per_query_path:
        report.queries.to_csv(per_query_path, sep="\t", float_format="%.6g")
    if as_json:
        sys.stdout.write(json.dumps(report.facts(), indent=2, ensure_ascii=False) + "\n")
    else:
        _print(report.rows())


def run_compare_encoders(
    names: Sequence[str], queries: Path | None, name: str | None, settings: Settings, *, as_json: bool, tell: Tell
) -> None:
    """Measure two encoders on a sample of a collection, by queries from a file, or else by its captions."""
    from eval.collection import topics_from_captions, topics_from_file
    from eval.two_encoders import compare_encoders, sample_of
    from gallery.encoders import load_encoder
    from gallery.errors import BadInput
    from gallery.stores import open_store

    with closing(open_store(settings).open(name)) as collection:
        topics, qrels = topics_from_file(queries, collection) if queries else topics_from_captions(collection)
        encoders = [load_encoder(settings, each, say=tell) for each in names]
        if len({encoder.spec for encoder in encoders}) == 1:
            raise BadInput(f"{' and '.join(names)} are one encoder; give two")
        towers = ((given, _towers(encoder, settings)) for given, encoder in zip(names, encoders, strict=True))
        contest = compare_encoders(collection, sample_of(collection, topics, qrels), towers, tell)
    if as_json:
        sys.stdout.write(json.dumps(contest.facts(), indent=2, ensure_ascii=False) + "\n")
    else:
        _print(contest.rows())


def run_files(paths: Sequence[Path], qrels_path: Path, *, as_json: bool, tell: Tell) -> None:
    """Measure runs from files, and print the figures: a table of one run, or a line for each of several."""
    from eval.files import judge_files
    from eval.measures import MEASURES
    from eval.systems import TESTED

    systems = judge_files(paths, qrels_path, tell)
    if as_json:
        sys.stdout.write(json.dumps([{"run": s.name, **s.facts()} for s in systems], indent=2) + "\n")
    elif len(systems) == 1:
        (system,) = systems
        queries = len(system.values)
        rows = [("run", system.name), ("queries", str(queries))]
        rows += [(measure, str(found)) for measure, found in system.measures.items()]
        hubs = system.collapse
        rows += [("distinct first answers", f"{hubs.distinct:.0f} of {queries}")]
        _print([*rows, ("share of the most frequent", f"{hubs.most_frequent:.3f}")])
    else:
        head = ("run", *MEASURES, f"p of {TESTED} against the first")
        _print([head, *((s.name, *map(str, s.measures.values()), str(s.p_value or "")) for s in systems)])


def _towers(encoder: "Encoder", settings: Settings) -> "Towers":
    from eval.encoders import Towers
    from gallery.encoders import choose_device

    return Towers(encoder.texts(), encoder.pictures(choose_device(settings.device)))


def _hidden(path: Path) -> Path:
    """Make a folder that git ignores, because it holds names and sentences from the data."""
    path.mkdir(parents=True, exist_ok=True)
    (path / ".gitignore").write_text("*\n")
    return path


def _print(rows: Rows) -> None:
    """Print rows side by side on a terminal, tab-separated into a pipe."""
    width = max(len(row[0]) for row in rows)
    for name, *values in rows:
        line = "  ".join([f"{name:{width}}", *values]) if sys.stdout.isatty() else "\t".join([name, *values])
        sys.stdout.write(line + "\n")
