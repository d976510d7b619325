"""Searches an engine in one line."""

from typing import Any

from search.answer import Answer, AnswerHit
from search.engine import SearchEngine
from search.request import Request


def ask(engine: SearchEngine, line: str = "", limit: int = 10, offset: int = 0, **options: Any) -> Answer:  # noqa: ANN401
    """Return an engine's hits for a line."""
    return engine.answer(Request(q=line, limit=limit, offset=offset, **options))


def score(hit: AnswerHit) -> float:
    """Return the score of a hit, which has one."""
    assert hit.score is not None
    return hit.score
