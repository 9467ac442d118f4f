"""What strangers see, in a browser: axe, a small phone, both themes, and no script at all.

On PostgreSQL: see ``tests.live.LIVE``.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from access import clock, halting
from access.models import Enrollment
from review import sharing, showcase, transparency
from review.models import Share, Visits
from review.transparency import Counted, Month
from tests.live import LIVE, chromium, signed_in, troubles
from tests.review import stages
from tests.review.cast import Cast, make_cast

pytestmark = LIVE


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    cache.clear()
    return make_cast()


@pytest.fixture
def browser(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright keeps an event loop in this thread
    with chromium() as browser:
        yield browser


def hung(cast: Cast, at: Callable[[datetime], None], title: str) -> Share:
    """A clip with an open link, in the showcase."""
    decision = stages.later(cast.approval(cast.submission(title=title, credit="Ada Okonkwo-Lindqvist")), at)
    share = sharing.share(decision, by=cast.artist.user, may_embed=True)
    showcase.choose(decision.submission, by=cast.artist.user, shown=True)
    return share


def year() -> Counted:
    """Twelve months of a program with much to do, and one that has just begun."""
    months = []
    for number in range(1, 13):
        start, end = (
            datetime(2026, number, 1, tzinfo=UTC),
            datetime(2026 + number // 12, number % 12 + 1, 1, tzinfo=UTC),
        )
        no, few = 40 + 9 * (number % 4), number % 5
        counts = {"submitted": 900 + 70 * number, "approved": 800 + 60 * number, "rejected": no, "changes": 21 + number}
        clauses = {("1", "Real people"): no - 12, ("2", "Violence"): 12 - few, ("3", "Private matters of others"): few}
        late = {"breaches": few, "appeals": 9 + few, "overturned": 5 + number % 3}
        months.append(Month(start, end, **counts, **late, median=3600 * 5, p95=3600 * (20 + number), clauses=clauses))
    return Counted(clock.now().replace(second=0, microsecond=0), months)


def test_what_strangers_see_is_accessible_and_fits(
    cast: Cast, browser: Browser, live_server: LiveServer, at: Callable[[datetime], None]
) -> None:
    at(clock.now())
    shares = [hung(cast, at, title) for title in ("Ebb", stages.RTL, stages.LONG)]
    slug, page, found = cast.program.slug, browser.new_context(base_url=live_server.url).new_page(), []
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    urls = {"share": f"/s/{shares[0].token}/", "share-long": f"/s/{shares[2].token}/", "showcase": "/showcase/"}
    urls |= {"embed": f"/s/{shares[2].token}/embed/", "showcase-program": reverse("program_showcase", args=[slug])}
    cache.set(transparency._key(cast.program), year())
    urls["transparency"] = reverse("transparency", args=[slug])
    for name, url in urls.items():
        found += troubles(page, name, url)
        assert page.locator("script").count() == 0
    assert found == [] and [line for line in said if "Content" in line or "Refused" in line] == []


def test_what_they_see_where_there_is_nothing(
    cast: Cast, browser: Browser, live_server: LiveServer, at: Callable[[datetime], None]
) -> None:
    at(clock.now())
    share, page, found = hung(cast, at, "Ebb"), browser.new_context(base_url=live_server.url).new_page(), []
    halting.halt(cast.program, program=cast.program, by=None, reason="A leak.")
    urls = {"share-paused": (f"/s/{share.token}/", 503), "embed-paused": (f"/s/{share.token}/embed/", 503)}
    urls |= {"share-gone": (f"/s/{'z' * 43}/", 404), "showcase-empty": ("/showcase/", 200)}
    urls["transparency-none"] = (reverse("transparency", args=[cast.program.slug]), 503)
    for name, (url, code) in urls.items():
        found += troubles(page, name, url, code=code)
    assert found == []


def test_the_link_on_its_artists_page_and_after_they_left(
    cast: Cast, browser: Browser, live_server: LiveServer, at: Callable[[datetime], None]
) -> None:
    at(clock.now())
    share = hung(cast, at, stages.LONG)
    Visits.objects.create(share=share, on=clock.now().date(), count=137)
    page, found = signed_in(browser, live_server, cast.artist.user).new_page(), []
    found += troubles(page, "own-link", reverse("submission", args=[cast.program.slug, share.decision.submission_id]))
    Enrollment.objects.filter(user=cast.artist.user).update(ended_at=clock.now() + timedelta(seconds=1))
    found += troubles(page, "left-decisions", reverse("decisions"))
    assert found == []
    page.locator("form:has(button.button--danger) button").click()
    page.wait_for_url("**/decisions/")
    assert page.locator("#links").count() == 0
