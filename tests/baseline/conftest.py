"""Drawn judgements, and an image network that takes no time."""

from collections.abc import Callable
from pathlib import Path

import pytest
from drawn_judgements import ColourNetwork, build


@pytest.fixture
def network() -> ColourNetwork:
    return ColourNetwork()


@pytest.fixture
def make_judged(tmp_path: Path) -> Callable[[int, int], Path]:
    """Return a function that draws a judged set of so many images to learn from and to find."""

    def make(train: int, test: int) -> Path:
        (tmp_path / "judged").mkdir()
        return build(tmp_path / "judged", train, test)

    return make


@pytest.fixture
def judged(make_judged: Callable[[int, int], Path]) -> Path:
    return make_judged(60, 12)
