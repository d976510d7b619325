"""The only reader of annotation files: captions, judgements, queries and published splits."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from gallery.errors import BadInput
from gallery.records import Caption, Judgement, Match
from gallery.tables import Row, read_rows

_GRADES = ("first grade", "second grade", "third grade")
_VOTES = ("share", "yes", "no")


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


def read_probabilities(path: Path) -> list[Match]:
    """Read a CSV file of judged pairs with the columns `image`, `text` and `probability`; others are ignored.

    A column `photo`, if there is one, names the image that the text was written for.

    Raises:
        BadInput: The file cannot be read, or a row is not what it should be; with file and line.
    """
    matches = []
    for where, row in read_rows(path, ("image", "text", "probability")):
        value = _number(row["probability"], f"{where}: probability")
        if not 0 <= value <= 1:
            raise BadInput(f"{where}: probability {value:g}; it must be from 0 to 1")
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
    known = _names(folder / "train_images")
    captions: dict[str, Caption] = {}
    for where, row in read_rows(folder / "train_dataset.csv", ("image", "query_id", "query_text")):
        _check_known(row["image"], known, where)
        captions[row["query_id"]] = _caption(row["query_id"], row["query_text"], where)
    experts, crowd = folder / "ExpertAnnotations.tsv", folder / "CrowdAnnotations.tsv"
    judgements, wordless = _judgements(experts, crowd, captions, known)

    found = _names(folder / "test_images")
    queries = []
    for where, row in read_rows(folder / "test_queries.csv", ("query_id", "query_text", "image"), delimiter="|"):
        _check_known(row["image"], found, where)
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
    train, test = (tuple(_listed_images(texts / f"Flickr_8k.{name}Images.txt", known)) for name in ("train", "test"))
    tokens = read_rows(texts / "Flickr8k.token.txt", ("id", "text"), header=False)
    captions = {row["id"]: _caption(row["id"], row["text"], where) for where, row in tokens}
    experts, crowd = texts / "ExpertAnnotations.txt", texts / "CrowdFlowerAnnotations.txt"
    judgements, wordless = _judgements(experts, crowd, captions, known)
    learned, found = set(train), set(test)
    return JudgedSet(
        images=images,
        captions=tuple(caption for caption in captions.values() if caption.image in learned),
        judgements=judgements,
        query_images=images,
        gallery=test,
        queries=tuple(caption for caption in captions.values() if caption.image in found),
        about="Flickr8k (Hodosh et al., JAIR 47, 2013)",
        dropped={
            "captions of names without an image": sum(caption.image not in known for caption in captions.values()),
            "judgements of sentences without words": wordless,
        },
    )


def _judgements(
    experts: Path, crowd: Path, captions: Mapping[str, Caption], known: Set[str]
) -> tuple[tuple[Judgement, ...], int]:
    """Return the two files' judgements, one per pair, and how many rows had an unknown sentence."""
    grades, of_experts = _by_pair(experts, _GRADES, _grades, captions, known)
    votes, of_crowd = _by_pair(crowd, _VOTES, _votes, captions, known)
    judgements = [
        Judgement(image, captions[id], grades.get((image, id), ()), *votes.get((image, id), (0, 0)))
        for image, id in dict.fromkeys((*grades, *votes))
    ]
    return tuple(judgements), of_experts + of_crowd


def _by_pair(
    path: Path,
    columns: Sequence[str],
    read: Callable[[Row, str], tuple[int, ...]],
    captions: Mapping[str, Caption],
    known: Set[str],
) -> tuple[dict[tuple[str, str], tuple[int, ...]], int]:
    values, wordless = dict[tuple[str, str], tuple[int, ...]](), 0
    for where, row in read_rows(path, ("image", "id", *columns), header=False):
        pair = (row["image"], row["id"])
        _check_known(row["image"], known, where)
        if pair in values:
            raise BadInput(f"{where}: {pair[0]} and {pair[1]} were judged before in this file; remove one row")
        if row["id"] in captions:
            values[pair] = read(row, where)
        else:
            wordless += 1
    return values, wordless


def _grades(row: Row, where: str) -> tuple[int, ...]:
    for column in _GRADES:
        if _number(row[column], f"{where}: grade") not in (1, 2, 3, 4):
            raise BadInput(f"{where}: grade {row[column]}; it must be 1, 2, 3 or 4")
    return tuple(int(float(row[column])) for column in _GRADES)


def _votes(row: Row, where: str) -> tuple[int, ...]:
    share, yes, no = (_number(row[column], f"{where}: {column}") for column in _VOTES)
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


def _check_known(image: str, known: Set[str], where: str) -> None:
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


def _listed_images(path: Path, known: Set[str]) -> Iterator[str]:
    for where, row in read_rows(path, ("image",), header=False):
        _check_known(row["image"], known, where)
        yield row["image"]
