"""Reads tables that people wrote: whatever is wrong in one is named with its file and line."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gallery.errors import BadInput
from gallery.records import Caption

Row = dict[str, str]
"""The fields of a row by column."""


def read_captions(path: Path) -> list[Caption]:
    """Read a CSV file with the columns `image` and `text`, one sentence a row; other columns are ignored.

    Raises:
        BadInput: The file cannot be read, or a row is not what it should be; with file and line.
    """
    return [Caption(row["image"], row["text"].strip()) for _, row in read_rows(path, ("image", "text"))]


def read_rows(
    path: Path, required: Sequence[str], *, header: bool = True, delimiter: str = ","
) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a file, each with its file and line for messages; required fields must not be empty.

    The first line names the columns. Without a header the columns are the required ones, separated by tabs, and
    quotation marks are letters.
    """
    form: dict[str, Any] = {"delimiter": delimiter}
    if not header:
        form = {"fieldnames": required, "delimiter": "\t", "quoting": csv.QUOTE_NONE}
    cure = "put quotes around commas" if form["delimiter"] == "," else f"there must be {len(required)}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True, **form)
            if missing := set(required) - set(table.fieldnames or ()):
                said = f"no column {' and '.join(sorted(missing))}; the first line must name {_listed(required, 'and')}"
                raise BadInput(f"{path}, line 1: {said}")
            for row in table:
                where = f"{path}, line {table.line_num}"
                if None in row:
                    raise BadInput(f"{where}: more fields than columns; {cure}")
                if not all((row[column] or "").strip() for column in required):
                    raise BadInput(f"{where}: {_listed(required, 'or')} is empty")
                yield where, row
    except csv.Error as error:
        raise BadInput(f"{path}, line {table.reader.line_num}: {error}") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); it must be there") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text ({error}); save it as that") from error


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
