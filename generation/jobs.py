"""What artists do with the queue: send a brief, cancel a job."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q

from access import audit, clock
from access.locking import share_halt_lock
from access.models import Credential, Enrollment, Halt, User
from access.refusals import AgreementUnsigned, Halted, NotAllowed
from generation.doorbell import ring
from generation.models import Brief, Job, Lane, Pipeline, QuotaEntry
from generation.policies import may_cancel, may_generate
from generation.refusals import JobEnded, ModelAway, OutOfBounds, QuotaUsedUp

SEEDS = 2**32
PROMPT_LIMIT = 1000  # characters


@dataclass(frozen=True)
class Wish:
    """What an artist asks for. ``seed=None`` draws one."""

    prompt: str
    negative_prompt: str = ""
    steps: int = 20
    guidance: float = 3.0
    seed: int | None = None
    variations: int = 1


def submit(
    wish: Wish, *, enrollment: Enrollment, pipeline: Pipeline, credential: Credential | None, key: uuid.UUID
) -> Brief:
    """Queue a brief: one job per variation, each spending one clip of today's quota.

    The same ``key`` again is the same brief.

    Raises:
        AgreementUnsigned, OutOfBounds, ModelAway, Halted, QuotaUsedUp.
    """
    _check_bounds(wish, enrollment, pipeline)
    with audit.recorded():
        share_halt_lock(enrollment.program)
        lane = _lock_lane(enrollment)
        if sent := Brief.objects.filter(enrollment=enrollment, idempotency_key=key).first():
            return sent
        _check_may_work(enrollment, credential)
        now = clock.now()
        if quota_left(enrollment, now) < wish.variations:
            raise QuotaUsedUp
        brief = _write_brief(wish, enrollment=enrollment, pipeline=pipeline, credential=credential, key=key, at=now)
        _write_jobs(brief, lane, now)
        audit.trace(
            "submit_brief",
            program=brief.program,
            at=now,
            actor=enrollment.user,
            subject=brief,
            facts={"jobs": wish.variations},
            private=wish.prompt,
        )
        ring(times=brief.variations)
    return brief


def _check_bounds(wish: Wish, enrollment: Enrollment, pipeline: Pipeline) -> None:
    if not pipeline.is_active:
        raise ModelAway
    limits = pipeline.studio.get("limits", {})
    fewest, most = limits.get("steps", (1, 100))
    weakest, strongest = limits.get("guidance", (1.0, 20.0))
    within: tuple[Callable[[], bool], ...] = (
        lambda: fewest <= wish.steps <= min(most, enrollment.cohort.max_steps),
        lambda: weakest <= wish.guidance <= strongest,
        lambda: 1 <= wish.variations <= enrollment.cohort.max_variations,
        lambda: wish.seed is None or 0 <= wish.seed < SEEDS,
        lambda: bool(wish.prompt.strip()),
        lambda: max(len(wish.prompt), len(wish.negative_prompt)) <= PROMPT_LIMIT,
    )
    if not all(test() for test in within):
        raise OutOfBounds


def _check_may_work(enrollment: Enrollment, credential: Credential | None) -> None:
    if Halt.objects.covering(enrollment, credential).exists():
        raise Halted
    if not may_generate(enrollment):
        raise AgreementUnsigned


def _lock_lane(enrollment: Enrollment) -> Lane:
    """The parent row that everything summed over an enrollment's jobs is locked by."""
    Lane.objects.get_or_create(enrollment=enrollment, defaults={"program": enrollment.program})
    return Lane.objects.select_for_update().get(enrollment=enrollment)


def _write_brief(
    wish: Wish,
    *,
    enrollment: Enrollment,
    pipeline: Pipeline,
    credential: Credential | None,
    key: uuid.UUID,
    at: datetime,
) -> Brief:
    return Brief.objects.create(
        program=enrollment.program,
        enrollment=enrollment,
        credential=credential,
        pipeline=pipeline,
        prompt=wish.prompt,
        negative_prompt=wish.negative_prompt,
        steps=wish.steps,
        guidance=wish.guidance,
        seed=secrets.randbelow(SEEDS) if wish.seed is None else wish.seed,
        variations=wish.variations,
        idempotency_key=key,
        created_at=at,
    )


def _write_jobs(brief: Brief, lane: Lane, at: datetime) -> None:
    common = {
        "brief": brief,
        "program": brief.program,
        "enrollment": brief.enrollment,
        "credential": brief.credential,
        "pipeline": brief.pipeline,
        "queued_at": at,
        "steps": brief.steps,
    }
    jobs = Job.objects.bulk_create(
        Job(**common, number=number + 1, seed=(brief.seed + number) % SEEDS) for number in range(brief.variations)
    )
    day = quota_day(brief.enrollment, at)
    QuotaEntry.objects.bulk_create(
        QuotaEntry(enrollment=lane.enrollment, job=job, kind=QuotaEntry.Kind.SPEND, day_on=day, created_at=at)
        for job in jobs
    )


def quota_day(enrollment: Enrollment, at: datetime) -> date:
    """The quota's day at an instant: the calendar day in the program's zone."""
    return at.astimezone(enrollment.program.zone).date()


def quota_left(enrollment: Enrollment, at: datetime) -> int:
    """Clips left today."""
    day = QuotaEntry.objects.filter(enrollment=enrollment, day_on=quota_day(enrollment, at))
    used = day.aggregate(spent=Count("pk", filter=Q(kind="spend")), back=Count("pk", filter=Q(kind="refund")))
    return max(0, enrollment.cohort.daily_quota - used["spent"] + used["back"])


def quota_renews_at(enrollment: Enrollment, at: datetime) -> datetime:
    """The next midnight in the program's zone."""
    local = at.astimezone(enrollment.program.zone)
    return (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def refund(job: Job, at: datetime) -> None:
    """Give a job's clip back to the day it was spent on; a second time changes nothing."""
    spent = QuotaEntry.objects.get(job=job, kind=QuotaEntry.Kind.SPEND)
    QuotaEntry.objects.get_or_create(
        job=job,
        kind=QuotaEntry.Kind.REFUND,
        defaults={"enrollment_id": spent.enrollment_id, "day_on": spent.day_on, "created_at": at},
    )


def cancel(job: Job, *, by: User) -> Job:
    """Cancel a job. A queued one ends at once and its clip is given back; a running one stops at its next step.

    Raises:
        NotAllowed: it is not theirs.
        JobEnded: it has ended in the meantime.
    """
    if not may_cancel(by, job):
        raise NotAllowed
    with audit.recorded():
        # Locked, so that it cannot change from queued to running, or back, between the two looks below.
        state = Job.objects.select_for_update().values_list("state", flat=True).get(pk=job.pk)
        if state not in Job.OPEN:
            raise JobEnded
        now = clock.now()
        if _cancel_queued(job, now) or _cancel_running(job, now):
            audit.trace("cancel_job", program=job.program, at=now, actor=by, subject=job)
    job.refresh_from_db()
    return job


def _cancel_queued(job: Job, at: datetime) -> bool:
    if not Job.objects.queued().filter(pk=job.pk).update(state=Job.State.CANCELLED, ended_at=at, cancel_asked_at=at):
        return False
    refund(job, at)
    return True


def _cancel_running(job: Job, at: datetime) -> bool:
    return bool(Job.objects.running().filter(pk=job.pk, cancel_asked_at=None).update(cancel_asked_at=at))
