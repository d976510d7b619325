"""Pictures that were sent are kept for a while, within bounds."""

import numpy as np

from search.web.asked import KEPT, KEPT_BYTES, AskedPicture, AskedPictures


def picture(size: int) -> AskedPicture:
    return AskedPicture(np.zeros(512, np.float32), "space", b"x" * size)


def test_the_last_are_kept_and_those_asked_for_longest() -> None:
    asked = AskedPictures()
    keys = [asked.keep(b"%d" % number, picture(10)) for number in range(KEPT)]
    assert asked.get(keys[0])
    asked.keep(b"one more", picture(10))
    assert asked.get(keys[0])
    assert asked.get(keys[1]) is None
    assert all(asked.get(key) for key in keys[2:])


def test_their_bytes_are_bounded_and_a_picture_sent_again_counts_once() -> None:
    asked = AskedPictures()
    large = KEPT_BYTES // 4
    for _ in range(20):
        first = asked.keep(b"the same", picture(large))
    second = asked.keep(b"another", picture(large))
    assert asked.get(first)
    assert asked.get(second)
    for number in range(3):
        last = asked.keep(b"%d" % number, picture(large))
    assert asked.get(first) is None
    assert asked.get(last)
    asked.keep(b"too large", picture(KEPT_BYTES + 1))
    assert asked.get(last) is None
