"""The browser's Back: to words that were half written, to a form that was sent, and after a sign-out to nothing."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.private_site import Site, private_site
from scripts.tour import HOME, new_page, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with private_site(tmp_path_factory.mktemp("back")) as opened:
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


@pytest.mark.parametrize("waits", [True, False], ids=["kept meanwhile", "at once"])
def test_half_written_words_are_there(page: Page, waits: bool) -> None:
    page.locator("#id_prompt").press_sequentially("half a thou")
    if waits:
        expect(page.locator("#draft-kept")).to_have_text(re.compile("Draft kept"))
    page.get_by_role("link", name="Library").first.click()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    page.go_back()
    expect(page.locator("#id_prompt")).to_have_value("half a thou")


def test_words_of_the_last_second_are_kept_on_the_way_out(page: Page) -> None:
    """Of a page that it does not keep, a browser need not keep the fields either; so they are looked for elsewhere."""
    page.locator("#id_prompt").press_sequentially("half a thou")
    studio = page.url
    page.goto("about:blank")
    elsewhere = page.context.new_page()
    elsewhere.goto(studio)
    for _again in range(10):  # what was sent on the way out and this page are on their way at the same time
        if elsewhere.locator("#id_prompt").input_value():
            break
        elsewhere.wait_for_timeout(500)
        elsewhere.reload()
    expect(elsewhere.locator("#id_prompt")).to_have_value("half a thou")


def test_other_words_in_a_form_that_was_sent_make_another_clip(page: Page) -> None:
    page.locator("#id_prompt").fill("a red ball")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("h1")).to_have_text("a red ball")
    page.go_back()
    page.locator("#id_prompt").fill("a blue ball")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("h1")).to_have_text("a blue ball")


def test_after_a_sign_out_nobody_goes_back_to_private_words(page: Page) -> None:
    page.locator("#id_prompt").fill("for nobody else")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("h1")).to_have_text("for nobody else")
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile(r"^(?!.*/jobs/)"))
    page.go_back()
    page.wait_for_load_state()
    assert "for nobody else" not in page.content()
