"""Where a submission stands and when an answer may come: by the published order, and honest when it cannot know."""

import random
import statistics
from datetime import timedelta
from typing import Any

import pytest

from access import clock, halting
from review import claiming, standing
from review.models import Decision, Look, Opinion, Submission
from review.standing import Pace, Place
from tests import make
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db


def place(cast: Cast, submission: Submission) -> Place:
    return standing.place_of(cast.look(submission), clock.now())


def queue(cast: Cast, at: At, n: int) -> list[Submission]:
    """Some that wait, a minute apart."""
    start, made = clock.now(), []
    for minutes in range(n):
        at(start + timedelta(minutes=minutes))
        made.append(cast.submission(title=f"Number {minutes}"))
    return made


def test_the_place_is_that_of_the_published_order(cast: Cast, at: At) -> None:
    made = queue(cast, at, 4)
    assert [place(cast, submission) for submission in made] == [Place(n, n) for n in (1, 2, 3, 4)]
    in_order = [look.submission_id for look in Look.objects.waiting().in_order()]
    assert in_order == [submission.pk for submission in made]


def test_a_higher_band_is_ahead(cast: Cast, at: At) -> None:
    low, high = queue(cast, at, 2)
    Look.objects.filter(submission=high).update(rank=2)
    assert place(cast, high).first == 1 and place(cast, low) == Place(2, 2)


def test_what_reviewers_have_in_hand_makes_the_place_a_range(cast: Cast, at: At) -> None:
    first, _second, third = queue(cast, at, 3)
    cast.claim(first)
    assert place(cast, third) == Place(2, 3)


def test_what_a_page_only_loads_ahead_is_in_nobodys_hands(cast: Cast, at: At) -> None:
    first, _second, third = queue(cast, at, 3)
    cast.claim(first)
    assert claiming.claim_next(cast.reviewer, program=cast.program, ahead=True)
    assert place(cast, third) == Place(2, 3)


def test_what_becomes_overdue_sooner_may_go_first(cast: Cast, at: At) -> None:
    low, high = queue(cast, at, 2)
    Look.objects.filter(submission=high).update(rank=2)
    assert place(cast, high) == Place(1, 2)  # the lower one is due earlier: overdue, it would be ahead
    Look.objects.filter(submission=high).update(rank=Look.OVERDUE)
    assert place(cast, high) == Place(1, 1)
    assert place(cast, low) == Place(2, 2)


def test_checks_of_quality_do_not_count(cast: Cast, at: At) -> None:
    (first,) = queue(cast, at, 1)
    look = cast.look(first)
    facts = {"program": look.program, "artist": look.artist, "due_at": look.due_at - timedelta(hours=1)}
    Look.objects.create(submission=first, round=1, kind="qa", asked_at=look.asked_at, **facts)
    assert standing.place_of(look, clock.now()) == Place(1, 1)


