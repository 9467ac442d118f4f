"""Races between real transactions, each with a negative control: without its guard, the harm is done.

A window is widened by ``slowed``: a thread stops at a named place until the other has done its part.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, connection, models, transaction

from access import audit, clock, halting, locking
from access.models import Chain, Program
from generation import claiming, jobs, rendering, upkeep
from generation.encoding import encode
from generation.models import Job, JobQuerySet, Lane, Output, QuotaEntry
from generation.refusals import JobEnded, LeaseLost
from tests import make
from tests.generation.racing import PATIENCE, Window, after, together, without_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def program() -> Program:
    made = make.program()
    make.pipeline()
    return made


def start_unguarded(job: Job, worker: str, now: Any, batch: Any) -> bool:
    """``claiming._start`` as somebody would write it who trusts what he read a moment ago."""
    lease = rendering.lease(job, "load", now)
    started = {"state": "running", "attempt": models.F("attempt") + 1, "worker": worker, "lease_until": lease}
    return bool(Job.objects.filter(pk=job.pk).update(**started))


def won(results: list[Any]) -> list[Job]:
    assert not [result for result in results if isinstance(result, Exception)], results
    return [result for result in results if isinstance(result, Job)]


def assert_chains_hold() -> None:
    for chain in Chain.objects.all():
        assert audit.verify(chain) is None


# --- two workers, one job -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("locks", "guard", "winners"),
    [(True, True, 1), (False, True, 1), (True, False, 1), (False, False, 2)],
    ids=["as it is", "the guarded update alone", "the lane's lock alone", "CONTROL: neither"],
)
def test_two_workers_claim_one_job(
    program: Program,
    slowed: Callable[..., Window],
    monkeypatch: pytest.MonkeyPatch,
    locks: bool,
    guard: bool,
    winners: int,
) -> None:
    make.job(enrollment=make.artist(program=program))
    slowed(claiming, "_start", meeting=not locks, then=None if guard else start_unguarded)
    if not locks:
        without_locks(monkeypatch)
    results = together(lambda: make.claimed("one"), lambda: make.claimed("two"))
    assert len(won(results)) == winners
    assert Job.objects.get().attempt == winners
    assert_chains_hold()


def test_many_workers_many_artists_each_job_once(program: Program) -> None:
    for _ in range(3):
        make.brief(enrollment=make.artist(program=program), variations=2)

    def drain() -> list[Job]:
        taken = []
        for _ in range(20):
            if job := make.claimed(f"worker-{threading.get_ident()}"):
                taken.append(job)
        return taken

    taken: list[Job] = [job for jobs_of_one in together(*[drain] * 4) for job in jobs_of_one]
    assert sorted(job.pk for job in taken) == sorted(Job.objects.values_list("pk", flat=True))
    assert set(Job.objects.values_list("attempt", flat=True)) == {1}
    assert_chains_hold()


# --- one render at a time -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("locks", "running"), [(True, 1), (False, 2)], ids=["as it is", "CONTROL: no lane lock"])
def test_two_workers_and_an_artist_who_may_render_one_at_a_time(
    program: Program,
    slowed: Callable[..., Window],
    monkeypatch: pytest.MonkeyPatch,
    locks: bool,
    running: int,
) -> None:
    artist = make.artist(program=program, cohort=make.cohort(program=program, concurrency=1))
    make.brief(enrollment=artist, variations=2)
    inside = slowed(claiming, "_start", meeting=not locks)
    if not locks:
        without_locks(monkeypatch)
        different_jobs(monkeypatch)
    won(together(lambda: make.claimed("one"), after(inside, lambda: make.claimed("two"))))
    assert Job.objects.running().count() == running


def different_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the second claimer look at another job than the first, so that the guarded update alone does not save us."""
    claimable = claiming._claimable
    turns = iter([1, -1])

    def ordered(program: Program, now: Any) -> Any:
        found = claimable(program, now)
        return found if next(turns) == 1 else found.reverse()

    monkeypatch.setattr(claiming, "_claimable", ordered)


# --- quota ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("locks", "spent"), [(True, 1), (False, 2)], ids=["as it is", "CONTROL: no lane lock"])
def test_two_tabs_and_a_quota_of_one(
    program: Program,
    slowed: Callable[..., Window],
    monkeypatch: pytest.MonkeyPatch,
    locks: bool,
    spent: int,
) -> None:
    artist = make.artist(program=program, cohort=make.cohort(program=program, daily_quota=1))
    Lane.objects.create(enrollment=artist, program=program)  # making it would already be a meeting of the two
    slowed(jobs, "_brief", meeting=not locks)
    if not locks:
        without_locks(monkeypatch)
    results = together(*[lambda: make.brief(enrollment=artist)] * 2)
    assert QuotaEntry.objects.filter(kind="spend").count() == spent
    assert sum(isinstance(result, Exception) for result in results) == 2 - spent


