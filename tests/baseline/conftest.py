"""Drawn judgements, and a fast image network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drawn_judgements import ColourNetwork, build, build_flickr8k

from baseline.lessons import Data, prepare


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Data]:
    """Return a function that draws a judged set of so many images to learn from and to find, in one of the forms."""

    def make(train: int = 60, test: int = 12, *, flickr8k: bool = False) -> Data:
        folder = tmp_path / "judged"
        folder.mkdir()
        network: Any = ColourNetwork()
        return prepare((build_flickr8k if flickr8k else build)(folder, train, test), network, tmp_path / "kept", print)

    return make
