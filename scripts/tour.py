"""A walk through every page of a private site, for the screenshots and for the checks that every page must pass.

Yields a name and the browser page at each stop; the walker takes a picture, or has axe look at it.
"""

import re
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from urllib.parse import urljoin

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
TITLE = "Evening, with a very small moon and a title that is rather longer than one would like it to be"
SAIL, MOON = "A red sail", "The moon, again"
EFFECTIVE = 90  # seconds until a verdict must be in effect: half a minute, on a busy machine


def launch(playwright: Playwright) -> Browser:
    """The system's own Chromium, headless and quiet."""
    return playwright.chromium.launch(executable_path=next(p for p in CHROMIUM if Path(p).exists()), args=ARGUMENTS)


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


def watch(reviewer: Page) -> None:
    """Reveal the clip and play it to its end, by keys."""
    reviewer.wait_for_load_state()  # a key that comes before its script is lost
    reviewer.keyboard.press("r")
    reviewer.wait_for_function("() => document.querySelector('[data-clip]')?.readyState >= 2")
    reviewer.keyboard.press(" ")
    reviewer.wait_for_function("() => document.querySelector('[data-watched]').value >= 95")


def walk(site: Site, browser: Browser, *, dark: bool = False) -> Iterator[Stop]:
    """The whole tour, in the order of the journey."""
    stranger, artist, reviewer, staff = (new_page(browser, dark=dark) for _ in range(4))
    yield from _doors(site, stranger)
    yield from _invited(site, artist)
    yield from _making(site, artist)
    asked = yield from _asking(artist)
    yield from _reviewing(site, reviewer)
    yield from _leading(site, new_page(browser, dark=dark), reviewer)
    yield from _steering(site, staff)
    link = yield from _answered(artist, asked)
    yield from _again(site, reviewer, new_page(browser, dark=dark))
    yield from _outside(site, stranger, link)
    yield from _told(site, artist, asked)
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
    _brief(artist, site, "a boat with a red sail sailing right on the sea at sunset", variations="2")
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
    for place in ("studio", "library", "library/jobs", "library/collections", "terms", "policy"):
        artist.goto(f"{site.url}{HOME}/{place}/")
        yield place.replace("/", "-"), artist
    artist.goto(job)


def _asking(artist: Page) -> Generator[Stop, None, dict[str, str]]:
    """Ask for the sail and for two variations of the moon; the addresses of the submissions by title."""
    moon, again = artist.url, artist.locator("#variations li:nth-child(2) a").first.get_attribute("href")
    asked = {MOON: _ask(artist, str(again), MOON)}
    artist.goto(moon)
    artist.get_by_role("link", name="Ask to share").click()
    artist.get_by_label("Title").fill(TITLE)
    artist.locator("#id_statement").fill("A small moon over a large sea. The point is the slowness.")
    yield "submit", artist
    asked[TITLE] = _send(artist)
    yield "submission-waiting", artist
    artist.goto(urljoin(moon, f"{HOME}/library/jobs/"))
    artist.locator("a", has_text="a red sail").last.click()
    first = artist.locator("#variations li:nth-child(1) a").first.get_attribute("href")
    asked[SAIL] = _ask(artist, str(first), SAIL)
    return asked


def _ask(artist: Page, job: str, title: str) -> str:
    artist.goto(urljoin(artist.url, job))
    artist.get_by_role("link", name="Ask to share").click()
    artist.get_by_label("Title").fill(title)
    return _send(artist)


def _send(artist: Page) -> str:
    artist.locator("#submit").click()
    artist.wait_for_url(re.compile(r"/submissions/[\w-]+/"))
    return artist.url


def _reviewing(site: Site, reviewer: Page) -> Iterator[Stop]:
    """Three verdicts by keys, in the order in which the queue hands them out."""
    site.manage("shell", "-c", "from review import beat; beat.look_over()")  # nobody approves before a machine looked
    sign_in(reviewer, site, "reviewer")
    reviewer.goto(f"{site.url}{HOME}/review/queue/")
    yield "review-list", reviewer
    reviewer.goto(f"{site.url}{HOME}/review/")
    yield "review-landing", reviewer
    reviewer.keyboard.press("Enter")
    reviewer.wait_for_selector("#reveal")
    yield "review-veiled", reviewer
    verdicts = {TITLE: _approving, MOON: _rejecting, SAIL: _asking_a_lead}
    while verdicts:
        title = reviewer.locator(".screen-head__title").inner_text()
        yield from verdicts.pop(title)(reviewer)
        reviewer.wait_for_function("title => !document.title.startsWith(title)", arg=title)
    yield "review-undo", reviewer
    for name, path in (("review-mine", "mine"), ("review-second-looks", "quality/mine")):
        reviewer.goto(f"{site.url}{HOME}/review/{path}/")
        yield name, reviewer


