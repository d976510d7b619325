"""The one comparison: systems write runs over a judged set, and the runs are judged."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pandas import DataFrame, concat

from baseline.emit import NAMES, SEEDS, Emitted, emit, run_of_pairs, written
from baseline.lessons import Data, prepare
from eval.encoders import JudgedEncoder, Judging
from eval.measures import Values
from eval.pairs import PairFigures, expert_grades, judge_pairs, scores_of
from eval.systems import System, random_run, side_by_side
from gallery.encoder import Encoder
from gallery.judged.networks import ImageNetwork
from gallery.judged.splits import Seen, split
from gallery.judged.trec import Topic, own_photo, read_qrels, read_run, topics_of, write_qrels
from gallery.judged.vectors import picture_vectors
from gallery.records import Match
from gallery.settings import Settings

MEAN = "the mean of the others"
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found.

    Attributes:
        data: The judged set.
        topics: The queries.
        systems: Figures of what each answered to the queries, the best first.
        pairs: Figures on judged pairs that were held out, by system.
        leaky: The same on the split of published solutions; empty if that was not asked for.
        encoder: What the encoder is called; empty without one.
        judging: What its cosines are worth.
        seconds: How long all took.
    """

    data: Data
    topics: Sequence[Topic]
    systems: Sequence[System]
    pairs: Sequence[PairFigures]
    leaky: Sequence[PairFigures]
    encoder: str
    judging: Judging | None
    seconds: float

    @property
    def judged_unseen(self) -> bool:
        """Whether people judged the very photos that are to be found, as in Flickr8k's form."""
        return bool(set(self.data.judged.gallery) & {match.image for match in self.data.matches})


@dataclass
class _Runs:
    """Paths of written runs, by what they answer: `queries`, or a split and its seed."""

    folder: Path
    queries: list[Path] = field(default_factory=list)
    pairs: dict[tuple[str, int], list[Path]] = field(default_factory=dict)

    def add(self, part: str, seed: int, path: Path) -> None:
        if part == "queries":
            self.queries.append(path)
        else:
            self.pairs.setdefault((part, seed), []).append(path)


def compare(
    folder: Path,
    settings: Settings,
    network: ImageNetwork,
    encoder: Encoder | None,
    out: Path,
    tell: Tell,
    *,
    texts: Sequence[str] = ("bert",),
    seeds: Sequence[int] = SEEDS,
) -> Comparison:
    """Have all systems write runs to a folder, and judge what is written there.

    Args:
        folder: The judged set.
        settings: Where vectors are kept.
        network: The image network of the systems that are trained.
        encoder: An encoder to compare with them; without it the split of published solutions is judged, too.
        out: Where runs and qrels go; runs that are there are removed.
        tell: Called with what is done.
        texts: Kinds of text vectors to train with.
        seeds: Of the trainings and the splits.
    """
    began = time.monotonic()
    cache = settings.features_folder()
    data = prepare(folder, network, cache, tell)
    for old in [*out.rglob("*.run"), *out.rglob("*.seen")]:
        old.unlink()
    runs, judged = _Runs(out), data.judged
    for run in emit(data, out, tell, texts=texts, seeds=seeds, leaky=encoder is None):
        runs.add(run.split, run.seed, run.path)
    topics = topics_of(judged.queries)
    _add(runs, written(random_run(topics, judged.gallery), out, "queries", 0, Seen.of(), topics))
    for seed in seeds:
        _mean(data, runs, "held-out", seed)
    if encoder is None and ("leaky", seeds[0]) in runs.pairs:
        _mean(data, runs, "leaky", seeds[0])
    as_system = _with_encoder(data, encoder, cache, runs, seeds, tell) if encoder else None
    qrels = read_qrels(write_qrels(own_photo(topics), out / "qrels"))
    tell("judging")
    return Comparison(
        data=data,
        topics=topics,
        systems=side_by_side([read_run(path) for path in runs.queries], topics, qrels, len(judged.gallery)),
        pairs=_judged(data, runs, "held-out"),
        leaky=_judged(data, runs, "leaky"),
        encoder=as_system.name if as_system else "",
        judging=as_system.judge() if as_system else None,
        seconds=time.monotonic() - began,
    )


def per_query_table(comparison: Comparison) -> DataFrame:
    """Return a row per system and query: the query, its photo, and every measure."""
    about = DataFrame(
        [(topic.text, topic.photo) for topic in comparison.topics],
        index=[topic.id for topic in comparison.topics],
        columns=["text", "photo"],
    )
    frames = [about.join(system.values).assign(system=system.name) for system in comparison.systems]
    return concat(frames).rename_axis("query").set_index("system", append=True)


def _add(runs: _Runs, emitted: Emitted) -> None:
    runs.add(emitted.split, emitted.seed, emitted.path)


def _with_encoder(
    data: Data, encoder: Encoder, cache: Path, runs: _Runs, seeds: Sequence[int], tell: Tell
) -> JudgedEncoder:
    """Write the runs of the encoder."""
    names = sorted(data.photos)
    tell(f"{encoder.spec.encoder}: {len(names)} photos")
    vectors = picture_vectors(encoder, encoder.spec.space, data.judged.paths(names), cache, tell)
    judged = JudgedEncoder(encoder, data.judged, dict(zip(names, vectors, strict=True)))
    _add(runs, written(judged.answers(), runs.folder, "queries", 0, Seen.of(), topics_of(data.judged.queries)))
    for seed in seeds:
        parts = split(data.judged, data.matches, "held-out", seed)
        run = run_of_pairs(judged.name, parts.judged, judged.probabilities(parts))
        _add(runs, written(run, runs.folder, "held-out", seed, Seen.of(parts.pairs), parts.judged))
    return judged


def _mean(data: Data, runs: _Runs, name: str, seed: int) -> None:
    parts = split(data.judged, data.matches, name, seed)
    mean = float(np.mean([pair.probability for pair in parts.pairs]))
    run = run_of_pairs(MEAN, parts.judged, np.full(len(parts.judged), mean))
    _add(runs, written(run, runs.folder, name, seed, Seen.of(parts.pairs), parts.judged))


def _judged(data: Data, runs: _Runs, name: str) -> list[PairFigures]:
    """Judge the runs of a split, those of all its seeds together."""
    grades = expert_grades(data.judged.judgements)
    scores: dict[str, list[Values]] = {}
    matches: dict[str, list[Match]] = {}
    for (part, seed), paths in runs.pairs.items():
        if part == name:
            of_seed = split(data.judged, data.matches, name, seed).judged
            for run in map(read_run, paths):
                scores.setdefault(run.name, []).append(scores_of(run, of_seed))
                matches.setdefault(run.name, []).extend(of_seed)
    return [
        judge_pairs(
            system,
            np.concatenate(of_seeds),
            matches[system],
            grades,
            predicts=not system.startswith(NAMES["two-tower"]),
            ranks=system != MEAN,
        )
        for system, of_seeds in scores.items()
    ]
