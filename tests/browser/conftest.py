"""A real browser before a real server. Without Chromium these tests fail: `make test-browser` asks for them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from served import Served, draw_alike, served

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def page_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(scope="session")
def alike_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a page with near-duplicates among its pictures."""
    with served(tmp_path_factory.mktemp("alike"), draw_alike) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def address(page_address: Served) -> str:
    """Return the address for `page`; a module with its own page overrides this."""
    return page_address.address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Yield a tab that fails the test on any error in the page, and on any request to elsewhere."""
    context = browser.new_context(base_url=address)
    yield from _watched(context.new_page())
    context.close()


@pytest.fixture
def plain_page(browser: Browser, page_address: Served) -> Iterator[Page]:
    """Yield a tab without JavaScript."""
    context = browser.new_context(base_url=page_address.address, java_script_enabled=False)
    yield from _watched(context.new_page())
    context.close()


def _is_wrong(message: ConsoleMessage) -> bool:
    return message.type == "error" and "status of 400" not in message.text  # expected for a refused line


def _watched(tab: Page) -> Iterator[Page]:
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda message: wrong.append(message.text) if _is_wrong(message) else None)
    own = ("http://127.0.0.1:", "blob:")
    tab.on("request", lambda sent: None if sent.url.startswith(own) else wrong.append(sent.url))
    tab.set_default_timeout(10_000)
    yield tab
    assert not wrong
