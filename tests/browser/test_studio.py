"""The studio in a real browser: what is typed stays, whatever happens to the page or to the session."""

import io
import re
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from scripts.private_site import Site, private_site
from scripts.tour import HOME, RENDERED, new_page, sign_in

pytestmark = pytest.mark.browser

KEPT = re.compile("Draft kept")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all of them: each begins with an empty page."""
    with private_site(tmp_path_factory.mktemp("studio")) as opened:
        yield opened


@pytest.fixture
def page(site: Site, browser: Browser) -> Page:
    """An artist who has signed, in the studio."""
    page = new_page(browser)
    sign_in(page, site, "artist")
    if page.get_by_role("button", name="Sign").count():
        page.get_by_role("button", name="Sign").click()
    page.goto(f"{site.url}{HOME}/studio/")
    page.get_by_role("button", name="Start afresh").click()
    page.wait_for_url(f"{site.url}{HOME}/studio/")
    return page


def prompt(page: Page) -> str:
    return page.locator("#id_prompt").input_value()


def test_a_draft_is_kept_while_one_types_and_the_cost_follows(page: Page) -> None:
    page.locator("#id_prompt").fill("a red ball")
    expect(page.locator("#draft-kept")).to_have_text(KEPT)
    page.locator("#id_variations").select_option("3")
    expect(page.locator("#cost")).to_contain_text("Takes 3 of your")
    page.reload()
    assert prompt(page) == "a red ball" and page.locator("#id_variations").input_value() == "3"


def test_a_word_of_the_vocabulary_is_kept_too(page: Page) -> None:
    page.locator("button.chip").first.click()
    expect(page.locator("#draft-kept")).to_have_text(KEPT)
    assert prompt(page)


def test_a_lost_session_is_said_and_costs_no_words(site: Site, page: Page) -> None:
    page.locator("#id_prompt").fill("typed before")
    expect(page.locator("#draft-kept")).to_have_text(KEPT)
    kept = [cookie for cookie in page.context.cookies() if cookie["name"] != "sessionid"]
    page.context.clear_cookies()
    page.context.add_cookies(kept)
    page.locator("#id_prompt").fill("typed before and after")
    expect(page.locator("#draft-kept")).to_contain_text("could not be kept")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url(re.compile("/accounts/login/"))
    email, password = site.people["artist"]
    page.locator("#id_login").fill(email)
    page.locator("#id_password").fill(password)
    page.locator("form:has(#id_password) button").click()
    page.wait_for_url(re.compile("/studio/"))
    assert prompt(page) == "typed before and after"
    expect(page.locator("#draft-kept")).to_have_text(KEPT)


def test_choosing_a_picture_uploads_it(page: Page) -> None:
    page.locator("#id_prompt").fill("the sun rising over the sea")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_selector("video", timeout=RENDERED)  # a worker has loaded the model, and said what it can
    page.locator("#job-remix").click()
    if not page.locator("#id_picture").count():
        pytest.skip("the model that comes with the site does not begin with a picture")
    sink = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(sink, "JPEG")
    page.locator("#id_picture").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": sink.getvalue()})
    page.wait_for_url(re.compile("#first-frame"))
    assert page.locator("input[name=first_frame]:checked").input_value()
    assert prompt(page) == "the sun rising over the sea"
    shown = "image => image.complete && image.naturalWidth === 300"
    assert page.locator("input[name=first_frame]:checked + img").evaluate(shown)


def test_a_clip_arrives_without_a_reload_and_is_varied_and_repeated(page: Page) -> None:
    page.locator("#id_prompt").fill("a blue square moving left")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url(re.compile("/jobs/"))
    first = page.url
    page.wait_for_selector("video", timeout=RENDERED)
    page.get_by_text("From static to picture").wait_for(timeout=30_000)  # follows a moment later
    assert page.url == first
    page.locator("#job-repeat").click()
    expect(page.get_by_text("You already have this clip, bit for bit")).to_be_visible()
    page.goto(first)
    page.locator("#job-vary").click()
    expect(page.locator("#variations li")).to_have_count(4)
    page.wait_for_selector("#job video", timeout=RENDERED)
    expect(page.locator("#variations img[src*='/media/'], #variations img:not([data-preview])")).to_have_count(
        4, timeout=RENDERED
    )
