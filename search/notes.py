"""What the user should know about an answer, besides its hits."""

from collections.abc import Iterator

from gallery.stores import Progress
from search.answer import Answer
from search.keys import KEYS
from search.query import Query

_NO_STRICT = (
    "strict had no effect: nothing measured here tells answers from the rest for this encoder; "
    "run `evaluate calibrate` on judged photos"
)
_OPERATORS = {
    "OR": "it goes between filters only",
    "AND": "it goes between filters only",
    "NOT": "it goes before filters only, and for less of something write -cat",
}


def notes_on(answer: Answer, query: Query, progress: Progress | None, *, unruled: bool) -> list[str]:
    """Return what the user should know about the query, the collection and the encoder."""
    notes = list(_misread(query))
    if progress:
        notes.append(f"ingest has not finished: {progress.done} of {progress.found} files are indexed so far")
    if 0 < answer.text_limit < answer.tokens:
        read = f"the encoder reads {answer.text_limit}; the rest had no effect"
        notes.append(f"the text has {answer.tokens} tokens, and {read}")
    return [*notes, _NO_STRICT] if unruled else notes


def _misread(query: Query) -> Iterator[str]:
    """Yield what was read as text, although it was probably meant as a filter or as an operator."""
    for word in dict.fromkeys(word for term in query.terms if not term.like for word in term.text.split()):
        key = word.removesuffix(":").lower()
        if word.endswith(":") and key in KEYS:
            yield f"{word} was read as text; the value follows right after the colon: {key}:{_example(key)}"
        elif word in _OPERATORS:
            yield f"{word} was read as text; {_OPERATORS[word]}"


def _example(key: str) -> str:
    example = KEYS[key].example
    return f'"{example}"' if " " in example else example
