"""The small encoder folder of the tests, for benchmarks whose subject is not the encoder."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from letters_folder import make_letters

__all__ = ["make_letters"]
