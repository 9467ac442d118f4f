"""What workers do with the queue: claim a job, say how it goes, finish it, give it back, fail it, sweep up.

Every write names the attempt (``Job.objects.attempted``): a worker that was taken for dead cannot touch what its
successor does.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.urls import reverse

from access import audit, clock
from access.locking import share_halt_lock
from access.models import Enrollment, Halt, Program
from access.storing import Kept, file_row
from access.telling import tell
from generation.doorbell import ring
from generation.jobs import refund
from generation.models import Job, JobQuerySet, Lane, Output, Pipeline, Preview, Rendition
from generation.refusals import CancelAsked, HaltMet, LeaseLost

TROUBLE_REST = timedelta(seconds=20)  # how long a pipeline in trouble is left alone before it is tried again
GAVE_UP = (
    "The worker stopped answering while it made this clip. Please try again, with fewer steps if it happens again."
)


@dataclass(frozen=True)
class Rendered:
    """A finished clip whose files are safe on the disk and have no rows yet."""

    master: Kept
    renditions: dict[str, Kept]
    width: int
    height: int
    frames: int
    frame_rate: float
    provenance: dict[str, Any] = field(default_factory=dict)


# --- claim ----------------------------------------------------------------------------------------------------------
def claim(worker: str) -> Job | None:
    """Take the next job for this worker, or None. Fair: the artist served least recently comes first."""
    expire()
    for program in _programs_with_work():
        if job := _claim_in(program, worker):
            return job
    return None


def _programs_with_work() -> QuerySet[Program]:
    """The program that was served least recently comes first."""
    waiting = Job.objects.queued().values("program")
    served = Program.objects.filter(pk__in=waiting).annotate(served=Max("lanes__served_at"))
    return served.order_by(F("served").asc(nulls_first=True), "pk")


def _claim_in(program: Program, worker: str) -> Job | None:
    with audit.recorded():
        share_halt_lock(program)  # a statement of its own: what follows reads the halts as they are behind the lock
        claimable = _claimable(program, clock.now())
        passed: list[Enrollment] = []
        while lane := _next_lane(program, claimable, passed):
            if job := _claim_from(lane, claimable, worker):
                return job
            passed.append(lane.enrollment)
    return None


def _claimable(program: Program, now: datetime) -> QuerySet[Job]:
    """Queued jobs that no halt covers and whose pipeline works, oldest first."""
    halts = list(Halt.objects.open().filter(program=program))
    if any(halt.scope == Halt.Scope.PROGRAM for halt in halts):
        return Job.objects.none()
    return (
        Job.objects.queued()
        .filter(
            Q(pipeline__trouble="") | Q(pipeline__trouble_at__lt=now - TROUBLE_REST),
            program=program,
            pipeline__is_active=True,
        )
        .exclude(credential__in=[halt.credential_id for halt in halts if halt.credential_id])
        .exclude(enrollment__user__in=[halt.artist_id for halt in halts if halt.artist_id])
        .exclude(enrollment__cohort__in=[halt.cohort_id for halt in halts if halt.cohort_id])
        .order_by("queued_at", "number")
    )


def _next_lane(program: Program, claimable: QuerySet[Job], passed: list[Enrollment]) -> Lane | None:
    """Lock the lane served least recently that has work; rivals skip it meanwhile."""
    return (
        Lane.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("enrollment__cohort")
        .filter(Exists(claimable.order_by().filter(enrollment=OuterRef("enrollment"))), program=program)
        .exclude(pk__in=passed)
        .order_by(F("served_at").asc(nulls_first=True), "pk")
        .first()
    )


def _claim_from(lane: Lane, claimable: QuerySet[Job], worker: str) -> Job | None:
    """Start the lane's oldest job, if its artist has a render free. Read anew: the lock may have waited for a rival."""
    if Job.objects.running().filter(enrollment=lane.enrollment_id).count() >= lane.enrollment.cohort.concurrency:
        return None
    job = claimable.filter(enrollment=lane.enrollment_id).select_related("brief", "pipeline", "program").first()
    now = clock.now()
    if job is None or not _start(job, worker, now):
        return None
    Lane.objects.filter(pk=lane.pk).update(served_at=now)
    job.refresh_from_db(fields=["state", "attempt", "worker", "lease_until", "phase", "step", "started_at"])
    audit.trace(
        "claim_job",
        program=job.program,
        at=now,
        actor=None,
        subject=job,
        facts={"attempt": job.attempt, "worker": worker},
    )
    return job


def _start(job: Job, worker: str, now: datetime) -> bool:
    return bool(
        Job.objects.queued()
        .filter(pk=job.pk, attempt=job.attempt)
        .update(
            state=Job.State.RUNNING,
            attempt=F("attempt") + 1,
            worker=worker,
            phase=Job.Phase.LOAD,
            step=0,
            started_at=now,
            lease_until=lease("load", now),
        )
    )


