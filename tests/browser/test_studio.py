"""The studio in a real browser: what is typed stays, whatever happens to the page or to the session."""

import io
import re
import time
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

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


def lose_session(page: Page) -> None:
    """As after a fortnight, or when the credential was ended elsewhere."""
    kept = [cookie for cookie in page.context.cookies() if cookie["name"] != "sessionid"]
    page.context.clear_cookies()
    page.context.add_cookies(kept)


def enter(page: Page, site: Site) -> None:
    """Fill in the sign-in that one was led to."""
    email, password = site.people["artist"]
    page.locator("#id_login").fill(email)
    page.locator("#id_password").fill(password)
    page.locator("form:has(#id_password) button").click()


def test_a_lost_session_is_said_and_costs_no_words(site: Site, page: Page) -> None:
    page.locator("#id_prompt").fill("typed before")
    expect(page.locator("#draft-kept")).to_have_text(KEPT)
    lose_session(page)
    page.locator("#id_prompt").fill("typed before and after")
    expect(page.locator("#draft-kept")).to_contain_text("could not be kept")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url(re.compile("/accounts/login/"))
    enter(page, site)
    page.wait_for_url(re.compile("/studio/"))
    assert prompt(page) == "typed before and after"
    expect(page.locator("#draft-kept")).to_have_text(KEPT)


def test_a_press_after_a_lost_session_leads_back_to_the_studio(site: Site, page: Page) -> None:
    """The button's own address cannot be opened."""
    lose_session(page)
    page.locator("#id_prompt").fill("words nobody kept yet")
    page.get_by_role("button", name="Surprise me").click()
    page.wait_for_url(re.compile("/accounts/login/"))
    enter(page, site)
    page.wait_for_url(f"{site.url}{HOME}/studio/")
    assert prompt(page) == "words nobody kept yet"


