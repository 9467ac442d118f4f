"""A browser beside tests that also use the database in the same thread."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from playwright.sync_api import Browser, sync_playwright

from scripts.tour import launch


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
