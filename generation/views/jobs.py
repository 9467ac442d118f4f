"""The page of one job: its place, its making, the clip itself, and what can be done with it."""

import uuid
from math import ceil
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from access import media
from access.audiences import MemberRequest, for_artists
from access.models import Halt
from generation import jobs, line
from generation.models import Job, Output
from generation.views.shown import shown


def _own_job(request: MemberRequest, job_id: uuid.UUID) -> Job:
    mine = Job.objects.owned_by(request.user).filter(program=request.program)
    return get_object_or_404(mine.select_related("brief", "pipeline", "program", "enrollment__cohort"), pk=job_id)


@for_artists
@require_safe
def job(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    """One clip: its place, its making, the clip itself."""
    return render(request, "generation/job.html", _job_context(_own_job(request, job_id)))


@for_artists
@require_safe
def job_live(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    """The part of the job page that is polled; tells the page when there is nothing more to wait for."""
    found = _own_job(request, job_id)
    page = render(request, "generation/_job.html", _job_context(found))
    return page if found.is_open else HttpResponseStopPolling(page.content)


def _job_context(found: Job) -> dict[str, Any]:
    place = line.place_of(found)
    seconds = line.seconds_until_playable(found, place) if found.is_open else None
    output = Output.objects.filter(job=found).prefetch_related("renditions").first()
    args = [found.program.slug, found.pk]
    preview = getattr(found, "preview", None)
    return {
        "job": found,
        "place": place,
        "eta_seconds": None if seconds is None else ceil(seconds),
        "preview_url": f"{reverse('job_preview', args=args)}?at={preview.made_at.timestamp()}" if preview else None,
        "halt": Halt.objects.covering(found.enrollment, found.credential).first() if found.is_open else None,
        "output": output and shown(output),
        "siblings": found.brief.jobs.exclude(pk=found.pk).order_by("number"),
        "can_cancel": found.is_open and not found.cancel_asked_at,
        "undo_seconds": settings.UNDO_SECONDS,
    }


@for_artists
@require_safe
def job_preview(request: MemberRequest, job_id: uuid.UUID) -> HttpResponseBase:
    """The latest look at a running job; for its artist alone, and gone with the job."""
    preview = getattr(_own_job(request, job_id), "preview", None)
    if preview is None:
        raise Http404
    return media.seal(HttpResponse(bytes(preview.jpeg), content_type="image/jpeg"))


@for_artists
@require_POST
def cancel_job(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    found = _own_job(request, job_id)
    jobs.cancel(found, by=request.user)
    return redirect("job", slug=request.program.slug, job_id=found.pk)
