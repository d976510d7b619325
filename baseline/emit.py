"""Trains every model, and writes its answers as TREC runs, which `eval` judges.

Two kinds of runs: answers to the queries of a judged set, and scores of judged pairs that were held out. In the latter,
a topic is a sentence and a document is an image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baseline.lessons import Data, Tell
from baseline.models import NetworkChoices
from baseline.training import KINDS, TWO_TOWER, train
from gallery.errors import BadInput
from gallery.judged.splits import HELD_OUT, Seen, split
from gallery.judged.trec import Run, Topic, in_order, run_of_scores, topics_of, write_run
from gallery.printable import counted
from gallery.records import Match

SEEDS = range(5)
NAMES = {
    TWO_TOWER: "two towers",
    "mlp": "early fusion, network",
    "ridge": "early fusion, ridge",
    "linear": "early fusion, linear",
}
RANDOM = ("mlp", TWO_TOWER)
"""Kinds with random training; the others are trained once."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """One written run.

    Attributes:
        system: The model's name in a report.
        split: `queries`, or the split whose judged pairs are scored.
        seed: The seed of the training and the split.
        seen: What the training used.
    """

    system: str
    split: str
    seed: int
    path: Path
    seen: Seen

    @property
    def scores(self) -> bool:
        """Whether it scores judged pairs."""
        return self.split != "queries"


def emit(
    data: Data,
    folder: Path,
    tell: Tell,
    *,
    texts: Sequence[str] = ("bert",),
    seeds: Sequence[int] = SEEDS,
) -> Iterator[Emitted]:
    """Train all models with all kinds of text vectors, and write their runs.

    Args:
        data: The judged set.
        folder: Where the runs go.
        tell: Called with progress messages.
        texts: Kinds of text vectors.
        seeds: Of the trainings and of the splits.

    Raises:
        BadInput: A model learned from something that it would be judged by.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for text in texts:
        for kind in KINDS[::-1]:
            tell(f"training {system_name(kind, text)}")
            yield from _answers(data, kind, text, folder, seeds)
            yield from _held_out(data, kind, text, folder, seeds)


def system_name(kind: str, text: str) -> str:
    """Return a model's name in a report."""
    return NAMES[kind] if text == "bert" else f"{NAMES[kind]} ({text})"


def run_of_pairs(name: str, matches: Sequence[Match], scores: NDArray[np.floating]) -> Run:
    """Make a run from the scores of pairs; its topics are the ids of the sentences."""
    answers: dict[str, list[tuple[str, float]]] = {}
    for match, score in zip(matches, scores, strict=True):
        answers.setdefault(match.caption.id, []).append((match.image, float(score)))
    return Run(name, {topic: in_order(given) for topic, given in answers.items()})


def _answers(data: Data, kind: str, text: str, folder: Path, seeds: Sequence[int]) -> Iterator[Emitted]:
    judged, parts = data.judged, split(data.judged, data.matches)
    topics = topics_of(judged.queries)
    chosen: NetworkChoices | None = None  # once, on the first seed
    for seed in seeds if kind in RANDOM else seeds[:1]:
        trained = train(kind, data, parts, text=text, seed=seed, network=chosen)
        if kind == "mlp":
            chosen = NetworkChoices(**{key: trained.choices[key] for key in ("hidden", "dropout", "decay")})
        scores = trained.model.matrix([topic.text for topic in topics], data.gallery)
        run = run_of_scores(system_name(kind, text), [topic.id for topic in topics], judged.gallery, scores)
        yield written(run, folder, "queries", seed, trained.seen, topics)


def _held_out(data: Data, kind: str, text: str, folder: Path, seeds: Sequence[int]) -> Iterator[Emitted]:
    for seed in seeds:
        parts = split(data.judged, data.matches, HELD_OUT, seed)
        trained = train(kind, data, parts, text=text, seed=seed)
        sentences = [match.caption.text for match in parts.judged]
        scores = trained.model.pairs(sentences, np.stack([data.photos[match.image] for match in parts.judged]))
        run = run_of_pairs(system_name(kind, text), parts.judged, scores)
        yield written(run, folder, HELD_OUT, seed, trained.seen, parts.judged)


def written(run: Run, folder: Path, part: str, seed: int, seen: Seen, judged: Sequence[Match | Topic]) -> Emitted:
    """Write a run to `folder/part`, with a list of what the system's training used beside it.

    Args:
        run: The system's answers.
        folder: The folder of all runs.
        part: `queries`, or the name of a split.
        seed: The seed of the training and the split.
        seen: What the training used.
        judged: The photos and sentences that the run is judged by.

    Raises:
        BadInput: The training used a photo, a caption of a photo or the words of a sentence that it is judged by.
    """
    if leaks := seen.leaks(judged):
        what = counted(len(leaks), "photo or sentence", "photos or sentences")
        raise BadInput(f"{run.name} learned from {what} that it is judged by: {min(leaks)} …")
    path = folder / part / f"{run.name.replace(' ', '-').replace(',', '').replace('/', '-')}.{seed}.run"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_run(run, path)
    lines = [*sorted(seen.images), *sorted(caption.id for caption in seen.captions)]
    path.with_suffix(".seen").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Emitted(run.name, part, seed, path, seen)
