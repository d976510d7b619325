"""The catalogue: names, partners, and what is refused before any download."""

import re
from pathlib import Path

import pytest

from gallery.encoders.catalogue import entries, find, refuse_config, refuse_unfit, share_space, supported_types
from gallery.encoders.sources import canonical
from gallery.errors import EncoderError


def test_every_entry_says_all_that_a_tower_needs() -> None:
    for entry in entries():
        assert entry.dimension > 0
        assert entry.licence in ("MIT", "Apache-2.0"), "others may not be used by everybody"
        assert entry.revision is None or re.fullmatch("[0-9a-f]{40}", entry.revision)
        assert entry.type in (*supported_types(), "text", "conse")
        assert (entry.picture is None) == (entry.type in ("text", "conse"))
        assert (entry.text is None) == (entry.type == "conse")
        assert all(find(partner) for partner in entry.partners)
        for port in filter(None, (entry.picture_port, entry.text_port)):
            assert port.revision is None or re.fullmatch("[0-9a-f]{40}", port.revision)


def test_names_are_found_by_key_repository_and_alias_and_mean_one_encoder() -> None:
    names = [
        name.lower()
        for entry in entries()
        for name in {entry.name, entry.short or "", entry.repository or "", *entry.aliases}
        if name
    ]
    assert len(names) == len(set(names))
    for name in ("clip-ViT-B-32", "sentence-transformers/clip-vit-b-32", " openai/clip-vit-base-patch32 "):
        found = find(name)
        assert found
        assert found.name == "clip-ViT-B-32"
    assert find("somebody/else") is None


def test_every_encoder_has_a_name_of_one_word_that_is_not_refused() -> None:
    for entry in entries():
        word = entry.short or entry.name
        assert re.fullmatch("[a-z0-9-]{1,20}", word)
        assert canonical(f"{word}+{word.upper()}") == f"{entry.name}+{entry.name}"
        if entry.type != "text":
            refuse_unfit(word)


def test_the_documents_table_is_that_of_the_catalogue() -> None:
    text = (Path(__file__).parents[3] / "docs" / "encoders.md").read_text()
    rows = re.findall(
        r"^\| `([^`]+)`(?: \*)? \| `([a-z0-9-]+)` \|.*\| (none|\d+ MB) \| (\d+) \| (\S+) \|$", text, re.MULTILINE
    )
    assert set(rows) == {
        (e.name, e.short or e.name, f"{e.megabytes} MB" if e.megabytes else "none", str(e.dimension), e.licence)
        for e in entries()
        if e.type != "text"
    }


def test_siglip_is_padded_to_64_tokens_in_lower_case() -> None:
    for entry in entries():
        if entry.type == "siglip" and entry.text:
            assert (entry.text.limit, entry.text.padding, entry.text.lower_case) == (64, "limit", True)
            assert entry.text.pad_id == (0 if "siglip2" in entry.name else 1)


def test_only_towers_trained_for_each_other_share_a_space() -> None:
    openai, partner = find("clip-ViT-B-32"), find("clip-ViT-B-32-multilingual-v1")
    laion = find("laion/CLIP-ViT-B-32-laion2B-s34B-b79K")
    assert share_space(openai, openai)
    assert share_space(openai, partner)
    assert not share_space(laion, partner)
    assert not share_space(laion, openai)
    assert not share_space(partner, partner)
    assert not share_space(openai, None)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("google/siglip2-base-patch16-naflex", "pictures of any shape"),
        ("apple/MobileCLIP-S1", "research only"),
        ("apple/DFN5B-CLIP-ViT-H-14", "research only"),
        ("facebook/metaclip-b32-400m", "forbids commercial use"),
        ("jinaai/jina-clip-v2", "forbids commercial use"),
        ("jinaai/jina-clip-v1", "runs program code"),
        ("timm/ViT-B-16-SigLIP2", "made for open_clip"),
        ("laion/CLIP-ViT-B-32-xlm-roberta-base-laion5B-s13B-b90k", "made for open_clip"),
        ("laion/clap-htsat-unfused", "encodes sounds"),
        ("clip-ViT-B-32+visheratin/nllb-siglip-mrl-base", "forbids commercial use"),
        ("sentence-transformers/clip-ViT-B-32-multilingual-v1", r"clip-ViT-B-32\+clip-ViT-B-32-multilingual-v1"),
    ],
)
def test_what_cannot_be_had_right_is_refused_by_name(name: str, why: str) -> None:
    with pytest.raises(EncoderError, match=why) as refused:
        refuse_unfit(name)
    assert "\n" not in str(refused.value)


def test_what_works_is_not_refused_by_name() -> None:
    for entry in entries():
        if entry.type != "text":
            refuse_unfit(entry.name)
            refuse_unfit(entry.repository or entry.name)
    refuse_unfit("clip-ViT-B-32+clip-ViT-B-32-multilingual-v1")
    refuse_unfit("somebody/clip-of-my-own")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"model_type": "clip", "auto_map": {}}, "program code"),
        ({"model_type": "siglip2"}, "NaFlex"),
        ({"model_type": "clap"}, "model type is clap, and only clip, siglip, chinese_clip are supported"),
        ({}, "model type is None"),
    ],
)
def test_what_cannot_be_had_right_is_refused_by_its_configuration(config: dict[str, object], why: str) -> None:
    with pytest.raises(EncoderError, match=why):
        refuse_config("somebody/else", config)
    refuse_config("somebody/else", {"model_type": "chinese_clip"})
