"""The review page without a pointer: what each key does, and that letters are letters while one writes.

On PostgreSQL, since a live server needs a database that can be emptied: append-only tables refuse SQLite's DELETE.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from review.models import Claim, Decision
from scripts.tour import launch
from tests.review.cast import Cast, make_cast

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module", autouse=True)
def leave_the_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """End at last what the live server's threads keep open, so that the database can be dropped."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture
def page(cast: Cast, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The queue, as the reviewer sees it."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright keeps an event loop in this thread
    cast.submission(title="Tide")
    client = Client()
    client.force_login(cast.reviewer)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context(base_url=live_server.url)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        opened = context.new_page()
        opened.goto(f"/p/{cast.program.slug}/review/")
        yield opened
        browser.close()


def press(page: Page, key: str) -> None:
    with page.expect_navigation():
        page.keyboard.press(key)


def test_a_no_by_keys_alone(page: Page) -> None:
    press(page, "Enter")
    assert page.locator(".veiled").count() == 1 and page.locator("#approve").is_disabled()
    page.keyboard.press("a")  # the disabled button stays what it is
    press(page, "r")
    assert page.locator("#clip").count() == 1
    page.keyboard.press("2")
    page.keyboard.press("w")
    page.locator("#id_words").focus()
    page.keyboard.type("a fox is next: x, r, 1")
    page.keyboard.press("Shift+Tab")
    page.evaluate("document.activeElement.blur()")
    press(page, "x")
    decision = Decision.objects.get()
    assert decision.words == "a fox is next: x, r, 1" and decision.clause and decision.clause.code == "2"
    press(page, "u")
    assert page.locator("#id_words").input_value() == "a fox is next: x, r, 1"


def test_a_yes_by_keys_and_the_marks_and_the_player(page: Page) -> None:
    press(page, "Enter")
    press(page, "r")
    page.keyboard.press(" ")
    page.wait_for_timeout(300)
    page.keyboard.press(" ")
    assert page.evaluate("document.getElementById('clip').paused")
    page.keyboard.press("]")
    assert float(page.locator("#id_to_seconds").input_value()) > 0
    page.keyboard.press("?")
    assert page.locator("#keys").get_attribute("open") is not None
    press(page, "a")
    assert Decision.objects.get().is_approval and page.get_by_text("takes effect in").count() == 1


def test_the_page_says_when_the_claim_is_gone_and_takes_it_again_with_the_words(page: Page) -> None:
    press(page, "Enter")
    page.locator("#id_words").fill("Kept while away.")
    page.evaluate("renew()")
    page.wait_for_timeout(300)
    assert page.locator("[data-lost]").is_hidden()
    held = Claim.objects.get()
    Claim.objects.update(leased_until=held.claimed_at + timedelta(milliseconds=1))
    page.evaluate("renew()")
    with page.expect_navigation():
        page.locator("[data-lost] button").click()
    assert page.locator("#id_words").input_value() == "Kept while away."
    assert Claim.objects.filter(released_at=None).get().fence == 2
