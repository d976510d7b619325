"""The only comparison: systems write runs on a judged set, and the runs are judged."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pandas import DataFrame, concat

from baseline.emit import NAMES, SEEDS, Emitted, emit, run_of_pairs, written
from baseline.lessons import Data, prepare
from eval.encoders import JudgedEncoder, Judging, Towers
from eval.measures import Values
from eval.pairs import PairFigures, expert_grades, judge_pairs, scores_of
from eval.systems import System, random_run, side_by_side
from gallery.judged.networks import ImageNetwork
from gallery.judged.splits import HELD_OUT, Seen, Split, split
from gallery.judged.trec import Topic, encoded, own_photo, read_qrels, read_run, topics_of, write_qrels
from gallery.judged.vectors import picture_vectors
from gallery.printable import counted
from gallery.records import Match
from gallery.settings import Settings

MEAN = "the mean of the others"
TEXTS = ("word2vec", "tfidf", "bert")
"""Kinds of text vectors, the one first whose package may be missing."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The results.

    Attributes:
        data: The judged set.
        topics: The queries.
        systems: Figures of what each answered to the queries, the best first.
        pairs: Figures on judged pairs that were held out, by system.
        encoder: What the encoder is called; empty without one.
        judging: What its cosines are worth.
        seconds: How long all took.
    """

    data: Data
    topics: Sequence[Topic]
    systems: Sequence[System]
    pairs: Sequence[PairFigures]
    encoder: str
    judging: Judging | None
    seconds: float

    @property
    def judged_unseen(self) -> bool:
        """Whether people judged the same photos that are to be found, as in Flickr8k's form."""
        return bool(set(self.data.judged.gallery) & {match.image for match in self.data.matches})


def compare(
    folder: Path,
    settings: Settings,
    network: ImageNetwork,
    encoder: Towers | None,
    out: Path,
    tell: Tell,
    *,
    texts: Sequence[str] = ("bert",),
    seeds: Sequence[int] = SEEDS,
) -> Comparison:
    """Have all systems write runs to a folder, and judge them.

    Args:
        folder: The judged set.
        settings: Where vectors are kept.
        network: The image network of the systems that are trained.
        encoder: An encoder to compare with them.
        out: Where runs and qrels go; runs that are there are removed.
        tell: Called with what is done.
        texts: Kinds of text vectors to train with.
        seeds: The seeds of the trainings and splits.
    """
    began = time.monotonic()
    cache = settings.features_folder()
    data = prepare(folder, network, cache, tell)
    for old in [*out.rglob("*.run"), *out.rglob("*.seen")]:
        old.unlink()
    judged, topics = data.judged, topics_of(data.judged.queries)
    runs = list(emit(data, out, tell, texts=texts, seeds=seeds))
    runs += [written(random_run(topics, judged.gallery), out, "queries", 0, Seen.of(), topics)]
    runs += _predictions(data, MEAN, _mean, out, seeds)
    as_system = _judged_encoder(data, encoder, cache, tell) if encoder else None
    if as_system:
        runs += [written(as_system.answers(), out, "queries", 0, Seen.of(), topics)]
        runs += _predictions(data, as_system.name, as_system.probabilities, out, seeds)
    qrels = read_qrels(write_qrels(own_photo(topics), out / "qrels"))
    _write_judgements(data, out / HELD_OUT / "judged.tsv")
    answers = [read_run(run.path) for run in runs if not run.scores]
    tell("judging")
    return Comparison(
        data=data,
        topics=topics,
        systems=side_by_side(answers, topics, qrels, len(judged.gallery)),
        pairs=_judged(data, runs),
        encoder=as_system.name if as_system else "",
        judging=as_system.judge() if as_system else None,
        seconds=time.monotonic() - began,
    )


def per_query_table(comparison: Comparison) -> DataFrame:
    """Return a row per system and query: the query, its photo, and every measure."""
    about = DataFrame(list(comparison.topics)).set_index("id")
    frames = [about.join(system.values).assign(system=system.name) for system in comparison.systems]
    return concat(frames).rename_axis("query").set_index("system", append=True)


def _judged_encoder(data: Data, encoder: Towers, cache: Path, tell: Tell) -> JudgedEncoder:
    names = sorted(data.photos)
    tell(f"{encoder.texts.spec.encoder}: {counted(len(names), 'photo')}")
    vectors = picture_vectors(encoder.pictures, encoder.pictures.spec.space, data.judged.paths(names), cache, tell)
    return JudgedEncoder(encoder.texts, data.judged, dict(zip(names, vectors, strict=True)))


def _predictions(
    data: Data, name: str, predict: Callable[[Split], Values], out: Path, seeds: Sequence[int]
) -> Iterator[Emitted]:
    """Write a system's match probabilities of held-out pairs, for each split."""
    for seed in seeds:
        parts = split(data.judged, data.matches, HELD_OUT, seed)
        run = run_of_pairs(name, parts.judged, predict(parts))
        yield written(run, out, HELD_OUT, seed, Seen.of(parts.pairs), parts.judged)


def _mean(parts: Split) -> Values:
    """Predict the mean of what a split has to learn from."""
    return np.full(len(parts.judged), np.mean([pair.probability for pair in parts.pairs]))


def _write_judgements(data: Data, path: Path) -> None:
    """Write what people said of each pair, under the names that the runs have, so that anybody can judge the runs."""
    grades = expert_grades(data.judged.judgements)
    pairs = [(match.caption.id, match.image, match.probability) for match in data.matches]
    rows = [(encoded(topic), encoded(image), value, *grades[image, topic]) for topic, image, value in pairs]
    names = ["topic", "document", "match probability", "first grade", "second grade", "third grade"]
    DataFrame(rows, columns=names).to_csv(path, sep="\t", index=False, float_format="%.9g")


def _judged(data: Data, runs: Sequence[Emitted]) -> list[PairFigures]:
    """Judge the scores of held-out pairs, those of all seeds together."""
    grades = expert_grades(data.judged.judgements)
    scores: dict[str, list[Values]] = {}
    matches: dict[str, list[Match]] = {}
    for run in (run for run in runs if run.scores):
        judged = split(data.judged, data.matches, HELD_OUT, run.seed).judged
        scores.setdefault(run.system, []).append(scores_of(read_run(run.path), judged))
        matches.setdefault(run.system, []).extend(judged)
    figures = []
    for system, of_seeds in scores.items():
        told = {"predicts": not system.startswith(NAMES["two-tower"]), "ranks": system != MEAN}
        figures.append(judge_pairs(system, np.concatenate(of_seeds), matches[system], grades, **told))
    return figures