def test_one_goes_on_after_signing_in_in_another_tab(site: Site, page: Page) -> None:
    lose_session(page)
    page.locator("#id_prompt").fill("a yellow ball moving left")
    expect(page.locator("#draft-kept")).to_contain_text("could not be kept")
    other = page.context.new_page()
    sign_in(other, site, "artist")
    page.locator("#id_prompt").fill("a yellow ball moving right")
    expect(page.locator("#draft-kept")).to_have_text(KEPT)
    other.goto(f"{site.url}{HOME}/studio/")
    assert prompt(other) == "a yellow ball moving right"
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url(re.compile("/jobs/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("a yellow ball moving right")


def test_a_page_left_before_its_words_were_kept_has_them_after_the_next_sign_in(site: Site, page: Page) -> None:
    lose_session(page)
    page.locator("#id_prompt").fill("only in this tab")
    expect(page.locator("#draft-kept")).to_contain_text("could not be kept")
    page.reload()
    enter(page, site)
    page.wait_for_url(re.compile("/studio/"))
    assert prompt(page) == "only in this tab"


def test_a_long_text_is_counted_and_not_cut(page: Page) -> None:
    count = page.locator("[data-count=id_prompt]")
    page.locator("#id_prompt").fill("a red ball")
    expect(count).to_be_hidden()
    page.locator("#id_prompt").fill("x" * 950)
    expect(count).to_contain_text("Characters left: 50")
    expect(count.get_by_role("status")).to_have_text("Characters left: 50")  # spoken after a pause
    page.locator("#id_prompt").evaluate("box => { box.focus(); box.select(); }")
    page.keyboard.insert_text("y" * 1100)
    expect(count).to_contain_text("Characters too many: 100")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("main")).to_contain_text("1100 characters long; 1000 is the most")
    assert prompt(page) == "y" * 1100


SECOND_MODEL = """
from generation.models import Pipeline
from generation import registry
from access import clock
made, new = Pipeline.objects.get_or_create(slug="second", defaults=dict(
    name="Second", folder="generation/pocket", created_at=clock.now(), for_every_cohort=True))
new and registry.pin(made, by=None)
"""


def test_arrow_keys_in_the_menu_of_models_leave_the_page_alone(site: Site, page: Page) -> None:
    site.manage("shell", "-c", SECOND_MODEL)
    page.reload()
    page.evaluate("window.neverReloaded = true")
    menu = page.locator("#id_pipeline")
    menu.focus()
    chosen = menu.input_value()
    page.keyboard.press("ArrowDown")
    if menu.input_value() == chosen:  # it was the last
        page.keyboard.press("ArrowUp")
    assert menu.input_value() != chosen
    expect(page.locator("#draft-kept")).to_have_text(KEPT)
    assert page.evaluate("window.neverReloaded")
    menu.select_option("second")
    page.get_by_role("button", name="Use this model").click()
    expect(page.get_by_role("heading", name="The model: Second")).to_be_visible()


def image(color: str) -> FilePayload:
    sink = io.BytesIO()
    Image.new("RGB", (300, 200), color).save(sink, "JPEG")
    return {"name": f"{color}.jpg", "mimeType": "image/jpeg", "buffer": sink.getvalue()}


def upload(page: Page, color: str) -> str:
    """Choose a picture; the key of the one that is chosen once it has arrived."""
    page.evaluate("window.isBefore = true")
    page.locator("#id_picture").set_input_files(image(color))
    page.wait_for_function("() => !window.isBefore && location.hash === '#first-frame'")
    page.wait_for_load_state()
    return chosen(page)


def chosen(page: Page) -> str:
    return page.locator("input[name=first_frame]:checked").input_value()


def remix(page: Page, words: str) -> None:
    """Back in the studio after a clip was made: a worker has the model loaded, and said that it takes pictures."""
    page.locator("#id_prompt").fill(words)
    page.get_by_role("button", name="Generate").click()
    page.wait_for_selector("video", timeout=RENDERED)
    page.locator("#job-remix").click()
    page.locator("#id_picture").wait_for(state="attached")


def test_pictures_are_uploaded_replaced_and_removed(page: Page) -> None:
    remix(page, "the sun rising over the sea")
    first = upload(page, "teal")
    assert first and prompt(page) == "the sun rising over the sea"
    shown = "image => image.complete && image.naturalWidth === 300"
    assert page.locator("input[name=first_frame]:checked + img").evaluate(shown)

    second = upload(page, "crimson")
    assert second not in ("", first)
    expect(page.locator("#draft-kept")).to_have_text(KEPT)  # whatever the page itself keeps afterwards
    page.wait_for_timeout(1500)
    page.reload()
    assert chosen(page) == second

    page.get_by_role("button", name="Remove the picture").click()
    page.wait_for_function("() => !document.querySelector('input[name=first_frame]:checked')?.value")
    page.wait_for_timeout(1500)
    assert chosen(page) == ""
    page.reload()
    assert chosen(page) == "" and prompt(page) == "the sun rising over the sea"


def stopped(route: Route) -> None:
    """As when somebody stops the page on its way; the page stays."""
    if route.request.method == "POST":
        route.abort("aborted")
    else:
        route.continue_()


def test_who_stops_the_page_on_its_way_and_types_on_loses_nothing(site: Site, page: Page) -> None:
    page.route(f"{site.url}{HOME}/studio/", stopped)
    page.locator("#id_prompt").fill("a red ball")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_timeout(500)
    with page.expect_response("**/studio/draft/"):
        page.locator("#id_prompt").fill("a red ball moving left")
    page.reload()
    assert prompt(page) == "a red ball moving left"


def slowly(route: Route) -> None:
    """As a large picture over a thin line."""
    time.sleep(1.5)
    route.continue_()


def test_a_draft_on_its_way_takes_no_picture_back(page: Page) -> None:
    remix(page, "a green ring")
    upload(page, "teal")
    asked: list[tuple[str, str]] = []
    page.on("request", lambda sent: asked.append((sent.url.rsplit("/", 2)[-2], sent.post_data or "")))
    page.locator("#id_prompt").fill("a green ring moving left")
    with page.expect_request("**/studio/draft/"):
        pass
    assert 'name="first_frame"' not in asked[-1][1] and "first_frame=" not in asked[-1][1]

    page.route("**/studio/first-frame/", slowly)
    asked.clear()
    page.locator("#id_prompt").fill("a green ring moving right")
    second = upload(page, "crimson")
    names = [name for name, _body in asked]
    assert names[:2] == ["first-frame", "studio"], "no draft goes out while a picture is on its way"
    assert prompt(page) == "a green ring moving right"

    page.get_by_role("radio", name="No picture").check()
    with page.expect_request("**/studio/draft/") as told:
        pass
    assert "first_frame" in (told.value.post_data or "")
    expect(page.locator("#draft-kept")).to_have_text(KEPT)
    page.reload()
    assert second and chosen(page) == ""


def test_a_picture_that_cannot_be_used_leaves_an_address_that_opens(site: Site, page: Page) -> None:
    remix(page, "a boat")
    page.goto(f"{site.url}{HOME}/studio/")
    page.locator("#id_picture").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    expect(page.locator("#first-frame-error")).to_be_visible()
    assert page.url == f"{site.url}{HOME}/studio/"
    page.reload()
    expect(page.locator("#id_prompt")).to_be_visible()


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
