"""What artists do with the queue: send a brief, cancel jobs, pause their line and go on."""

import hashlib
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from access import audit, clock
from access.locking import share_halt_lock
from access.models import Credential, Enrollment, Halt, User
from access.refusals import AgreementUnsigned, Halted, NotAllowed, ProgramClosed
from access.text import fold
from generation.doorbell import ring
from generation.lanes import catch_up, join_the_line, lock_lane, lock_lanes
from generation.models import Brief, FirstFrame, Job, Lane, Output, Pipeline
from generation.offering import offer
from generation.policies import may_begin_with, may_cancel, may_generate, may_remake, may_use
from generation.quota import quota_left, refund, refund_all, spend
from generation.refusals import (
    JobEnded,
    ModelAway,
    OutOfBounds,
    PictureUnusable,
    QuotaUsedUp,
    RepeatsUsedUp,
)
from generation.repeats import outputs_like, repeats_left

SEEDS = 2**32
PROMPT_LIMIT = 1000  # characters


@dataclass(frozen=True)
class Wish:
    """What an artist asks for. ``seed=None`` draws one; width, height and frames of 0 are the model's defaults.

    ``parent`` is the job it descends from, and ``lineage`` says how (``Brief.Lineage``).
    """

    prompt: str
    negative_prompt: str = ""
    steps: int = 20
    guidance: float = 3.0
    seed: int | None = None
    variations: int = 1
    width: int = 0
    height: int = 0
    frames: int = 0
    first_frame: FirstFrame | None = None
    parent: Job | None = None
    lineage: str = ""


def wish_of(job: Job, **changes: Any) -> Wish:
    """The wish that made a job, with changes: to repeat it, to vary it, to try it again."""
    brief = job.brief
    same = Wish(
        prompt=brief.prompt,
        negative_prompt=brief.negative_prompt,
        steps=brief.steps,
        guidance=brief.guidance,
        seed=job.seed,
        width=brief.width,
        height=brief.height,
        frames=brief.frames,
        first_frame=brief.first_frame,
        parent=job,
    )
    return replace(same, **changes)


def submit(
    wish: Wish, *, enrollment: Enrollment, pipeline: Pipeline, credential: Credential | None, key: uuid.UUID
) -> Brief:
    """Queue a brief: one job per variation, each spending one clip of today's quota.

    The same ``key`` again is the same brief. A variation that the artist already has, bit for bit, ends at once with
    that output and spends nothing.

    Raises:
        AgreementUnsigned, ProgramClosed, OutOfBounds, ModelAway, Halted, PictureUnusable, QuotaUsedUp, RepeatsUsedUp.
    """
    wish = _at_home(wish, pipeline)
    _check_bounds(wish, enrollment, pipeline)
    with audit.recorded():
        share_halt_lock(enrollment.program)
        lane = lock_lane(enrollment)
        if sent := Brief.objects.filter(enrollment=enrollment, idempotency_key=key).first():
            return sent
        _check_may_work(enrollment, credential)
        now = clock.now()
        _check_picture_is_there(wish)
        brief = _brief(wish, enrollment=enrollment, pipeline=pipeline, credential=credential, key=key, at=now)
        made = _make_jobs(brief, lane, now)
        audit.trace(
            "submit_brief",
            program=brief.program,
            at=now,
            actor=enrollment.user,
            subject=brief,
            facts={"jobs": wish.variations, "repeats": sum(job.repeat_of_id is not None for job in made)},
            private=wish.prompt,
        )
        ring(queue=pipeline.queue, times=sum(job.is_open for job in made))
    return brief


def _at_home(wish: Wish, pipeline: Pipeline) -> Wish:
    """The wish with the model's own size and length where it names none."""
    studio = pipeline.studio
    call = studio.get("call", {})
    width, height = studio.get("sizes", [[call.get("width", 0), call.get("height", 0)]])[0]
    frames = studio.get("lengths", [call.get("num_frames", 0)])[0]
    return replace(wish, width=wish.width or width, height=wish.height or height, frames=wish.frames or frames)


def _check_bounds(wish: Wish, enrollment: Enrollment, pipeline: Pipeline) -> None:
    if not may_use(enrollment, pipeline):
        raise ModelAway
    terms = offer(pipeline, enrollment)
    weakest, strongest = terms.guidance or (wish.guidance, wish.guidance)
    within: tuple[Callable[[], bool], ...] = (
        lambda: terms.steps[0] <= wish.steps <= terms.steps[1],
        lambda: weakest <= wish.guidance <= strongest,
        lambda: 1 <= wish.variations <= terms.variations,
        lambda: (wish.width, wish.height) in terms.sizes and wish.frames in terms.lengths,
        lambda: wish.seed is None or 0 <= wish.seed < SEEDS,
        lambda: bool(wish.prompt.strip()),
        lambda: max(len(wish.prompt), len(wish.negative_prompt)) <= PROMPT_LIMIT,
        lambda: wish.parent is None or may_remake(enrollment, wish.parent),
        lambda: wish.first_frame is None or terms.from_image,
        lambda: wish.first_frame is None or may_begin_with(enrollment, wish.first_frame),
    )
    if not all(test() for test in within):
        raise OutOfBounds


def _check_may_work(enrollment: Enrollment, credential: Credential | None) -> None:
    if Halt.objects.covering(enrollment, credential).exists():
        raise Halted
    if enrollment.program.opened_at is None:
        raise ProgramClosed
    if not may_generate(enrollment):
        raise AgreementUnsigned


