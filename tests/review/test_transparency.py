"""The published figures are counts of rows up to a stated instant; only what took effect counts."""

import csv
import io
import statistics
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from access import clock, halting
from access.models import Program
from review import clocks, figures, moderation, publishing, submitting, transparency
from review.models import Appeal, Decision, Submission
from review.transparency import Counted, Month
from tests import make
from tests.review.cast import At, Cast, make_cast

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


@pytest.fixture
def cast(db: None, at: At) -> Cast:
    """A program that has its policy since a month before that Monday."""
    at(MONDAY - timedelta(days=30))
    return make_cast()


def counted(program: Program) -> Counted:
    return transparency.count(program, clock.now())


def only(program: Program) -> Month:
    [month] = counted(program).months
    return month


def answer(
    cast: Cast, at: At, verdict: str = "approved", after: timedelta = timedelta(hours=5), **facts: Any
) -> Decision:
    """A clip submitted now and answered so much later; the clock then stands where the answer is in effect."""
    asked = cast.submission(**facts)
    at(clock.now() + after)
    held = cast.claim(asked)
    at(clock.now() + timedelta(seconds=9))
    decision = {"approved": cast.approve, "rejected": cast.reject, "changes": cast.send_back}[verdict](held)
    at(decision.effective_at)
    return decision


def past(at: At) -> None:
    """What happened at this instant lies before the next."""
    at(clock.now() + timedelta(seconds=1))


# --- what is counted --------------------------------------------------------------------------------------------------


def test_each_answer_is_counted_in_the_month_of_its_effect(cast: Cast, at: At) -> None:
    at(datetime(2026, 3, 31, 20, 0, tzinfo=UTC))
    answer(cast, at, after=timedelta(hours=1))
    answer(cast, at, "rejected", after=timedelta(hours=6))
    answer(cast, at, "changes")
    past(at)
    march, april = counted(cast.program).months
    assert (march.submitted, march.approved, march.rejected, march.changes) == (2, 1, 0, 0)
    assert (april.submitted, april.approved, april.rejected, april.changes) == (1, 0, 1, 1)
    assert april.clauses == {("2", "Violence"): 1}, "changes are no rejections"


def test_what_is_not_in_effect_or_was_undone_is_not_counted(cast: Cast, at: At) -> None:
    at(MONDAY)
    undone = cast.approval()
    moderation.undo(undone, by=cast.reviewer)
    pending = cast.approval()
    at(pending.effective_at)
    assert (only(cast.program).submitted, only(cast.program).decided) == (2, 0), "an instant is not before itself"
    past(at)
    assert only(cast.program).decided == 1


def test_numbers_equal_queries_at_the_stated_instant(cast: Cast, at: At) -> None:
    at(MONDAY)
    for verdict in ("approved", "rejected", "changes", "approved"):
        answer(cast, at, verdict)
    until = clock.now() + timedelta(seconds=1)
    at(until)
    before = transparency.count(cast.program, until)
    at(until + timedelta(hours=1))
    answer(cast, at)
    cast.submission()
    assert transparency.count(cast.program, until) == before, "what came later changes nothing"
    [month] = before.months
    in_effect = Decision.objects.filter(effective_at__lt=until, withdrawal=None)
    assert month.decided == in_effect.count() == 4
    assert month.submitted == Submission.objects.filter(submitted_at__lt=until).count() == 4


def test_other_programs_are_not_counted(cast: Cast, at: At) -> None:
    at(MONDAY)
    answer(cast, at)
    past(at)
    assert counted(make.program()).months == []


def test_appeals_and_what_they_overturn(cast: Cast, at: At) -> None:
    at(MONDAY + timedelta(days=20))
    no = cast.reject(cast.claim(cast.submission()))
    at(datetime(2026, 4, 10, tzinfo=UTC))
    cast.overturn(no)
    past(at)
    march, april = counted(cast.program).months
    assert (march.rejected, march.appeals, march.overturned) == (1, 0, 0), "a no that fell was one all the same"
    assert (april.decided, april.appeals, april.overturned) == (0, 1, 1)
    assert Appeal.objects.get().state == "overturned"


def test_a_missed_deadline_is_a_breach(cast: Cast, at: At) -> None:
    at(MONDAY)
    asked = cast.submission()
    at(asked.due_at + timedelta(minutes=1))
    clocks.find_breaches()
    past(at)
    assert only(cast.program).breaches == 1