@pytest.mark.parametrize("backed", [True, False], ids=["as it is", "CONTROL: no constraint"])
def test_a_refund_twice_at_once_is_one_refund(program: Program, backed: bool) -> None:
    job = make.job(enrollment=make.artist(program=program))

    def refund() -> None:
        with transaction.atomic():
            jobs.refund(job, clock.now())
            time.sleep(0.3)

    with constraint("generation_quotaentry", "spent_and_refunded_once", kept=backed):
        results = together(refund, refund)
        assert QuotaEntry.objects.filter(kind="refund").count() == (1 if backed else 2)
        if not backed:
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE generation_quotaentry")
    assert results == [None, None]


@contextmanager
def constraint(table: str, name: str, *, kept: bool) -> Iterator[None]:
    with connection.cursor() as cursor:
        if not kept:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield
        if not kept:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE (job_id, kind)")


# --- halts ----------------------------------------------------------------------------------------------------------
def halt(program: Program) -> Callable[[], float]:
    def stop() -> float:
        halting.halt(program, program=program, by=None, reason="A look at something.")
        return time.monotonic()  # its commit is behind it

    return stop


def a_little_later(verb: Callable[..., Any]) -> Callable[..., Any]:
    """So that whose commit came first can be told by the clock."""

    def later(*args: Any) -> Any:
        time.sleep(0.5)
        return verb(*args)

    return later


def claim_and_time() -> tuple[Job | None, float]:
    job = make.claimed("worker")
    return job, time.monotonic()


