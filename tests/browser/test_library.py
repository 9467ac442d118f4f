"""The rooms where clips are kept, in a real browser: stars, tags, the bar of the chosen, comparing, and calm."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.private_site import Site, private_site
from scripts.tour import HOME, RENDERED, new_page, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with private_site(tmp_path_factory.mktemp("library")) as opened:
        yield opened


@pytest.fixture(scope="module")
def clips(site: Site, browser: Browser) -> str:
    """Two finished variations; the address of the first."""
    page = signed_in(site, browser)
    page.goto(f"{site.url}{HOME}/studio/")
    page.locator("#id_prompt").fill("a red ball moving left on a white background")
    page.locator("#id_variations").select_option("2")
    page.locator("#id_steps").fill("8")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url(re.compile("/jobs/"))
    page.wait_for_selector("#clip", timeout=RENDERED)
    expect(page.locator("#variations .state[data-state=finished]")).to_have_count(1, timeout=RENDERED)
    return page.url


@pytest.fixture
def page(site: Site, browser: Browser, clips: str) -> Page:
    """The artist of these clips, on the page of the first."""
    page = signed_in(site, browser)
    page.goto(clips)
    return page


def signed_in(site: Site, browser: Browser) -> Page:
    page = new_page(browser)
    sign_in(page, site, "artist")
    if page.get_by_role("button", name="Sign").count():
        page.get_by_role("button", name="Sign").click()
    return page


def lose_session(page: Page) -> None:
    kept = [cookie for cookie in page.context.cookies() if cookie["name"] != "sessionid"]
    page.context.clear_cookies()
    page.context.add_cookies(kept)


def test_stars_and_tags_on_a_clips_page_leave_the_page_alone(page: Page) -> None:
    page.evaluate("window.neverReloaded = true")
    star = page.locator("#job .star__button")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(star).to_be_focused()
    expect(star).to_have_accessible_name(re.compile("Starred ?: a red ball"))
    page.locator("#tag-name").fill("night sea")
    page.locator("#tag-name").press("Enter")
    expect(page.locator("#tags .chip")).to_contain_text("night sea")
    expect(page.locator("#tag-name")).to_be_focused()
    expect(page.locator("#tag-name")).to_have_value("")
    page.locator("#tag-name").evaluate("box => box.removeAttribute('maxlength')")
    page.locator("#tag-name").fill("x" * 41)
    page.locator("#tag-add").click()
    expect(page.locator("#tag-trouble")).to_contain_text("40 is the most")
    expect(page.locator("#tag-name")).to_have_value("x" * 41)
    page.locator("#tags .chip").click()
    expect(page.locator("#tags .chip")).to_have_count(0)
    star.click()
    expect(star).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("window.neverReloaded")


def test_while_a_clip_is_open_its_forms_are_their_own(page: Page) -> None:
    """The job's part is fetched by ``hx-select``, which a form in it must not inherit."""
    page.locator("#job").evaluate("job => { job.setAttribute('hx-select', '#job'); htmx.process(job); }")
    star = page.locator("#job .star__button")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "false")


def test_a_star_after_a_lost_session_leads_to_the_sign_in_and_back(site: Site, page: Page) -> None:
    page.goto(f"{site.url}{HOME}/library/?q=ball")
    lose_session(page)
    page.locator(".wall .star__button").first.click()
    page.wait_for_url(re.compile("/accounts/login/"))
    email, password = site.people["artist"]
    page.locator("#id_login").fill(email)
    page.locator("#id_password").fill(password)
    page.locator("form:has(#id_password) button").click()
    page.wait_for_url(f"{site.url}{HOME}/library/?q=ball")
    expect(page.locator(".wall .star__button").first).to_be_visible()


def test_enter_in_the_bar_of_the_chosen_does_what_is_written(site: Site, page: Page) -> None:
    page.goto(f"{site.url}{HOME}/library/")
    page.evaluate("document.getElementById('said').dataset.same = ''")

    def choose() -> None:
        for box in page.locator("input[name=chosen]").all():
            box.check()
        if not page.locator("#id_tag_name").is_visible():
            page.get_by_text("Tags and collections").click()

    choose()
    page.locator("#id_tag_name").press("Enter")
    expect(page.locator("#chosen")).to_contain_text("Write a tag or the name of a collection first")
    expect(page.locator("input[name=chosen]:checked")).to_have_count(2)
    page.locator("#id_tag_name").fill("shore")
    page.locator("#id_tag_name").press("Enter")
    said = page.get_by_role("status").filter(has_text="Tagged “shore”: 2 clips.")
    expect(said).to_be_visible()
    expect(said).to_have_attribute("data-same", "")  # the region was there before, so it is spoken
    choose()
    page.locator("#id_collection_name").fill("Room")
    page.locator("#id_collection_name").press("Enter")
    expect(page.locator("#said")).to_have_text("In “Room” now: 2 clips.")
    expect(page.locator("#said")).to_have_attribute("data-same", "")
    assert page.url == f"{site.url}{HOME}/library/"


def test_stars_on_the_wall_are_told_apart_by_ear(site: Site, page: Page) -> None:
    page.goto(f"{site.url}{HOME}/library/")
    for star in page.locator(".wall .star__button").all():
        expect(star).to_have_accessible_name(re.compile("Star ?: a red ball moving left"))


def test_keys_of_the_comparison_work_in_its_room_alone(page: Page) -> None:
    page.locator("#variations").get_by_role("link", name="Compare").click()
    page.wait_for_selector("[data-controls]:not([hidden])")
    at = page.locator("[data-at]")
    expect(at).to_contain_text("frame 1 of")
    page.keyboard.press(".")
    page.get_by_role("link", name="Back to the library").focus()
    page.keyboard.press(".")
    page.wait_for_timeout(300)
    expect(at).to_contain_text("frame 1 of")
    page.locator("[data-side]").first.click()
    page.keyboard.press(".")
    expect(at).to_contain_text("frame 2 of")
    page.keyboard.press("Home")
    expect(at).to_contain_text("frame 1 of")


def test_a_clip_plays_by_itself_except_for_who_asked_for_calm(page: Page) -> None:
    page.wait_for_function("() => { const clip = document.querySelector('#clip'); return !clip.paused && clip.loop }")
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    page.wait_for_function("() => document.querySelector('#clip').readyState >= 1")
    page.wait_for_timeout(500)
    assert page.locator("#clip").evaluate("clip => clip.paused && !clip.loop && clip.currentTime === 0")
