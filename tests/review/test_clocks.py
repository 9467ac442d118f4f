"""Deadlines: weekends and halts stop the clock, once; what runs out goes to the front, and all hear of it once."""

from datetime import UTC, datetime, timedelta

import pytest

from access import clock, halting
from access.models import Entry, Halt, Notice
from review import appeals, clocks, moderation, publishing, submitting
from review.models import Advance, Look, Pause, ReviewTerms, Submission
from tests import make
from tests.review.cast import At, Cast

HOUR = timedelta(hours=1)


def terms(zone: str, *, weekends: bool = True) -> ReviewTerms:
    return ReviewTerms(program=make.program(time_zone=zone), number=1, pauses_on_weekends=weekends)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]  # year, month, day, hour


# --- what counts -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "start", "hours", "due"),
    [
        ("UTC", utc(2027, 3, 3, 10), 24, utc(2027, 3, 4, 10)),  # Wednesday to Thursday
        ("UTC", utc(2027, 3, 5, 20), 8, utc(2027, 3, 8, 4)),  # Friday evening: four hours on Friday, four on Monday
        ("UTC", utc(2027, 3, 6, 12), 1, utc(2027, 3, 8, 1)),  # on Saturday nothing counts
        ("UTC", utc(2027, 3, 5, 20), 4, utc(2027, 3, 6, 0)),  # to the last moment of Friday
        ("UTC", utc(2027, 3, 1, 0), 240, utc(2027, 3, 13, 0)),  # ten days that count: to the end of the second Friday
        # New York goes to summer time on Sunday 14 March 2027: that weekend lasts 47 hours.
        ("America/New_York", utc(2027, 3, 13, 4), 2, utc(2027, 3, 15, 5)),
        # Vienna goes back to winter time on Sunday 31 October 2027: that weekend lasts 49 hours.
        ("Europe/Vienna", utc(2027, 10, 29, 21), 2, utc(2027, 11, 1, 0)),
        # In Auckland Monday begins while it is Sunday noon in UTC.
        ("Pacific/Auckland", utc(2027, 6, 6, 12), 1, utc(2027, 6, 6, 13)),
    ],
)
def test_the_hours_that_count(zone: str, start: datetime, hours: int, due: datetime) -> None:
    found = terms(zone)
    assert clocks.add_working(start, hours * HOUR, found) == due
    assert clocks.working_between(start, due, found) == hours * HOUR
    assert clocks.add_working(start, hours * HOUR, terms(zone, weekends=False)) == start + hours * HOUR


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["Africa/Cairo", "Asia/Beirut", "America/Santiago"])
def test_where_the_clock_changes_at_midnight(zone: str) -> None:
    """Adding and measuring agree over two years of hours, also where a midnight is left out or comes twice."""
    found, start = terms(zone), utc(2026, 1, 1)
    for day in range(0, 730, 3):
        begin = start + timedelta(days=day, hours=day % 24)
        due = clocks.add_working(begin, 40 * HOUR, found)
        assert clocks.working_between(begin, due, found) == 40 * HOUR
        assert begin < due <= begin + timedelta(days=5)


@pytest.mark.django_db
def test_nothing_counts_backwards() -> None:
    found = terms("UTC")
    assert clocks.working_between(utc(2027, 3, 4), utc(2027, 3, 3), found) == timedelta()
    assert clocks.working_between(utc(2027, 3, 4), utc(2027, 3, 3), terms("UTC", weekends=False)) == timedelta()


def test_each_band_has_its_promise(cast: Cast) -> None:
    made = publishing.publish_terms(cast.program, by=None, hours_low=40, hours_severe=4)
    at = utc(2027, 3, 3)
    assert [clocks.deadline(made, band, at) - at for band in range(4)] == [40 * HOUR, 48 * HOUR, 48 * HOUR, 4 * HOUR]


def test_after_an_answer_the_rest_counts_and_a_quarter_at_least(cast: Cast) -> None:
    made = publishing.publish_terms(cast.program, by=None, hours_low=40)
    stopped, at = utc(2027, 3, 3), utc(2027, 3, 9)
    rest = clocks.go_on(made, 0, stopped_at=stopped, was_due=stopped + 30 * HOUR, at=at)
    least = clocks.go_on(made, 0, stopped_at=stopped, was_due=stopped + HOUR, at=at)
    assert (rest - at, least - at) == (30 * HOUR, 10 * HOUR)


# --- halts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["program", "cohort", "artist"])
def test_a_halt_stops_the_clock_for_its_length_once(cast: Cast, at: At, scope: str) -> None:
    asked, begin = cast.submission(), clock.now()
    targets = {"program": cast.program, "cohort": cast.artist.cohort, "artist": cast.artist.user}
    halted(cast, at, targets[scope], begin + HOUR, begin + 6 * HOUR)
    assert [clocks.apply_pauses() for _ in range(3)] == [1, 0, 0]
    assert moved(asked) == 5 * HOUR
    assert cast.look(asked).due_at == asked.due_at + 5 * HOUR
    assert Pause.objects.get().moved == 1