def test_a_second_missed_deadline_of_one_submission_is_counted_too(cast: Cast, at: At) -> None:
    asked = cast.submission()
    at(asked.due_at)
    clocks.find_breaches()
    decision = cast.send_back(cast.claim(asked))
    at(decision.effective_at)
    again = submitting.answer(asked, by=cast.artist.user, words="A brush.")
    at(again.due_at)
    clocks.find_breaches()
    at(again.due_at + timedelta(minutes=2))
    months = transparency.count(cast.program, clock.now()).months
    assert sum(month.breaches for month in months) == 2


# --- waits ------------------------------------------------------------------------------------------------------------


def waits(program: Program) -> list[timedelta]:
    start, end = datetime(2020, 1, 1, tzinfo=UTC), clock.now() + timedelta(days=1)
    answers = transparency.answered(program, start, end).order_by("decided_at")
    return [timedelta(seconds=seconds) for seconds in transparency.waits(program, answers)]


UNTIL_EFFECT = timedelta(seconds=39)  # nine to look, thirty until it cannot be undone


def test_a_wait_runs_from_asking_to_effect(cast: Cast, at: At) -> None:
    at(MONDAY)
    answer(cast, at, after=timedelta(hours=5))
    assert waits(cast.program) == [timedelta(hours=5) + UNTIL_EFFECT]


def test_a_halt_stands_outside_of_it_once_however_many_there_are(cast: Cast, at: At) -> None:
    at(MONDAY)
    asked = cast.submission()
    at(MONDAY + timedelta(hours=1))
    whole = halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    at(MONDAY + timedelta(hours=2))
    own = halting.halt(cast.artist.user, program=cast.program, by=None, reason="a test")
    elsewhere = make.artist(program=cast.program, cohort=make.cohort(program=cast.program))
    halting.halt(elsewhere.user, program=cast.program, by=None, reason="not theirs")
    at(MONDAY + timedelta(hours=3))
    halting.lift(whole, by=None)
    at(MONDAY + timedelta(hours=5))
    halting.lift(own, by=None)
    at(MONDAY + timedelta(hours=6))
    held = cast.claim(asked)
    at(clock.now() + timedelta(seconds=9))
    cast.approve(held)
    assert waits(cast.program) == [timedelta(hours=2) + UNTIL_EFFECT], "six hours less those from one to five"


def test_weekends_stand_outside_where_the_terms_say_so(cast: Cast, at: At) -> None:
    friday = MONDAY + timedelta(days=4)
    at(friday)
    answer(cast, at, after=timedelta(days=3))
    assert waits(cast.program) == [timedelta(days=3) + UNTIL_EFFECT]
    at(friday + timedelta(days=6))
    publishing.publish_terms(cast.program, by=None, pauses_on_weekends=True)
    at(friday + timedelta(days=7))
    answer(cast, at, after=timedelta(days=3))
    assert waits(cast.program) == [timedelta(days=3) + UNTIL_EFFECT, timedelta(days=1) + UNTIL_EFFECT]


def test_the_time_that_the_artist_takes_is_not_the_programs(cast: Cast, at: At) -> None:
    at(MONDAY)
    decision = answer(cast, at, "changes", after=timedelta(hours=2))
    at(decision.effective_at + timedelta(days=3))
    submitting.answer(decision.submission, by=cast.artist.user, words="The knife is a brush.")
    at(clock.now() + timedelta(hours=1))
    held = cast.claim(decision.submission)
    at(clock.now() + timedelta(seconds=9))
    cast.approve(held)
    assert waits(cast.program) == [timedelta(hours=2) + UNTIL_EFFECT, timedelta(hours=1) + UNTIL_EFFECT]


def test_an_undo_does_not_start_the_wait_anew(cast: Cast, at: At) -> None:
    at(MONDAY)
    asked = cast.submission()
    moderation.undo(cast.reject(cast.claim(asked)), by=cast.reviewer)
    at(MONDAY + timedelta(hours=3))
    held = cast.claim(asked)
    at(clock.now() + timedelta(seconds=9))
    cast.approve(held)
    assert waits(cast.program) == [timedelta(hours=3) + UNTIL_EFFECT]


def test_ranks_are_waits_that_somebody_had() -> None:
    waited = list(range(1, 101))
    assert (transparency.ranked(waited, 50), transparency.ranked(waited, 95)) == (50, 95)
    assert transparency.ranked([7], 50) == transparency.ranked([7], 95) == 7
    assert transparency.ranked([], 50) is None
    odd = sorted([3, 9, 1, 40, 22])
    assert transparency.ranked(odd, 50) == statistics.median_low(odd)


# --- what is told -----------------------------------------------------------------------------------------------------


def month(**facts: Any) -> Month:
    none = dict.fromkeys(("submitted", "approved", "rejected", "changes", "breaches", "appeals", "overturned"), 0)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return Month(start, datetime(2026, 4, 1, tzinfo=UTC), **{**none, "median": None, "p95": None, **facts})