def _check_picture_is_there(wish: Wish) -> None:
    """It may have been cleared since the form was read; behind its row's lock it cannot be any more."""
    if wish.first_frame and not FirstFrame.objects.select_for_update().filter(pk=wish.first_frame.pk).exists():
        raise PictureUnusable(_("The picture was removed, as no clip had used it for a day. Choose it again."))


def _brief(
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
        prompt_folded=fold(wish.prompt),
        negative_prompt=wish.negative_prompt,
        steps=wish.steps,
        guidance=wish.guidance,
        seed=secrets.randbelow(SEEDS) if wish.seed is None else wish.seed,
        variations=wish.variations,
        width=wish.width,
        height=wish.height,
        frames=wish.frames,
        first_frame=wish.first_frame,
        parent=wish.parent,
        lineage=wish.lineage or (Brief.Lineage.REMIX if wish.parent else ""),
        idempotency_key=key,
        created_at=at,
    )


def _make_jobs(brief: Brief, lane: Lane, at: datetime) -> list[Job]:
    seeds = [(brief.seed + number) % SEEDS for number in range(brief.variations)]
    there = outputs_like(brief, seeds)
    if there and len(there) > repeats_left(brief.enrollment, at):
        raise RepeatsUsedUp
    if quota_left(brief.enrollment, at) < len(seeds) - len(there):
        raise QuotaUsedUp
    join_the_line(lane, at)
    mould = _mould_of(brief)
    jobs = [
        Job(**_job_facts(brief, at), number=number, seed=seed, mould=mould, **_ended_with(there.get(seed), brief, at))
        for number, seed in enumerate(seeds, start=1)
    ]
    Job.objects.bulk_create(jobs)
    spend([job for job in jobs if job.is_open], enrollment=brief.enrollment, at=at)
    return jobs


def _job_facts(brief: Brief, at: datetime) -> dict[str, Any]:
    return {
        "brief": brief,
        "program": brief.program,
        "enrollment": brief.enrollment,
        "credential": brief.credential,
        "pipeline": brief.pipeline,
        "queued_at": at,
        "steps": brief.steps,
    }


def _ended_with(output: Output | None, brief: Brief, at: datetime) -> dict[str, Any]:
    if output is None:
        return {}
    return {"state": Job.State.FINISHED, "repeat_of": output, "ended_at": at, "step": brief.steps}


def _mould_of(brief: Brief) -> str:
    """What jobs must have in common to be rendered together; empty for one that begins with a picture."""
    if brief.first_frame_id:
        return ""
    common = (brief.pipeline_id, brief.width, brief.height, brief.frames, brief.steps, brief.guidance)
    return hashlib.sha256(repr(common).encode()).hexdigest()


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


def cancel_all_queued(enrollment: Enrollment, *, by: User) -> int:
    """Cancel all queued jobs of the artist in this program and give their clips back; running ones go on. How many.

    Raises:
        NotAllowed: they are not theirs.
    """
    if enrollment.user_id != by.pk:
        raise NotAllowed
    with audit.recorded():
        lanes = lock_lanes(enrollment)  # workers claim behind the same locks: what is read as queued stays so
        now = clock.now()
        queued = Job.objects.queued().filter(enrollment__in=[lane.pk for lane in lanes])
        found = list(queued.select_for_update().order_by("pk"))
        _cancel_these(found, now)
        for job in found:
            audit.trace("cancel_job", program=enrollment.program, at=now, actor=by, subject=job)
    return len(found)


def _cancel_these(found: list[Job], at: datetime) -> None:
    keys = [job.pk for job in found]
    Job.objects.queued().filter(pk__in=keys).update(state=Job.State.CANCELLED, ended_at=at, cancel_asked_at=at)
    refund_all(keys, at)


def pause(enrollment: Enrollment, *, by: User) -> Lane:
    """Let the artist's queued jobs wait until ``resume``; running ones go on. Twice is once.

    Raises:
        NotAllowed: it is not theirs.
    """
    return _set_pause(enrollment, by, is_paused=True)


def resume(enrollment: Enrollment, *, by: User) -> Lane:
    """Let the artist's queued jobs be rendered again, from their old places.

    Raises:
        NotAllowed: it is not theirs.
    """
    return _set_pause(enrollment, by, is_paused=False)


def _set_pause(enrollment: Enrollment, by: User, *, is_paused: bool) -> Lane:
    if enrollment.user_id != by.pk:
        raise NotAllowed
    with audit.recorded():
        lanes = lock_lanes(enrollment)
        changed = [lane for lane in lanes if (lane.paused_at is not None) != is_paused]
        if changed:
            now = clock.now()
            Lane.objects.filter(pk__in=[lane.pk for lane in changed]).update(paused_at=now if is_paused else None)
            act = "pause_queue" if is_paused else "resume_queue"
            audit.trace(act, program=enrollment.program, at=now, actor=by, subject=enrollment)
            if not is_paused:
                _go_on(changed, now)
    return Lane.objects.get(enrollment=enrollment)


def _go_on(lanes: list[Lane], at: datetime) -> None:
    for lane in lanes:
        catch_up(lane, at)
    waiting = Job.objects.queued().filter(enrollment__in=[lane.pk for lane in lanes])
    for queue in waiting.values_list("pipeline__queue", flat=True).distinct():
        ring(queue=queue)
