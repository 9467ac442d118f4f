"""Which jobs a worker gets next: fair between programs and between artists, and together what can be rendered together.

Between artists it is start-time fair queueing over worker seconds (see ``Lane``): the lane with the least is next, and
is charged at once with what the job is expected to take.
"""

import time
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from access import audit, clock
from access.locking import share_halt_lock
from access.models import Halt, Program
from generation.line import expected_seconds
from generation.models import Job, JobQuerySet, Lane
from generation.rendering import end_as_repeat, lease
from generation.repeats import is_being_made, outputs_like
from generation.upkeep import expire

TROUBLE_REST = timedelta(seconds=20)  # how long a pipeline in trouble is left alone before it is tried again
RIVALS_TAKE = 0.05  # seconds
UNKNOWN_SECONDS = 1.0  # charged for a job of a pipeline that nobody has measured yet


def claim(worker: str) -> list[Job]:
    """Take the next jobs for this worker, to be rendered as one batch; empty if nothing can be claimed.

    Jobs of a batch are of one program and one mould. A job that failed before comes alone.
    """
    expire()
    programs = list(_programs_with_work())
    if batch := _claim_in_one(programs, worker):
        return batch
    if programs and connection.features.has_select_for_update_skip_locked:
        time.sleep(RIVALS_TAKE)  # a lane that a rival just had in hand was passed over
        return _claim_in_one(programs, worker)
    return []


def _claim_in_one(programs: list[Program], worker: str) -> list[Job]:
    return next((batch for program in programs if (batch := _claim_in(program, worker))), [])


def _programs_with_work() -> QuerySet[Program]:
    """The program that was served least recently comes first."""
    waiting = Job.objects.queued().filter(pipeline__queue__in=settings.RENDER_QUEUES).values("program")
    served = Program.objects.filter(pk__in=waiting).annotate(served=Max("lanes__served_at"))
    return served.order_by(F("served").asc(nulls_first=True), "pk")


def _claim_in(program: Program, worker: str) -> list[Job]:
    batch: list[Job] = []
    with audit.recorded():
        share_halt_lock(program)  # a statement of its own: what follows reads the halts as they are behind the lock
        now = clock.now()
        wanted, busy, room = _claimable(program, now), list[Lane](), 1
        while len(batch) < room and (lane := _next_lane(program, wanted, busy)):
            job = _claim_from(lane, wanted, worker, batch=batch[0].batch if batch else uuid.uuid4())
            if job is None:
                busy.append(lane)
                continue
            batch.append(job)
            if len(batch) == 1:
                room = _room_beside(job)
                wanted = wanted.filter(mould=job.mould, failures=0)
    return batch


def _room_beside(job: Job) -> int:
    """How many jobs a batch that begins with this one may have. One that failed before might be what broke it."""
    return job.pipeline.most_together if job.mould and not job.failures else 1


def _claimable(program: Program, now: datetime) -> JobQuerySet:
    """Of the claimable jobs those of this worker's queues, oldest first."""
    return claimable(program, now).filter(pipeline__queue__in=settings.RENDER_QUEUES).order_by("queued_at", "number")


def claimable(program: Program, now: datetime) -> JobQuerySet:
    """Queued jobs that no halt covers, whose artist has not paused, and whose pipeline works."""
    halts = list(Halt.objects.open().filter(program=program))
    if any(halt.scope == Halt.Scope.PROGRAM for halt in halts):
        return Job.objects.none()
    return (
        Job.objects.queued()
        .filter(
            Q(pipeline__trouble="") | Q(pipeline__trouble_at__lt=now - TROUBLE_REST),
            program=program,
            pipeline__is_active=True,
            enrollment__lane__paused_at=None,
        )
        .exclude(credential__in=[halt.credential_id for halt in halts if halt.credential_id])
        .exclude(enrollment__user__in=[halt.artist_id for halt in halts if halt.artist_id])
        .exclude(enrollment__cohort__in=[halt.cohort_id for halt in halts if halt.cohort_id])
    )


def _next_lane(program: Program, wanted: JobQuerySet, busy: list[Lane]) -> Lane | None:
    """Lock the least served lane that has work; rivals skip it meanwhile."""
    return (
        Lane.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("enrollment__cohort")
        .filter(Exists(wanted.order_by().filter(enrollment=OuterRef("enrollment"))), program=program)
        .exclude(pk__in=[lane.pk for lane in busy])
        .order_by("served_seconds", F("served_at").asc(nulls_first=True), "pk")
        .first()
    )


def _claim_from(lane: Lane, wanted: JobQuerySet, worker: str, *, batch: uuid.UUID | None) -> Job | None:
    """Start the lane's oldest job, if its artist has a render free. Read anew: the lock may have waited for a rival."""
    if Job.objects.running().filter(enrollment=lane.enrollment_id).count() >= lane.enrollment.cohort.concurrency:
        return None
    mine = wanted.filter(enrollment=lane.enrollment_id)
    mine = mine.select_related(
        "brief__first_frame__file", "brief__enrollment", "pipeline", "program", "enrollment__user"
    )
    left: list[uuid.UUID] = []
    while job := mine.exclude(pk__in=left).first():
        job.brief.pipeline, job.brief.program = job.pipeline, job.program  # the same rows, not asked for again
        now = clock.now()
        if output := outputs_like(job.brief, [job.seed]).get(job.seed):
            end_as_repeat(job, output)  # made while this one waited; the next of the lane is looked at
        elif is_being_made(job):
            left.append(job.pk)  # it waits for that one's end
        elif _start(job, worker, now, batch):
            _charge(lane, job, now)
            return job  # else it was cancelled a moment ago; the next of the lane is looked at
    return None


def _charge(lane: Lane, job: Job, now: datetime) -> None:
    seconds = F("served_seconds") + job.charged_seconds
    Lane.objects.filter(pk=lane.pk).update(served_at=now, served_seconds=seconds)
    facts = {"attempt": job.attempt, "worker": job.worker, "batch": str(job.batch)}
    audit.trace("claim_job", program=job.program, at=now, actor=None, subject=job, facts=facts)


def _start(job: Job, worker: str, now: datetime, batch: uuid.UUID | None) -> bool:
    """Queued to running, for this attempt; the row in hand then says what the database says."""
    before = job.attempt
    started = {
        "state": Job.State.RUNNING,
        "attempt": before + 1,
        "worker": worker,
        "batch": batch,
        "charged_seconds": expected_seconds(job) or UNKNOWN_SECONDS,
        "phase": Job.Phase.LOAD,
        "step": 0,
        "started_at": now,
        "lease_until": lease(job, "load", now),
    }
    if not Job.objects.queued().filter(pk=job.pk, attempt=before).update(**started):
        return False
    for name, value in started.items():
        setattr(job, name, value)
    return True