def lease(phase: str, now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASES[phase])


# --- while it runs --------------------------------------------------------------------------------------------------
def check(job: Job) -> None:
    """One indexed read per step: may this attempt go on?

    Raises:
        LeaseLost, CancelAsked, HaltMet.
    """
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(*_standing_of(job.pk, job.attempt))
        lease_until, cancel_asked_at, halted = cursor.fetchone() or (None, None, None)
    # SQLite keeps instants in UTC without saying so.
    if lease_until is None or lease_until.replace(tzinfo=lease_until.tzinfo or UTC) < now:
        raise LeaseLost
    if cancel_asked_at:
        raise CancelAsked
    if halted:
        raise HaltMet


@lru_cache(maxsize=8)
def _standing_of(pk: uuid.UUID, attempt: int) -> tuple[str, tuple[Any, ...]]:
    """The statement of ``check``, compiled once an attempt: measured, building it costs thirty times its run."""
    rows = Job.objects.attempted(pk, attempt).annotate(halted=Exists(_halts_over_job()))
    return rows.values_list("lease_until", "cancel_asked_at", "halted").query.sql_with_params()


def _halts_over_job() -> QuerySet[Halt]:
    reach = (
        Q(scope="program")
        | Q(credential=OuterRef("credential"))
        | Q(artist=OuterRef("enrollment__user"))
        | Q(cohort=OuterRef("enrollment__cohort"))
    )
    return Halt.objects.open().filter(reach, program=OuterRef("program"))


def report(job: Job, *, phase: str, step: int, jpeg: bytes = b"") -> None:
    """Write progress, the preview and a fresh lease, in one short transaction. Callers come at most once a second.

    Raises:
        LeaseLost: the attempt is over.
    """
    with audit.recorded():
        now = clock.now()
        facts = {"phase": phase, "step": min(step, job.steps), "lease_until": lease(phase, now)}
        if not Job.objects.attempted(job.pk, job.attempt).update(**facts):
            raise LeaseLost
        if jpeg:
            Preview.objects.update_or_create(job=job, defaults={"attempt": job.attempt, "jpeg": jpeg, "made_at": now})


# --- how it ends ----------------------------------------------------------------------------------------------------
def finish(job: Job, rendered: Rendered) -> Output:
    """End the job with its output, if this attempt is still the one and no halt came in between.

    Raises:
        LeaseLost, CancelAsked, HaltMet: nothing was written.
    """
    with audit.recorded():
        share_halt_lock(job.program)
        _lock_lane(job)
        check(job)
        now = clock.now()
        ended = {"state": Job.State.FINISHED, "ended_at": now, "lease_until": None, "phase": "", "step": F("steps")}
        if not Job.objects.attempted(job.pk, job.attempt).update(**ended):
            raise LeaseLost
        Preview.objects.filter(job=job).delete()
        output = _write_output(job, rendered, now)
        _count_service(job, now)
        _trace("finish_job", job, now, output=str(output.pk), master_sha256=output.master_sha256)
        url = reverse("job", args=[job.program.slug, job.pk])
        tell(job.enrollment.user, "clip_ready", "Your clip is ready.", at=now, program=job.program, url=url)
    return output


def _write_output(job: Job, rendered: Rendered, at: datetime) -> Output:
    master = file_row(rendered.master)
    output = Output.objects.create(
        job=job,
        program=job.program,
        enrollment=job.enrollment,
        master=master,
        master_sha256=master.sha256,
        width=rendered.width,
        height=rendered.height,
        frames=rendered.frames,
        frame_rate=rendered.frame_rate,
        provenance=rendered.provenance,
        created_at=at,
    )
    for recipe, kept in rendered.renditions.items():
        facts = {"parent_sha256": master.sha256, "sha256": kept.sha256, "created_at": at}
        Rendition.objects.create(output=output, recipe=recipe, file=file_row(kept), **facts)
    return output


def _lock_lane(job: Job) -> None:
    """The parent's lock before the job's own, for those who will write to both."""
    Lane.objects.select_for_update().get(pk=job.enrollment_id)


def _count_service(job: Job, now: datetime) -> None:
    seconds = (now - (job.started_at or now)).total_seconds()
    Lane.objects.filter(enrollment=job.enrollment_id).update(served_seconds=F("served_seconds") + seconds)


_QUEUED_AGAIN: dict[str, Any] = {"state": Job.State.QUEUED, "lease_until": None, "worker": "", "phase": "", "step": 0}


