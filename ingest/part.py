"""Which files a process takes when several index one library into one collection on a server."""

import re
from dataclasses import dataclass

from gallery.errors import BadInput


@dataclass(frozen=True, slots=True)
class Part:
    """Part `number` (from 1) of `of` parts of all contents: the same bytes belong to the same part, in any file."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> "Part":
        """Read `I/N`.

        Raises:
            BadInput: It has another form, or I is not from 1 to N.
        """
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
        part = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= part.number <= part.of:
            raise BadInput(f"{text!r} is not a part; give I/N with I from 1 to N, such as 1/4")
        return part

    def holds(self, sha256: str) -> bool:
        """Return whether the content with this digest is in the part."""
        return int(sha256[:16], 16) % self.of == self.number - 1
