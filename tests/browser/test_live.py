"""Live updates as an artist meets them: what moves, what is spoken, and that a page says when it knows nothing more.

The jobs are real and wait in a paused line; what the site would tell of them is told by the test.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from scripts.private_site import Site, private_site
from scripts.tour import HOME, new_page, sign_in

pytestmark = pytest.mark.browser

LIVE = re.compile(r"/live/\?job=")
RUNNING = {"state": "running", "phase": "decode", "says": "Almost done", "step_says": "Developing the frames"}
FINISHED = {"state": "finished", "phase": "", "says": "Your clip is finished", "step_says": ""}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with private_site(tmp_path_factory.mktemp("live")) as opened:
        yield opened


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    """An artist whose line is paused and empty."""
    page = new_page(browser)
    sign_in(page, site, "artist")
    if page.get_by_role("button", name="Sign").count():
        page.get_by_role("button", name="Sign").click()
    page.goto(f"{site.url}{HOME}/queue/")
    if page.locator("#pause-queue").count():
        page.locator("#pause-queue").click()
    yield page
    page.unroute_all(behavior="ignoreErrors")
    page.goto(f"{site.url}{HOME}/queue/")
    if page.locator("#cancel-all").count():
        cancel_all(page)
    page.context.close()


def cancel_all(page: Page) -> None:
    page.locator("#cancel-all").click()
    page.get_by_role("button", name="Yes, cancel all queued").click()
    expect(page.get_by_role("main")).to_contain_text("Nothing waits")


def ask_for(page: Page, site: Site, prompt: str, *, variations: str = "1") -> list[str]:
    """Send a brief; the keys of its jobs, that of the page first."""
    page.goto(f"{site.url}{HOME}/studio/")
    page.locator("#id_prompt").fill(prompt)
    page.locator("#id_variations").select_option(variations)
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url(re.compile("/jobs/"))
    keys: list[str] = page.eval_on_selector_all("[data-live-job]", "all => all.map(each => each.dataset.liveJob)")
    assert len(keys) == int(variations)
    return keys


def told(key: str, **changed: Any) -> str:
    """An event of the stream."""
    waiting = {"state": "queued", "phase": "", "says": "Waiting", "step_says": "", "place_says": "", "eta_says": ""}
    rest = {"step": 0, "steps": 20, "waits_for": "pause", "stopping": False, "preview": ""}
    return f"data: {json.dumps({'id': key, **waiting, **rest, **changed})}\n\n"


def bye(why: str) -> str:
    return f'event: bye\ndata: {{"why": "{why}"}}\n\n'


def tell(page: Page, *streams: str) -> None:
    """What the stream says when the page connects for the first time, the second, …; then it stays silent."""
    waiting = list(streams)

    def answer(route: Route) -> None:
        if waiting:
            route.fulfill(content_type="text/event-stream", body="retry: 1500\n\n" + waiting.pop(0))

    page.route(LIVE, answer)


def test_the_title_follows_the_only_job_and_is_its_own_again_at_the_end(site: Site, page: Page) -> None:
    (key,) = ask_for(page, site, "a red ball")
    own = page.title()
    tell(page, told(key) + told(key, **RUNNING), told(key, **FINISHED) + bye("done"))
    page.reload()
    expect(page).to_have_title(re.compile("^Almost done · a red ball"))
    expect(page.locator("#live-says")).to_have_text("Almost done")
    expect(page).to_have_title(own)
    expect(page.locator("#live-says")).to_have_text("Your clip is finished")


def test_of_several_jobs_only_the_ends_are_spoken_each_by_its_name(site: Site, page: Page) -> None:
    one, two, three, _ = ask_for(page, site, "a blue ball", variations="4")
    own = page.title()
    begin = "".join(told(key) + told(key, **RUNNING) for key in (one, two, three))
    ends = told(one, **FINISHED) + told(three, **FINISHED) + told(two, state="failed", says="This did not work")
    tell(page, begin + ends)
    page.reload()
    expect(page.locator("#live-says")).to_have_text(
        "Variation 1, Variation 3: Your clip is finished. Variation 2: This did not work"
    )
    assert page.title() == own


@pytest.mark.parametrize("room", ["queue", "jobs"])
def test_a_page_that_knows_nothing_more_says_so_until_it_does(site: Site, page: Page, room: str) -> None:
    (key,) = ask_for(page, site, "a green ball")
    if room == "queue":
        page.goto(f"{site.url}{HOME}/queue/")
    page.route(LIVE, lambda route: route.abort())
    page.reload()
    notice = page.locator("#live-lost")
    expect(notice).to_be_hidden()
    expect(notice).to_be_visible(timeout=30_000)
    expect(notice).to_contain_text("Live updates have stopped")
    page.mouse.wheel(0, 2000)
    expect(notice).to_be_in_viewport()
    page.unroute_all()
    expect(notice).to_be_hidden(timeout=40_000)  # the next word has come
    assert key


def test_a_tab_too_many_says_so(site: Site, page: Page) -> None:
    ask_for(page, site, "a black ball")
    tell(page, bye("crowded"))
    page.reload()
    expect(page.locator("#live-lost")).to_contain_text("other tabs")
    page.unroute_all()
    page.locator("#live-lost").get_by_role("link", name="Reload the page").click()
    expect(page.locator("#live-lost")).to_be_hidden()


@pytest.mark.parametrize("room", ["studio", "library"])
def test_jobs_named_on_other_pages_move_too(site: Site, page: Page, room: str) -> None:
    (key,) = ask_for(page, site, "a white ball")
    tell(page, told(key) + told(key, **RUNNING))
    page.goto(f"{site.url}{HOME}/{room}/")
    row = page.locator(f'[data-live-job="{key}"]')
    expect(row.locator(".state")).to_have_text("Almost done")
    if room == "studio":  # the bare wall is fetched again
        expect(row.locator(".state")).to_have_attribute("data-state", "running")
    expect(page.locator("#live-says")).to_be_empty()  # the page is about something else
    tell(page, told(key) + told(key, **FINISHED) + bye("done"))
    page.reload()
    expect(page.locator("#live-says")).to_have_text("a white ball: Your clip is finished")


def test_an_open_panel_of_the_queue_stays_open_and_keeps_the_focus(site: Site, page: Page) -> None:
    ask_for(page, site, "a first ball")
    (key,) = ask_for(page, site, "a second ball")
    page.goto(f"{site.url}{HOME}/queue/")
    page.locator("#cancel-all").click()
    yes = page.get_by_role("button", name="Yes, cancel all queued")
    yes.focus()
    page.evaluate("document.getElementById('queue').dataset.before = ''")
    page.locator(f'[data-live-job="{key}"]').dispatch_event("live:changed")
    page.wait_for_function("() => !('before' in document.getElementById('queue').dataset)")
    expect(yes).to_be_visible()
    expect(yes).to_be_focused()
    yes.click()
    expect(page.get_by_role("main")).to_contain_text("2 queued clips are cancelled")
