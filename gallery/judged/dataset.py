"""The only reader of annotation files: captions, judgements, queries and published splits."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gallery.errors import BadInput
from gallery.records import Caption, Judgement, Match

_Row = tuple[int, dict[str, str]]
"""The line on which a row ends, and its fields by column."""
_GRADES = ("first grade", "second grade", "third grade")


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Images with captions and judgements to learn from, and images with queries to judge by.

    Attributes:
        images: The folder of the images to learn from.
        captions: Sentences written for them.
        judgements: Judgements of pairs of these images and sentences, in the order of the files.
        query_images: The folder of the images to be found.
        gallery: Names of the images to be found, all of them in `query_images`.
        queries: Sentences written for them.
        about: What the data is, in words.
        dropped: How many rows were left out, by reason.
    """

    images: Path
    captions: tuple[Caption, ...]
    judgements: tuple[Judgement, ...]
    query_images: Path
    gallery: tuple[str, ...]
    queries: tuple[Caption, ...]
    about: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)

    def paths(self, names: Sequence[str]) -> list[Path]:
        """Return the files of images, of either folder."""
        found = set(self.gallery)
        return [(self.query_images if name in found else self.images) / name for name in names]


def read_judged(folder: Path) -> JudgedSet:
    """Read a folder in the form of the Practicum task or of Flickr8k.

    Raises:
        BadInput: It is neither, or its files are malformed.
    """
    return read_practicum(folder) if (folder / "train_dataset.csv").exists() else read_flickr8k(folder)


def read_captions(path: Path) -> list[Caption]:
    """Read a CSV file with the columns `image` and `text`, one sentence a row; other columns are ignored.

    Raises:
        BadInput: The file cannot be read, or a row is not what it should be; with file and line.
    """
    return [Caption(row["image"], row["text"].strip()) for _, row in _with_header(path, ("image", "text"))]


def read_probabilities(path: Path) -> list[Match]:
    """Read a CSV file of judged pairs with the columns `image`, `text` and `probability`; others are ignored.

    A column `photo`, if there is one, names the image that the text was written for.

    Raises:
        BadInput: The file cannot be read, or a row is not what it should be; with file and line.
    """
    matches = []
    for line, row in _with_header(path, ("image", "text", "probability")):
        value = _number(row["probability"], f"{path}, line {line}: probability")
        if not 0 <= value <= 1:
            raise BadInput(f"{path}, line {line}: probability {value:g}; it must be from 0 to 1")
        caption = Caption((row.get("photo") or "").strip(), row["text"].strip())
        matches.append(Match(row["image"].strip(), caption, value))
    return matches


def read_practicum(folder: Path) -> JudgedSet:
    """Read the files of the Practicum task, a part of Flickr8k under other names.

    `train_dataset.csv` has the sentences, `ExpertAnnotations.tsv` and `CrowdAnnotations.tsv` the judgements,
    `test_queries.csv`, separated by `|`, the queries; `train_images` and `test_images` the images. Crowd judgements of
    sentences missing from `train_dataset.csv` are left out and counted.

    Raises:
        BadInput: A file cannot be read or a row is not what it should be, with file and line; or it names an
            image that is not in its folder.
    """
    path = folder / "train_dataset.csv"
    known = _names(folder / "train_images")
    captions: dict[str, Caption] = {}
    for line, row in _with_header(path, ("image", "query_id", "query_text")):
        _check_known(row["image"], known, f"{path}, line {line}")
        captions[row["query_id"]] = _caption(row["query_id"], row["query_text"], f"{path}, line {line}")
    experts, crowd = folder / "ExpertAnnotations.tsv", folder / "CrowdAnnotations.tsv"
    judgements, wordless = _judgements(experts, crowd, captions, known)

    path = folder / "test_queries.csv"
    found = _names(folder / "test_images")
    queries = []
    for line, row in _with_header(path, ("query_id", "query_text", "image"), delimiter="|"):
        _check_known(row["image"], found, f"{path}, line {line}")
        queries.append(Caption(row["image"], row["query_text"].strip(), row["query_id"]))
    return JudgedSet(
        images=folder / "train_images",
        captions=tuple(captions.values()),
        judgements=judgements,
        query_images=folder / "test_images",
        gallery=tuple(sorted(found)),
        queries=tuple(queries),
        about="photos of Flickr8k with the sentences that people wrote for them, as the Practicum task has them",
        dropped={"judgements of sentences whose words train_dataset.csv lacks": wordless},
    )


def read_flickr8k(folder: Path) -> JudgedSet:
    """Read the files of Flickr8k as Hodosh et al. published them (JAIR 47, 2013).

    `Flickr8k.token.txt`, `ExpertAnnotations.txt`, `CrowdFlowerAnnotations.txt` and `Flickr_8k.*Images.txt` lie in
    `folder` or in a folder `Flickr8k_text` or `text` below it; the images in `Flicker8k_Dataset` (spelled so) or
    `Images`.
    The captions to learn from are those of the published training images; the queries and the judgements are those of
    the published test images. The sentences of the one name that has no image are left out and
    counted.

    Raises:
        BadInput: As `read_practicum`.
    """
    texts = _first_folder(folder, ("Flickr8k_text", "text", "."), "Flickr8k.token.txt")
    images = _first_folder(folder, ("Flicker8k_Dataset", "Images", "images"), "")
    known = _names(images)
    splits = {name: tuple(_lines(texts / f"Flickr_8k.{name}Images.txt", known)) for name in ("train", "test")}
    captions: dict[str, Caption] = {}
    for line, row in _without_header(texts / "Flickr8k.token.txt", ("id", "text")):
        captions[row["id"]] = _caption(row["id"], row["text"], f"{texts / 'Flickr8k.token.txt'}, line {line}")
    experts, crowd = texts / "ExpertAnnotations.txt", texts / "CrowdFlowerAnnotations.txt"
    judgements, wordless = _judgements(experts, crowd, captions, known)
    train, test = set(splits["train"]), set(splits["test"])
    return JudgedSet(
        images=images,
        captions=tuple(caption for caption in captions.values() if caption.image in train),
        judgements=judgements,
        query_images=images,
        gallery=splits["test"],
        queries=tuple(caption for caption in captions.values() if caption.image in test),
        about="Flickr8k (Hodosh et al., JAIR 47, 2013)",
        dropped={
            "captions of names without an image": sum(caption.image not in known for caption in captions.values()),
            "judgements of sentences without words": wordless,
        },
    )


