"""The artist's pages in every state: axe, a small phone, both themes; and what the player does with a passage.

On PostgreSQL: see ``tests.live.LIVE``.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext
from pytest_django.live_server_helper import LiveServer

from access import clock
from review import publishing, watching_all
from review.models import Submission
from tests.live import LIVE, chromium, signed_in, troubles
from tests.review import stages
from tests.review.cast import Cast, make_cast

pytestmark = LIVE


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture
def context(cast: Cast, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[BrowserContext]:
    """A browser in which the artist is signed in."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright keeps an event loop in this thread
    with chromium() as browser:
        yield signed_in(browser, live_server, cast.artist.user)


def pages(cast: Cast, made: dict[str, Submission]) -> dict[str, str]:
    slug = cast.program.slug
    own = {name: reverse("submission", args=[slug, submission.pk]) for name, submission in made.items()}
    fresh, fix = cast.output(), reverse("studio", args=[slug]) + f"?remix={made['rejected'].output.job_id}"
    answer = reverse("submit", args=[slug, fresh.pk]) + f"?answers={made['changes'].pk}"
    listed = {"submissions": reverse("submissions", args=[slug]), "decisions": reverse("decisions")}
    listed["submissions-watched"] = listed["submissions"] + "?state=watched"
    return {**own, **listed, "submit": reverse("submit", args=[slug, fresh.pk]), "fix": fix, "submit-answer": answer}


def test_every_state_is_accessible_and_fits(
    cast: Cast, context: BrowserContext, at: Callable[[datetime], None]
) -> None:
    publishing.publish_terms(cast.program, by=None, every_output=True)
    made = stages.every(cast, at)
    cast.output()  # which its artist does not ask to share
    at(clock.now() + timedelta(minutes=11))
    watching_all.settle()
    made["watched"] = Submission.objects.filter(asked=False).latest("submitted_at")
    page, found, said = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    for name, url in pages(cast, made).items():
        found += troubles(page, name, url)
    assert found == []
    assert [line for line in said if "Content" in line or "Refused" in line] == []


def test_a_timecode_plays_its_passage_and_shows_its_region(
    cast: Cast, context: BrowserContext, at: Callable[[datetime], None]
) -> None:
    submission = cast.submission()
    stages.no(cast, at, submission)
    page = context.new_page()
    page.goto(reverse("submission", args=[cast.program.slug, submission.pk]))
    page.wait_for_function("() => document.querySelector('#clip').readyState >= 2")
    page.locator(".notes [data-seek]").nth(1).click()
    page.wait_for_function("() => Math.abs(document.querySelector('#clip').currentTime - 0.25) < 0.05")
    page.wait_for_function("() => document.querySelectorAll('.regions rect:not([hidden])').length === 1")
    assert page.locator(".regions rect:not([hidden])").get_attribute("x") == "0.5500"
