"""Uploaded pictures are kept for a while, within limits."""

import numpy as np
import pytest

from gallery.errors import BadInput
from search.web.sent import KEPT, KEPT_BYTES, SentPicture, SentPictures


def picture(size: int) -> SentPicture:
    return SentPicture(np.zeros(512, np.float32), "space", b"x" * size)


def test_the_last_are_kept_and_those_asked_for_longest() -> None:
    sent = SentPictures()
    keys = [sent.keep(b"%d" % number, picture(10)) for number in range(KEPT)]
    assert sent.get(keys[0])
    sent.keep(b"one more", picture(10))
    assert sent.get(keys[0])
    with pytest.raises(BadInput, match="no longer kept"):
        sent.get(keys[1])
    assert all(sent.get(key) for key in keys[2:])


def test_their_bytes_are_bounded_and_a_picture_sent_again_counts_once() -> None:
    sent = SentPictures()
    large = KEPT_BYTES // 4
    for _ in range(20):
        first = sent.keep(b"the same", picture(large))
    second = sent.keep(b"another", picture(large))
    assert sent.get(first)
    assert sent.get(second)
    for number in range(3):
        last = sent.keep(b"%d" % number, picture(large))
    with pytest.raises(BadInput, match="no longer kept"):
        sent.get(first)
    assert sent.get(last)
    sent.keep(b"too large", picture(KEPT_BYTES + 1))
    with pytest.raises(BadInput, match="no longer kept"):
        sent.get(last)
