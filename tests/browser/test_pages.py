"""What every page must pass, on the tour of a real site: axe, 390 pixels, and no breach of the content policy."""

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from scripts.private_site import Site
from scripts.tour import walk
from tests.live import serious, wider

pytestmark = pytest.mark.browser

# Django's own admin pages are not ours to restyle.
NOT_OURS = {"admin", "admin-models", "admin-model"}
NOWHERE = {"not-found", "invitation-unknown", "share-gone"}


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than a small phone."""
    page.set_viewport_size({"width": 390, "height": 844})
    over = wider(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    return over


def test_every_page_is_accessible_fits_a_phone_and_keeps_the_content_policy(site: Site, browser: Browser) -> None:
    troubles: list[str] = []
    said: list[ConsoleMessage] = []
    seen: list[str] = []
    listening: set[Page] = set()
    for name, page in walk(site, browser):
        if page not in listening:
            listening.add(page)
            page.on("console", lambda message: said.append(message))  # playwright marks its handlers: no builtin
        seen.append(name)
        if name in NOT_OURS:
            continue
        troubles += [f"{name}: {finding}" for finding in serious(page)]
        if name not in NOWHERE and page.get_by_text("There is nothing here").count():
            troubles.append(f"{name}: not found")
        troubles += [f"{name}: {over} px too wide at 390"] if (over := overflow(page)) > 0 else []
    assert troubles == []
    assert [message.text for message in said if "Content Security Policy" in message.text] == []
    assert len(seen) == len(set(seen)) >= 60
