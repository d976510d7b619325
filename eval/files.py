"""Judges any system's answers from TREC files."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from eval.measures import MEASURES
from eval.systems import TESTED, System, side_by_side
from gallery.errors import BadInput
from gallery.judged.trec import Qrels, Run, Topic, read_qrels, read_run


def judge_files(run_paths: Sequence[Path], qrels_path: Path, tell: Callable[[str], None]) -> list[System]:
    """Return the figures of runs against qrels, best first; topics without qrels do not count.

    Raises:
        BadInput: A file cannot be read, or the files have no topics in common.
    """
    qrels = read_qrels(qrels_path)
    if not qrels:
        raise BadInput(f"{qrels_path} has no line; a line is topic, 0, document, relevance")
    runs = [_known(read_run(path), path, qrels, qrels_path, tell) for path in run_paths]
    if len({run.name for run in runs}) < len(runs):
        runs = [replace(run, name=str(path)) for run, path in zip(runs, run_paths, strict=True)]
    documents = {document for of_topic in qrels.values() for document in of_topic}
    for run in runs:
        documents |= {answer.document for answers in run.answers.values() for answer in answers}
    return side_by_side(runs, topics_of_qrels(qrels), qrels, len(documents))


def rows_of(systems: Sequence[System]) -> list[tuple[str, ...]]:
    """Return the figures as lines to be read, with a column for each run."""
    queries = len(systems[0].values)
    tested = [("p of " + TESTED + " against the first", *(str(system.p_value or "") for system in systems))]
    return [
        ("run", *(system.name for system in systems)),
        ("queries", str(queries)),
        *((measure, *(str(system.measures[measure]) for system in systems)) for measure in MEASURES),
        ("distinct first answers", *(f"{system.collapse.distinct:.0f} of {queries}" for system in systems)),
        ("share of the most frequent", *(f"{system.collapse.most_frequent:.3f}" for system in systems)),
        *(tested if len(systems) > 1 else []),
    ]


def topics_of_qrels(qrels: Qrels) -> list[Topic]:
    """Return the topics of qrels. Those with the same relevant documents count as queries for one photo.

    >>> [topic.photo for topic in topics_of_qrels({"1": {"a": 1, "b": 0}, "2": {"a": 1}, "3": {"c": 0}})]
    ['a', 'a', 'topic 3']
    """
    photos = {topic: " ".join(sorted(name for name, grade in of.items() if grade > 0)) for topic, of in qrels.items()}
    return [Topic(topic, "", photo or f"topic {topic}") for topic, photo in photos.items()]


def _known(run: Run, path: Path, qrels: Qrels, qrels_path: Path, tell: Callable[[str], None]) -> Run:
    answers = {topic: found for topic, found in run.answers.items() if topic in qrels}
    if not answers:
        raise BadInput(f"no topic of {path} is in {qrels_path}; give the qrels of the same queries")
    if len(answers) < len(run.answers):
        tell(f"{path}: {len(run.answers) - len(answers)} topics are not in {qrels_path}, and are left out.")
    if len(answers) < len(qrels):
        tell(f"{path}: {len(qrels) - len(answers)} of {len(qrels)} topics have no answer, and count 0.")
    return replace(run, answers=answers)