def put_back(job: Job) -> None:
    """The job returns to its old place: no failure, no quota. For halts, hand-backs and a worker in trouble.

    A cancel that came in the meantime wins. An attempt that is over already changes nothing.
    """
    with audit.recorded():
        now = clock.now()
        fenced = Job.objects.attempted(job.pk, job.attempt)
        if fenced.filter(cancel_asked_at=None).update(**_QUEUED_AGAIN):
            _trace("put_back_job", job, now)
        elif fenced.update(**_cancelled(now)):
            refund(job, now)
            _trace("end_cancelled_job", job, now)
        Preview.objects.filter(job=job, attempt=job.attempt).delete()


def _cancelled(now: datetime) -> dict[str, Any]:
    return {"state": Job.State.CANCELLED, "ended_at": now, "lease_until": None, "phase": ""}


def end_cancelled(job: Job) -> None:
    """End a running job whose artist cancelled. What was rendered of it is spent."""
    with audit.recorded():
        _lock_lane(job)
        now = clock.now()
        if Job.objects.attempted(job.pk, job.attempt).update(**_cancelled(now)):
            _count_service(job, now)
            _trace("end_cancelled_job", job, now)
        Preview.objects.filter(job=job, attempt=job.attempt).delete()


def fail(job: Job, reason: str) -> None:
    """Count a failure against the job; after the third it is failed with this reason and its clip is given back."""
    with audit.recorded():
        _count_failure(Job.objects.attempted(job.pk, job.attempt), job, reason, clock.now())
        ring()


def _count_failure(fenced: JobQuerySet, job: Job, reason: str, now: datetime) -> None:
    """The third failure ends it, and so does a cancel in the meantime; else it waits again. The quota never pays."""
    wanted = fenced.filter(cancel_asked_at=None)
    if wanted.filter(failures__gte=Job.MAX_FAILURES - 1).update(**_failed(reason, now)):
        refund(job, now)
        _tell_failed(job, reason, now)
        act = "fail_job"
    elif wanted.update(failures=F("failures") + 1, **_QUEUED_AGAIN):
        act = "requeue_job"
    elif fenced.update(**_cancelled(now)):
        refund(job, now)
        act = "end_cancelled_job"
    else:
        return
    Preview.objects.filter(job=job).delete()
    _trace(act, job, now, reason=reason[:300])


def _failed(reason: str, now: datetime) -> dict[str, Any]:
    ended = {"state": Job.State.FAILED, "ended_at": now, "lease_until": None, "phase": ""}
    return {**ended, "failures": F("failures") + 1, "reason": reason[:300]}


def _trace(act: str, job: Job, at: datetime, **facts: str) -> None:
    facts_of_attempt = {"attempt": job.attempt, **facts}
    audit.trace(act, program=job.program, at=at, actor=None, subject=job, facts=facts_of_attempt)


def _tell_failed(job: Job, reason: str, at: datetime) -> None:
    url = reverse("job", args=[job.program.slug, job.pk])
    tell(job.enrollment.user, "clip_failed", f"A clip could not be made. {reason}", at=at, program=job.program, url=url)


# --- trouble and the sweep ------------------------------------------------------------------------------------------
def note_trouble(pipeline: Pipeline, trouble: str) -> None:
    """Say on the pipeline why workers cannot use it, or with an empty text that they can again."""
    row = Pipeline.objects.filter(pk=pipeline.pk)
    if trouble:
        row.update(trouble=trouble[:300], trouble_at=clock.now())
    else:
        row.exclude(trouble="").update(trouble="", trouble_at=None)


def note_timing(pipeline: Pipeline, *, per_step: float, around: float) -> None:
    """Move the running means, in seconds, that ETAs are made from."""
    known = Pipeline.objects.get(pk=pipeline.pk)
    weight = 0.2 if known.seconds_per_step else 1.0
    Pipeline.objects.filter(pk=pipeline.pk).update(
        seconds_per_step=known.seconds_per_step + weight * (per_step - known.seconds_per_step),
        seconds_around=known.seconds_around + weight * (around - known.seconds_around),
    )


def sweep() -> int:
    """Every 10 seconds: give back what outlived its lease, ring again if anything waits; how many leases ran out."""
    ended = expire()
    if Job.objects.queued().exists():
        ring()
    return ended


def expire() -> int:
    """Count a failure against each job whose lease ran out, and let it wait again or end; how many there were."""
    expired = list(Job.objects.expired(clock.now()).select_related("program", "enrollment__user"))
    for job in expired:
        with audit.recorded():
            now = clock.now()
            # The lease is in the fence: a worker that reported a moment ago keeps its job.
            fenced = Job.objects.attempted(job.pk, job.attempt).filter(lease_until__lt=now)
            _count_failure(fenced, job, GAVE_UP, now)
    return len(expired)
