"""What artists see of their jobs while they wait: one look at the database for any number of viewers."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.models import Halt
from generation import line
from generation.models import Job


@dataclass(frozen=True)
class Glimpse:
    """What of a job changes from step to step."""

    job: uuid.UUID
    owner: uuid.UUID
    slug: str
    state: str
    phase: str
    step: int
    steps: int
    stopping: bool
    preview_at: datetime | None

    @property
    def is_nearly_done(self) -> bool:
        return self.state == Job.State.RUNNING and self.phase in (Job.Phase.DECODE, Job.Phase.ENCODE)


@dataclass(frozen=True)
class Outlook:
    """What of an open job changes slowly. ``waits_for``: nothing, or what keeps it: halt, pause, model."""

    place: int | None = None
    eta_seconds: int | None = None
    waits_for: str = ""


def glimpses(jobs: Collection[uuid.UUID]) -> dict[uuid.UUID, Glimpse]:
    """The jobs as they are now, in one query."""
    rows = Job.objects.filter(pk__in=jobs).values_list(
        "pk",
        "enrollment__user",
        "program__slug",
        "state",
        "phase",
        "step",
        "steps",
        "cancel_asked_at",
        "preview__made_at",
    )
    return {
        pk: Glimpse(pk, owner, slug, state, phase, step, steps, asked is not None, made_at)
        for pk, owner, slug, state, phase, step, steps, asked, made_at in rows
    }


def outlooks(jobs: Collection[uuid.UUID]) -> dict[uuid.UUID, Outlook]:
    """Place, estimate and obstacles of those that are open; the number of queries grows with programs, not jobs."""
    found = list(
        Job.objects.waiting()
        .filter(pk__in=jobs)
        .select_related("brief", "pipeline", "enrollment__lane")
        .defer("pipeline__manifest", "brief__prompt", "brief__negative_prompt")
    )
    return outlooks_of(found) if found else {}


def outlooks_of(jobs: Iterable[Job]) -> dict[uuid.UUID, Outlook]:
    """The same for rows in hand, with their briefs, pipelines and enrollments."""
    jobs = [job for job in jobs if job.is_open]
    crews = line.crews({job.pipeline_id for job in jobs})
    halts = list(Halt.objects.open().filter(program__in={job.program_id for job in jobs}))
    places = _places(jobs)
    return {job.pk: _outlook(job, places.get(job.pk), crews.get(job.pipeline_id, line.Crew()), halts) for job in jobs}


def _places(jobs: Iterable[Job]) -> dict[uuid.UUID, int]:
    waiting: dict[int, set[uuid.UUID]] = {}
    for job in jobs:
        if job.state == Job.State.QUEUED:
            waiting.setdefault(job.program_id, set()).add(job.enrollment_id)
    return {pk: place for program in waiting for pk, place in line.places_in(program, waiting[program]).items()}


def _outlook(job: Job, place: int | None, crew: line.Crew, halts: list[Halt]) -> Outlook:
    waits_for = _obstacle(job, halts)
    is_running = job.state == Job.State.RUNNING
    if waits_for or not (is_running or place):
        return Outlook(place, None, waits_for)
    seconds = line.seconds_until_playable(job, None if is_running else place, crew)
    return Outlook(place, None if seconds is None else ceil(seconds))


def _obstacle(job: Job, halts: list[Halt]) -> str:
    if any(_covers(halt, job) for halt in halts):
        return "halt"
    if job.state == Job.State.RUNNING:
        return ""
    lane = getattr(job.enrollment, "lane", None)
    if lane is not None and lane.paused_at:
        return "pause"
    return "model" if job.pipeline.trouble or not job.pipeline.is_active else ""


def _covers(halt: Halt, job: Job) -> bool:
    reach = {
        Halt.Scope.PROGRAM: halt.program_id == job.program_id,
        Halt.Scope.COHORT: halt.cohort_id == job.enrollment.cohort_id,
        Halt.Scope.ARTIST: halt.artist_id == job.enrollment.user_id,
        Halt.Scope.CREDENTIAL: halt.credential_id == job.credential_id,
    }
    return halt.program_id == job.program_id and reach[Halt.Scope(halt.scope)]


def telling(glimpse: Glimpse, outlook: Outlook) -> dict[str, Any]:
    """A job as its artist's page is told of it: figures, and the words for them."""
    place = outlook.place if glimpse.state == Job.State.QUEUED else None
    is_open = glimpse.state in Job.OPEN
    eta = outlook.eta_seconds if is_open and outlook.waits_for != "halt" else None
    return {
        "id": str(glimpse.job),
        "state": glimpse.state,
        "phase": glimpse.phase,
        "step": glimpse.step,
        "steps": glimpse.steps,
        "place": place,
        "eta_seconds": eta,
        "waits_for": outlook.waits_for if is_open else "",
        "stopping": is_open and glimpse.stopping,
        "preview": preview_url(glimpse),
        "says": said(glimpse, outlook),
        "step_says": step_said(glimpse),
        "place_says": place_said(place),
        "eta_says": eta_said(eta, glimpse.state),
    }


def preview_url(glimpse: Glimpse) -> str:
    """The address of the latest look at a running job, another for each look; empty if there is none."""
    if glimpse.preview_at is None or glimpse.state != Job.State.RUNNING:
        return ""
    return f"{reverse('job_preview', args=[glimpse.slug, glimpse.job])}?at={glimpse.preview_at.timestamp()}"


def said(glimpse: Glimpse, outlook: Outlook) -> str:
    """In a few words what is going on; it changes seldom enough to be spoken aloud."""
    ends = {
        Job.State.FINISHED: _("Your clip is finished"),
        Job.State.FAILED: _("This did not work"),
        Job.State.CANCELLED: _("Cancelled"),
    }
    if glimpse.state in ends:
        return ends[Job.State(glimpse.state)]
    if outlook.waits_for == "halt":
        return _("Halted")
    if glimpse.state == Job.State.RUNNING:
        return _running_said(glimpse)
    return {"pause": _("Paused by you"), "model": _("Waiting for the model")}.get(outlook.waits_for, _("Waiting"))


def _running_said(glimpse: Glimpse) -> str:
    if glimpse.stopping:
        return _("Stopping")
    forming, done = _("The picture is forming"), _("Almost done")
    return {"denoise": forming, "decode": done, "encode": done}.get(glimpse.phase, _("Starting"))


def step_said(glimpse: Glimpse) -> str:
    """What a worker does at this moment."""
    if glimpse.state != Job.State.RUNNING:
        return ""
    if glimpse.stopping:
        return _("Stopping")
    if glimpse.phase == Job.Phase.DENOISE:
        return _("Step %(step)d of %(steps)d") % {"step": glimpse.step, "steps": glimpse.steps}
    developing, writing = _("Developing the frames"), _("Writing the clip")
    return {"decode": developing, "encode": writing}.get(glimpse.phase, _("Loading the model"))


def place_said(place: int | None) -> str:
    if place is None:
        return ""
    return _("Next in line") if place == 1 else _("Number %d in line") % place


def eta_said(seconds: int | None, state: str) -> str:
    """The estimate in words: of the rest for a running job, of the whole for one that waits."""
    if seconds is None:
        return ""
    if seconds < 90:
        words = ngettext("%d second", "%d seconds", seconds) % seconds
    else:
        words = ngettext("%d minute", "%d minutes", round(seconds / 60)) % round(seconds / 60)
    return (_("About %s to go") if state == Job.State.RUNNING else _("Ready in about %s")) % words
