"""Parses the documents: their blocks, links, anchors, inline code and shell commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
RUN = "<!-- run -->"
"""The comment before a block of commands that a test runs."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        kind: The language after the fence.
        run: Whether it is marked to be run.
    """

    kind: str
    text: str
    line: int
    run: bool


@dataclass(frozen=True)
class Step:
    """A line after a `$`, and the output that is shown below it."""

    command: str
    output: list[str] = field(default_factory=list)


class Document:
    """A Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self._tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text())

    @cached_property
    def blocks(self) -> list[Block]:
        """The fenced blocks in their order."""
        pairs = zip([None, *self._tokens], self._tokens, strict=False)
        return [
            Block(token.info.strip(), token.content, token.map[0] + 2 if token.map else 0, _is_mark(before))
            for before, token in pairs
            if token.type == "fence"
        ]

    @cached_property
    def code(self) -> list[str]:
        """The inline code."""
        return [child.content for child in self._inline() if child.type == "code_inline"]

    @cached_property
    def links(self) -> list[str]:
        """Where links and pictures lead to."""
        targets = (child.attrGet("href") or child.attrGet("src") for child in self._inline())
        return [str(target) for target in targets if target]

    @cached_property
    def anchors(self) -> set[str]:
        """The anchors of this document, by GitHub's rule."""
        headings = (
            following
            for token, following in zip(self._tokens, self._tokens[1:], strict=False)
            if token.type == "heading_open"
        )
        return {slug("".join(child.content for child in heading.children or ())) for heading in headings}

    def commands(self) -> Iterator[str]:
        """Yield every line after a `$`, and inline code that gives a command an option."""
        for block in self.blocks:
            if block.kind == "console":
                yield from (step.command for step in steps(block.text))
        yield from (code for code in self.code if " --" in code)

    def _inline(self) -> Iterator[Token]:
        for token in self._tokens:
            yield from token.children or ()


def _is_mark(token: Token | None) -> bool:
    return token is not None and token.type == "html_block" and token.content.strip() == RUN


def slug(heading: str) -> str:
    """Return a heading's anchor.

    >>> slug("OR, NOT and parentheses")
    'or-not-and-parentheses'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def steps(text: str) -> list[Step]:
    """Return the commands of a block, each with the output that is shown."""
    found: list[Step] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:]))
        elif found:
            found[-1].output.append(line)
    return found


def split_command(line: str) -> Iterator[list[str]]:
    """Yield the words of each simple command of a shell's line, without variables set, redirections and comments.

    >>> list(split_command('DEVICE=cpu .venv/bin/search "a cat" < in.txt | head  # two'))
    [['.venv/bin/search', 'a cat'], ['head']]
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split = True
    words: list[str] = []
    skip = False
    for word in [*lexer, ";"]:
        if set(word) <= set("|;&"):
            while words and re.match(r"[A-Z_]+=", words[0]):
                del words[0]
            if words:
                yield words
            words = []
        elif set(word) <= set("<>"):
            skip = True
        elif skip:
            skip = False
        else:
            words.append(word)


def documents() -> list[Document]:
    """Return every document."""
    return [Document(path) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])]