@pytest.mark.parametrize("locked", [True, False], ids=["as it is", "CONTROL: no halt lock"])
def test_no_claim_commits_after_the_halt(
    program: Program, slowed: Callable[..., Window], monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    """The claim has read the halts, there were none, and is about to start the job: the halt must wait for it."""
    make.job(enrollment=make.artist(program=program))
    if not locked:
        monkeypatch.setattr(locking, "_lock", lambda function, program: None)
    inside = slowed(claiming, "_start", meeting=not locked, then=a_little_later(claiming._start))
    (job, claimed_at), halted_at = together(claim_and_time, after(inside, halt(program)))
    assert job
    assert (claimed_at - 0.3 < halted_at) == locked  # else the job started long after everybody was told it had stopped
    if locked:
        with pytest.raises(rendering.HaltMet):
            rendering.check(job)


@pytest.mark.parametrize("locked", [True, False], ids=["as it is", "CONTROL: no halt lock"])
def test_a_claim_waits_for_a_halt_that_is_about_to_commit(
    program: Program, slowed: Callable[..., Window], monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    """The halt is written and not yet committed: nobody else can see it, so only the lock helps."""
    make.job(enrollment=make.artist(program=program))
    if not locked:
        monkeypatch.setattr(locking, "_lock", lambda function, program: None)
    inside = slowed(halting, "_tell_all", meeting=not locked)
    _, (job, _) = together(halt(program), after(inside, claim_and_time))
    assert (job is None) == locked


@pytest.mark.parametrize("locked", [True, False], ids=["as it is", "CONTROL: no halt lock"])
def test_no_output_is_finished_after_the_halt(
    program: Program, slowed: Callable[..., Window], monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    make.job(enrollment=make.artist(program=program))
    job = make.claimed("worker")
    assert job
    rendered = encode(make.clip(), width=96)
    if not locked:
        monkeypatch.setattr(locking, "_lock", lambda function, program: None)
    inside = slowed(halting, "_tell_all", meeting=not locked)
    results = together(halt(program), after(inside, lambda: rendering.finish(job, rendered)))
    assert isinstance(results[1], rendering.HaltMet) == locked
    assert Output.objects.exists() != locked


def test_halts_and_claims_by_the_dozen(program: Program) -> None:
    """Four workers against ten halts: whenever a halt has committed, nothing starts until its lift."""
    for _ in range(4):
        make.brief(enrollment=make.artist(program=program), variations=4)
    stopped: list[tuple[float, float]] = []
    started: list[float] = []
    ended = threading.Event()

    def staff() -> None:
        for _ in range(10):
            placed = halting.halt(program, program=program, by=None, reason="A look at something.")
            begin = clock.now().timestamp()
            time.sleep(0.05)
            stopped.append((begin, clock.now().timestamp()))
            halting.lift(placed, by=None)
        ended.set()

    def work() -> None:
        while not ended.is_set():
            if job := make.claimed("worker"):
                started.append(job.started_at.timestamp() if job.started_at else 0.0)
                rendering.put_back(job)

    assert together(staff, work, work, work, work) == [None] * 5
    assert started
    assert not [at for at in started for begin, end in stopped if begin < at < end]
    assert_chains_hold()


# --- cancel ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("guard", [True, False], ids=["as it is", "CONTROL: no guarded update"])
def test_cancel_against_claim(program: Program, slowed: Callable[..., Window], guard: bool) -> None:
    artist = make.artist(program=program)
    job = make.job(enrollment=artist)
    inside = slowed(claiming, "_start", meeting=True, then=None if guard else start_unguarded)
    claimed, cancelled = together(
        lambda: make.claimed("worker"), after(inside, lambda: jobs.cancel(job, by=artist.user))
    )
    row = Job.objects.get()
    assert isinstance(cancelled, Job) and row.state == "cancelled"
    assert QuotaEntry.objects.filter(kind="refund").count() == 1
    if guard:
        assert claimed is None and row.attempt == 0
    else:  # the schema's own rule is what stops it then, and the worker falls over it
        assert isinstance(claimed, IntegrityError) and "history" in str(claimed)


def test_cancel_against_put_back_by_the_dozen(program: Program) -> None:
    """However they meet, the job ends cancelled, refunded once, and nobody is told it had ended by itself."""
    artist = make.artist(program=program)
    for _ in range(12):
        job = make.job(enrollment=artist)
        taken = make.claimed("worker")
        assert taken
        results = together(
            lambda job=job: jobs.cancel(job, by=artist.user),  # type: ignore[misc]
            lambda taken=taken: rendering.put_back(taken),  # type: ignore[misc]
        )
        row = Job.objects.get(pk=job.pk)
        assert not isinstance(results[0], JobEnded) and row.state == "cancelled"
        assert row.quota_entries.filter(kind="refund").count() == 1


# --- sweep ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("locks", "fenced"),
    [(True, True), (False, True), (False, False)],
    ids=["as it is", "the fence alone", "CONTROL: neither lock nor fence"],
)
def test_sweep_against_finish(
    program: Program, monkeypatch: pytest.MonkeyPatch, settings: LazySettings, locks: bool, fenced: bool
) -> None:
    """The lease was good when finish looked, and runs out before finish writes."""
    settings.LEASES = {**settings.LEASES, "encode": 2.0}
    make.job(enrollment=make.artist(program=program))
    job = make.claimed("worker")
    assert job
    rendered = encode(make.clip(), width=96)
    rendering.report(job, phase="encode", step=job.steps)
    if not fenced:
        monkeypatch.setattr(JobQuerySet, "attempted", lambda self, pk, attempt: self.filter(pk=pk))
    if not locks:
        monkeypatch.setattr(upkeep, "lock_lane", lambda job: None)
        monkeypatch.setattr(rendering, "_settle_service", lambda job, seconds: None)  # it would wait for the lane, too
    check, inside = rendering.check, Window(4.0 if locks else PATIENCE)

    def check_then_wait(job: Job) -> None:
        check(job)
        inside.hold()

    monkeypatch.setattr(rendering, "check", check_then_wait)

    def sweep() -> int:
        time.sleep(2.2)
        return upkeep.sweep()

    finished, swept = together(lambda: rendering.finish(job, rendered), after(inside, sweep))
    row = Job.objects.get()
    if locks:  # the sweep waits for the lane, and finds the clip finished
        assert swept == 0 and isinstance(finished, Output) and (row.state, row.failures) == ("finished", 0)
    elif fenced:
        assert swept == 1 and isinstance(finished, LeaseLost)
        assert (row.state, row.failures, Output.objects.count()) == ("queued", 1, 0)
    else:  # a clip of an attempt that was already given to the next worker
        assert swept == 1 and isinstance(finished, Output) and (row.state, row.failures) == ("finished", 1)
    assert_chains_hold()


@pytest.mark.parametrize("fenced", [True, False], ids=["as it is", "CONTROL: no lease in the fence"])
def test_two_sweeps_count_one_failure(
    program: Program, slowed: Callable[..., Window], monkeypatch: pytest.MonkeyPatch, fenced: bool
) -> None:
    make.job(enrollment=make.artist(program=program))
    job = make.claimed("worker")
    assert job
    Job.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    if not fenced:
        monkeypatch.setattr(JobQuerySet, "attempted", lambda self, pk, attempt: self.filter(pk=pk))
        monkeypatch.setattr(JobQuerySet, "filter", unfenced(JobQuerySet.filter))
    slowed(upkeep, "lock_lane", meeting=True)  # both have read what ran out
    together(upkeep.expire, upkeep.expire)
    assert Job.objects.get().failures == (1 if fenced else 2)


def unfenced(original: Callable[..., Any]) -> Callable[..., Any]:
    """``filter`` without the lease, as the fence would be if it forgot it."""

    def filter_less(self: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("lease_until__lt", None)
        return original(self, *args, **kwargs)

    return filter_less


def test_finish_twice_at_once_is_one_output(program: Program) -> None:
    make.job(enrollment=make.artist(program=program))
    job = make.claimed("worker")
    assert job
    rendered = encode(make.clip(), width=96)
    results = together(lambda: rendering.finish(job, rendered), lambda: rendering.finish(replace_job(job), rendered))
    assert sorted(type(result).__name__ for result in results) == ["LeaseLost", "Output"]
    assert Output.objects.count() == 1
    assert_chains_hold()


def replace_job(job: Job) -> Job:
    return Job.objects.select_related("program", "enrollment__user").get(pk=job.pk)
