"""Where a reviewer lands, and the queue as a list: its order, its pages, and what it must not tell."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access import clock
from access.models import Conflict, User
from review import claiming, listing, queueing
from review.listing import Sieve
from review.models import Exposure, Flag, Look, OptOut, ReviewTerms, Submission
from tests import make
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db


def read(user: User, name: str, cast: Cast, **query: str) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(reverse(name, args=[cast.program.slug]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def titles(cast: Cast, by: User | None = None, sieve: Sieve | None = None) -> list[str]:
    """All that the list shows, over all its pages."""
    asker, after, found = queueing.ask(by or cast.reviewer, cast.program), None, []
    while True:
        rows, after = listing.page(asker, sieve or Sieve(), after=after)
        found += [look.submission.title for look in rows]
        if after is None:
            return found


def queue(cast: Cast, ranks: str) -> list[Submission]:
    """A submission for each digit, which is its rank (9: overdue, of ordinary risk); titled by their place."""
    made = []
    for place, rank in enumerate(ranks):
        asked = cast.submission(title=f"{place}")
        band = 1 if rank == "9" else int(rank)
        Submission.objects.filter(pk=asked.pk).update(risk_band=band)
        asked.looks.update(rank=int(rank))
        made.append(asked)
    return made


# --- the landing --------------------------------------------------------------------------------------------------


def test_the_landing_is_one_line_and_one_key(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission(title="Held by the rival"), by=cast.rival)
    cast.submission(title="Free")
    page = read(cast.reviewer, "review_queue", cast)
    assert "2 wait" in page and "None is late" in page and "none is due within 6 hours" in page
    assert 'data-key="Enter">Start' in page and "<table" not in page and "Held by the rival" not in page
    at(held.submission.due_at - timedelta(hours=1))
    assert "2 due within 6 hours" in read(cast.reviewer, "review_queue", cast)
    at(held.submission.due_at + timedelta(hours=1))
    assert "2 late" in read(cast.reviewer, "review_queue", cast)


def test_the_landing_says_what_is_in_hand(cast: Cast) -> None:
    cast.claim(cast.submission(title="Mine"))
    page = read(cast.reviewer, "review_queue", cast)
    assert 'data-key="Enter">Go on' in page and "Mine" in page


def test_nothing_to_start_while_others_hold_all(cast: Cast) -> None:
    cast.claim(cast.submission(), by=cast.rival)
    page = read(cast.reviewer, "review_queue", cast)
    assert 'data-key="Enter" disabled' in page and "in other reviewers&#x27; hands" in page.replace("'", "&#x27;")


def test_the_landing_says_how_long_one_has_watched(cast: Cast) -> None:
    cast.submission()
    Exposure.objects.create(reviewer=cast.reviewer, on=clock.now().date(), ms=12 * 60_000)
    page = read(cast.reviewer, "review_queue", cast)
    assert "you have watched 12 of 240 minutes today" in " ".join(page.split())
    Exposure.objects.update(ms=240 * 60_000)
    page = read(cast.reviewer, "review_queue", cast)
    assert "disabled" in page and "as much as the program allows" in page


def test_the_landing_says_what_keeps_a_program_closed(cast: Cast) -> None:
    cast.program.opened_at = None
    cast.program.save()
    page = read(cast.reviewer, "review_queue", cast)
    assert "not open yet" in page and "2 reviewers are missing" in page and "There is no lead" in page


def test_nobody_counts_further_than_a_person_reads(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(cast, "000")
    monkeypatch.setattr(listing, "MOST", 2)
    assert listing.count(queueing.ask(cast.reviewer, cast.program)).words == "2+"
    assert "2+ wait" in read(cast.reviewer, "review_queue", cast)


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_order_is_the_published_one_over_all_pages(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(cast, "0193200")
    published = [look.submission.title for look in Look.objects.waiting().in_order()]
    assert published == ["2", "3", "4", "1", "0", "5", "6"] == titles(cast)
    for shown in (1, 2, 3):
        monkeypatch.setattr(listing, "SHOWN", shown)
        assert titles(cast) == published, f"{shown} to a page"


def test_equal_deadlines_do_not_lose_rows_between_pages(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    at(clock.now())
    queue(cast, "00000")
    monkeypatch.setattr(listing, "SHOWN", 2)
    assert sorted(titles(cast)) == ["0", "1", "2", "3", "4"]


def test_filters_leave_rows_out_and_change_no_place(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    made = queue(cast, "0190310")
    monkeypatch.setattr(listing, "SHOWN", 2)
    order = titles(cast)
    for band in range(4):
        of_band = {asked.title for asked in Submission.objects.filter(risk_band=band)}
        assert titles(cast, sieve=Sieve(band=band)) == [title for title in order if title in of_band]
    cast.claim(made[3])
    cast.claim(made[5], by=cast.rival)
    assert titles(cast, sieve=Sieve(held="mine")) == ["3"]
    assert titles(cast, sieve=Sieve(held="held")) == ["5", "3"]
    assert titles(cast, sieve=Sieve(soon=True)) == []
    at(made[1].due_at - timedelta(hours=6))
    assert titles(cast, sieve=Sieve(soon=True)) == [title for title in order if title == "0"]


def test_the_list_shows_what_may_come_to_whoever_reads(cast: Cast) -> None:
    made = queue(cast, "00000")
    claiming.skip(cast.claim(made[0]), reason="I know the place.")
    made[1].looks.update(for_leads=True)
    Flag.objects.create(submission=made[2], category="violence", said_by="rule Knives", raised_at=clock.now())
    OptOut.objects.create(reviewer=cast.reviewer, category="violence", since=clock.now())
    assert titles(cast) == ["3", "4"]
    assert titles(cast, by=make.lead(program=cast.program)) == ["0", "1", "2", "3", "4"]
    Conflict.objects.create(
        program=cast.program, judge=cast.reviewer, artist=cast.artist.user, reason="Cousins.", declared_at=clock.now()
    )
    assert titles(cast) == []


def test_a_check_of_quality_looks_like_any_other(cast: Cast, at: At) -> None:
    no = cast.rejection(at)
    now = clock.now()
    Look.objects.create(
        submission=no.submission, program=cast.program, artist=cast.artist.user, round=1, kind="qa", asked_at=now,
        due_at=now + timedelta(days=2),
    )  # fmt: skip
    cast.submission(title="Ordinary")
    assert "Tide" not in read(cast.reviewer, "review_list", cast), "whoever decided would learn of the check"
    page = read(cast.rival, "review_list", cast)
    assert "Tide" in page and "Ordinary" in page
    rows = page.split('<ol class="rows">')[1].split("</ol>")[0].split("<li")[1:]
    assert len({re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|Tide|Ordinary|datetime=.*?>", "", row.strip()) for row in rows}) == 1


def test_the_list_names_holders_and_no_artist(cast: Cast) -> None:
    cast.claim(cast.submission(title="Held"), by=cast.rival)
    page = read(cast.reviewer, "review_list", cast)
    assert f"Held by reviewer {cast.rival.pseudonym}" in page
    for secret in (cast.artist.user.email, cast.artist.user.name, cast.rival.email):
        assert secret not in page


def test_pages_and_filters_are_links(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SHOWN", 1)
    queue(cast, "10")
    page = read(cast.reviewer, "review_list", cast)
    after = page.split('rel="next" href="')[1].split('"')[0].split("after=")[1]
    further = read(cast.reviewer, "review_list", cast, after=after)
    assert ">1</a>" in further and ">0</a>" not in further and "Here the queue ends" in further
    assert ">0</a>" in read(cast.reviewer, "review_list", cast, band="1")
    assert "Nothing of that kind waits" in read(cast.reviewer, "review_list", cast, band="3")


@pytest.mark.parametrize("after", ["", "1", "9.x.y.z", f"1.{10**30}.0.{'0' * 32}", "-1.0.0.0", "²"])
def test_an_address_that_no_page_made_begins_at_the_front(cast: Cast, after: str) -> None:
    cast.submission(title="First")
    assert "First" in read(cast.reviewer, "review_list", cast, after=after, band="x", held="x", due="x")


def test_a_page_asks_few_questions_however_long_it_is(cast: Cast, django_assert_max_num_queries: Any) -> None:
    for asked in queue(cast, "0193"):
        cast.claim(asked, by=make.reviewer(program=cast.program))
    client = Client()
    client.force_login(cast.reviewer)
    client.get(reverse("notices"))  # the first page of a session notes how they came
    for name, most in (("review_list", 15), ("review_queue", 20)):
        with django_assert_max_num_queries(most):
            client.get(reverse(name, args=[cast.program.slug]))


def test_the_terms_decide_whether_minutes_have_an_end(cast: Cast) -> None:
    cast.submission()
    ReviewTerms.objects.create(program=cast.program, number=1, published_at=clock.now(), exposure_minutes=0)
    assert "you have watched 0 minutes today" in " ".join(read(cast.reviewer, "review_queue", cast).split())


def test_long_runs_of_what_is_not_for_a_reviewer_are_not_read_in_one_go(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "WINDOW", 2)
    monkeypatch.setattr(listing, "WINDOWS", 1)
    made = queue(cast, "00000")
    for asked in made[:3]:
        asked.looks.update(for_leads=True)
    rows, after = listing.page(queueing.ask(cast.reviewer, cast.program), Sieve())
    assert rows == [] and after is not None, "a page may be short, and goes on"
    assert titles(cast) == ["3", "4"]
