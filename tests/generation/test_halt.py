"""A halt in the middle of the work: it stops at the next step, and nothing is spent."""

import pytest

from access import audit, clock, halting
from access.models import Chain, Enrollment, Halt, Program
from generation import jobs, quota, rendering, worker
from generation.encoding import encode
from generation.models import Job, Output, QuotaEntry
from generation.refusals import CancelAsked, HaltMet
from tests import make
from tests.generation.conftest import DrawnEngine


def stop(program: Program) -> Halt:
    return halting.halt(program, program=program, by=None, reason="A look at something.")


def test_a_running_job_stops_at_its_next_step_and_starts_by_itself_after_the_lift(
    artist: Enrollment, engine: DrawnEngine
) -> None:
    first, second = make.job(enrollment=artist, steps=8), make.job(enrollment=artist, steps=8)
    steps: list[int] = []
    engine.at_step = {n: lambda n=n: steps.append(n) for n in range(1, 9)}  # type: ignore[misc]
    engine.at_step[3] = lambda: stop(artist.program)
    left = quota.quota_left(artist, clock.now())
    assert worker.drain() == 1  # the second is not even tried
    assert steps == [1, 2]  # step 3 halts; step 4 never comes
    row = Job.objects.get(pk=first.pk)
    assert (row.state, row.failures, row.attempt, row.queued_at) == ("queued", 0, 1, first.queued_at)
    assert quota.quota_left(artist, clock.now()) == left
    engine.at_step = {}
    assert worker.drain() == 0  # still halted
    halting.lift(Halt.objects.get(), by=None)
    assert worker.drain() == 2
    ended = list(Job.objects.order_by("ended_at").values_list("pk", "state", "failures"))
    assert ended == [(first.pk, "finished", 0), (second.pk, "finished", 0)]  # in its old place: before the second
    assert quota.quota_left(artist, clock.now()) == left and not QuotaEntry.objects.filter(kind="refund").exists()
    assert audit.verify(Chain.objects.get(program=artist.program)) is None


def test_finish_after_a_halt_writes_nothing(artist: Enrollment) -> None:
    make.job(enrollment=artist)
    job = make.claimed("worker")
    assert job
    rendered = encode(make.clip(), width=96)
    stop(artist.program)
    length = Chain.objects.get(program=artist.program).length
    with pytest.raises(HaltMet):
        rendering.finish(job, rendered)
    assert not Output.objects.exists()
    assert Chain.objects.get(program=artist.program).length == length
    job.refresh_from_db()
    assert job.state == "running"  # its worker now puts it back


@pytest.mark.parametrize("scope", ["credential", "artist", "cohort", "program"])
def test_each_scope_is_noticed_at_the_next_step(artist: Enrollment, scope: str) -> None:
    from access.models import Credential

    used = Credential.objects.create(user=artist.user, kind="token", created_at=clock.now())
    make.job(enrollment=artist)
    job = make.claimed("worker")
    assert job
    Job.objects.filter(pk=job.pk).update(credential=used)
    rendering.check(job)
    targets = {"credential": used, "artist": artist.user, "cohort": artist.cohort, "program": artist.program}
    placed = halting.halt(targets[scope], program=artist.program, by=None, reason="A look at something.")
    with pytest.raises(HaltMet):
        rendering.check(job)
    halting.lift(placed, by=None)
    rendering.check(job)


def test_a_hold_on_another_credential_is_not_noticed(artist: Enrollment) -> None:
    from access.models import Credential

    other = Credential.objects.create(user=artist.user, kind="token", created_at=clock.now())
    make.job(enrollment=artist)  # submitted by no credential
    job = make.claimed("worker")
    assert job
    halting.halt(other, program=artist.program, by=None, reason="A look at something.")
    rendering.check(job)


def test_cancel_stops_a_running_job_at_its_next_step(artist: Enrollment, engine: DrawnEngine) -> None:
    job = make.job(enrollment=artist, steps=8)
    after: list[int] = []
    engine.at_step = {2: lambda: jobs.cancel(job, by=artist.user), 3: lambda: after.append(3)}
    worker.drain()
    job.refresh_from_db()
    assert (job.state, after) == ("cancelled", [])


def test_cancel_during_the_encoding_is_not_too_late(artist: Enrollment) -> None:
    make.job(enrollment=artist)
    job = make.claimed("worker")
    assert job
    rendered = encode(make.clip(), width=96)
    jobs.cancel(job, by=artist.user)
    with pytest.raises(CancelAsked):
        rendering.finish(job, rendered)
    assert not Output.objects.exists()
