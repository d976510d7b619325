"""Judged sets by the folder or file that a user gives."""

from pathlib import Path

from eval.runs import Topic
from gallery.errors import BadInput
from gallery.judged.dataset import JudgedSet, read_flickr8k, read_practicum, read_probabilities
from gallery.judged.judgements import Merging, match_probabilities
from gallery.records import Match

EVERYBODY = Merging(no_experts="crowd")
"""A match probability for every judged pair: of experts and crowd where both judged, else of those who did."""


def read_judged(folder: Path) -> JudgedSet:
    """Read a folder in the form of the Practicum task or of Flickr8k.

    Raises:
        BadInput: It is neither, or its files are not what they should be.
    """
    if (folder / "train_dataset.csv").exists():
        return read_practicum(folder)
    return read_flickr8k(folder)


def read_matches(path: Path) -> tuple[list[Match], Path]:
    """Read judged pairs and the folder of their images: a judged set, or a CSV file beside the images.

    Raises:
        BadInput: It is neither.
    """
    if path.is_dir():
        judged = read_judged(path)
        return match_probabilities(judged.judgements, EVERYBODY)[0], judged.images
    matches = read_probabilities(path)
    for match in matches:
        if not (path.parent / match.image).is_file():
            raise BadInput(f"{path}: {match.image} is not there; name images by their path from the file's folder")
    return matches, path.parent


def topics_of(judged: JudgedSet) -> list[Topic]:
    """Return the queries of a judged set as topics, whose photo is the one that they were written for."""
    return [
        Topic(query.id or f"{query.image}#{number}", query.text, query.image)
        for number, query in enumerate(judged.queries)
    ]
