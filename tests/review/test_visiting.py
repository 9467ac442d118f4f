"""Visits are counted by the day and told coarsely: nothing about anybody is kept."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test import Client

from access import clock, halting
from review import sharing, visiting
from review.models import Share, Visits
from tests.review.cast import At, Cast, make_cast
from tests.review.test_public import POSTER, browser, bytes_of, embed, page


def opened(share: Share) -> int:
    return sum(Visits.objects.filter(share=share).values_list("count", flat=True))


def test_people_are_counted_by_page_and_by_embed(cast: Cast, at: At) -> None:
    share = cast.share(at, may_embed=True)
    for _ in range(3):
        page(share)
    embed(share)
    bytes_of(share), bytes_of(share, POSTER)
    counted = Visits.objects.get()
    assert (counted.share, counted.on, counted.count) == (share, clock.now().date(), 4)
    at(clock.now() + timedelta(days=1))
    page(share)
    assert [day.count for day in Visits.objects.order_by("on")] == [4, 1]


ROBOTS = [
    "",
    "curl/8.5",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "facebookexternalhit/1.1",
    "WhatsApp/2.23",
    "Slackbot-LinkExpanding 1.0",
    "Mozilla/5.0 (compatible; Discordbot/2.0)",
    "python-requests/2.32",
    "Mozilla/5.0 HeadlessChrome/140",
]


@pytest.mark.parametrize("agent", ROBOTS)
def test_robots_are_not_counted(cast: Cast, at: At, agent: str) -> None:
    share = cast.share(at)
    assert Client(headers={"user-agent": agent}).get(f"/s/{share.token}/").status_code == 200
    assert opened(share) == 0


@pytest.mark.parametrize("header", ["Sec-Purpose", "Purpose", "X-Moz"])
def test_nor_is_a_page_fetched_ahead(cast: Cast, at: At, header: str) -> None:
    share = cast.share(at)
    browser().get(f"/s/{share.token}/", headers={header: "prefetch;prerender"})
    assert opened(share) == 0


def test_nor_a_head_nor_the_artist_nor_what_shows_nothing(cast: Cast, at: At) -> None:
    share = cast.share(at)
    browser().head(f"/s/{share.token}/")
    artist = browser()
    artist.force_login(cast.artist.user)
    artist.get(f"/s/{share.token}/")
    placed = halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    page(share)
    halting.lift(placed, by=None)
    sharing.revoke(share, by=cast.artist.user)
    page(share)
    assert opened(share) == 0


def test_a_count_that_fails_does_not_break_the_page(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    share = cast.share(at)
    broken = "SELECT 1 FROM no_such_table WHERE %(share)s = %(day)s"
    monkeypatch.setattr("review.visiting._ONE_MORE", broken)
    if connection.vendor == "sqlite":  # says OperationalError also of what does not exist
        assert page(share).status_code == 200
        assert "a visit was not counted" in caplog.text
    assert opened(share) == 0


# --- how it is told ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "not yet opened"), (1, "fewer than 10"), (9, "fewer than 10"), (10, "about 10"), (14, "about 10"),
     (15, "about 20"), (23, "about 20"), (99, "about 100"), (104, "about 100"), (105, "about 110"),
     (1234, "about 1,200"), (98_765, "about 99,000"), (1_250_000, "about 1,300,000")],
)  # fmt: skip
def test_counts_are_told_rounded(number: int, told: str) -> None:
    assert visiting.in_words(number) == told


def test_a_week_is_seven_days_with_today(cast: Cast, at: At) -> None:
    share = cast.share(at)
    today = clock.now().date()
    for ago, count in ((0, 10), (6, 10), (7, 100)):
        Visits.objects.create(share=share, on=today - timedelta(days=ago), count=count)
    assert visiting.figures(share, clock.now()) == visiting.Figures(week="about 20", ever="about 120")


def test_the_artist_reads_it_beside_the_link_and_how_it_is_counted(cast: Cast, at: At) -> None:
    share = cast.share(at, may_embed=True)
    Visits.objects.create(share=share, on=clock.now().date(), count=23)
    client = Client()
    client.force_login(cast.artist.user)
    shown = client.get(f"/p/{cast.program.slug}/submissions/{share.decision.submission_id}/").content.decode()
    assert "about 20" in shown and ">23<" not in shown
    assert "no addresses and no cookies" in shown
    assert f"&lt;iframe src=&quot;http://127.0.0.1:8000/s/{share.token}/embed/&quot;" in shown


def test_a_row_holds_a_link_a_day_and_a_number() -> None:
    assert {field.name for field in Visits._meta.get_fields()} == {"id", "share", "on", "count"}


# --- many at once -----------------------------------------------------------------------------------------------------


class Crowd:
    """People who open a link at the same instant, each with a connection of their own."""

    def __init__(self, size: int) -> None:
        self.start, self.size = threading.Barrier(size), size

    def count(self, share: Share) -> None:
        def one() -> None:
            try:
                self.start.wait()
                for _ in range(10):
                    visiting.count(share, clock.now())
            finally:
                connections.close_all()

        people = [threading.Thread(target=one) for _ in range(self.size)]
        for person in people:
            person.start()
        for person in people:
            person.join()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_no_visit_of_a_crowd_is_lost(at: At) -> None:
    cast = make_cast()
    share = cast.share(at)
    Crowd(8).count(share)
    assert opened(share) == 80


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_reading_and_writing_back_would_lose_some(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the race is real."""
    share = make_cast().share(at)
    Visits.objects.create(share=share, on=clock.now().date())

    def read_and_write(share: Share, at: object) -> None:
        row = Visits.objects.get(share=share)
        row.count += 1
        row.save()

    monkeypatch.setattr(visiting, "count", read_and_write)
    Crowd(8).count(share)
    assert opened(share) < 80
