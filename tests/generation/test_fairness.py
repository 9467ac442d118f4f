"""Between artists: who gets the next worker second."""

from collections import Counter

import pytest

from access import clock, halting
from access.models import Enrollment, Program
from generation import jobs, line, rendering, upkeep
from generation.models import Job, Lane, Pipeline
from tests import make
from tests.generation.conftest import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(db: None) -> Program:
    make.pipeline()
    Pipeline.objects.update(seconds_per_step=0.1, seconds_around=1.0)  # a job of 20 steps takes 3 s
    return make.program()


def served(artist: Enrollment) -> float:
    return Lane.objects.get(enrollment=artist).served_seconds


def serve(turns: int, *, seconds: dict[Enrollment, float] | None = None) -> Counter[Enrollment]:
    """Claim and end so many jobs, each having taken so many seconds of its artist's work; who was served how often."""
    order: Counter[Enrollment] = Counter()
    for _ in range(turns):
        job = make.claimed()
        assert job
        order[job.enrollment] += 1
        taken = (seconds or {}).get(job.enrollment, 3.0)
        jobs.cancel(job, by=job.enrollment.user)
        rendering.end_cancelled(job, seconds=taken)
    return order


def test_seconds_are_shared_not_clips(program: Program) -> None:
    long, short = make.artist(program=program), make.artist(program=program)
    for _ in range(4):
        make.brief(enrollment=long, variations=4)
        make.brief(enrollment=short, variations=4)
    turns = serve(12, seconds={long: 6.0, short: 2.0})
    assert turns == {long: 3, short: 9}
    assert served(long) == pytest.approx(served(short), abs=6.0)


def test_a_job_is_charged_when_it_is_claimed_and_settled_when_it_ends(program: Program) -> None:
    artist = make.artist(program=program)
    make.job(enrollment=artist)
    job = make.claimed()
    assert job and served(artist) == pytest.approx(3.0) == job.charged_seconds
    jobs.cancel(job, by=artist.user)
    rendering.end_cancelled(job, seconds=1.25)
    assert served(artist) == pytest.approx(1.25)


def test_what_goes_back_is_not_charged(program: Program) -> None:
    artist = make.artist(program=program)
    make.job(enrollment=artist)
    rendering.put_back(make.claimed())
    assert served(artist) == pytest.approx(0.0)


def test_staying_away_saves_nothing_up(program: Program) -> None:
    """Who comes back after hours shares from now on, and does not make the others wait for all of them."""
    busy, away = make.artist(program=program), make.artist(program=program)
    Lane.objects.create(enrollment=busy, program=program, served_seconds=5000.0)
    make.brief(enrollment=busy, variations=4)
    make.brief(enrollment=busy, variations=4)
    make.brief(enrollment=away, variations=4)
    assert served(away) == 5000.0
    assert serve(4) == {busy: 2, away: 2}


def test_a_pause_saves_nothing_up(program: Program) -> None:
    busy, away = make.artist(program=program), make.artist(program=program)
    make.brief(enrollment=away, variations=4)
    jobs.pause(away, by=away.user)
    Lane.objects.create(enrollment=busy, program=program, served_seconds=5000.0)
    make.brief(enrollment=busy, variations=4)
    make.brief(enrollment=busy, variations=4)
    jobs.resume(away, by=away.user)
    assert served(away) == 5000.0
    assert serve(4) == {busy: 2, away: 2}


@pytest.mark.parametrize("why", ["paused", "halted", "model away"])
def test_a_lane_that_waits_is_no_measure_for_who_comes_back(program: Program, why: str) -> None:
    waiting, busy, back = (make.artist(program=program) for _ in range(3))
    make.job(enrollment=waiting)
    if why == "paused":
        jobs.pause(waiting, by=waiting.user)
    elif why == "halted":
        halting.halt(waiting.user, program=program, by=None, reason="A look at something.")
    else:
        Job.objects.update(pipeline=make.pipeline(slug="away", is_active=False))
    Lane.objects.create(enrollment=busy, program=program, served_seconds=5000.0)
    make.job(enrollment=busy)
    make.job(enrollment=back)
    assert served(back) == 5000.0 and served(waiting) == 0.0


