"""Removes case and accents from texts, so that they can be compared without them."""

import re
import unicodedata

_ACCENTS = 200
"""Unicode's class from which marks that combine are accents; those below are parts of letters in other scripts."""


def without_accents(text: str) -> str:
    """Return a text without case, and without accents above or below letters; some letters then take two characters.

    >>> without_accents("Ação  MÜNCHEN")
    'acao  munchen'
    """
    letters = unicodedata.normalize("NFKD", text.casefold())
    accents = "".join(letter for letter in sorted(set(letters)) if unicodedata.combining(letter) >= _ACCENTS)
    return re.sub(f"[{accents}]", "", letters) if accents else letters


def folded_words(text: str) -> str:
    """Return a text without case and accents, its words with one space between them.

    >>> folded_words(" Ação  TOTAL: 12,50 €")
    'acao total: 12,50 €'
    """
    return unicodedata.normalize("NFC", " ".join(without_accents(text).split()))
