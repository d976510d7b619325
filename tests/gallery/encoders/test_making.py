"""Making encoder folders: what becomes of a tokenizer."""

import json
from pathlib import Path

import pytest
from letters_folder import make_letters
from tokenizers import Tokenizer, models

from gallery.encoders import Encoder
from gallery.encoders.making import drafted, finish
from gallery.encoders.manifest import TOKENIZER
from gallery.settings import Settings

TOKENS = ["a", "b", "ab", " ", "a ", "#versions", "#version", "s"]


@pytest.mark.parametrize(
    ("merges", "written"),
    [
        ([("a", "b")], ["a b"]),
        ([("a", "b"), ("a", " ")], [["a", "b"], ["a", " "]]),
        ([("#version", "s")], [["#version", "s"]]),
    ],
)
def test_merges_become_texts_unless_that_is_ambiguous(
    tmp_path: Path, merges: list[tuple[str, str]], written: list[object]
) -> None:
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(TOKENS)}, merges))
    original = Encoder(make_letters(Settings(tmp_path)), tmp_path)
    tokenizer.save(str(tmp_path / "pairs.json"))
    with drafted(tmp_path, "other") as draft:
        for file in original.folder.iterdir():
            (draft / file.name).write_bytes(file.read_bytes())
        (draft / TOKENIZER).unlink()
        (draft / TOKENIZER).hardlink_to(tmp_path / "pairs.json")
        made = finish(draft, original.manifest, tmp_path)
    assert json.loads((made / TOKENIZER).read_text())["model"]["merges"] == written
    assert json.loads((tmp_path / "pairs.json").read_text())["model"]["merges"] == [list(pair) for pair in merges]
    read = Tokenizer.from_file(str(made / TOKENIZER))
    for text in ("ab", "a b", "#versions", "ba"):
        assert read.encode(text).tokens == tokenizer.encode(text).tokens