def _judgements(
    experts: Path, crowd: Path, captions: Mapping[str, Caption], known: set[str]
) -> tuple[tuple[Judgement, ...], int]:
    """Return the two files' judgements, one per pair, and how many rows had an unknown sentence."""
    grades, votes, wordless = dict[tuple[str, str], tuple[int, ...]](), dict[tuple[str, str], tuple[int, int]](), 0
    for path in (experts, crowd):
        columns = ("image", "id", *_GRADES) if path == experts else ("image", "id", "share", "yes", "no")
        for line, row in _without_header(path, columns):
            where, pair = f"{path}, line {line}", (row["image"], row["id"])
            _check_known(row["image"], known, where)
            if pair in (grades if path == experts else votes):
                raise BadInput(f"{where}: {pair[0]} and {pair[1]} were judged before in this file; remove one row")
            if row["id"] not in captions:
                wordless += 1
            elif path == experts:
                grades[pair] = tuple(_grade(row[column], where) for column in _GRADES)
            else:
                votes[pair] = _votes(row, where)
    pairs = dict.fromkeys((*grades, *votes))
    return tuple(
        Judgement(image, captions[id], grades.get((image, id), ()), *votes.get((image, id), (0, 0)))
        for image, id in pairs
    ), wordless


def _grade(text: str, where: str) -> int:
    value = _number(text, f"{where}: grade")
    if value not in (1, 2, 3, 4):
        raise BadInput(f"{where}: grade {text}; it must be 1, 2, 3 or 4")
    return int(value)


def _votes(row: Mapping[str, str], where: str) -> tuple[int, int]:
    share, yes, no = (_number(row[column], f"{where}: {column}") for column in ("share", "yes", "no"))
    if min(yes, no) < 0 or yes + no == 0 or not (yes.is_integer() and no.is_integer()):
        raise BadInput(f"{where}: {row['yes']} times yes and {row['no']} times no; give two counts, not both 0")
    if abs(share - yes / (yes + no)) > 1e-3:
        raise BadInput(f"{where}: a share of {row['share']} is not {yes:g} of {yes + no:g}; correct one of them")
    return int(yes), int(no)


def _caption(id: str, text: str, where: str) -> Caption:
    image, mark, _ = id.rpartition("#")
    if not mark or not image:
        raise BadInput(f"{where}: the sentence's id {id!r} is not of the form IMAGE#NUMBER")
    return Caption(image, text.strip(), id)


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadInput(f"{what} {text!r} is not a number") from error


def _check_known(image: str, known: set[str], where: str) -> None:
    if image not in known:
        raise BadInput(f"{where}: image {image} is not in the folder of images; add it, or remove the row")


def _names(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    except OSError as error:
        raise BadInput(f"{folder} cannot be read ({error}); it must be the folder of the images") from error


def _first_folder(folder: Path, names: Sequence[str], file: str) -> Path:
    for name in names:
        if (folder / name / file).exists():
            return folder / name
    raise BadInput(f"{folder} has no {' or '.join(names)}{file and f' with {file}'}; give the folder of Flickr8k")


def _lines(path: Path, known: set[str]) -> Iterator[str]:
    for line, row in _without_header(path, ("image",)):
        _check_known(row["image"], known, f"{path}, line {line}")
        yield row["image"]


def _with_header(path: Path, required: Sequence[str], delimiter: str = ",") -> Iterator[_Row]:
    """Yield the rows of a file whose first line names the columns; required fields must not be empty."""
    with _table(path, delimiter=delimiter) as table:
        missing = set(required) - set(table.fieldnames or ())
        if missing:
            raise BadInput(
                f"{path}, line 1: no column {' and '.join(sorted(missing))}; "
                f"the first line must name {_listed(required, 'and')}"
            )
        yield from _filled(path, table, required)


def _without_header(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    """Yield the rows of a tab-separated file, without a header and without quoting."""
    with _table(path, fieldnames=columns, delimiter="\t", quoting=csv.QUOTE_NONE) as table:
        yield from _filled(path, table, columns)


def _filled(path: Path, table: "csv.DictReader[str]", required: Sequence[str]) -> Iterator[_Row]:
    cure = "put quotes around commas" if table.reader.dialect.delimiter == "," else f"there must be {len(required)}"
    for row in table:
        if None in row:
            raise BadInput(f"{path}, line {table.line_num}: more fields than columns; {cure}")
        if not all((row[column] or "").strip() for column in required):
            raise BadInput(f"{path}, line {table.line_num}: {_listed(required, 'or')} is empty")
        yield table.line_num, row


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


@contextmanager
def _table(path: Path, **form: Any) -> "Iterator[csv.DictReader[str]]":  # noqa: ANN401 - of the csv module
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True, **form)
            try:
                yield table
            except csv.Error as error:
                raise BadInput(f"{path}, line {table.reader.line_num}: {error}") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); it must be there") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text ({error}); save it as that") from error
