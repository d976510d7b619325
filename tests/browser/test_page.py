"""The page as people use it."""

import base64
import io
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, Response, expect
from served import HOSTILE, Served

PUT = """([data, how]) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const holder = new DataTransfer();
  holder.items.add(new File([bytes], "sent.png", { type: "image/png" }));
  const event = how === "paste"
    ? new ClipboardEvent("paste", { clipboardData: holder, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: holder, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


def picture(colour: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(target, "PNG")
    return target.getvalue()


def names(page: Page) -> list[str]:
    return page.locator(".grid .name").all_inner_texts()


def search(page: Page, text: str) -> None:
    page.fill("#q", text)
    page.press("#q", "Enter")
    page.wait_for_url("**/?q=*")


def test_type_see_open_and_more_like_this(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#q")).to_be_focused()
    assert len(names(page)) == 7
    page.keyboard.type("red")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=red")
    assert names(page)[0] == "red.png"
    expect(page.locator(".grid .score").first).to_have_text("1.000")
    page.locator(".grid a").first.click()
    expect(page.locator("h1")).to_have_text("red.png")
    expect(page.locator(".caption")).to_have_text("a red thing <b>")
    page.get_by_role("link", name="More like this").click()
    page.wait_for_url("**/?like=*")
    assert len(names(page)) == 6
    assert "red.png" not in names(page)


def test_back_and_reload_keep_the_state(page: Page) -> None:
    page.goto("/")
    search(page, "gold")
    found = names(page)
    page.locator(".grid a").nth(2).click()
    page.wait_for_url("**/pictures/**")
    page.reload()
    expect(page.locator("h1")).to_have_text(found[2])
    page.locator("#back").click()
    expect(page.locator("#q")).to_have_value("gold")
    assert names(page) == found
    page.reload()
    assert names(page) == found
    expect(page.locator("#q")).to_have_value("gold")
    page.go_back()
    expect(page.locator("#q")).to_have_value("")


def test_filters_are_in_the_address_and_can_be_cleared(page: Page) -> None:
    page.goto("/?q=red")
    with page.expect_navigation():
        page.get_by_label("Format").select_option("JPEG")
    assert page.url.endswith("/?q=red&format=JPEG")
    assert names(page) == ["leaf.jpg"]
    with page.expect_navigation():
        page.get_by_label("Size").select_option(">=3000")
    expect(page.locator(".empty")).to_contain_text("pass these filters")
    page.locator("main").get_by_role("link", name="Clear filters").click()
    page.wait_for_url("**/?q=red")
    assert len(names(page)) == 7


@pytest.mark.parametrize("how", ["paste", "drop"])
def test_a_picture_that_is_pasted_or_dropped_is_searched_with(page: Page, how: str) -> None:
    page.goto("/")
    with page.expect_navigation(url="**/?picture=*"):
        page.evaluate(PUT, [base64.b64encode(picture("#ffd700")).decode(), how])
    assert names(page)[0] == "gold.png"
    expect(page.locator("h1")).to_have_text("Like the picture you sent")
    page.reload()
    assert names(page)[0] == "gold.png"
    search(page, "red")
    assert "picture" not in page.url


def test_a_chosen_picture_is_searched_with(page: Page, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(picture("red"))
    page.goto("/")
    with page.expect_navigation(url="**/?picture=*"):
        page.set_input_files("#file", tmp_path / "x.png")
    assert names(page)[0] == "red.png"


def test_keys(page: Page) -> None:
    page.goto("/?q=blue")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".grid a").nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".grid a").nth(1)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pictures/**")
    page.keyboard.press("Escape")
    page.wait_for_url("**/?q=blue")


def test_every_shape_is_kept(page: Page) -> None:
    page.goto("/")
    page.wait_for_load_state("networkidle")
    shapes = page.evaluate(
        "[...document.querySelectorAll('.grid img')].map((i) => [i.naturalWidth / i.naturalHeight, i.width / i.height])"
    )
    assert len(shapes) == 7
    for natural, shown in shapes:
        assert shown == pytest.approx(natural, rel=0.06)


@pytest.mark.parametrize("path", ["/", "/?q=red", "/pictures/{}"])
def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, page_address: Served, path: str) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto(path.format(page_address.id_of(HOSTILE)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    sizes = page.evaluate("[...document.querySelectorAll('.grid a')].map((a) => a.getBoundingClientRect().width)")
    assert min(sizes) >= 90


def test_without_javascript_all_of_it_works(plain_page: Page, tmp_path: Path) -> None:
    page = plain_page
    page.goto("/")
    page.fill("#q", "red")
    page.get_by_role("button", name="Search", exact=True).click()
    assert names(page)[0] == "red.png"
    page.get_by_label("Format").select_option("JPEG")
    page.get_by_role("button", name="Apply").click()
    assert names(page) == ["leaf.jpg"]
    page.locator(".grid a").click()
    expect(page.locator("h1")).to_have_text("leaf.jpg")
    page.locator("#back").click()
    assert names(page) == ["leaf.jpg"]
    (tmp_path / "x.png").write_bytes(picture("blue"))
    page.set_input_files("#file", tmp_path / "x.png")
    page.get_by_role("button", name="Send").click()
    assert set(names(page)[:2]) == {"blue.png", HOSTILE}


ALIKE = {"a1.png", "a2.png", "a3.png"}


def test_a_stack_unfolds_by_key_and_stays_so(page: Page, alike_address: Served) -> None:
    page.goto(f"{alike_address.address}/?q=red")
    folded = names(page)
    assert len(ALIKE & set(folded)) == 1
    badge = page.locator(".stack")
    expect(badge).to_have_attribute("aria-expanded", "false")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "stack":
            break
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(badge).to_be_focused()
    expect(badge).to_have_attribute("aria-expanded", "true")
    unfolded = names(page)
    assert set(unfolded) == set(folded) | ALIKE
    at = min(unfolded.index(name) for name in ALIKE)
    assert set(unfolded[at : at + 3]) == ALIKE
    page.reload()
    assert names(page) == unfolded
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile").nth(at + 1)).to_be_focused()
    page.locator(".tile").nth(at + 1).click()
    page.locator("#back").click()
    assert names(page) == unfolded
    with page.expect_navigation():
        badge.click()
    assert names(page) == folded
    with page.expect_navigation():
        page.get_by_label("Near-duplicates").select_option("apart")
    assert page.url.endswith("/?q=red&stacks=apart")
    assert set(names(page)) == set(unfolded)
    expect(badge).to_have_count(0)


def test_a_stack_unfolds_without_javascript_on_a_phone(plain_page: Page, alike_address: Served) -> None:
    plain_page.set_viewport_size({"width": 360, "height": 700})
    plain_page.goto(f"{alike_address.address}/?q=red")
    plain_page.locator(".stack").click()
    assert set(names(plain_page)) >= ALIKE
    assert plain_page.locator(".stack").bounding_box()["height"] >= 24  # type: ignore[index]
    plain_page.locator(".stack").click()
    assert len(ALIKE & set(names(plain_page))) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_stacks(page: Page, alike_address: Served, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{alike_address.address}/?q=red")
    page.locator(".stack").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/?q=red&format=PNG", "/?q=red&year=1999", "/pictures/{}", "/?q=red&page=150"])
def test_axe_finds_nothing(page: Page, page_address: Served, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(path.format(page_address.id_of("red.png")))
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == []


def test_the_page_is_small_without_its_pictures(page: Page) -> None:
    sizes: dict[str, int] = {}

    def note(response: Response) -> None:
        if "/thumbs/" not in response.url:
            sizes[response.url] = len(response.body())

    page.on("response", note)
    page.goto("/?q=red")
    page.wait_for_load_state("networkidle")
    assert len(sizes) >= 4
    assert sum(sizes.values()) < 100_000


def test_a_hostile_name_is_only_shown(page: Page, page_address: Served) -> None:
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto(f"/pictures/{page_address.id_of(HOSTILE)}")
    expect(page.locator("h1")).to_have_text(HOSTILE)


def test_the_previous_and_the_next_picture_and_back_to_the_same_place(page: Page) -> None:
    page.goto("/?q=red")
    found = names(page)
    page.locator(".tile").nth(1).click()
    expect(page.locator("h1")).to_have_text(found[1])
    page.keyboard.press("ArrowRight")
    expect(page.locator("h1")).to_have_text(found[2])
    page.get_by_role("link", name="Previous").click()
    expect(page.locator("h1")).to_have_text(found[1])
    page.keyboard.press("ArrowLeft")
    expect(page.locator("h1")).to_have_text(found[0])
    page.keyboard.press("Escape")
    page.wait_for_url("**/?q=red*")
    assert names(page) == found
    page.go_back()
    assert page.url == "about:blank", "many pictures were one step"


def test_pictures_are_selected_and_come_as_a_zip_file(page: Page) -> None:
    page.goto("/?q=red")
    expect(page.locator("#picked")).to_be_hidden()
    page.locator(".tile").first.focus()
    page.keyboard.press("x")
    page.locator(".grid li").nth(1).hover()
    page.locator(".pick").nth(1).check()
    expect(page.locator("#picked .count")).to_have_text("2 selected")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download selected as zip").click()
    assert download.value.suggested_filename == "pictures.zip"
    page.keyboard.press("Escape")
    expect(page.locator("#picked")).to_be_hidden()


def test_the_box_suggests_and_help_is_a_key_away(page: Page) -> None:
    page.goto("/")
    page.locator("#q").press_sequentially("dog folder:w")
    expect(page.locator("#suggestions option")).to_have_count(1)
    assert page.locator("#suggestions option").get_attribute("value") == "dog folder:warm"
    page.locator("#main").focus()
    page.keyboard.press("?")
    page.wait_for_url("**/help")
    expect(page.locator("h1")).to_have_text("How to search")


def test_a_line_that_cannot_be_read_is_told_and_offered_as_text(page: Page) -> None:
    with page.expect_response("**/?q=*") as refused:
        page.goto("/?q=tag:red")
    assert refused.value.status == 400
    expect(page.locator("[role=alert]")).to_contain_text("there is no filter tag")
    page.get_by_role("link", name="Search for it as text").click()
    assert names(page)
    page.goto("/?q=folder:wram")
    expect(page.locator(".note")).to_contain_text("did you mean folder:warm?")
    page.get_by_role("link", name="folder:warm").click()
    expect(page).to_have_url(re.compile(r"q=folder%3Awarm$"))
    assert set(names(page)) == {"red.png", "gold.png"}
