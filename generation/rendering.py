"""What a worker does with a claimed job: may it go on, how it goes, finish it, give it back, fail it.

Every write names the attempt (``Job.objects.attempted``): a worker that was taken for dead cannot touch what its
successor does.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse

from access import audit, clock
from access.locking import share_halt_lock
from access.models import Halt
from access.storing import Kept, file_row, file_rows
from access.telling import tell
from generation.doorbell import ring
from generation.models import Job, JobQuerySet, Lane, Output, Preview, Rendition
from generation.quota import refund
from generation.refusals import CancelAsked, HaltMet, LeaseLost, Stop
from generation.repeats import repeat_key


@dataclass(frozen=True)
class Rendered:
    """A finished clip whose files are safe on the disk and have no rows yet."""

    master: Kept
    renditions: dict[str, Kept]  # by recipe
    width: int
    height: int
    frames: int
    frame_rate: float
    provenance: dict[str, Any] = field(default_factory=dict)


# --- while it runs --------------------------------------------------------------------------------------------------
def lease(job: Job, phase: str, now: datetime) -> datetime:
    """Until when the job may go without a sign of life in this phase: the pipeline's own length, else the site's."""
    return now + timedelta(seconds=lease_seconds(job, phase))


def lease_seconds(job: Job, phase: str) -> float:
    return float(job.pipeline.leases.get(phase, settings.LEASES[phase]))


def check(job: Job) -> None:
    """May this attempt go on?

    Raises:
        LeaseLost, CancelAsked, HaltMet.
    """
    (why,) = standings([job])
    if why:
        raise why


def standings(jobs: Sequence[Job]) -> list[Stop | None]:
    """For each of these attempts, why it may not go on, if so; one indexed read for a whole batch, at every step."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(*_standing_of(tuple((job.pk, job.attempt) for job in jobs)))
        found = {_uuid(pk): row for pk, *row in cursor.fetchall()}
    return [_why_not(*found.get(job.pk, (None, None, None)), now=now) for job in jobs]


def _why_not(lease_until: datetime | None, cancel_asked_at: object, halted: object, *, now: datetime) -> Stop | None:
    # SQLite keeps instants in UTC without saying so.
    if lease_until is None or lease_until.replace(tzinfo=lease_until.tzinfo or UTC) < now:
        return LeaseLost()
    if cancel_asked_at:
        return CancelAsked()
    return HaltMet() if halted else None


def _uuid(key: object) -> uuid.UUID:
    """A key as the database gives it: SQLite keeps 32 digits."""
    return key if isinstance(key, uuid.UUID) else uuid.UUID(str(key))


@lru_cache(maxsize=8)
def _standing_of(attempts: tuple[tuple[uuid.UUID, int], ...]) -> tuple[str, tuple[Any, ...]]:
    """The statement of ``standings``, compiled once a batch: measured, building it costs thirty times its run."""
    fenced = Q()
    for pk, attempt in attempts:
        fenced |= Q(pk=pk, attempt=attempt)
    rows = Job.objects.running().filter(fenced).annotate(halted=Exists(_halts_over_job()))
    return rows.values_list("pk", "lease_until", "cancel_asked_at", "halted").query.sql_with_params()


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
        facts = {"phase": phase, "step": min(step, job.steps), "lease_until": lease(job, phase, now)}
        if not Job.objects.attempted(job.pk, job.attempt).update(**facts):
            raise LeaseLost
        if jpeg:
            Preview.objects.update_or_create(job=job, defaults={"attempt": job.attempt, "jpeg": jpeg, "made_at": now})


# --- how it ends ----------------------------------------------------------------------------------------------------
def finish(job: Job, rendered: Rendered, *, seconds: float = 0.0) -> Output:
    """End the job with its output, if this attempt is still the one and no halt came in between.

    ``seconds`` is the worker time it took, by which its artist's lane is served.

    Raises:
        LeaseLost, CancelAsked, HaltMet: nothing was written.
    """
    with audit.recorded():
        share_halt_lock(job.program)
        lock_lane(job)
        check(job)
        now = clock.now()
        ended = {"state": Job.State.FINISHED, "ended_at": now, "lease_until": None, "phase": "", "step": F("steps")}
        if not Job.objects.attempted(job.pk, job.attempt).update(**ended):
            raise LeaseLost
        Preview.objects.filter(job=job).delete()
        output = _write_output(job, rendered, now)
        _settle_service(job, seconds)
        _trace("finish_job", job, now, output=str(output.pk), master_sha256=output.master_sha256)
        _tell_ready(job, now)
    return output


def end_as_repeat(job: Job, output: Output) -> bool:
    """End a queued job with the output that its artist has meanwhile; its clip is given back. Inside ``recorded()``."""
    now = clock.now()
    ended = {"state": Job.State.FINISHED, "repeat_of": output, "ended_at": now, "step": F("steps")}
    if not Job.objects.queued().filter(pk=job.pk, attempt=job.attempt).update(**ended):
        return False
    refund(job, now)
    _trace("repeat_job", job, now, output=str(output.pk))
    _tell_ready(job, now)
    return True


def _tell_ready(job: Job, at: datetime) -> None:
    url = reverse("job", args=[job.program.slug, job.pk])
    tell(job.enrollment.user, "clip_ready", "Your clip is ready.", at=at, program=job.program, url=url)


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
        repeat_key=repeat_key(job.brief, job.seed),
        created_at=at,
    )
    Rendition.objects.bulk_create(_renditions_of(output, rendered.renditions, at))
    return output