def halted(cast: Cast, at: At, target: object, start: datetime, end: datetime) -> Halt:
    at(start)
    placed = halting.halt(target, program=cast.program, by=None, reason="a test")  # type: ignore[arg-type]  # of any kind
    at(end)
    return halting.lift(placed, by=None)


def moved(asked: Submission) -> timedelta:
    return Submission.objects.get(pk=asked.pk).due_at - asked.due_at


def test_a_clip_sent_under_a_halt_is_moved_by_what_was_left_of_it(cast: Cast, at: At) -> None:
    begin, elsewhere = clock.now(), make.artist(program=cast.program, cohort=make.cohort(program=cast.program))
    at(begin)
    placed = halting.halt(elsewhere.user, program=cast.program, by=None, reason="a test")
    mine = cast.submission()
    Halt.objects.filter(pk=placed.pk).update(scope="program", artist=None)
    at(begin + 3 * HOUR)
    Submission.objects.filter(pk=mine.pk).update(submitted_at=begin + HOUR)
    halting.lift(placed, by=None)
    clocks.apply_pauses()
    assert moved(mine) == 2 * HOUR


def test_the_hold_of_a_credential_and_the_halt_of_others_stop_nothing(cast: Cast, at: At) -> None:
    asked, begin = cast.submission(), clock.now()
    other = make.artist(program=cast.program, cohort=make.cohort(program=cast.program))
    for target in (other.user, other.cohort):
        halted(cast, at, target, begin, begin + HOUR)
    clocks.apply_pauses()
    assert moved(asked) == timedelta()


def test_halts_that_overlap_stop_each_hour_once(cast: Cast, at: At) -> None:
    """The program from 1 to 4, the artist from 3 to 6 and, within that, the cohort from 4 to 5: five hours in all."""
    asked, begin = cast.submission(), clock.now()
    at(begin + 1 * HOUR)
    one = halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    at(begin + 3 * HOUR)
    two = halting.halt(cast.artist.user, program=cast.program, by=None, reason="a test")
    at(begin + 4 * HOUR)
    halting.lift(one, by=None)
    clocks.apply_pauses()
    halted(cast, at, cast.artist.cohort, begin + 4 * HOUR, begin + 5 * HOUR)
    clocks.apply_pauses()
    at(begin + 6 * HOUR)
    halting.lift(two, by=None)
    clocks.apply_pauses()
    assert moved(asked) == 5 * HOUR and Pause.objects.count() == 3


def test_weekends_within_a_halt_count_for_nothing_twice(cast: Cast, at: At) -> None:
    publishing.publish_terms(cast.program, by=None, pauses_on_weekends=True, hours_low=24)
    at(utc(2027, 3, 5, 12))  # Friday noon: due on Monday noon
    asked = cast.submission()
    assert asked.due_at == utc(2027, 3, 8, 12)
    halted(cast, at, cast.program, utc(2027, 3, 5, 18), utc(2027, 3, 8, 2))  # six hours of Friday, two of Monday
    clocks.apply_pauses()
    assert Submission.objects.get().due_at == utc(2027, 3, 8, 20)


def test_the_clock_of_an_appeal_stops_too(cast: Cast, at: At) -> None:
    rejected = cast.rejection(at)
    look = appeals.open_appeal(rejected, by=cast.artist.user, words="Look again.").look
    begin = clock.now()
    halted(cast, at, cast.program, begin + HOUR, begin + 3 * HOUR)
    clocks.apply_pauses()
    assert Look.objects.get(pk=look.pk).due_at == look.due_at + 2 * HOUR


def test_while_the_artist_has_the_word_no_halt_moves_the_clock(cast: Cast, at: At) -> None:
    asked = cast.submission()
    decision = cast.send_back(cast.claim(asked))
    begin = decision.effective_at
    at(begin + HOUR)
    placed = halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    at(begin + 3 * HOUR)
    answered = submitting.answer(asked, by=cast.artist.user, words="A brush.")
    at(begin + 4 * HOUR)
    halting.lift(placed, by=None)
    clocks.apply_pauses()
    assert moved(answered) == HOUR


