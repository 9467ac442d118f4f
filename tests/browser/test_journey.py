"""The whole journey in a real browser, on a real site: nothing on the path is faked."""

import re
import time

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from scripts.private_site import Site
from tests.browser.conftest import mail_to

pytestmark = pytest.mark.browser

RENDERED = 120_000  # milliseconds a clip may take on a busy machine
GUEST = re.compile(r"To: (guest-\w+@vernissage\.test)")


def invitation_mail(site: Site) -> str:
    """The invitation as it lies in the guest's mailbox: the link in it."""
    for _ in range(60):
        for path in (site.var / "mail").glob("*.log"):
            text = path.read_text()
            if GUEST.search(text):
                return re.search(r"https?://\S+/invitations/\S+", text).group()  # type: ignore[union-attr]
        time.sleep(0.5)
    raise AssertionError("no invitation mail was written")


class Counting:
    """Opens the link and clicks; counts both."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def open_link(self, url: str) -> None:
        self.page.goto(url)
        self.clicks += 1

    def click(self, name: str) -> None:
        self.page.get_by_role("main").get_by_text(name, exact=True).first.click()
        self.clicks += 1


def is_playing(page: Page) -> bool:
    return bool(page.evaluate("(v => !v.paused && v.currentTime > 0)(document.querySelector('video'))"))


def sign_in(page: Page, site: Site, role: str) -> None:
    email, password = site.people[role]
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/p/"))


def share_first_clip(page: Page) -> None:
    page.get_by_role("link", name="Ask to share").click()
    page.get_by_label("Title").fill("A first light")
    page.get_by_role("main").get_by_role("button", name=re.compile("Ask|Send|Submit")).first.click()
    expect(page.get_by_role("main")).to_contain_text("Waiting")


def approve_next(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/p/first-light/review/")
    page.get_by_role("main").get_by_role("button", name=re.compile("Start|Next")).first.click()
    page.get_by_role("button", name=re.compile("Reveal")).first.click()
    page.get_by_role("button", name=re.compile("^Approve")).first.click()
    expect(page.get_by_role("main")).to_contain_text(re.compile("Approved", re.IGNORECASE))


def test_five_clicks_from_the_mail_to_a_playing_clip_and_on_to_the_public_link(
    site: Site, page: Page, browser: Browser, context: BrowserContext
) -> None:
    artist = Counting(page)
    artist.open_link(invitation_mail(site))
    artist.click("Accept")
    artist.click("Sign")
    artist.click("Surprise me")
    artist.click("Generate")
    page.wait_for_selector("video", timeout=RENDERED)
    page.wait_for_function("document.querySelector('video').currentTime > 0")
    assert is_playing(page)
    assert artist.clicks == 5

    share_first_clip(page)
    submission = page.url
    reviewer = browser.new_context().new_page()
    sign_in(reviewer, site, "reviewer")
    approve_next(reviewer, site)

    # In effect after the half minute in which the reviewer may undo it.
    page.goto(submission)
    for _ in range(60):
        if page.get_by_role("button", name=re.compile("link", re.IGNORECASE)).count():
            break
        time.sleep(1)
        page.reload()
    page.get_by_role("button", name=re.compile("link", re.IGNORECASE)).first.click()
    link = re.search(r"https?://[^\s\"<]+/s/[\w-]+/", page.content())
    assert link
    stranger = browser.new_context().new_page()
    stranger.goto(link.group())
    expect(stranger.get_by_role("heading", name="A first light")).to_be_visible()
    expect(stranger.get_by_text("Made with AI")).to_be_visible()
    stranger.evaluate("document.querySelector('video').play()")
    stranger.wait_for_function("document.querySelector('video').currentTime > 0")
    site.manage("verify_audit")
    site.manage("verify_media")