def _approving(reviewer: Page) -> Iterator[Stop]:
    """Too early first, which is refused; then the clip is watched, beside its variants."""
    reviewer.keyboard.press("r")
    reviewer.wait_for_selector("[data-clip]")
    reviewer.keyboard.press("a")
    reviewer.wait_for_selector("[data-code=not_watched]")
    yield "review-refused", reviewer
    watch(reviewer)
    yield "review-revealed", reviewer
    reviewer.keyboard.press("a")


def _rejecting(reviewer: Page) -> Iterator[Stop]:
    """Clause, range and words, and a note with a region that the arrow keys place."""
    watch(reviewer)
    reviewer.keyboard.press("n")
    reviewer.keyboard.type("Here, at the edge of the moon.")
    for key in ("Tab", "Tab", "Enter", *["ArrowUp"] * 9, *["Shift+ArrowLeft"] * 7, "Enter", "Enter"):
        reviewer.keyboard.press(key)
    _reasons(reviewer, "x", "The disc is that of a poster which is not yours to use.")
    yield "review-reject", reviewer
    reviewer.keyboard.press("Enter")


def _sending_back(reviewer: Page) -> Iterator[Stop]:
    watch(reviewer)
    _reasons(reviewer, "c", "The mark on the sail is a real maker's. Without it, all is well.")
    yield "review-changes", reviewer
    reviewer.keyboard.press("Enter")


def _reasons(reviewer: Page, key: str, words: str) -> None:
    for press in (key, "5", "w"):
        reviewer.keyboard.press(press)
    reviewer.wait_for_function("() => document.activeElement.id === 'id_words'")
    reviewer.keyboard.type(words)


def _asking_a_lead(reviewer: Page) -> Iterator[Stop]:
    watch(reviewer)
    reviewer.keyboard.press("e")
    reviewer.wait_for_function("() => document.activeElement.matches('textarea')")
    reviewer.keyboard.type("Is the mark on the sail a real maker's?")
    yield "review-question", reviewer
    reviewer.keyboard.press("Enter")


def _leading(site: Site, lead: Page, reviewer: Page) -> Iterator[Stop]:
    """A lead's rooms; their advice brings the clip back to the one who asked."""
    sign_in(lead, site, "lead")
    for name, path in (("lead-agreement", "quality"), ("lead-rules", "rules"), ("lead", "lead")):
        lead.goto(f"{site.url}{HOME}/review/{path}/")
        yield name, lead
    lead.locator("form[action*='/questions/'] textarea").fill("It is. Ask for a sail without it.")
    lead.locator("form[action*='/questions/'] button").click()
    lead.wait_for_function("() => !document.querySelector('form[action*=\"/questions/\"]')")
    _start(site, reviewer)
    yield from _sending_back(reviewer)
    reviewer.wait_for_url(re.compile(r"/review/$"))


def _steering(site: Site, staff: Page) -> Iterator[Stop]:
    sign_in(staff, site, "staff")
    for name, path in (("staff-opening", "opening"), ("staff-terms", "terms"), ("staff-grounds", "policy")):
        staff.goto(f"{site.url}{HOME}/review/{path}/")
        yield name, staff


