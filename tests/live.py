"""A browser beside tests that also use the database in the same thread; and what every page must pass in it.

Set ``SHOTS`` to a folder to keep pictures of all pages that are looked over.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from access.models import User
from scripts.tour import launch

SIZES = {"wide": (1440, 900), "phone": (390, 844)}
SERIOUS = {"serious", "critical"}
# A live server needs a database that can be emptied: append-only tables refuse SQLite's DELETE.
LIVE = [
    pytest.mark.browser,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("leave_the_database"),
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium.

    While playwright's event loop runs in a thread, asgiref gives Django another connection in it than before and after:
    it must end with the browser, or the next test that has one is given a connection that a fixture has ended since.
    """
    with sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            yield browser
        finally:
            connection.close()
            browser.close()


def signed_in(browser: Browser, live_server: LiveServer, user: User) -> BrowserContext:
    """A window in which somebody is signed in."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    opened = browser.new_context(base_url=live_server.url)
    opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return opened


def serious(page: Page) -> list[str]:
    """What axe finds serious on the page as it stands."""
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:140]}" for v in found if v["impact"] in SERIOUS]


def wider(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def troubles(page: Page, name: str, url: str, *, code: int = 200) -> list[str]:
    """What is wrong with a page on a desk and on a small phone, light and dark."""
    found = []
    for size, (width, height) in SIZES.items():
        for theme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=theme)
            answer = page.goto(url)
            assert answer and answer.status == code, (name, url)
            found += [f"{name} {size} {theme}: {finding}" for finding in serious(page)]
            if (over := wider(page)) > 0:
                found.append(f"{name} {size} {theme}: {over} pixels wider than the window")
            _keep(page, f"{name}-{size}-{theme}")
    return found


def _keep(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
