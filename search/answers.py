"""The shapes of answers: what `search --json` prints and what the API sends are the same objects."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from gallery.records import Hit, ImageFile, ImageRecord
from gallery.stores.payload import date_of
from search.answer import Answer, Group


@dataclass(frozen=True, slots=True)
class HitAnswer:
    """One picture of an answer.

    Attributes:
        rank: 1 is the best of the whole answer, whatever the offset.
        score: The cosine, to six digits; null where nothing was asked for.
        probability: How probable it is that text and picture match; null where that was not calibrated.
        date: When it was taken, else the oldest change of its files.
        size: Bytes of the file.
    """

    rank: int
    score: float | None
    probability: float | None
    path: str
    id: str
    paths: list[str]
    width: int
    height: int
    format: str
    camera: str | None
    taken_at: str | None
    date: str
    captions: list[str]
    sha256: str
    size: int
    indexed_at: str


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """Pictures that belong together: of one folder or day, or almost the same; best first.

    Attributes:
        name: The folder, the day, or of near-duplicates the best hit's path.
        hits: The best hit and the others; all have the group's rank.
    """

    name: str
    hits: list[HitAnswer]


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What a search found.

    Attributes:
        cut: Whether the query was longer than the encoder reads, and its end not used.
        tokens: Of the longest text in the query, as the encoder counts them.
        text_limit: How many of them the encoder reads, 0 for all.
        more: Whether there are hits beyond the last one here.
        seconds: How long each stage took.
        understood: The query as the language writes it.
        meanings: What each of its terms and filters was taken for, in words.
        groups: Where groups were asked for, one for each of the hits.
        wrong: What is wrong with the line, where a page took it as text for that.
    """

    query: str
    encoder: str
    collection: str
    cut: bool
    more: bool
    hits: list[HitAnswer]
    seconds: dict[str, float]
    tokens: int = 0
    text_limit: int = 0
    understood: str = ""
    meanings: list[str] = field(default_factory=list)
    groups: list[GroupAnswer] = field(default_factory=list)
    wrong: str = ""


def search_answer(
    hits: Sequence[Hit],
    *,
    query: str,
    encoder: str,
    collection: str,
    seconds: Mapping[str, float],
    more: bool = False,
    offset: int = 0,
    scored: bool = True,
) -> SearchAnswer:
    """Put an answer together; `scored` is false where the hits are in no order of likeness."""
    return SearchAnswer(
        query=query,
        encoder=encoder,
        collection=collection,
        cut=False,
        more=more,
        hits=[hit_answer(rank, hit, scored=scored) for rank, hit in enumerate(hits, offset + 1)],
        seconds={stage: round(value, 4) for stage, value in seconds.items()},
    )


def whole_answer(
    answer: Answer, line: str, *, encoder: str, collection: str, more: bool = False, offset: int = 0
) -> SearchAnswer:
    """Return all that an engine says to a line."""
    scored = bool(answer.query.terms)
    plain = search_answer(
        answer.hits,
        query=line,
        encoder=encoder,
        collection=collection,
        seconds=answer.seconds,
        more=more,
        offset=offset,
        scored=scored,
    )
    return replace(
        plain,
        cut=answer.cut,
        tokens=answer.tokens,
        text_limit=answer.text_limit,
        understood=str(answer.query),
        meanings=list(answer.meanings),
        groups=group_answers(answer.groups, offset=offset, scored=scored),
    )


def group_answers(groups: Sequence[Group], *, offset: int = 0, scored: bool = True) -> list[GroupAnswer]:
    """Return groups as answers show them."""
    return [
        GroupAnswer(group.name, [hit_answer(rank, hit, scored=scored) for hit in group.hits])
        for rank, group in enumerate(groups, offset + 1)
    ]


def hit_answer(rank: int, hit: Hit, *, scored: bool = True) -> HitAnswer:
    """Return one picture as answers show it."""
    image = hit.image
    return HitAnswer(
        rank=rank,
        score=round(hit.score, 6) if scored else None,
        probability=None if hit.probability is None else round(hit.probability, 6),
        path=image.path,
        id=image.id,
        paths=[file.path for file in image.files],
        width=image.width,
        height=image.height,
        format=image.format,
        camera=image.camera,
        taken_at=image.taken_at,
        date=date_of(image),
        captions=list(image.captions),
        sha256=image.sha256,
        size=image.files[0].size,
        indexed_at=image.indexed_at,
    )


def to_json(answer: Any, *, indent: int | None = 2) -> str:  # noqa: ANN401 - any dataclass, or what holds them
    """Return an answer as JSON in ASCII; a byte of a path that is not UTF-8 is a lone surrogate."""
    return json.dumps(answer, indent=indent, default=_fields) + "\n"


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    return {field.name: getattr(value, field.name) for field in fields(value)}


def to_hit(answer: Mapping[str, Any]) -> Hit:
    """Read a hit that came as JSON. Of the files' times it has no more than the date that is shown."""
    mtime = 0 if answer["taken_at"] else int(datetime.fromisoformat(answer["date"]).timestamp()) * 10**9
    image = ImageRecord(
        id=answer["id"],
        sha256=answer["sha256"],
        files=tuple(ImageFile(path, answer["size"], mtime) for path in answer["paths"]),
        width=answer["width"],
        height=answer["height"],
        format=answer["format"],
        camera=answer["camera"],
        taken_at=answer["taken_at"],
        orientation=1,
        captions=tuple(answer["captions"]),
        indexed_at=answer["indexed_at"],
    )
    return Hit(image, answer["score"] or 0.0, answer["probability"])
