"""Texts for people: untrusted ones, such as file names, made safe for terminals and lines, and counts and times."""

import unicodedata

_DANGEROUS = frozenset(("Cc", "Cs", "Zl", "Zp"))
"""Unicode categories: control characters, lone surrogates, and separators of lines and paragraphs."""
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that reverse the text after them, so that `gpj.exe` reads `exe.jpg`."""


def is_dangerous(character: str) -> bool:
    """Return whether a character can control a terminal, break a line, mislead a reader, or cannot be encoded.

    Spaces of all widths, joiners, private and unassigned characters are harmless, and common in file names.
    """
    return character in _REORDERING or unicodedata.category(character) in _DANGEROUS


def printable(text: str) -> str:
    r"""Return the text as one line, with dangerous characters as backslash escapes, and backslashes doubled.

    >>> printable("a\tb \x1b[31m caf\u00e9 \udcff"), printable("3.45\u202fPM") == "3.45\u202fPM"
    ('a\\tb \\x1b[31m café \\udcff', True)
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        character.encode("unicode_escape").decode() if character == "\\" or is_dangerous(character) else character
        for character in text
    )


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number of things; `several` is the plural of `one` if it takes more than an s.

    >>> counted(1, "picture"), counted(0, "picture"), counted(2, "query", "queries")
    ('1 picture', '0 pictures', '2 queries')
    """
    return f"{number} {one if number == 1 else several or one + 's'}"


def shown_second(second: float) -> str:
    """Return a place in a video as people read it.

    >>> shown_second(80.4), shown_second(3723)
    ('1:20', '1:02:03')
    """
    minutes, seconds = divmod(int(second), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
