"""The whole journey in a real browser, on a real site: nothing on the path is faked."""

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.private_site import Site
from scripts.tour import HOME, RENDERED, new_page, sign_in, watch

pytestmark = pytest.mark.browser

INVITATION = re.compile(r"https?://\S+/invitations/\S+")


def invitation_mail(site: Site) -> str:
    """The invitation as it lies in the guest's mailbox: the link in it."""
    for _ in range(120):
        for path in (site.var / "mail").glob("*.log"):
            if "To: guest-" in path.read_text() and (link := INVITATION.search(path.read_text())):
                return link.group()
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


def wait_until_playing(page: Page) -> None:
    page.wait_for_selector("video", timeout=RENDERED)
    page.wait_for_function("() => (v => !v.paused && v.currentTime > 0)(document.querySelector('video'))")


def ask_to_share(page: Page) -> str:
    """Ask for the clip on the page; the address of the submission."""
    page.get_by_role("link", name="Ask to share").click()
    page.get_by_label("Title").fill("A first light")
    page.get_by_role("button", name="Ask to share").click()
    page.wait_for_url(re.compile(r"/submissions/[\w-]+/"))
    expect(page.get_by_role("main")).to_contain_text("Waiting")
    return page.url


def approve_by_keys(page: Page, site: Site) -> None:
    """Enter to start, R to reveal, space to play, A to approve once it was played: no pointer."""
    page.goto(f"{site.url}{HOME}/review/")
    page.wait_for_selector("#start")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reveal")
    site.manage("shell", "-c", "from review import beat; beat.look_over()")  # nobody approves before a machine looked
    watch(page)
    page.keyboard.press("a")
    page.wait_for_url(re.compile(r"/review/$"))
    expect(page.get_by_role("main")).to_contain_text("Approved")


def open_link_when_effective(page: Page, submission: str) -> str:
    """Open a public link once the half minute is over in which the reviewer may undo."""
    page.goto(submission)
    expect(page.get_by_role("main")).to_contain_text("Waiting")  # nothing is known before it takes effect
    for _ in range(90):
        if page.locator("#open-link").count():
            break
        time.sleep(1)
        page.goto(submission)
    page.locator("#open-link").click()
    return page.locator("#share-url").input_value()


def test_five_clicks_from_the_mail_to_a_playing_clip_and_on_to_the_public_link(site: Site, browser: Browser) -> None:
    page = new_page(browser)
    artist = Counting(page)
    artist.open_link(invitation_mail(site))
    artist.click("Accept")
    artist.click("Sign")
    artist.click("Surprise me")
    artist.click("Generate")
    wait_until_playing(page)
    assert artist.clicks == 5

    submission = ask_to_share(page)
    reviewer = new_page(browser)
    sign_in(reviewer, site, "reviewer")
    approve_by_keys(reviewer, site)
    link = open_link_when_effective(page, submission)

    stranger = new_page(browser)
    stranger.goto(link)
    expect(stranger.get_by_role("heading", name="A first light")).to_be_visible()
    expect(stranger.get_by_text(re.compile("made with ai", re.IGNORECASE)).first).to_be_visible()
    stranger.evaluate("document.querySelector('video').play()")
    stranger.wait_for_function("() => document.querySelector('video').currentTime > 0")
    site.manage("verify_audit")
    site.manage("verify_media")
