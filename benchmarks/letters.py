"""The tests' small encoder, for benchmarks that do not measure the encoder."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from letter_encoder import LetterEncoder
from letters_folder import make_letters

__all__ = ["LetterEncoder", "make_letters"]