@pytest.mark.parametrize("seconds", [0.0, 1.5])
def test_a_failure_costs_what_it_took_and_not_what_was_expected(program: Program, seconds: float) -> None:
    artist = make.artist(program=program)
    make.job(enrollment=artist)
    rendering.fail(make.claimed(), "It broke.", seconds=seconds)
    assert served(artist) == pytest.approx(seconds)


def test_a_lost_lease_costs_nothing(program: Program) -> None:
    artist = make.artist(program=program)
    make.job(enrollment=artist)
    assert make.claimed()
    Job.objects.update(lease_until=artist.joined_at)
    assert upkeep.sweep() == 1
    assert served(artist) == pytest.approx(0.0)


def test_a_newcomer_of_a_quiet_house_starts_where_they_were(program: Program) -> None:
    artist = make.artist(program=program)
    Lane.objects.create(enrollment=artist, program=program, served_seconds=7.0)
    make.job(enrollment=artist)
    assert served(artist) == 7.0


def test_one_with_a_hundred_does_not_hold_up_one_with_one(program: Program) -> None:
    many, one = make.artist(program=program), make.artist(program=program)
    for _ in range(10):
        make.brief(enrollment=many, variations=4)
    job = make.job(enrollment=one)
    assert line.place_of(job) in (1, 2)
    assert serve(2)[one] == 1


# --- the artist's own pause ------------------------------------------------------------------------------------------
def test_a_pause_lets_ones_own_jobs_wait_and_nobody_elses(program: Program) -> None:
    mine, other = make.artist(program=program), make.artist(program=program)
    job = make.job(enrollment=mine)
    make.job(enrollment=other)
    jobs.pause(mine, by=mine.user)
    assert serve(1) == {other: 1} and make.claimed() is None
    assert line.place_of(job) is None
    jobs.resume(mine, by=mine.user)
    assert serve(1) == {mine: 1}


def test_a_running_job_goes_on_in_a_pause(program: Program) -> None:
    artist = make.artist(program=program)
    make.job(enrollment=artist)
    job = make.claimed()
    jobs.pause(artist, by=artist.user)
    rendering.check(job)


def test_nobody_pauses_somebody_else(program: Program) -> None:
    mine, other = make.artist(program=program), make.artist(program=program)
    with pytest.raises(jobs.NotAllowed):
        jobs.pause(mine, by=other.user)


def test_a_pause_twice_is_one(program: Program, at: Clock) -> None:
    artist = make.artist(program=program)
    first = jobs.pause(artist, by=artist.user).paused_at
    at(clock.now() + make.HOUR)
    assert jobs.pause(artist, by=artist.user).paused_at == first
    assert jobs.resume(artist, by=artist.user).paused_at is None


# --- the page tells what happens ------------------------------------------------------------------------------------
def test_places_are_those_of_the_claims_when_jobs_differ_in_length(program: Program) -> None:
    first, second, third = (make.artist(program=program) for _ in range(3))
    for _ in range(3):
        make.job(enrollment=first, steps=40)
        make.job(enrollment=second, steps=10)
        make.job(enrollment=third, steps=20)
    said = {pk: place for artist in (first, second, third) for pk, place in line.places(artist).items()}
    order: list[object] = []
    while job := make.claimed():
        order.append(job.pk)
        jobs.cancel(job, by=job.enrollment.user)
        rendering.end_cancelled(job, seconds=job.charged_seconds)
    assert [pk for pk, _ in sorted(said.items(), key=lambda pair: pair[1])] == order
    assert sorted(said.values()) == list(range(1, 10))


def test_expected_seconds_grow_with_size_and_length(program: Program) -> None:
    job = make.job(enrollment=make.artist(program=program))
    assert line.expected_seconds(job) == pytest.approx(3.0)
    job.brief.frames *= 2
    assert line.expected_seconds(job) == pytest.approx(6.0)
    Pipeline.objects.update(seconds_per_step=0.0, seconds_around=0.0)
    assert line.expected_seconds(Job.objects.get(pk=job.pk)) == 0