def _renditions_of(output: Output, kept: dict[str, Kept], at: datetime) -> list[Rendition]:
    """Rows that are not written yet, of files by their recipe."""
    files = file_rows(kept.values())
    return [
        Rendition(
            output=output,
            recipe=recipe,
            parent_sha256=output.master_sha256,
            file=files[file.sha256],
            sha256=file.sha256,
            created_at=at,
        )
        for recipe, file in kept.items()
    ]


def add_renditions(output: Output, renditions: dict[str, Kept]) -> None:
    """Add files made from a master after it could be played. What is there already stays."""
    with audit.recorded():
        now = clock.now()
        rows = _renditions_of(output, renditions, now)
        Rendition.objects.bulk_create(rows, ignore_conflicts=True)  # worker and sweep may both have made them
        hashes = {recipe: kept.sha256 for recipe, kept in renditions.items()}
        audit.trace("add_renditions", program=output.program, at=now, actor=None, subject=output, facts=hashes)


def lock_lane(job: Job) -> None:
    """The parent's lock before the job's own, for those who will write to both."""
    Lane.objects.select_for_update().get(pk=job.enrollment_id)


def _settle_service(job: Job, seconds: float) -> None:
    """Replace what the lane was charged at the claim with what the job took."""
    Lane.objects.filter(enrollment=job.enrollment_id).update(
        served_seconds=F("served_seconds") + seconds - job.charged_seconds
    )


_QUEUED_AGAIN: dict[str, Any] = {"state": Job.State.QUEUED, "lease_until": None, "worker": "", "phase": "", "step": 0}


def put_back(job: Job) -> None:
    """The job returns to its old place: no failure, no quota. For halts, hand-backs and a worker in trouble.

    A cancel that came in the meantime wins. An attempt that is over already changes nothing.
    """
    with audit.recorded():
        lock_lane(job)
        now = clock.now()
        fenced = Job.objects.attempted(job.pk, job.attempt)
        if fenced.filter(cancel_asked_at=None).update(**_QUEUED_AGAIN):
            _settle_service(job, 0.0)
            _trace("put_back_job", job, now)
        elif fenced.update(**_cancelled(now)):
            refund(job, now)
            _trace("end_cancelled_job", job, now)
        Preview.objects.filter(job=job, attempt=job.attempt).delete()
        ring(queue=job.pipeline.queue)


def _cancelled(now: datetime) -> dict[str, Any]:
    return {"state": Job.State.CANCELLED, "ended_at": now, "lease_until": None, "phase": ""}


def end_cancelled(job: Job, *, seconds: float = 0.0) -> None:
    """End a running job whose artist cancelled. What was rendered of it is spent; it took ``seconds`` of the worker."""
    with audit.recorded():
        lock_lane(job)
        now = clock.now()
        if Job.objects.attempted(job.pk, job.attempt).update(**_cancelled(now)):
            _settle_service(job, seconds)
            _trace("end_cancelled_job", job, now)
        Preview.objects.filter(job=job, attempt=job.attempt).delete()


def fail(job: Job, reason: str, *, is_final: bool = False, seconds: float = 0.0) -> None:
    """Count a failure against the job; after the third it is failed with this reason and its clip is given back.

    ``is_final``: trying again would end the same way, so it is failed now. It took ``seconds`` of the worker.
    """
    with audit.recorded():
        lock_lane(job)
        fenced = Job.objects.attempted(job.pk, job.attempt)
        count_failure(fenced, job, reason, clock.now(), is_final=is_final, seconds=seconds)
        ring(queue=job.pipeline.queue)


def count_failure(
    fenced: JobQuerySet, job: Job, reason: str, now: datetime, *, is_final: bool = False, seconds: float = 0.0
) -> bool:
    """The third failure ends it, and so does a cancel in the meantime; else it waits again. The quota never pays.

    Callers hold the job's lane. False if the attempt was over already.
    """
    wanted = fenced.filter(cancel_asked_at=None)
    if wanted.filter(failures__gte=0 if is_final else Job.MAX_FAILURES - 1).update(**_failed(reason, now)):
        refund(job, now)
        _tell_failed(job, reason, now)
        act = "fail_job"
    elif wanted.update(failures=F("failures") + 1, **_QUEUED_AGAIN):
        act = "requeue_job"
    elif fenced.update(**_cancelled(now)):
        refund(job, now)
        act = "end_cancelled_job"
    else:
        return False
    _settle_service(job, seconds)
    Preview.objects.filter(job=job).delete()
    _trace(act, job, now, reason=reason[:300])
    return True


def _failed(reason: str, now: datetime) -> dict[str, Any]:
    ended = {"state": Job.State.FAILED, "ended_at": now, "lease_until": None, "phase": ""}
    return {**ended, "failures": F("failures") + 1, "reason": reason[:300]}


def _trace(act: str, job: Job, at: datetime, **facts: str) -> None:
    facts_of_attempt = {"attempt": job.attempt, **facts}
    audit.trace(act, program=job.program, at=at, actor=None, subject=job, facts=facts_of_attempt)


def _tell_failed(job: Job, reason: str, at: datetime) -> None:
    url = reverse("job", args=[job.program.slug, job.pk])
    tell(job.enrollment.user, "clip_failed", f"A clip could not be made. {reason}", at=at, program=job.program, url=url)
