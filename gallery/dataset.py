"""The only reader of annotation files."""

import csv
from pathlib import Path

from gallery.errors import BadInput
from gallery.records import Caption


def read_captions(path: Path) -> list[Caption]:
    """Read a CSV file with the columns `image` and `text`, one sentence a row; other columns are ignored.

    Raises:
        BadInput: The file cannot be read, or a row is not what it should be; with file and line.
    """
    captions = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            missing = {"image", "text"} - set(rows.fieldnames or ())
            if missing:
                columns = " and ".join(sorted(missing))
                raise BadInput(f"{path}, line 1: no column {columns}; the first line must name image and text")
            for row in rows:
                if None in row:
                    raise BadInput(f"{path}, line {rows.line_num}: more fields than columns; put quotes around commas")
                if not (row["image"] or "").strip() or not (row["text"] or "").strip():
                    raise BadInput(f"{path}, line {rows.line_num}: image or text is empty")
                captions.append(Caption(row["image"], row["text"].strip()))
    except csv.Error as error:
        raise BadInput(f"{path}, line {rows.reader.line_num}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a CSV file in UTF-8: {error}") from error
    return captions
