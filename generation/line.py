"""Where jobs stand in the line and when their turn comes: estimates, from measured seconds."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, Q

from access import clock
from access.models import Enrollment, Program
from generation.models import Job, Lane

NEVER = ""  # sorts before every instant
SAME = 1e-9  # seconds of service that are no difference


@dataclass(frozen=True)
class Waiting:
    """A lane with queued jobs: how much it was served, the tie between equals, how many wait, what one takes."""

    enrollment: UUID
    served: float
    tie: str
    jobs: int
    seconds: float

    def ahead_of(self, served: float, tie: str) -> int:
        """How many of its jobs have their turn before one that starts at this service and tie."""
        before = ceil((served - self.served) / self.seconds - SAME)
        meets = abs(self.served + before * self.seconds - served) <= SAME
        return min(self.jobs, max(0, before + (meets and self.tie < tie)))


def expected_seconds(job: Job) -> float:
    """Worker seconds that the job will take, from what its pipeline took lately; 0 before anything was measured."""
    pipeline = job.pipeline
    return (pipeline.seconds_per_step * job.steps + pipeline.seconds_around) * size_of(job)


def size_of(job: Job) -> float:
    """Pixels of the whole clip, over those of the pipeline's default size and length."""
    brief, call = job.brief, job.pipeline.studio.get("call", {})
    usual = call.get("width", 0) * call.get("height", 0) * call.get("num_frames", 0)
    return brief.width * brief.height * brief.frames / usual if usual else 1.0


def place_of(job: Job) -> int | None:
    """The job's turn among all queued ones, from 1, as the fair order would serve them; None if it does not wait."""
    return places(job.enrollment).get(job.pk) if job.state == Job.State.QUEUED else None


def places(enrollment: Enrollment) -> dict[UUID, int]:
    """The turn of each queued job of an artist, from 1. Empty while the artist has paused."""
    return places_in(enrollment.program_id, [enrollment.pk])


def places_in(program: int, enrollments: Collection[UUID]) -> dict[UUID, int]:
    """The turn of each queued job of several artists of a program, in three queries: what ``generation.claiming``
    would do if nothing else came.

    The k-th job of a lane starts when the lane was served as much as it is now, and k jobs more.
    """
    queued: dict[UUID, list[UUID]] = {}
    rows = Job.objects.queued().filter(enrollment__in=enrollments).order_by("queued_at", "number")
    for enrollment, pk in rows.values_list("enrollment", "pk"):
        queued.setdefault(enrollment, []).append(pk)
    lanes = _waiting_lanes(program) if queued else []
    return {
        pk: place
        for lane in lanes
        if lane.enrollment in queued
        for pk, place in _turns(lane, lanes, queued[lane.enrollment])
    }


def _turns(mine: Waiting, lanes: list[Waiting], queued: list[UUID]) -> Iterator[tuple[UUID, int]]:
    others = [lane for lane in lanes if lane is not mine]
    for turn, pk in enumerate(queued):
        yield pk, 1 + turn + sum(other.ahead_of(mine.served + turn * mine.seconds, mine.tie) for other in others)


def _waiting_lanes(program: int) -> list[Waiting]:
    queued = Count("enrollment__jobs", filter=Q(enrollment__jobs__state="queued"))
    lanes = Lane.objects.filter(program=program, paused_at=None).annotate(waiting=queued)
    usual = _usual_seconds(program)
    return [
        Waiting(pk, served, f"{at.isoformat() if at else NEVER} {pk}", waiting, usual.get(pk, 1.0))
        for pk, served, at, waiting in lanes.filter(waiting__gt=0).values_list(
            "pk", "served_seconds", "served_at", "waiting"
        )
    ]


def _usual_seconds(program: int) -> dict[UUID, float]:
    """What one queued job of each lane takes, by the first of them; 1 before anything was measured."""
    first: dict[UUID, float] = {}
    jobs = Job.objects.queued().filter(program=program).select_related("pipeline", "brief")
    for job in jobs.defer("pipeline__manifest").order_by("queued_at", "number")[:500]:
        first.setdefault(job.enrollment_id, expected_seconds(job) or 1.0)
    return first


@dataclass(frozen=True)
class Crew:
    """Who works with a pipeline at this moment: running jobs, and the workers that have them."""

    running: int = 0
    workers: int = 0


def crews(pipelines: Collection[int]) -> dict[int, Crew]:
    """The crews of several pipelines, in one query; one at which nobody works is left out."""
    running = Job.objects.running().filter(pipeline__in=pipelines).order_by().values("pipeline")
    counted = running.annotate(running=Count("pk"), workers=Count("worker", distinct=True))
    return {row["pipeline"]: Crew(row["running"], row["workers"]) for row in counted}


def seconds_until_playable(job: Job, place: int | None, crew: Crew | None = None) -> float | None:
    """Seconds until the clip can be played, or None before anything was measured. ``crew``: if it is known already."""
    whole = expected_seconds(job)
    if not whole:
        return None
    if place is None:
        return _seconds_left(job, whole)
    crew = crew or crews([job.pipeline_id]).get(job.pipeline_id, Crew())
    return whole * (place + crew.running * 0.5) / max(1, crew.workers)


def _seconds_left(job: Job, whole: float) -> float:
    """Of a running job: at its own pace once it has one, else at the usual one."""
    around = job.pipeline.seconds_around * size_of(job)
    if not (job.step and job.started_at):
        return whole
    pace = (clock.now() - job.started_at).total_seconds() / job.step
    return max(0.0, pace * (job.steps - job.step) + around)


def depth(program: Program) -> dict[str, Any]:
    """``queued`` and ``running`` jobs of a program, and ``oldest``: since when the first of the queued waits."""
    waiting, running = Q(state=Job.State.QUEUED), Q(state=Job.State.RUNNING)
    return Job.objects.filter(program=program).aggregate(
        queued=Count("pk", filter=waiting), running=Count("pk", filter=running), oldest=Min("queued_at", filter=waiting)
    )
