"""Where a job stands in the line and when its turn comes: an estimate, from measured seconds."""

from typing import Any

from django.db.models import Count, Min, Q

from access.models import Program
from generation.models import Job, Lane


def place_of(job: Job) -> int | None:
    """The job's turn among all queued ones, from 1, as the fair order would serve them; None if it does not wait.

    Each round serves one job of every artist, those served least recently first.
    """
    if job.state != Job.State.QUEUED:
        return None
    ahead_of_mine = (
        Job.objects.queued()
        .filter(enrollment=job.enrollment_id)
        .filter(Q(queued_at__lt=job.queued_at) | Q(queued_at=job.queued_at, number__lt=job.number))
    )
    turn = ahead_of_mine.count()
    lanes = list(_lanes(job))
    mine = next((served for enrollment, served, _ in lanes if enrollment == job.enrollment_id), None)
    others = [(served, waiting) for enrollment, served, waiting in lanes if enrollment != job.enrollment_id]
    return 1 + turn + sum(min(waiting, turn + _is_before(served, mine)) for served, waiting in others)


def _lanes(job: Job) -> "list[tuple[object, object, int]]":
    queued = Count("enrollment__jobs", filter=Q(enrollment__jobs__state="queued"))
    lanes = Lane.objects.filter(program=job.program_id).annotate(waiting=queued).filter(waiting__gt=0)
    return list(lanes.values_list("enrollment_id", "served_at", "waiting"))


def _is_before(served: object, mine: object) -> bool:
    """Whether a lane served at one instant is ahead of mine; never served is earliest."""
    if served is None or mine is None:
        return served is None
    return served < mine  # type: ignore[operator]  # both are instants here


def seconds_until_playable(job: Job, place: int | None) -> float | None:
    """Seconds until the clip can be played, or None before anything was measured."""
    pipeline = job.pipeline
    if not pipeline.seconds_per_step:
        return None
    whole = pipeline.seconds_per_step * job.steps + pipeline.seconds_around
    if place is None:
        return max(0.0, whole - pipeline.seconds_per_step * job.step)
    running = Job.objects.running().filter(pipeline=pipeline)
    workers = max(1, running.values("worker").distinct().count())
    return whole * (place + running.count() * 0.5) / workers


def depth(program: Program) -> dict[str, Any]:
    """``queued`` and ``running`` jobs of a program, and ``oldest``: since when the first of the queued waits."""
    waiting, running = Q(state=Job.State.QUEUED), Q(state=Job.State.RUNNING)
    return Job.objects.filter(program=program).aggregate(
        queued=Count("pk", filter=waiting), running=Count("pk", filter=running), oldest=Min("queued_at", filter=waiting)
    )