def _answered(artist: Page, asked: dict[str, str]) -> Generator[Stop, None, str]:
    """The three answers, and what the artist does about each; the public link of the approved one."""
    _wait_for(artist, asked[TITLE], "#open-link")
    yield "submission-approved", artist
    artist.locator("[name=may_embed]").check()
    artist.locator("#open-link").click()
    artist.wait_for_selector("#share-url")
    link = artist.locator("#share-url").input_value()
    artist.locator("#choose-showcase").click()
    artist.wait_for_selector("#choose-showcase:has-text('Take it down')")
    yield "submission-shared", artist
    _wait_for(artist, asked[SAIL], "#fix")
    yield "submission-changes", artist
    newer = artist.locator(".thumbs a")
    sails = newer.filter(has_text="a red sail")  # of two that were made together, either may be the newer
    (sails if sails.count() else newer).first.click()
    yield "submit-answer", artist
    _send(artist)
    _wait_for(artist, asked[MOON], "#fix")
    artist.locator("#appeal").click()
    artist.locator("form[action$='/appeal/'] textarea").fill("It is a plain disc, and I drew it.")
    yield "submission-rejected", artist
    artist.locator("#send-appeal").click()
    artist.wait_for_selector("[id^=appeal-]")
    yield "submission-appealed", artist
    return link


def _wait_for(artist: Page, url: str, sign: str) -> None:
    """Look at the page again until the verdict is in effect."""
    deadline = time.monotonic() + EFFECTIVE
    artist.goto(url)
    while not artist.locator(sign).count():
        assert time.monotonic() < deadline, f"no {sign} on {url}"
        artist.wait_for_timeout(1000)
        artist.reload()


def _again(site: Site, reviewer: Page, colleague: Page) -> Iterator[Stop]:
    """The answer comes to the one who asked, the appeal to somebody who had no part."""
    _start(site, reviewer)
    watch(reviewer)
    reviewer.keyboard.press("b")
    reviewer.wait_for_function("() => document.querySelector('[data-earlier]')?.currentTime > 1")  # in step
    yield "review-rounds", reviewer
    reviewer.keyboard.press("a")
    reviewer.wait_for_url(re.compile(r"/review/$"))
    sign_in(colleague, site, "colleague")
    _take_appeal(site, colleague)
    watch(colleague)
    colleague.locator("#id_words").fill("A plain disc indeed: no poster is known that it repeats.")
    yield "review-appeal", colleague
    colleague.locator("#approve").click()
    colleague.wait_for_function("() => !document.querySelector('#appeal')")


def _take_appeal(site: Site, colleague: Page) -> None:
    """From the list: the clip may be drawn for a check, too, and whoever did that has part in it."""
    deadline = time.monotonic() + EFFECTIVE
    while time.monotonic() < deadline:
        colleague.goto(f"{site.url}{HOME}/review/queue/")
        found = colleague.locator("a.work__title", has_text=MOON)
        for look in [str(link.get_attribute("href")) for link in found.all()]:
            if _is_appeal(colleague, site.url + look):
                return
        colleague.wait_for_timeout(1000)
    raise AssertionError("no appeal in the list")


def _is_appeal(colleague: Page, look: str) -> bool:
    """Whether this look, now in hand, is an appeal. Any other is handed back; one that ended meanwhile is none."""
    colleague.goto(look)
    if not colleague.locator("#take").count():
        return False
    colleague.locator("#take").click()
    colleague.wait_for_selector("#reveal")
    if colleague.locator("#appeal").count():
        return True
    colleague.locator("#release").click()
    colleague.wait_for_url(re.compile(r"/review/$"))
    return False


def _start(site: Site, reviewer: Page) -> None:
    reviewer.goto(f"{site.url}{HOME}/review/")
    reviewer.keyboard.press("Enter")
    reviewer.wait_for_selector("#reveal")


def _outside(site: Site, stranger: Page, link: str) -> Iterator[Stop]:
    places = {"share": link, "share-embed": f"{link}embed/", "showcase": f"{site.url}/showcase/"}
    places |= {"transparency": f"{site.url}{HOME}/transparency/", "share-gone": f"{site.url}/s/not-a-link/"}
    time.sleep(60)  # figures are of what is a minute old
    site.manage("count_figures")  # or the page would say how it was when the site began
    for name, url in places.items():
        stranger.goto(url)
        yield name, stranger


def _told(site: Site, artist: Page, asked: dict[str, str]) -> Iterator[Stop]:
    """The appeal has its answer; all submissions, and the notices of all of them."""
    _wait_for(artist, asked[MOON], ".state[data-state=overturned]")
    yield "submission-overturned", artist
    for name, path in (("submissions", f"{HOME}/submissions/"), ("decisions", "/decisions/"), ("notices", "/notices/")):
        artist.goto(site.url + path)
        yield name, artist


def _stopping(site: Site, staff: Page, artist: Page, stranger: Page, link: str) -> Iterator[Stop]:
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