def test_a_long_queue_is_moved_in_steps_and_goes_on_where_it_stopped(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clocks a step and one step a beat; the second beat fails after its step was written to the database."""
    monkeypatch.setattr(clocks, "BATCH", 2)
    monkeypatch.setattr(clocks, "BATCHES", 1)
    rejected = cast.rejection(at)
    look = appeals.open_appeal(rejected, by=cast.artist.user, words="Look again.").look
    asked, begin = [cast.submission() for _ in range(5)], clock.now()
    halted(cast, at, cast.program, begin + HOUR, begin + 3 * HOUR)
    assert clocks.apply_pauses() == 0
    assert sorted(moved(each) for each in asked) == [timedelta()] * 3 + [2 * HOUR] * 2
    with monkeypatch.context() as broken:
        broken.setattr(clocks, "_write_deadlines", failing)
        with pytest.raises(RuntimeError):
            clocks.apply_pauses()
    at(asked[0].due_at + HOUR)
    assert clocks.find_breaches() == 0, "nothing is late before all are moved"
    assert [clocks.apply_pauses() for _ in range(5)] == [0, 0, 0, 1, 0]
    assert {moved(each) for each in asked} == {2 * HOUR}
    assert Look.objects.get(pk=look.pk).due_at == look.due_at + 2 * HOUR
    assert Pause.objects.get().moved == 5 and not Advance.objects.exists()


def failing(_batch: list[Submission]) -> None:
    raise RuntimeError("the power went")


def test_the_next_halt_waits_until_the_one_before_is_counted(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "BATCHES", 1)
    asked, begin = cast.submission(), clock.now()
    at(begin + 1 * HOUR)
    one = halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    at(begin + 2 * HOUR)
    two = halting.halt(cast.artist.user, program=cast.program, by=None, reason="a test")
    for hours, placed in ((3, one), (4, two)):
        at(begin + hours * HOUR)
        halting.lift(placed, by=None)
    assert sum(clocks.apply_pauses() for _ in range(6)) == 2
    assert moved(asked) == 3 * HOUR


# --- what runs out ---------------------------------------------------------------------------------------------------


def test_what_is_late_goes_to_the_front_and_everybody_hears_once(cast: Cast, at: At) -> None:
    lead = make.lead(program=cast.program)
    late = cast.submission(title="Late")
    at(late.due_at)
    risky = cast.submission()
    Look.objects.filter(submission=risky).update(rank=3)
    assert [clocks.find_breaches() for _ in range(2)] == [1, 0]
    assert Look.objects.waiting().in_order()[0].submission == late
    late.refresh_from_db()
    assert late.breached_at == late.due_at
    for user in (cast.artist.user, lead):
        assert Notice.objects.filter(user=user, kind="deadline_missed").count() == 1
    assert Entry.objects.filter(act="breach").count() == 1


def test_nothing_is_late_under_a_halt_nor_before_its_pause_is_applied(cast: Cast, at: At) -> None:
    asked = cast.submission()
    at(asked.due_at - HOUR)
    placed = halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    at(asked.due_at + HOUR)
    assert clocks.find_breaches() == 0
    halting.lift(placed, by=None)
    assert clocks.find_breaches() == 0
    clocks.apply_pauses()
    assert clocks.find_breaches() == 0
    at(asked.due_at + 2 * HOUR)
    assert clocks.find_breaches() == 1


def test_a_second_round_can_be_late_again(cast: Cast, at: At) -> None:
    asked = cast.submission()
    at(asked.due_at)
    clocks.find_breaches()
    first = Submission.objects.get().breached_at
    decision = cast.send_back(cast.claim(asked))
    at(decision.effective_at)
    again = submitting.answer(asked, by=cast.artist.user, words="A brush.")
    assert cast.look(asked).rank == 0
    at(again.due_at)
    assert clocks.find_breaches() == 1
    assert cast.look(asked).rank == Look.OVERDUE and Submission.objects.get().breached_at == first
    assert Notice.objects.filter(user=cast.artist.user, kind="deadline_missed").count() == 2


def test_a_late_appeal_goes_to_the_front_and_its_artist_hears(cast: Cast, at: At) -> None:
    rejected = cast.rejection(at)
    look = appeals.open_appeal(rejected, by=cast.artist.user, words="Look again.").look
    at(look.due_at)
    assert clocks.find_breaches() == 1
    assert Look.objects.get(pk=look.pk).rank == Look.OVERDUE
    assert Notice.objects.filter(user=cast.artist.user, kind="deadline_missed").count() == 1


def test_an_overdue_look_keeps_its_place_when_others_are_asked(cast: Cast, at: At) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    at(asked.due_at)
    clocks.find_breaches()
    cast.approve(cast.claim(asked))
    assert cast.look(asked).kind == "second" and cast.look(asked).rank == Look.OVERDUE
    decision = cast.approve(cast.claim(asked, by=cast.rival))
    moderation.undo(decision, by=cast.rival)
    assert cast.look(asked).rank == Look.OVERDUE


def test_nobody_starves_behind_a_stream_of_riskier_clips(cast: Cast, at: At) -> None:
    """However many of a higher band keep coming, the low one is handed out as soon as its deadline has passed."""
    low, begin = cast.submission(), clock.now()
    for day in range(3):
        at(begin + timedelta(days=day))
        Look.objects.filter(submission=cast.submission()).update(rank=3)
    assert Look.objects.waiting().in_order().last().submission == low
    at(low.due_at)
    clocks.find_breaches()
    assert cast.claim(low, revealed=False) and Look.objects.waiting().in_order()[0].submission == low