def test_nor_do_they_push_anybody_beyond_what_is_counted(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST", 1)
    look = cast.look(cast.submission())
    facts = {"program": look.program, "artist": look.artist, "due_at": look.due_at - timedelta(hours=1)}
    Look.objects.create(submission=look.submission, round=1, kind="qa", asked_at=look.asked_at, **facts)
    assert standing.place_of(look, clock.now()) == Place(1, 1)


def test_nor_do_the_answers_to_them_make_the_program_look_faster(cast: Cast, at: At) -> None:
    answered(cast, at, 12, hours=1)
    drawn = Decision.objects.filter(decided_by=cast.reviewer)[:2]
    at(clock.now() + timedelta(minutes=1))
    for decision in drawn:
        facts = {"program": cast.program, "artist": cast.artist.user, "due_at": clock.now() + timedelta(days=1)}
        Look.objects.create(submission=decision.submission, round=1, kind="qa", asked_at=clock.now(), **facts)
        cast.approve(cast.claim(decision.submission, by=cast.rival))
    assert Opinion.objects.filter(kind="qa").count() == 2
    pace = standing.pace_of(cast.program, 0, clock.now())
    assert isinstance(pace, Pace) and pace.an_hour <= 12 / 168


def test_far_behind_is_said_to_be_beyond(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST", 2)
    last = queue(cast, at, 3)[-1]
    assert place(cast, last).is_beyond
    assert standing.standing(last, clock.now()).why_unknown == "beyond"


def answered(cast: Cast, at: At, n: int, *, hours: int) -> None:
    """A history: so many answered, so many hours apart."""
    start = clock.now()
    for number in range(n):
        at(start + timedelta(hours=hours * number))
        submission = cast.submission()
        cast.approve(cast.claim(submission, by=cast.reviewer if number % 2 else cast.rival))


def test_no_time_is_named_where_it_cannot_be_known(cast: Cast, at: At) -> None:
    waiting = cast.submission()
    assert standing.standing(waiting, clock.now()).why_unknown == "too_few"
    answered(cast, at, 10, hours=1)
    fresh = cast.submission()
    assert standing.standing(fresh, clock.now()).why_unknown == ""
    at(clock.now() + timedelta(days=2))
    assert standing.standing(fresh, clock.now()).why_unknown == "nobody_there"
    halting.halt(cast.program, program=cast.program, by=None, reason="A leak.")
    assert standing.standing(fresh, clock.now()).why_unknown == "halted"


def test_in_a_reviewers_hands_there_is_no_place(cast: Cast, at: At) -> None:
    submission = cast.submission()
    cast.claim(submission)
    assert standing.standing(submission, clock.now()) == standing.Standing()


def test_the_time_is_littles_law_on_the_place(cast: Cast, at: At) -> None:
    answered(cast, at, 14, hours=12)
    waiting = cast.submission()
    pace = standing.pace_of(cast.program, 0, clock.now())
    assert isinstance(pace, Pace) and pace.an_hour == pytest.approx(14 / (7 * 24)) and pace.goes_first == 0
    said = standing.standing(waiting, clock.now())
    assert said.earliest and said.latest
    expected = clock.now() + timedelta(hours=1 / pace.an_hour)
    assert said.earliest < expected < said.latest


def test_fewer_reviewers_than_usual_answer_more_slowly(cast: Cast, at: At) -> None:
    start = clock.now()
    for day in range(6):
        for number, reviewer in enumerate((cast.reviewer, cast.rival)):
            if day == 5 and number:
                continue
            at(start + timedelta(days=day, hours=number))
            cast.approve(cast.claim(cast.submission(), by=reviewer))
    at(start + timedelta(days=5, hours=23, minutes=30))
    pace = standing.pace_of(cast.program, 0, clock.now())
    assert isinstance(pace, Pace) and 0.25 * 11 / 168 <= pace.an_hour < 11 / 168


def test_what_goes_first_takes_its_share_and_never_more_than_four_fifths(cast: Cast, at: At) -> None:
    answered(cast, at, 12, hours=1)
    for _ in range(3):
        Submission.objects.filter(pk=cast.submission().pk).update(risk_band=2)
    pace = standing.pace_of(cast.program, 0, clock.now())
    assert isinstance(pace, Pace) and pace.goes_first == pytest.approx(3 / 12)
    assert pace.left == pytest.approx(pace.an_hour * 0.75)
    Submission.objects.update(risk_band=3)
    busy = standing.pace_of(cast.program, 0, clock.now())
    assert isinstance(busy, Pace) and busy.goes_first == standing.BUSIEST
    above = standing.pace_of(cast.program, 3, clock.now())
    assert isinstance(above, Pace) and above.goes_first == 0


@pytest.mark.parametrize("n", [1, 3, 9, 40])
def test_four_of_five_waits_end_within_the_range(n: int) -> None:
    """Held against simulated queues: the n-th answer of a Poisson process."""
    chance = random.Random(7)
    waits = [sum(chance.expovariate(2.0) for _ in range(n)) for _ in range(4000)]
    low, high = standing.hours(Place(n, n), Pace(2.0, 0.0))
    within = statistics.fmean(low <= wait <= high for wait in waits)
    assert 0.77 <= within <= 0.84


def test_few_questions_however_long_the_queue_is(cast: Cast, at: At, django_assert_max_num_queries: Any) -> None:
    last = queue(cast, at, 12)[-1]
    with django_assert_max_num_queries(10):
        standing.standing(last, clock.now())


def test_another_programs_queue_is_another_queue(cast: Cast, at: At) -> None:
    queue(cast, at, 2)
    elsewhere = make.program()
    make.policy(elsewhere)
    lone = cast.submission(make.output(enrollment=make.artist(program=elsewhere)))
    assert place(cast, lone) == Place(1, 1)
