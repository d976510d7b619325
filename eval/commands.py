"""What the subcommands of `evaluate` do, apart from their options."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from gallery.encoder import Encoder, Vectors, choose_encoder, load_encoder

from eval.live import LiveReport, judge_collection, topics_from_captions, topics_from_file
from eval.qrels import own_photo, read_wanted, write_qrels
from eval.runs import write_run
from gallery.calibration import Calibration, StrictRule, save_calibration
from gallery.errors import BadInput
from gallery.records import Match
from gallery.revision import commit_of
from gallery.settings import Settings
from gallery.stores.collection import open_collection

Rows = Sequence[tuple[str, str]]


def run_compare(data: Path, encoder_name: str | None, out: Path, tell: Callable[[str], None]) -> None:
    """Compare systems on judged data, write the report, and print its table."""
    from eval.compare import TESTED, compare
    from eval.data import read_judged, topics_of
    from eval.judging import judge_encoder
    from eval.report import SUCCESS, About, write_report
    from eval.sheets import write_sheets
    from eval.systems import display_name, systems_for

    began, commit = time.monotonic(), commit_of()
    settings = Settings.from_environ()
    judged = read_judged(data)
    topics = topics_of(judged)
    qrels = own_photo(topics)
    if not encoder_name:
        encoder_name, why = choose_encoder(settings.encoder)
        tell(why)
    with systems_for(data, judged, encoder_name, settings, tell) as systems:
        rows = compare(systems.retrievers, topics, qrels, len(judged.gallery), tell)
        tell("agreement, calibration, nothing matches")
        judging = judge_encoder(systems.encoder, judged, systems.judged, systems.unseen, topics)
    about = About(
        data=data.resolve().name,
        photos=len(judged.gallery),
        queries=len(topics),
        judged_photos=len(systems.judged.names),
        systems=systems.says,
        encoder=display_name(systems.encoder),
        commit=commit,
        command=f"make eval DATA={data.resolve().name} ENCODER={encoder_name}",
        seconds=time.monotonic() - began,
    )
    report = write_report(rows, judging, about, out, systems.held_out)
    for row in rows:
        write_run(row.run, _folder(out / "runs") / f"{row.name.replace(' ', '-').replace('/', '-')}.run")
    write_qrels(qrels, out / "runs" / "qrels")
    write_sheets(rows, topics, qrels, judged.query_images, out / "sheets")
    lines = [(row.name, "\t".join(str(row.measures[m]) for m in (*SUCCESS, TESTED))) for row in rows]
    sys.stdout.write(_lines([("system", "\t".join((*SUCCESS, TESTED))), *lines]))
    tell(f"{report}; pictures in {out / 'sheets' / 'index.html'}")


def run_calibrate(data: Path, name: str | None, encoder_name: str | None, tell: Callable[[str], None]) -> None:
    """Fit a calibration to judged pairs, keep it with the encoder, and print what it is worth."""
    from eval.calibrate import calibrate
    from eval.data import read_matches
    from eval.photos import encode_photos

    settings = Settings.from_environ()
    if not encoder_name:
        with closing(open_collection(settings, name)) as collection:
            encoder_name = collection.spec.encoder
    matches, folder = read_matches(data)
    if not matches:
        raise BadInput(f"{data} has no judged pair; give pictures, texts and how probable it is that they match")
    encoder = load_encoder(encoder_name, settings.device)
    names = sorted({match.image for match in matches})
    texts = sorted({match.caption.text for match in matches})
    tell(f"{len(matches)} judged pairs of {len(names)} photos and {len(texts)} texts; encoder {encoder_name}")
    images = dict(zip(names, encode_photos(encoder, folder, names, settings, tell).vectors, strict=True))
    words = dict(zip(texts, encoder.encode_texts(texts), strict=True))
    scores = np.array([float(images[match.image] @ words[match.caption.text]) for match in matches])
    fitted = calibrate(scores, matches, source=data.resolve().name)
    rule = _strict_rule(matches, images, words, encoder, fitted.calibration, tell)
    path = save_calibration(settings, encoder.spec, replace(fitted.calibration, strict=rule))
    base = float(np.mean([match.probability >= 0.5 for match in matches]))
    rows = [
        ("kind", fitted.calibration.kind),
        ("pairs", str(len(matches))),
        ("matching", f"{base:.4f}"),
        ("brier", f"{fitted.errors.brier:.4f}"),
        ("brier of the mean", f"{base * (1 - base):.4f}"),
        *((f"brier of {kind}", f"{brier:.4f}") for kind, brier in fitted.brier.items()),
        ("calibration error", f"{fitted.errors.calibration_error:.4f}"),
        ("pairs judged out of fold", str(fitted.errors.pairs)),
        *([(f"strict {key}", _short(value)) for key, value in asdict(rule).items()] if rule else []),
        ("file", str(path)),
    ]
    sys.stdout.write(_lines(rows))


def _strict_rule(
    matches: Sequence[Match],
    images: Mapping[str, Vectors],
    words: Mapping[str, Vectors],
    encoder: Encoder,
    calibration: Calibration,
    tell: Callable[[str], None],
) -> StrictRule | None:
    """Choose how `search --strict` tells what is no noise, by sentences whose photo is there and then is not."""
    from eval.nothing import LEAST_QUERIES, SEPARATES, choose_rule
    from search.unrelated import unrelated_texts

    names = list(images)
    column = {name: number for number, name in enumerate(names)}
    queries = sorted({(m.caption.text, column[m.caption.image]) for m in matches if m.caption.image in column})
    if len(queries) < LEAST_QUERIES:
        tell(f"{len(queries)} texts with a photo of their own: fewer than {LEAST_QUERIES}, so --strict stays as it is.")
        return None
    rule = choose_rule(
        np.stack([words[text] for text, _ in queries]),
        np.stack([images[name] for name in names]),
        [own for _, own in queries],
        encoder.encode_texts(unrelated_texts()),
        calibration.probability,
    ).stored()
    if rule.auroc < SEPARATES:
        tell(
            f"No rule tells whether the right photo is there (AUROC {rule.auroc:.2f}, chance is 0.5): --strict will "
            f"keep {rule.kept:.0%} of the right answers, and {rule.false_answers:.0%} of the wrong ones."
        )
    return rule


def run_collection(
    path: Path | None, name: str | None, *, run_path: Path | None, qrels_path: Path | None, as_json: bool
) -> None:
    """Measure a collection with queries from a file, or without one with its own captions, and print the figures."""
    settings = Settings.from_environ()
    with closing(open_collection(settings, name)) as collection:
        if path:
            topics, qrels = topics_from_file(read_wanted(path), collection, path)
        else:
            topics, qrels = topics_from_captions(collection)
        report = judge_collection(collection, load_encoder(collection.spec.encoder, settings.device), topics, qrels)
    if run_path:
        write_run(report.run, run_path)
    if qrels_path:
        write_qrels(qrels, qrels_path)
    sys.stdout.write(json.dumps(_live_json(report), indent=2) + "\n" if as_json else _lines(_live_rows(report)))


def run_files(paths: Sequence[Path], qrels_path: Path, *, as_json: bool, tell: Callable[[str], None]) -> None:
    """Measure runs out of files, and print the figures: of one below each other, of several a line each."""
    from eval.compare import TESTED
    from eval.files import judge_files

    rows = judge_files(paths, qrels_path, tell)
    if as_json:
        values = [
            {
                "run": row.name,
                "measures": {measure: asdict(found) for measure, found in row.measures.items()},
                "p_value": row.p_value,
                "collapse": asdict(row.collapse),
            }
            for row in rows
        ]
        sys.stdout.write(json.dumps(values, indent=2) + "\n")
    elif len(rows) == 1:
        (row,), first = rows, next(iter(rows[0].measures.values()))
        hubs = row.collapse
        of_run = [("run", row.name), ("queries", str(first.queries)), ("photos", str(first.photos))]
        of_run += [(measure, str(found)) for measure, found in row.measures.items()]
        of_run += [
            ("distinct first answers", f"{hubs.distinct} of {hubs.queries}"),
            ("share of the most frequent", f"{hubs.most_frequent:.3f}"),
        ]
        sys.stdout.write(_lines(of_run))
    else:
        head = ("run", "\t".join([*rows[0].measures, f"p of {TESTED} against the first"]))
        lines = [
            (
                row.name,
                "\t".join([*map(str, row.measures.values()), "" if row.p_value is None else f"{row.p_value:.4f}"]),
            )
            for row in rows
        ]
        sys.stdout.write(_lines([head, *lines]))


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / ".gitignore").write_text("*\n")
    return path


def _live_rows(report: LiveReport) -> Rows:
    index, hubs = report.index, report.collapse
    photos = len({topic.photo for topic in report.topics})
    return [
        ("collection", report.collection),
        ("encoder", report.encoder),
        ("pictures", str(report.pictures)),
        ("queries", f"{len(report.topics)} of {photos} pictures" if photos < len(report.topics) else str(photos)),
        *((measure, str(found)) for measure, found in report.measures.items()),
        ("distinct first answers", f"{hubs.distinct} of {hubs.queries}"),
        ("share of the most frequent", f"{hubs.most_frequent:.3f}"),
        (f"skewness of {hubs.k}-occurrence", f"{hubs.skewness:.2f}"),
        (f"overlap@{index.k} with exact search", f"{index.overlap:.4f}"),
        ("milliseconds with the index", f"{index.approximate_ms:.2f}"),
        ("milliseconds exact", f"{index.exact_ms:.2f}"),
    ]


def _live_json(report: LiveReport) -> dict[str, object]:
    return {
        "collection": report.collection,
        "encoder": report.encoder,
        "pictures": report.pictures,
        "queries": len(report.topics),
        "measures": {measure: asdict(found) for measure, found in report.measures.items()},
        "collapse": asdict(report.collapse),
        "index": asdict(report.index),
    }


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _lines(rows: Rows) -> str:
    """Return rows side by side on a terminal, tab-separated into a pipe."""
    if not sys.stdout.isatty():
        return "".join(f"{name}\t{value}\n" for name, value in rows)
    width = max(len(name) for name, _ in rows)
    return "".join(f"{name:{width}}  {value}\n" for name, value in rows)