def told(**facts: Any) -> figures.Row:
    counted_month = month(**facts)
    return figures.row(counted_month, transparency.cited([counted_month]))


def test_large_numbers_are_told_with_their_shares() -> None:
    row = told(approved=80, rejected=15, changes=5, clauses={("1", "A"): 9, ("2", "B"): 6}, median=3600, p95=7230)
    assert [str(shown) for shown in (row.decided, row.approved, row.rejected, row.changes)] == ["100", "80", "15", "5"]
    assert row.rejected_share == 15.0
    assert [(label, str(shown), share) for label, shown, share in row.clause_shares] == [
        ("1 A", "9", 9.0), ("2 B", "6", 6.0)
    ]  # fmt: skip
    assert (row.median, row.p95) == (60, 120)


def test_small_ones_are_not_nor_what_gives_them_away() -> None:
    row = told(approved=80, rejected=7, changes=3, clauses={("1", "A"): 5, ("2", "B"): 2})
    assert [str(shown) for shown in (row.decided, row.approved, row.rejected, row.changes)] == [
        "not shown", "80", "7", "fewer than 5"
    ]  # fmt: skip
    assert [str(shown) for _label, shown in row.clauses] == ["not shown", "fewer than 5"]
    assert row.rejected_share == 8, "of 88 to 91: the same whole percent, whichever"
    assert told(approved=12, rejected=7, changes=3).rejected_share is None, "of 20 to 23 it is not"


def test_waits_of_few_are_not_told() -> None:
    assert told(approved=4, median=3600, p95=7200).median is None
    row = told(approved=19, median=3600, p95=7200)
    assert (row.median, row.p95) == (60, None)
    assert told(approved=20, median=3600, p95=7200).p95 == 120


# --- page and table ---------------------------------------------------------------------------------------------------


def page(program: Program) -> str:
    transparency.renew(program)
    return Client().get(f"/p/{program.slug}/transparency/").content.decode()


def table(url: str) -> list[list[str]]:
    transparency.renew_due()
    response = Client().get(url)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(response.content.decode())))


def test_strangers_read_it_and_it_says_up_to_when(cast: Cast, at: At) -> None:
    at(MONDAY)
    for _ in range(5):
        answer(cast, at)
    at(datetime(2026, 3, 5, 12, 34, 56, tzinfo=UTC))
    shown = page(cast.program)
    assert "5 March 2026, 12:33 UTC" in shown and 'datetime="2026-03-05T12:33:00+00:00"' in shown
    assert ">5</td>" in shown and "5 h 1 min" in shown
    assert (
        "<svg" in shown and "<title" in shown and "<desc" in shown and "style=" not in shown and "<script" not in shown
    )
    for secret in (cast.artist.user.email, cast.reviewer.email, cast.reviewer.pseudonym, "Tide"):
        assert secret not in shown


def test_the_table_has_the_same_numbers(cast: Cast, at: At) -> None:
    at(MONDAY)
    for verdict in ("approved",) * 6 + ("rejected",) * 5 + ("changes",):
        answer(cast, at, verdict, after=timedelta(hours=2))
    at(clock.now() + timedelta(minutes=3))
    rows = table(f"/p/{cast.program.slug}/transparency.csv")
    assert rows[0] == list(figures.COLUMNS)
    values = {(figure, clause): value for _program, _month, _until, figure, clause, value in rows[1:]}
    assert values["approved", ""] == "6" and values["rejected", ""] == "5"
    assert values["changes", ""] == "fewer than 5" and values["decided", ""] == "not shown"
    assert values["rejected_by_clause", "2 Violence"] == "5"
    assert values["median_wait_minutes", ""] == "121" and values["p95_wait_minutes", ""] == ""
    assert {row[1] for row in rows[1:]} == {"2026-03"}
    everything = table("/transparency.csv")
    assert all(row in everything for row in rows)


def test_a_program_without_rows_and_one_that_is_not_open(cast: Cast) -> None:
    assert "Nothing had been submitted by then" in page(cast.program)
    closed = make.program(opened_at=None)
    for url in (f"/p/{closed.slug}/transparency/", f"/p/{closed.slug}/transparency.csv", "/p/none/transparency/"):
        assert Client().get(url).status_code == 404
    assert all(row[0] != closed.slug for row in table("/transparency.csv"))


def test_no_cell_is_a_formula() -> None:
    assert figures.plain("=HYPERLINK(1)") == "'=HYPERLINK(1)" and figures.plain("2 Violence") == "2 Violence"
