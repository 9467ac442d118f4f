"""An artist's afternoon in a real browser, on a real site: brief, variations, compare, remix, repeat."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.private_site import Site, private_site
from scripts.tour import HOME, RENDERED, new_page, sign_in

pytestmark = pytest.mark.browser

PROMPT = "a red ball moving left on a white background"
# A worker's last word on the clip with a ring, which no worker of the site has: its artist has paused.
FAIL = """
from generation import claiming, rendering
from generation.models import Job
job = Job.objects.queued().get(brief__prompt__contains="ring")
assert claiming._start(job, "a worker", claiming.clock.now(), None)
rendering.fail(job, "The model broke.", is_final=True)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for the afternoon."""
    with private_site(tmp_path_factory.mktemp("afternoon")) as opened:
        yield opened


@pytest.fixture
def artist(site: Site, browser: Browser) -> Page:
    """The seeded artist, signed in and with everything signed, in the studio."""
    page = new_page(browser)
    sign_in(page, site, "artist")
    page.goto(f"{site.url}{HOME}/agreements/")
    if page.get_by_role("button", name="Sign").count():
        page.get_by_role("button", name="Sign").click()
    page.goto(f"{site.url}{HOME}/studio/")
    return page


def generate(page: Page) -> None:
    """Send the brief and stay until its first clip plays, without a reload."""
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url(re.compile(r"/jobs/[\w-]+/"))
    page.evaluate("window.neverReloaded = true")
    page.wait_for_selector("#clip", timeout=RENDERED)
    page.wait_for_function("() => document.querySelector('#clip').currentTime > 0")
    assert page.evaluate("window.neverReloaded"), "the page was loaded anew"


def times(page: Page) -> list[float]:
    return list(page.eval_on_selector_all("[data-side]", "videos => videos.map(video => video.currentTime)"))


def test_brief_variations_compare_remix_repeat(site: Site, artist: Page) -> None:
    page = artist

    # A draft is kept while one types, and is there after a reload.
    page.locator("#id_prompt").fill(PROMPT)
    expect(page.locator("#draft-kept")).to_contain_text("kept", timeout=20_000)
    page.reload()
    expect(page.locator("#id_prompt")).to_have_value(PROMPT)

    # Two variations, live.
    page.locator("#id_variations").select_option("2")
    page.locator("#id_steps").fill("8")
    generate(page)
    first = page.url
    expect(page.locator("#variations .state[data-state=finished]")).to_have_count(1, timeout=RENDERED)

    # Side by side, in step.
    page.locator("#variations").get_by_role("link", name="Compare").click()
    page.wait_for_selector("[data-controls]:not([hidden])")
    page.get_by_role("button", name="Play both").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-side]')].every(video => video.currentTime > 0.4)"
    )
    page.get_by_role("button", name="Pause both").click()
    left, right = times(page)
    assert abs(left - right) < 0.13, "more than a frame apart"
    before = times(page)
    page.keyboard.press(".")
    page.wait_for_function("(before) => document.querySelector('[data-side]').currentTime !== before", arg=before[0])
    left, right = times(page)
    assert abs(left - right) < 0.01
    expect(page.get_by_role("row", name=re.compile("Seed"))).to_contain_text("differs")

    # A remix begins with everything as it was, and knows where it came from.
    page.get_by_role("link", name="Remix").first.click()
    expect(page.locator("#id_prompt")).to_have_value(PROMPT)
    expect(page.locator("#id_steps")).to_have_value("8")
    page.locator("#id_prompt").fill("a blue ball moving left on a white background")
    page.locator("#id_variations").select_option("1")
    generate(page)
    remix = page.url
    lineage = page.get_by_role("main")
    expect(lineage).to_contain_text("Remixed from", ignore_case=True)
    page.goto(first)
    expect(page.get_by_role("main")).to_contain_text("a blue ball")

    # A repeat is the clip that is there.
    page.goto(remix)
    page.locator("#job-repeat").click()
    expect(page.get_by_role("main")).to_contain_text("bit for bit")
    expect(page.locator("#clip")).to_be_visible()
    page.goto(f"{site.url}{HOME}/library/")
    expect(page.locator(".wall .work")).to_have_count(3)
    site.manage("verify_audit")


def brief(site: Site, page: Page, prompt: str) -> None:
    page.goto(f"{site.url}{HOME}/studio/")
    page.locator("#id_prompt").fill(prompt)
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("main")).to_contain_text("paused")


def test_jobs_are_cancelled_and_tried_again_from_the_queue(site: Site, artist: Page) -> None:
    page, queue = artist, f"{site.url}{HOME}/queue/"
    page.goto(queue)
    page.get_by_role("button", name="Pause my queue").click()
    for shape in ("star", "ring", "line"):  # no repeats of what is there
        brief(site, page, f"a green {shape} growing on a black background")

    # One by its own button: one stays where one was. All that are left, asked once more.
    page.goto(queue)
    page.get_by_role("button", name=re.compile("Cancel ?: a green star")).click()
    expect(page.locator(".queue-row")).to_have_count(2)
    assert page.url == queue
    site.manage("shell", "-c", FAIL)
    page.reload()
    page.locator("#cancel-all").click()
    page.get_by_role("button", name="Yes, cancel all queued").click()
    expect(page.get_by_role("main")).to_contain_text("1 queued clip is cancelled")

    # What failed today is tried again from the queue, what was cancelled from the list of all jobs.
    page.get_by_role("button", name="Resume my queue").click()
    page.get_by_role("button", name=re.compile("Try again ?: a green ring")).click()
    page.wait_for_url(re.compile("/jobs/[-0-9a-f]+/$"))
    expect(page.get_by_role("main")).to_contain_text("Tried again after")
    page.wait_for_selector("#clip", timeout=RENDERED)
    page.goto(f"{site.url}{HOME}/library/jobs/?state=cancelled")
    page.get_by_role("button", name=re.compile("Try again ?: a green star")).click()
    page.wait_for_url(re.compile("/jobs/[-0-9a-f]+/$"))
    page.wait_for_selector("#clip", timeout=RENDERED)
