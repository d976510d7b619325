"""Stacked near-duplicates: in the API, on the page, and for the command that uses the page."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest
from asking import ask
from letter_encoder import LetterEncoder
from served import Served, draw_alike, served

from gallery.records import Hit, ImageFile, ImageRecord
from search.answer import to_json
from search.engine import SearchEngine
from search.grouping import STACK_SIZE, Group, best_file_first, completed, filled, grouped
from search.places import original_first
from search.request import MOST_VALUES
from search.web.address import Address

ALIKE = {"a1.png", "a2.png", "a3.png"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), draw_with_a_copy) as running:
        yield running


def draw_with_a_copy(folder: Path) -> None:
    draw_alike(folder)
    gold = folder / "warm" / "gold.png"
    os.utime(shutil.copy(gold, gold.with_name("a copy of gold.png")), (4e9, 4e9))


def tiles(html: str) -> list[str]:
    return re.findall(r'<span class="name">(.*?)</span>', html)


def stack(body: dict[str, list[dict[str, list[dict[str, str]]]]]) -> list[dict[str, str]]:
    (found,) = [group["hits"] for group in body["groups"] if len(group["hits"]) > 1]
    return found


@pytest.mark.parametrize("group", ["folder", "day", "near-duplicates"])
def test_the_api_groups_as_the_command_does(page: Served, group: str) -> None:
    body = page.client.get("/api/search", params={"q": "red", "group": group, "limit": 5, "offset": 1}).json()
    with SearchEngine.open(page.settings, text_encoder=LetterEncoder()) as engine:
        answer = ask(engine, "red", 5, 1, group=group)
    alone = json.loads(to_json(answer))
    assert {**body, "seconds": {}} == {**alone, "seconds": {}}
    assert [each["hits"][0] for each in body["groups"]] == body["hits"]
    assert page.client.get("/api/search?group=week").status_code == 422


@pytest.mark.parametrize("query", ["q=red", "q=gold", "q=", "q=red&sort=date", "q=red&hybrid=true"])
def test_pages_of_stacks_hold_every_picture_once(page: Served, query: str) -> None:
    seen: list[str] = []
    for offset in range(0, 12, 2):
        body = page.client.get(f"/api/search?{query}&group=near-duplicates&limit=2&offset={offset}").json()
        assert body["more"] is (offset < 8) or "date" in query
        seen += [Path(hit["path"]).name for group in body["groups"] for hit in group["hits"]]
    assert len(seen) == len(set(seen)) == 11


def test_the_page_names_the_words_that_a_picture_shares(page: Served) -> None:
    html = page.client.get("/", params={"q": "red a1", "hybrid": "true"}).text
    assert "a1" in re.findall(r'<span class="shared"[^>]*>(.*?)</span>', html)  # by the name of its file
    assert 'class="shared"' not in page.client.get("/", params={"q": "red a1"}).text


def test_filters_hold_inside_of_stacks(page: Served) -> None:
    body = page.client.get("/api/search?q=red&group=near-duplicates&width=>=150&limit=50").json()
    assert {Path(hit["path"]).name for hit in stack(body)} == {"a1.png", "a2.png"}


def test_of_a_stack_the_best_file_comes_first(page: Served) -> None:
    for query in ("red", "gold", "-red"):
        body = page.client.get("/api/search", params={"q": query, "group": "near-duplicates", "limit": 50}).json()
        assert Path(stack(body)[0]["path"]).name == "a1.png", "the one of most pixels"


def test_pictures_with_copies_or_near_duplicates_are_found_as_such(page: Served) -> None:
    def names(query: str) -> set[str]:
        hits = page.client.get("/api/search", params={"q": query, "limit": 50}).json()["hits"]
        return {Path(hit["path"]).name for hit in hits}

    assert names("has:duplicates") == names("red has:duplicates") == {*ALIKE, "gold.png"}
    assert len(names("-has:duplicates")) == 11 - len(ALIKE) - 1


def test_a_copy_stands_beside_the_picture_that_it_was_made_from(page: Served) -> None:
    (gold,) = page.client.get("/api/search?q=gold&limit=1").json()["hits"]
    assert [Path(path).name for path in gold["paths"]] == ["gold.png", "a copy of gold.png"]
    html = page.client.get("/?q=gold").text
    (places,) = re.findall(r'<span class="copies" title="([^"]*)">\+1 copy</span>', html)
    assert places.splitlines() == gold["paths"]
    assert "a copy of gold.png" in page.client.get(f"/pictures/{gold['id']}").text


@pytest.mark.parametrize("address", ["/?q=red", "/", "/?like={}", "/?q=red&sort=date"])
def test_the_page_shows_one_tile_for_a_stack_and_unfolds_it(page: Served, address: str) -> None:
    address = address.format(page.id_of("gold.png"))
    folded = page.client.get(address).text
    assert len(ALIKE & set(tiles(folded))) == 1
    assert folded.count(">3 alike<") == 1
    (link,) = re.findall(r'class="stack" id="stack-.*?" href="(.*?)"', folded)
    unfolded = page.client.get(link.replace("&amp;", "&")).text
    assert set(tiles(folded)) | ALIKE == set(tiles(unfolded))
    assert [name for name in tiles(unfolded) if name not in ALIKE] == [n for n in tiles(folded) if n not in ALIKE]
    (back,) = re.findall(r'class="stack" id="stack-.*?" href="(.*?)"', unfolded)
    assert tiles(page.client.get(back.replace("&amp;", "&")).text) == tiles(folded)
    apart = page.client.get(f"{address}{'&' if '?' in address else '?'}stacks=apart").text
    assert set(tiles(apart)) >= ALIKE
    assert 'class="stack"' not in apart


def test_a_picture_that_was_sent_finds_stacks(page: Served) -> None:
    sent = page.client.post("/picture", files={"file": ("x.png", (page.photos / "a2.png").read_bytes())})
    assert page.client.get(sent.headers["location"]).text.count(">3 alike<") == 1


def test_an_odd_stack_in_the_address_is_refused(page: Served) -> None:
    assert page.client.get("/?open=x").status_code == 400
    assert page.client.get("/?open=00000000-0000-4000-8000-000000000000").status_code == 200


def test_the_stacks_that_were_unfolded_last_stay_so() -> None:
    address = Address()
    ids = [UUID(int=number) for number in range(MOST_VALUES + 1)]
    for id in ids:
        address = Address.read(parse_qsl(address.toggled(str(id)).query_string))
    assert list(address.open) == ids[1:]


def hit(number: int, stack: str, taken_at: str | None = None) -> Hit:
    file = ImageFile(f"/{number}.jpg", 1, 0)
    return Hit(
        ImageRecord(str(number), "0", (file,), 1, 1, "PNG", None, taken_at, 1, (), "", stack=stack), 1 - number / 1e6
    )


def test_a_stack_has_members_that_rank_far_below_its_first() -> None:
    ranked = [hit(number, str(number)) for number in range(500)]
    ranked += [hit(number, "3") for number in range(500, 520)]
    groups = grouped(lambda count: ranked[:count], "near-duplicates", 10)
    assert [len(group.hits) for group in groups] == [1] * 10
    whole = completed(groups, lambda stacks, most: [each for each in ranked if each.image.stack in stacks][:most])
    assert [len(group.hits) for group in whole] == [1, 1, 1, 21, *[1] * 6]
    assert whole[3].hits == (ranked[3], *ranked[500:])


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_either_end_of_the_calendar_has_its_first(day: str) -> None:
    ranked = [hit(number, str(number), f"{day}T12:00:00") for number in range(7)]
    (group,) = filled([Group(day, (ranked[0],))], "day", lambda most, _: ranked[:most])
    assert group.hits == tuple(ranked[:5])


def test_a_stack_of_thousands_is_cut() -> None:
    ranked = [hit(number, "one") for number in range(3000)]
    (group,) = completed([Group("/0.jpg", (ranked[0],))], lambda _stacks, most: ranked[:most])
    assert group.hits == tuple(ranked[:STACK_SIZE])


def test_what_is_asked_goes_through_the_wire(page: Served) -> None:
    with httpx.Client(base_url=page.address) as client:
        document = client.get("/api/openapi.json").json()
    parameters = {each["name"]: each for each in document["paths"]["/api/search"]["get"]["parameters"]}
    assert "near-duplicates" in json.dumps(parameters["group"])


def of_file(number: int, width: int, size: int, mtime: int, path: str) -> Hit:
    record = ImageRecord(f"{number}", "", (ImageFile(path, size, mtime),), width, 10, "PNG", None, None, 1, (), "")
    return Hit(replace(record, stack="0"), 1 - number / 10)


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_best_file_has_most_pixels_then_most_bytes_then_the_oldest_time(order: tuple[int, ...]) -> None:
    copy = of_file(0, 20, 900, 1, "/a")
    whole, younger, smaller = of_file(1, 30, 800, 5, "/z"), of_file(2, 30, 800, 6, "/b"), of_file(3, 30, 700, 1, "/c")
    hits = [copy, whole, younger, smaller]
    assert best_file_first(Group("", tuple(hits[place] for place in order))).hits[0] is whole


def test_the_original_of_several_places_comes_first(tmp_path: Path) -> None:
    there = [tmp_path / name for name in ("z.png", "z (1).png", "a.png")]
    for path in there:
        path.touch()
    hit = of_file(0, 1, 1, 1, "/gone/a.png")
    files = [ImageFile(str(path), 1, mtime) for path, mtime in zip(there, (5, 5, 6), strict=True)]
    record = replace(hit.image, files=(*hit.image.files, *reversed(files)))
    assert [file.path for file in original_first(record).files] == [*map(str, there), "/gone/a.png"]
    assert original_first(hit.image) is hit.image
