"""Every verb in every state: what becomes of the job, and of its clip of the quota."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from access import audit, clock, halting
from access.models import Chain, Enrollment, Halt
from generation import jobs, rendering, upkeep
from generation.encoding import encode
from generation.models import Job, Output, QuotaEntry
from generation.refusals import JobEnded, LeaseLost
from tests import make

Clock = Callable[[datetime], None]
REASON = "The model stopped."


# --- how a job gets into each state, by the verbs themselves --------------------------------------------------------
def queued(artist: Enrollment) -> Job:
    return make.job(enrollment=artist, steps=8)


def running(artist: Enrollment) -> Job:
    queued(artist)
    job = make.claimed("worker")
    assert job
    return job


def finished(artist: Enrollment) -> Job:
    job = running(artist)
    rendering.finish(job, encode(make.clip(), width=96))
    return job


def failed(artist: Enrollment) -> Job:
    queued(artist)
    for _ in range(Job.MAX_FAILURES):
        job = make.claimed("worker")
        assert job
        rendering.fail(job, REASON)
    return job


def cancelled(artist: Enrollment) -> Job:
    job = running(artist)
    jobs.cancel(job, by=artist.user)
    rendering.end_cancelled(job)
    return job


BEFORE = {"queued": queued, "running": running, "finished": finished, "failed": failed, "cancelled": cancelled}


# --- the verbs ------------------------------------------------------------------------------------------------------
def halt(job: Job) -> None:
    halting.halt(job.enrollment.user, program=job.program, by=None, reason="A look at something.")


def lift(job: Job) -> None:
    halt(job)
    halting.lift(Halt.objects.get(), by=None)


ACTIONS: dict[str, Callable[[Job], object]] = {
    "claim": lambda job: make.claimed("another"),
    "report": lambda job: rendering.report(job, phase="denoise", step=3, jpeg=b"jpeg"),
    "finish": lambda job: rendering.finish(job, encode(make.clip(), width=96)),
    "put_back": rendering.put_back,
    "fail": lambda job: rendering.fail(job, REASON),
    "end_cancelled": rendering.end_cancelled,
    "cancel": lambda job: jobs.cancel(job, by=job.enrollment.user),
    "sweep": lambda job: upkeep.sweep(),
    "sweep late": lambda job: upkeep.sweep(),
    "halt": halt,
    "lift": lift,
}

# action, state before → state after (or the refusal), refunds after
SCENARIOS: list[tuple[str, str, str | type[Exception], int]] = [
    ("claim", "queued", "running", 0),
    ("claim", "running", "running", 0),
    ("claim", "finished", "finished", 0),
    ("claim", "failed", "failed", 1),
    ("claim", "cancelled", "cancelled", 0),
    ("report", "queued", LeaseLost, 0),
    ("report", "running", "running", 0),
    ("report", "finished", LeaseLost, 0),
    ("report", "failed", LeaseLost, 1),
    ("report", "cancelled", LeaseLost, 0),
    ("finish", "queued", LeaseLost, 0),
    ("finish", "running", "finished", 0),
    ("finish", "finished", LeaseLost, 0),
    ("finish", "failed", LeaseLost, 1),
    ("finish", "cancelled", LeaseLost, 0),
    ("put_back", "queued", "queued", 0),
    ("put_back", "running", "queued", 0),
    ("put_back", "finished", "finished", 0),
    ("put_back", "failed", "failed", 1),
    ("put_back", "cancelled", "cancelled", 0),
    ("fail", "queued", "queued", 0),
    ("fail", "running", "queued", 0),
    ("fail", "finished", "finished", 0),
    ("fail", "failed", "failed", 1),
    ("fail", "cancelled", "cancelled", 0),
    ("end_cancelled", "queued", "queued", 0),
    ("end_cancelled", "running", "cancelled", 0),
    ("end_cancelled", "finished", "finished", 0),
    ("end_cancelled", "failed", "failed", 1),
    ("end_cancelled", "cancelled", "cancelled", 0),
    ("cancel", "queued", "cancelled", 1),
    ("cancel", "running", "running", 0),
    ("cancel", "finished", JobEnded, 0),
    ("cancel", "failed", JobEnded, 1),
    ("cancel", "cancelled", JobEnded, 0),
    ("sweep", "queued", "queued", 0),
    ("sweep", "running", "running", 0),
    ("sweep late", "queued", "queued", 0),
    ("sweep late", "running", "queued", 0),
    ("sweep late", "finished", "finished", 0),
    ("sweep late", "failed", "failed", 1),
    ("sweep late", "cancelled", "cancelled", 0),
    ("halt", "queued", "queued", 0),
    ("halt", "running", "running", 0),  # its worker notices at the next step: test_halt.py
    ("halt", "finished", "finished", 0),
    ("lift", "queued", "queued", 0),
    ("lift", "running", "running", 0),
]


@pytest.mark.parametrize(("action", "before", "after", "refunds"), SCENARIOS, ids=lambda value: str(value))
def test_scenario(
    action: str, before: str, after: str | type[Exception], refunds: int, artist: Enrollment, at: Clock
) -> None:
    job = BEFORE[before](artist)
    then = Job.objects.get(pk=job.pk)
    length = Chain.objects.get(program=artist.program).length
    if action == "sweep late":
        at(clock.now() + timedelta(hours=1))
    if isinstance(after, str):
        ACTIONS[action](job)
    else:
        with pytest.raises(after):
            ACTIONS[action](job)
    now = Job.objects.get(pk=job.pk)
    assert now.state == (after if isinstance(after, str) else before)
    assert QuotaEntry.objects.filter(job=job, kind="refund").count() == refunds
    assert now.queued_at == then.queued_at  # the place is never moved
    assert Output.objects.filter(job=job).count() == (now.state == "finished")
    chain = Chain.objects.get(program=artist.program)
    assert audit.verify(chain) is None
    if now.state != then.state:
        assert chain.length > length, "an untraced move"


def test_the_third_failure_fails_it_readably_refunds_once_and_tells(artist: Enrollment) -> None:
    job = failed(artist)
    row = Job.objects.get(pk=job.pk)
    assert (row.state, row.failures, row.attempt, row.reason) == ("failed", 3, 3, REASON)
    assert QuotaEntry.objects.filter(job=job, kind="refund").count() == 1
    notice = artist.user.notices.get(kind="clip_failed")
    assert REASON in notice.text and str(job.pk) in notice.url


def test_three_leases_that_run_out_fail_it_too(artist: Enrollment, at: Clock) -> None:
    job, now = queued(artist), clock.now()
    for _ in range(3):
        assert make.claimed("worker")
        now += timedelta(hours=1)
        at(now)
        upkeep.sweep()
    job.refresh_from_db()
    assert (job.state, job.failures, job.reason) == ("failed", 3, upkeep.GAVE_UP)
    assert QuotaEntry.objects.filter(job=job, kind="refund").count() == 1


def test_hand_backs_never_add_up_to_a_failure(artist: Enrollment) -> None:
    job = queued(artist)
    for _ in range(5):
        taken = make.claimed("worker")
        assert taken
        rendering.put_back(taken)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.failures) == ("queued", 5, 0)
    assert not QuotaEntry.objects.filter(kind="refund").exists()


@pytest.mark.parametrize("end", [rendering.put_back, lambda job: rendering.fail(job, REASON), "sweep"])
@pytest.mark.parametrize("failures", [0, 2])
def test_a_cancel_in_the_meantime_wins_and_is_refunded_once(
    artist: Enrollment, at: Clock, end: Callable[[Job], None] | str, failures: int
) -> None:
    """The clip was not made and the artist does not want it: it neither waits again nor counts as failed."""
    job = running(artist)
    Job.objects.filter(pk=job.pk).update(failures=failures)
    jobs.cancel(job, by=artist.user)
    if callable(end):
        end(job)
    else:
        at(clock.now() + timedelta(hours=1))
        upkeep.sweep()
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert QuotaEntry.objects.filter(job=job, kind="refund").count() == 1


def test_what_was_rendered_of_a_cancelled_clip_is_spent(artist: Enrollment) -> None:
    job = running(artist)
    jobs.cancel(job, by=artist.user)
    rendering.end_cancelled(job)
    assert not QuotaEntry.objects.filter(job=job, kind="refund").exists()


def test_an_ended_job_leaves_no_preview(artist: Enrollment) -> None:
    job = running(artist)
    rendering.report(job, phase="denoise", step=1, jpeg=b"jpeg")
    assert job.preview
    rendering.finish(job, encode(make.clip(), width=96))
    assert not hasattr(Job.objects.get(pk=job.pk), "preview")


def test_more_steps_than_announced_do_not_break_the_report(artist: Enrollment) -> None:
    """Some schedulers call back more often than they are asked to."""
    job = running(artist)
    rendering.report(job, phase="denoise", step=9)
    job.refresh_from_db()
    assert job.step == 8


def test_a_sweep_leaves_a_worker_alone_that_reported_a_moment_ago(
    artist: Enrollment, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the sweep's look and its write, the worker gives a sign of life."""
    job = running(artist)
    at(clock.now() + timedelta(hours=1))
    count = upkeep.count_failure

    def report_first(*args: object) -> bool:
        rendering.report(job, phase="denoise", step=1)
        return count(*args)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(upkeep, "count_failure", report_first)
    upkeep.sweep()
    job.refresh_from_db()
    assert (job.state, job.failures) == ("running", 0)
