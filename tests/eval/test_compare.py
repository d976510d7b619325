"""Systems side by side, and the report of it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from eval.compare import RandomRetriever, Row, compare, worst_topics
from eval.qrels import own_photo
from eval.report import About, write_report
from eval.runs import Topic
from eval.sheets import write_sheets
from gallery.records import Hit, ImageFile, ImageRecord

PHOTOS = [f"{number:02d}.jpg" for number in range(20)]
TOPICS = [Topic(f"{photo}#{k}", f"{photo} said <{k}>", photo) for photo in PHOTOS for k in range(3)]


class Knowing:
    """Reads the photo's name in the query; `knows` of the photos it knows, to the others it says the first."""

    def __init__(self, name: str, records: list[ImageRecord], knows: int) -> None:
        self.name = name
        self._records = records
        self._knows = knows

    def search(self, query: str, limit: int) -> list[Hit]:
        number = int(query[:2])
        first = number if number < self._knows else 0
        order = [self._records[first], *(record for record in self._records if record is not self._records[first])]
        return [Hit(record, 1 / rank) for rank, record in enumerate(order[:limit], 1)]


@pytest.fixture
def rows(make_record: Callable[..., ImageRecord]) -> list[Row]:
    records = [make_record(n, files=(ImageFile(f"/p/{name}", 1, 1),)) for n, name in enumerate(PHOTOS)]
    knowing = [Knowing(name, records, knows) for name, knows in (("half", 10), ("all", 20), ("none | such", 0))]
    return compare([*knowing, RandomRetriever(records)], TOPICS, own_photo(TOPICS), len(PHOTOS))


def test_the_best_comes_first_and_the_others_are_tested_against_it(rows: list[Row]) -> None:
    assert [row.name for row in rows[:2]] == ["all", "half"]
    assert {row.name for row in rows[2:]} == {"random order", "none | such"}
    assert rows[0].p_value is None
    assert all(row.p_value is not None and row.p_value < 0.05 for row in rows[1:])
    assert rows[1].measures["Success@1"].mean == 0.5
    none = next(row for row in rows if row.name == "none | such")
    assert (none.collapse.distinct, none.measures["Success@1"].mean) == (1, 1 / 20)
    assert worst_topics(rows[1], TOPICS, 1)[0].photo == "19.jpg"


def test_the_report_has_every_system_in_every_form(rows: list[Row], tmp_path: Path) -> None:
    says = {"all": "knows <all> names", "CLIP": "**not measured here**"}
    about = About("names", 20, 60, 0, says, "all", "abc", "make eval DATA=names", 1.0)
    report = write_report(rows, None, about, tmp_path).read_text()
    page = (tmp_path / "report.html").read_text()
    facts = json.loads((tmp_path / "report.json").read_text())
    for row in rows:
        assert f"| {row.name.replace('|', chr(92) + '|')} | {row.measures['Success@1']}" in report
        assert f"<td>{row.name}</td>" in page
        assert facts["systems"][row.name]["measures"]["RR"]["mean"] == row.measures["RR"].mean
    assert "not measured here" in report
    assert "knows &lt;all&gt; names" in page
    assert "<strong>not measured here</strong>" in page
    assert "<code>names</code>" in page
    assert not re.search(r"\n{3,}", report)
    for file in re.findall(r"\]\((report-\w+\.png)\)", report):
        assert (tmp_path / file).stat().st_size > 1000
    columns = {
        line.count("|") - line.count("\\|") for line in report.splitlines() if line.startswith("| system | Succ")
    }
    assert columns == {7}


def test_sheets_show_the_pictures_of_each_system_and_stay_here(rows: list[Row], tmp_path: Path) -> None:
    for name in PHOTOS:
        Image.new("RGB", (600, 300), "red").save(tmp_path / name)
    write_sheets(rows, TOPICS, own_photo(TOPICS), tmp_path, tmp_path / "sheets", queries=3)
    page = (tmp_path / "sheets" / "index.html").read_text()
    assert page.count("<h2>") == 3
    assert page.count("<img") == 3 * len(rows) * 5
    assert "said &lt;" in page
    for file in re.findall(r'img src="([^"]+)"', page):
        with Image.open(tmp_path / "sheets" / file) as picture:
            assert picture.size == (320, 160)
    assert (tmp_path / "sheets" / ".gitignore").read_text() == "*\n"
    assert "The worst queries of all" in (tmp_path / "sheets" / "worst.html").read_text()
