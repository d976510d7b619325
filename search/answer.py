"""The answer to a search: one object, which `--json` prints, the API sends and the page shows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from gallery.printable import shown_second
from gallery.records import Hit
from gallery.stores import date_of
from search.grouping import Group


@dataclass(frozen=True, slots=True)
class AnswerHit:
    """One picture of an answer.

    Attributes:
        rank: 1 is the best of the whole answer, regardless of the offset.
        score: The cosine to six digits, or the fused score of hybrid search; null if the query has no terms.
        probability: The probability that text and picture match, 0 to 1; null without a calibration.
        path: The first of its places.
        paths: All of them: first those where a file still is, and of these the oldest.
        width: Pixels of the upright picture.
        date: When it was taken, else the oldest change of its files.
        size: Bytes of the file.
        cosine: Of the query and the picture, to six digits; null unless it was asked why.
        words: The words of the query that the picture has; null unless it was asked why.
        place: What the place is called where it was taken, the smallest first.
        location: Latitude and longitude of that in degrees; null where they are not known.
        text: The lines of text that the picture shows, where it was read.
        kind: `picture` or `video`.
        frame: The second of the video at which what was asked for is seen; null for a picture.
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
    cosine: float | None = None
    words: list[str] | None = None
    place: list[str] = field(default_factory=list)
    location: list[float] | None = None
    text: list[str] = field(default_factory=list)
    kind: str = "picture"
    frame: float | None = None

    @property
    def at(self) -> str:
        """Where in a video the hit is, as people read it; empty for a picture."""
        return "" if self.frame is None else shown_second(self.frame)

    @property
    def copies(self) -> str:
        """How many more files hold the same bytes, in words; empty if there are none."""
        more = len(self.paths) - 1
        return "" if more < 1 else "+1 copy" if more == 1 else f"+{more} copies"

    @property
    def day(self) -> str:
        """The day when it was taken, or else the file's date, marked as such."""
        return self.date[:10] if self.taken_at else f"{self.date[:10]} (file)"


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """Pictures that belong together: of one folder or day, or almost the same.

    Attributes:
        name: The folder, the day, or of near-duplicates the first hit's path.
        hits: All have the group's rank. Best first; of near-duplicates the best file comes first.
    """

    name: str
    hits: list[AnswerHit]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found.

    Attributes:
        query: The line as it was typed.
        understood: The line in standard form, including separately given filters.
        meanings: How each of its terms and filters was understood, in words.
        notes: What the user should know: a value that matches nothing, with what was probably meant; a text that was
            cut.
        corrections: Lines to ask instead where a value matches nothing, with those that were probably meant.
        total: How many pictures pass the filters; null if a minimum score applies, or with hits ordered by date.
        offset: How many hits, or groups, were skipped.
        more: Whether there are hits beyond the last one here.
        weak: Whether the calibration says that even the best picture does not match; false without a calibration.
        hits: In the requested order; with groups, the first hit of each.
        groups: If groups were requested, one for each hit.
        tokens: The number of tokens of the query's longest text, as the encoder counts them.
        text_limit: How many tokens the encoder reads, 0 for all; the rest of a text has no effect.
        seconds: How long each stage took: `load`, `encode` and `search`.
    """

    query: str
    encoder: str
    collection: str
    understood: str = ""
    meanings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)
    total: int | None = None
    offset: int = 0
    more: bool = False
    weak: bool = False
    hits: list[AnswerHit] = field(default_factory=list)
    groups: list[AnswerGroup] = field(default_factory=list)
    tokens: int = 0
    text_limit: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def filled(self, hits: Sequence[Hit], groups: Sequence[Group], *, scored: bool) -> "Answer":
        """Return the answer with its hits and groups; `scored` is false if the query has no terms."""
        first = self.offset + 1
        return replace(
            self,
            hits=[_answer_hit(rank, hit, scored=scored) for rank, hit in enumerate(hits, first)],
            groups=[
                AnswerGroup(group.name, [_answer_hit(rank, hit, scored=scored) for hit in group.hits])
                for rank, group in enumerate(groups, first)
            ],
        )

    def without_locations(self) -> "Answer":
        """Return the answer without the coordinates at which pictures were taken."""
        return replace(
            self,
            hits=[replace(hit, location=None) for hit in self.hits],
            groups=[replace(g, hits=[replace(hit, location=None) for hit in g.hits]) for g in self.groups],
        )

    @property
    def scored(self) -> bool:
        """Whether the hits have scores; without, they are not ordered by similarity."""
        return any(hit.score is not None for hit in self.hits)


def _answer_hit(rank: int, hit: Hit, *, scored: bool) -> AnswerHit:
    image = hit.image
    return AnswerHit(
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
        cosine=None if hit.cosine is None else round(hit.cosine, 6),
        words=None if hit.words is None else list(hit.words),
        place=list(image.place),
        location=None if image.location is None else list(image.location),
        text=[line.text for line in image.text],
        kind="picture" if image.frame is None else "video",
        frame=image.frame,
    )


def to_json(answer: Any, *, indent: int | None = 2, ascii: bool = True) -> str:  # noqa: ANN401 - any dataclass, or what holds them
    """Return an answer as JSON, in ASCII or else in letters; a byte of a path that is not UTF-8 is a lone surrogate."""
    text = json.dumps(answer, indent=indent, default=_fields, ensure_ascii=ascii) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()  # which writes a lone surrogate as JSON does


def from_json(values: Mapping[str, Any]) -> Answer:
    """Read an answer that came as JSON.

    Raises:
        TypeError, KeyError: It is of another version.
    """
    hits = _hits(values["hits"])
    groups = [AnswerGroup(group["name"], _hits(group["hits"])) for group in values["groups"]]
    return Answer(**{**values, "hits": hits, "groups": groups})


def _hits(values: Sequence[Mapping[str, Any]]) -> list[AnswerHit]:
    return [AnswerHit(**hit) for hit in values]


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    assert is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}
