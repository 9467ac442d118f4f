"""A walk through every page of a private site, for the screenshots and for the checks that every page must pass.

Yields a name and the browser page at each stop; the walker takes a picture, or has axe look at it.
"""

import re
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

from scripts.private_site import Site

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
RENDERED = 180_000  # milliseconds that a clip may take on a busy machine
Stop = tuple[str, Page]
HOME = "/p/first-light"
TITLE = "Evening, with a very small boat and a title that is rather longer than one would like it to be"


def launch(playwright: Playwright) -> Browser:
    """The system's own Chromium, headless and quiet."""
    path = next(path for path in CHROMIUM if Path(path).exists())
    return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


def new_page(browser: Browser, *, dark: bool = False) -> Page:
    """A private window."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark" if dark else "light")
    context.set_default_timeout(60_000)
    return context.new_page()


def sign_in(page: Page, site: Site, role: str) -> None:
    """Sign in with the password that the seed printed."""
    email, password = site.people[role]
    page.goto(f"{site.url}/accounts/login/")
    page.locator("#id_login").fill(email)
    page.locator("#id_password").fill(password)
    page.locator("form:has(#id_password) button").click()
    page.wait_for_url(re.compile(r"/p/"))


def walk(site: Site, browser: Browser, *, dark: bool = False) -> Iterator[Stop]:
    """The whole tour, in the order of the journey."""
    stranger, artist, reviewer, staff = (new_page(browser, dark=dark) for _ in range(4))
    yield from _doors(site, stranger)
    yield from _invited(site, artist)
    yield from _making(site, artist)
    submission = yield from _asking(artist)
    yield from _reviewing(site, reviewer)
    link = yield from _publishing(artist, submission)
    stranger.goto(link)
    yield "share", stranger
    stranger.goto(f"{site.url}/s/not-a-link/")
    yield "share-gone", stranger
    yield from _stopping(site, staff, artist, stranger, link)


def _doors(site: Site, stranger: Page) -> Iterator[Stop]:
    for name, path in (("landing", "/"), ("sign-in", "/accounts/login/"), ("not-found", "/nowhere/")):
        stranger.goto(site.url + path)
        yield name, stranger
    stranger.goto(f"{site.url}/invitations/no-such-invitation/")
    yield "invitation-unknown", stranger


def _invited(site: Site, artist: Page) -> Iterator[Stop]:
    artist.goto(site.invitation)
    yield "invitation", artist
    artist.get_by_role("button", name="Accept").click()
    yield "agreement", artist
    artist.get_by_role("button", name="Sign").click()
    yield "studio-empty", artist
    artist.goto(f"{site.url}{HOME}/library/")
    yield "library-empty", artist
    artist.goto(f"{site.url}{HOME}/submissions/")
    yield "submissions-empty", artist


def _making(site: Site, artist: Page) -> Iterator[Stop]:
    artist.goto(f"{site.url}{HOME}/studio/")
    artist.locator("#id_prompt").evaluate("box => box.removeAttribute('required')")
    artist.get_by_role("button", name="Generate").click()
    yield "studio-error", artist
    _brief(artist, site, "a boat with a red sail sailing right on the sea at sunset")
    artist.wait_for_selector("img[data-preview]", timeout=RENDERED)
    yield "job-running", artist
    artist.wait_for_selector("#clip", timeout=RENDERED)
    _brief(artist, site, "the moon rising over the sea at night", variations="4")
    artist.goto(f"{site.url}{HOME}/queue/")
    yield "queue", artist
    artist.go_back()
    artist.wait_for_selector("#clip", timeout=RENDERED)
    artist.get_by_text("From static to picture").click(timeout=RENDERED)
    artist.wait_for_selector("#variations li:nth-child(4) .state[data-state=finished]", timeout=RENDERED)
    artist.wait_for_function("() => document.querySelector('#clip').readyState >= 2")
    yield "job-finished", artist
    yield from _working_on(site, artist)


def _brief(artist: Page, site: Site, prompt: str, *, variations: str = "1") -> None:
    artist.goto(f"{site.url}{HOME}/studio/")
    artist.locator("#id_prompt").fill(prompt)
    artist.locator("#id_variations").select_option(variations)
    artist.get_by_role("button", name="Generate").click()
    artist.wait_for_url(re.compile(r"/jobs/[\w-]+/"))


def _working_on(site: Site, artist: Page) -> Iterator[Stop]:
    """Compare, remix, repeat, and what is kept; ends on the page of the clip again."""
    job = artist.url
    artist.locator("#variations").get_by_role("link", name="Compare").first.click()
    artist.wait_for_selector("[data-controls]:not([hidden])")
    yield "compare", artist
    artist.goto(job)
    artist.locator("#job-repeat").click()
    artist.wait_for_selector("#clip")
    yield "job-repeated", artist
    artist.goto(job)
    artist.locator("#job-remix").click()
    artist.wait_for_url(re.compile(r"/studio/"))
    yield "studio-remix", artist
    places = ("studio", "library", "library/jobs", "library/collections", "terms", "policy")
    for place in places:
        artist.goto(f"{site.url}{HOME}/{place}/")
        yield place.replace("/", "-"), artist
    artist.goto(f"{site.url}/notices/")
    yield "notices", artist
    artist.goto(job)


def _asking(artist: Page) -> Generator[Stop, None, str]:
    artist.get_by_role("link", name="Ask to share").click()
    artist.get_by_label("Title").fill(TITLE)
    artist.locator("#id_statement").fill("A small boat under a large sky. The point is the slowness.")
    yield "submit", artist
    artist.get_by_role("button", name="Ask to share").click()
    artist.wait_for_url(re.compile(r"/submissions/[\w-]+/"))
    yield "submission-waiting", artist
    return artist.url


def _reviewing(site: Site, reviewer: Page) -> Iterator[Stop]:
    sign_in(reviewer, site, "reviewer")
    reviewer.goto(f"{site.url}{HOME}/review/")
    yield "review-queue", reviewer
    reviewer.locator("#start").click()
    reviewer.wait_for_selector("#reveal")
    yield "review-veiled", reviewer
    reviewer.locator("#reveal").click()
    reviewer.wait_for_selector("#clip")
    yield "review-revealed", reviewer
    reviewer.locator("#reject").click()
    yield "review-reasons-missing", reviewer
    reviewer.locator("#approve").click()
    reviewer.wait_for_url(re.compile(r"/review/$"))
    yield "review-undo", reviewer


def _publishing(artist: Page, submission: str) -> Generator[Stop, None, str]:
    deadline = time.monotonic() + 90
    while not artist.locator("#open-link").count():
        assert time.monotonic() < deadline, "the approval did not take effect"
        time.sleep(1)
        artist.goto(submission)
    yield "submission-approved", artist
    artist.locator("#open-link").click()
    artist.wait_for_selector("#share-url")
    yield "submission-shared", artist
    return artist.locator("#share-url").input_value()


def _stopping(site: Site, staff: Page, artist: Page, stranger: Page, link: str) -> Iterator[Stop]:
    sign_in(staff, site, "staff")
    staff.goto(f"{site.url}{HOME}/staff/")
    yield "staff", staff
    staff.get_by_text("Place a halt").first.click()
    staff.locator("[name=target]").select_option("program")
    staff.locator("[name=reason]").fill("A credential was passed on. We look into it and lift this within the hour.")
    staff.locator("form:has([name=target]) button").click()
    staff.wait_for_load_state()
    yield "staff-halted", staff
    artist.goto(f"{site.url}{HOME}/studio/")
    yield "studio-halted", artist
    stranger.goto(link)
    yield "share-paused", stranger
    for name, path in (
        ("admin", ""),
        ("admin-models", "generation/pipeline/"),
        ("admin-model", "generation/pipeline/1/"),
    ):
        staff.goto(f"{site.url}/admin/{path}")
        yield name, staff
