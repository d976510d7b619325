"""What an encoder's cosines are worth, on photos and sentences that are drawn as vectors."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from letter_encoder import LetterEncoder

from eval.judging import Judging, judge_encoder
from eval.nothing import numbers_for, tell_apart
from eval.photos import Photos
from eval.runs import Topic
from eval.sections import nothing
from gallery.judged.dataset import JudgedSet
from gallery.records import Caption, ImageRecord, Judgement
from gallery.vectors import Vectors, unit_rows
from search.strict import STANDING
from search.unrelated import unrelated_texts

KNOWN, NEW, DIMENSION = 80, 30, 24


class Table(LetterEncoder):
    """Knows the vectors of texts by heart."""

    def __init__(self, vectors: dict[str, Vectors]) -> None:
        super().__init__()
        self._vectors = vectors

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._vectors[text] for text in texts])


def judging_of(make_record: Callable[..., ImageRecord], clear: float) -> tuple[Judging, Table, Photos, list[Topic]]:
    """Judge an encoder whose texts lie near their photos, the nearer the greater `clear`."""
    chance = np.random.default_rng(1)
    names = [f"known-{n}" for n in range(KNOWN)] + [f"new-{n}" for n in range(NEW)]
    images = unit_rows(chance.normal(size=(KNOWN + NEW, DIMENSION)))
    texts = {name: f"a text of {name}" for name in names}
    near = unit_rows(clear * images + chance.normal(size=images.shape) / np.sqrt(DIMENSION))
    vectors = dict(zip(texts.values(), near, strict=True))
    vectors |= dict(zip(unrelated_texts(), unit_rows(chance.normal(size=(200, DIMENSION))), strict=True))
    captions = [Caption(name, texts[name], f"{name}#0") for name in names]
    pairs = [(n, n) for n in range(KNOWN)] + [tuple(chance.integers(0, KNOWN, 2)) for _ in range(4 * KNOWN)]
    judgements = [
        Judgement(names[i], captions[t], grades=(4, 4, 3) if i == t else (1, 1, 2), yes=3 * (i == t), no=3 * (i != t))
        for i, t in dict.fromkeys(pairs)
    ]
    judged = JudgedSet(
        Path("/known/images"), tuple(captions[:KNOWN]), tuple(judgements), Path("/new"), tuple(names[KNOWN:]),
        tuple(captions[KNOWN:]),
    )  # fmt: skip
    records = tuple(make_record(n) for n in range(KNOWN + NEW))
    known = Photos(tuple(names[:KNOWN]), records[:KNOWN], images[:KNOWN])
    new = Photos(tuple(names[KNOWN:]), records[KNOWN:], images[KNOWN:])
    topics = [Topic(f"{name}#0", texts[name], name) for name in names[KNOWN:]]
    encoder = Table(vectors)
    return judge_encoder(encoder, judged, known, new, topics), encoder, new, topics


def test_a_threshold_is_chosen_on_the_known_photos_and_applied_to_the_new_ones(
    make_record: Callable[..., ImageRecord],
) -> None:
    judging, encoder, new, topics = judging_of(make_record, clear=2)
    scores = (encoder.encode_texts([topic.text for topic in topics]) @ new.vectors.T).astype(float)
    by_chance = (encoder.encode_texts(unrelated_texts()) @ new.vectors.T).astype(float)
    numbers = numbers_for(scores, list(range(NEW)), by_chance, judging.fitted.calibration.probability)
    chosen = judging.choice.stored()
    unseen = {after.rule: after for _, after in judging.nothing}
    assert unseen[chosen.rule] == tell_apart(chosen.rule, *numbers[chosen.rule], chosen.threshold)
    assert judging.default[1] == tell_apart("standing", *numbers["standing"], STANDING)
    assert judging.choice.photos == KNOWN
    assert chosen.kept == pytest.approx(0.95, abs=0.01)
    assert unseen[chosen.rule].auroc > 0.8
    assert judging.expert.agreement.variant == "c"
    assert judging.crowd.agreement.tau > 0.5


def test_the_report_says_what_a_rule_is_worth(make_record: Callable[..., ImageRecord]) -> None:
    clear = nothing(judging_of(make_record, clear=2)[0])[-1].text
    assert "**Chosen: its standing among unrelated texts, at least " in clear
    assert "Its AUROC is 1.00 there" in clear
    vague = nothing(judging_of(make_record, clear=0)[0])[-1].text
    assert "no rule separates" in vague
