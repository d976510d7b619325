"""The readers of judged sets. Flickr8k's own caption file is not included: its format is imitated here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import BadInput
from gallery.judged.dataset import JudgedSet, read_flickr8k, read_practicum, read_probabilities
from gallery.records import Caption, Judgement, Match

EXPERTS = "a.jpg\tb.jpg#2\t1\t1\t2\nb.jpg\tb.jpg#2\t3\t4\t4\n"
CROWD = "b.jpg\tb.jpg#2\t0.666666666666667\t2\t1\nb.jpg\ta.jpg#2\t0\t0\t3\n"


def practicum(folder: Path) -> Path:
    for images, names in (("train_images", "ab"), ("test_images", "cd")):
        (folder / images).mkdir()
        for name in names:
            (folder / images / f"{name}.jpg").touch()
    (folder / "train_dataset.csv").write_text(
        'image,query_id,query_text\na.jpg,b.jpg#2,"A ""dog"" , wet ."\nb.jpg,b.jpg#2,x\n'
    )
    (folder / "ExpertAnnotations.tsv").write_text(EXPERTS)
    (folder / "CrowdAnnotations.tsv").write_text(CROWD)
    (folder / "test_queries.csv").write_text(
        '|query_id|query_text|image\n0|c.jpg#0|A cat|c.jpg\n1|d.jpg#1|"""Bus"""|d.jpg\n'
    )
    return folder


def flickr8k(folder: Path) -> Path:
    (folder / "Flicker8k_Dataset").mkdir()
    for name in "abc":
        (folder / "Flicker8k_Dataset" / f"{name}.jpg").touch()
    texts = folder / "Flickr8k_text"
    texts.mkdir()
    lines = [f'{image}.jpg#{number}\tA "{image}" {number} .' for image in "abc" for number in range(5)]
    lines += [f"2258277193_586949ec62.jpg.1#{number}\tA man ." for number in range(5)]
    (texts / "Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    for name, images in (("train", "c.jpg\n"), ("dev", ""), ("test", "a.jpg\nb.jpg\n")):
        (texts / f"Flickr_8k.{name}Images.txt").write_text(images)
    (texts / "ExpertAnnotations.txt").write_text(EXPERTS)
    (texts / "CrowdFlowerAnnotations.txt").write_text(CROWD)
    return folder


def test_the_practicum_files_are_read(tmp_path: Path) -> None:
    judged = read_practicum(practicum(tmp_path))
    caption = Caption("b.jpg", "x", "b.jpg#2")
    assert judged.captions == (caption,)
    assert judged.judgements == (
        Judgement("a.jpg", caption, (1, 1, 2)),
        Judgement("b.jpg", caption, (3, 4, 4), yes=2, no=1),
    )
    assert judged.queries == (Caption("c.jpg", "A cat", "c.jpg#0"), Caption("d.jpg", '"Bus"', "d.jpg#1"))
    assert judged.gallery == ("c.jpg", "d.jpg")
    assert dict(judged.dropped) == {"judgements of sentences whose words train_dataset.csv lacks": 1}


def test_the_flickr8k_files_are_read(tmp_path: Path) -> None:
    judged = read_flickr8k(flickr8k(tmp_path))
    caption = Caption("b.jpg", 'A "b" 2 .', "b.jpg#2")
    assert [caption.id for caption in judged.captions] == [f"c.jpg#{number}" for number in range(5)]
    assert [query.id for query in judged.queries] == [f"{i}.jpg#{number}" for i in "ab" for number in range(5)]
    assert judged.gallery == ("a.jpg", "b.jpg")
    assert judged.judgements == (
        Judgement("a.jpg", caption, (1, 1, 2)),
        Judgement("b.jpg", caption, (3, 4, 4), yes=2, no=1),
        Judgement("b.jpg", Caption("a.jpg", 'A "a" 2 .', "a.jpg#2"), yes=0, no=3),
    )
    assert dict(judged.dropped) == {"captions of names without an image": 5, "judgements of sentences without words": 0}


@pytest.mark.parametrize("text_folder", ["text", "."])
def test_the_flickr8k_texts_may_lie_elsewhere(tmp_path: Path, text_folder: str) -> None:
    folder = flickr8k(tmp_path)
    if text_folder == ".":
        for path in list((folder / "Flickr8k_text").iterdir()):
            path.rename(folder / path.name)
    else:
        (folder / "Flickr8k_text").rename(folder / text_folder)
    assert len(read_flickr8k(folder).queries) == 10


def test_pairs_of_ones_own_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text('probability,image,text,photo,who\n0.25,a.jpg,"A dog, wet",b.jpg,x\n1,b.jpg,A cat,,y\n')
    assert read_probabilities(path) == [
        Match("a.jpg", Caption("b.jpg", "A dog, wet"), 0.25),
        Match("b.jpg", Caption("", "A cat"), 1.0),
    ]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("image,text\na,b\n", "line 1: no column probability; the first line must name image, text and probability"),
        ("image,text,probability\na,b,1.5\n", "line 2: probability 1.5; it must be from 0 to 1"),
        ("image,text,probability\na,b,nan\n", "line 2: probability nan; it must be from 0 to 1"),
        ("image,text,probability\na,b,yes\n", "line 2: probability 'yes' is not a number"),
        ("image,text,probability\na,b\n", "line 2: image, text or probability is empty"),
    ],
)
def test_what_is_no_pair_is_named_with_file_and_line(tmp_path: Path, data: str, complaint: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(data)
    with pytest.raises(BadInput) as caught:
        read_probabilities(path)
    assert str(caught.value).startswith(f"{path}, ")
    assert complaint in str(caught.value)


BROKEN = [
    ("Expert", "a.jpg\tb.jpg#2\t1\t1\t5\n", "line 1: grade 5; it must be 1, 2, 3 or 4"),
    ("Expert", "a.jpg\tb.jpg#2\t1\t1\t1.5\n", "line 1: grade 1.5;"),
    ("Expert", "a.jpg\tb.jpg#2\t1\t1\n", "line 1: image, id, first grade, second grade or third grade is empty"),
    ("Expert", "a.jpg\tb.jpg#2\t1\t1\t1\t1\n", "line 1: more fields than columns; there must be 5"),
    ("Expert", "a.jpg,b.jpg#2,1,1,1\n", "line 1: image, id"),
    ("Expert", "image\tid\te1\te2\te3\n", "line 1: image image is not in the folder"),
    ("Expert", EXPERTS + "z.jpg\tb.jpg#2\t1\t1\t1\n", "line 3: image z.jpg is not in the folder of images"),
    ("Expert", EXPERTS + EXPERTS, "line 3: a.jpg and b.jpg#2 were judged before"),
    ("Crowd", "a.jpg\tb.jpg#2\t0.5\t2\t1\n", "line 1: a share of 0.5 is not 2 of 3"),
    ("Crowd", "a.jpg\tb.jpg#2\t0\t0\t0\n", "line 1: 0 times yes and 0 times no"),
    ("Crowd", "a.jpg\tb.jpg#2\tall\t3\t0\n", "line 1: share 'all' is not a number"),
]


@pytest.mark.parametrize(("file", "data", "complaint"), BROKEN)
@pytest.mark.parametrize(("build", "read"), [(practicum, read_practicum), (flickr8k, read_flickr8k)])
def test_a_broken_judgement_is_named_with_file_and_line(
    tmp_path: Path,
    build: Callable[[Path], Path],
    read: Callable[[Path], JudgedSet],
    file: str,
    data: str,
    complaint: str,
) -> None:
    (path,) = build(tmp_path).rglob(f"{file}*")
    path.write_text(data)
    with pytest.raises(BadInput) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(f"{path}, ")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("file", "data", "complaint"),
    [
        ("train_dataset.csv", "image,query_id,query_text\nz.jpg,b.jpg#2,A\n", "line 2: image z.jpg is not in the"),
        ("train_dataset.csv", "image,query_id,query_text\na.jpg,b.jpg,A\n", "line 2: the sentence's id 'b.jpg'"),
        ("test_queries.csv", ",query_id,query_text,image\n0,c.jpg#0,A,c.jpg\n", "line 1: no column image and"),
        ("test_queries.csv", "|query_id|query_text|image\n0|a.jpg#0|A|a.jpg\n", "line 2: image a.jpg is not"),
    ],
)
def test_other_broken_files_are_named_too(tmp_path: Path, file: str, data: str, complaint: str) -> None:
    (practicum(tmp_path) / file).write_text(data)
    with pytest.raises(BadInput, match=f"{file}, {complaint}"):
        read_practicum(tmp_path)


def test_a_folder_that_is_no_judged_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="train_images cannot be read"):
        read_practicum(tmp_path)
    with pytest.raises(BadInput, match=r"no Flickr8k_text or text or \. with Flickr8k\.token\.txt; give the folder"):
        read_flickr8k(tmp_path)
