"""Whose turn it is, and who must wait."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from access import clock, halting
from access.models import Credential, Enrollment, Program
from generation import claiming, jobs, line, rendering, upkeep
from generation.encoding import encode
from generation.jobs import Wish
from generation.models import Job, Pipeline
from tests import make

Clock = Callable[[datetime], None]


def claimed(worker: str = "worker") -> Job:
    job = make.claimed(worker)
    assert job
    return job


def end(job: Job) -> None:
    rendering.finish(job, encode(make.clip(), width=96))


def credential(enrollment: Enrollment) -> Credential:
    return Credential.objects.create(user=enrollment.user, kind="token", created_at=clock.now())


def test_a_claim_takes_the_oldest_job_with_a_lease_and_a_new_attempt(artist: Enrollment, settings: object) -> None:
    make.brief(enrollment=artist, variations=2)
    before = clock.now()
    job = claimed("host:7")
    assert (job.number, job.state, job.attempt, job.worker, job.phase) == (1, "running", 1, "host:7", "load")
    assert job.lease_until and job.lease_until >= before + timedelta(seconds=settings.LEASES["load"])  # type: ignore[attr-defined]


def test_nothing_to_claim(artist: Enrollment) -> None:
    assert make.claimed("worker") is None


def test_the_artist_served_least_recently_comes_first(program: Program) -> None:
    """One artist's forty clips do not keep another's single one waiting."""
    busy, calm, late = (make.artist(program=program) for _ in range(3))
    for _ in range(4):
        make.job(enrollment=busy)
    make.job(enrollment=calm)
    turns = []
    for _ in range(2):
        job = claimed()
        turns.append(job.enrollment)
        end(job)
    make.job(enrollment=late)
    for _ in range(2):
        job = claimed()
        turns.append(job.enrollment)
        end(job)
    assert set(turns[:2]) == {busy, calm}
    assert turns[2] == late  # never served yet
    assert turns[3] == busy


def test_programs_take_turns_whatever_idle_artists_they_have(program: Program) -> None:
    """An artist who was served once and left long ago must not make her program look hungry for ever."""
    other = make.program()
    make.artist(program=other)
    idle, first, second = make.artist(program=program), make.artist(program=program), make.artist(program=other)
    make.job(enrollment=idle)
    end(claimed())
    for _ in range(3):
        make.job(enrollment=first)
        make.job(enrollment=second)
    served = []
    for _ in range(6):
        job = claimed()
        served.append(job.program)
        end(job)
    assert all(a != b for a, b in zip(served, served[1:], strict=False))


def test_an_artist_renders_no_more_at_once_than_the_cohort_allows(program: Program) -> None:
    artist = make.artist(program=program, cohort=make.cohort(program=program, concurrency=2))
    for _ in range(3):
        make.job(enrollment=artist)
    first, _ = claimed(), claimed()
    assert make.claimed("worker") is None
    end(first)
    assert claimed()


def test_a_full_lane_does_not_keep_the_others_waiting(program: Program) -> None:
    full = make.artist(program=program, cohort=make.cohort(program=program, concurrency=1))
    make.job(enrollment=full)
    make.job(enrollment=full)
    assert claimed().enrollment == full
    other = make.artist(program=program)
    make.job(enrollment=other)
    assert claimed().enrollment == other


def test_a_claim_takes_over_what_outlived_its_lease(artist: Enrollment, at: Clock) -> None:
    """Even when no sweep runs, as when the default worker is down."""
    make.job(enrollment=artist)
    first = claimed("dead")
    at(clock.now() + timedelta(hours=1))
    second = claimed("alive")
    assert (second.pk, second.attempt, second.failures, second.worker) == (first.pk, 2, 1, "alive")


@pytest.mark.parametrize("scope", ["credential", "artist", "cohort", "program"])
def test_a_halt_stops_its_scope_and_nothing_else(program: Program, scope: str) -> None:
    mine, theirs = make.artist(program=program), make.artist(program=program, cohort=make.cohort(program=program))
    held, free = credential(mine), credential(mine)
    targets = {"credential": held, "artist": mine.user, "cohort": mine.cohort, "program": program}
    by_credential = {
        name: jobs.submit(Wish(name), enrollment=enrollment, pipeline=make.pipeline(), credential=used, key=make_key())
        for name, enrollment, used in (("held", mine, held), ("free", mine, free), ("theirs", theirs, None))
    }
    placed = halting.halt(targets[scope], program=program, by=None, reason="A look at something.")
    expected = {"credential": {"free", "theirs"}, "artist": {"theirs"}, "cohort": {"theirs"}, "program": set[str]()}
    assert drained() == expected[scope]
    halting.lift(placed, by=None)
    assert drained() == set(by_credential) - expected[scope]


def make_key() -> uuid.UUID:
    return uuid.uuid4()


def drained() -> set[str]:
    prompts = set()
    while job := make.claimed("worker"):
        prompts.add(job.brief.prompt)
        end(job)
    return prompts


def test_a_halted_artist_in_one_program_works_on_in_another(program: Program) -> None:
    mine = make.artist(program=program)
    other = make.program()
    make.artist(program=other, email=mine.user.email)
    there = Enrollment.objects.get(program=other, user=mine.user)
    make.job(enrollment=mine)
    make.job(enrollment=there)
    halting.halt(mine.user, program=program, by=None, reason="A look at something.")
    assert claimed().enrollment == there
    assert make.claimed("worker") is None


def test_a_pipeline_in_trouble_rests_and_is_tried_again(artist: Enrollment, at: Clock) -> None:
    job, start = make.job(enrollment=artist), clock.now()
    at(start)
    upkeep.note_trouble(make.pipeline(), "It is broken.")
    assert make.claimed("worker") is None
    at(start + claiming.TROUBLE_REST)
    assert make.claimed("worker") is None
    at(start + claiming.TROUBLE_REST + timedelta(microseconds=1))
    assert claimed() == job


def test_trouble_of_one_pipeline_is_not_that_of_another(artist: Enrollment) -> None:
    make.job(enrollment=artist)
    upkeep.note_trouble(make.pipeline(), "It is broken.")
    sound = make.pipeline(slug="sound")
    brief = jobs.submit(Wish("x"), enrollment=artist, pipeline=sound, credential=None, key=make_key())
    assert claimed().brief == brief


def test_an_inactive_pipeline_serves_nobody(artist: Enrollment) -> None:
    make.job(enrollment=artist)
    Pipeline.objects.update(is_active=False)
    assert make.claimed("worker") is None


def test_the_place_in_line_is_the_order_of_service(program: Program) -> None:
    """What the page says is what happens: place n is the n-th to be claimed."""
    busy, calm = make.artist(program=program), make.artist(program=program)
    end_job = make.job(enrollment=busy)
    claimed_job = claimed()
    assert claimed_job == end_job and line.place_of(Job.objects.get(pk=end_job.pk)) is None
    end(claimed_job)
    wanted = [make.job(enrollment=busy) for _ in range(3)] + [make.job(enrollment=calm) for _ in range(2)]
    said = {job.pk: line.place_of(job) for job in wanted}
    order = []
    while job := make.claimed("worker"):
        order.append(job.pk)
        end(job)
    assert {pk: place for place, pk in enumerate(order, 1)} == said
