"""The queue: what waits and runs, what it costs, and what the artist can do about it."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_artists
from access.models import Halt
from generation import browsing, jobs, progress
from generation.models import Job, Lane
from generation.quota import quota_left, quota_renews_at

SHOWN = 60  # open jobs on one page; those that are served first


@for_artists
@require_safe
def queue(request: MemberRequest) -> HttpResponse:
    """One's running and queued jobs in the order of their turn, the quota, the pace, and what failed today."""
    enrollments = browsing.enrollments_of(request.user, request.program)
    mine = Job.objects.filter(enrollment__in=enrollments)
    waiting = _open_jobs(browsing.open_jobs(enrollments, request.program, most=SHOWN))
    queued = mine.queued().filter(program=request.program)
    context = {
        **_split(waiting),
        "more": max(0, queued.count() + mine.running().count() - SHOWN) if len(waiting) == SHOWN else 0,
        "failed": _failed_today(request, mine),
        "quota": _quota(request),
        "lane": Lane.objects.filter(enrollment__in=enrollments).exclude(paused_at=None).first(),
        "halt": Halt.objects.covering(request.enrollment, request.credential).first(),
        "troubled": {row["job"].pipeline for row in waiting if row["job"].pipeline.trouble},
    }
    return render(request, "generation/queue.html", context)


def _open_jobs(open_jobs: Any) -> list[dict[str, Any]]:
    """Open jobs with what the page says of each."""
    related = open_jobs.select_related("brief", "pipeline", "program", "enrollment__lane", "preview")
    found = list(related.defer("pipeline__manifest", "preview__jpeg"))
    outlooks = progress.outlooks_of(found)
    return [{"job": job, "key": uuid.uuid4(), **_told(job, outlooks[job.pk])} for job in found]


def _told(job: Job, outlook: progress.Outlook) -> dict[str, Any]:
    preview = getattr(job, "preview", None)
    glimpse = progress.Glimpse(
        job.pk,
        job.enrollment.user_id,
        job.program.slug,
        job.state,
        job.phase,
        job.step,
        job.steps,
        job.cancel_asked_at is not None,
        preview.made_at if preview else None,
    )
    return {"told": progress.telling(glimpse, outlook)}


def _split(rows: list[dict[str, Any]]) -> dict[str, Any]:
    queued = [row for row in rows if row["job"].state == Job.State.QUEUED]
    queued.sort(key=lambda row: (row["told"]["place"] is None, row["told"]["place"] or 0))
    return {"running": [row for row in rows if row["job"].state == Job.State.RUNNING], "queued": queued}


def _failed_today(request: MemberRequest, mine: Any) -> list[dict[str, Any]]:
    """Today is the quota's day: from midnight in the program's zone."""
    local = clock.now().astimezone(request.program.zone)
    since = local.replace(hour=0, minute=0, second=0, microsecond=0)
    # What was asked for within a week, so that the index finds it; older failures stand among all jobs.
    recent = mine.filter(queued_at__gte=since - timedelta(days=7), state=Job.State.FAILED, ended_at__gte=since)
    failed = recent.select_related("brief").order_by("-ended_at")
    return [{"job": job, "key": uuid.uuid4()} for job in failed[:20]]


def _quota(request: MemberRequest) -> dict[str, Any]:
    now, cohort = clock.now(), request.enrollment.cohort
    left = quota_left(request.enrollment, now)
    return {
        "daily": cohort.daily_quota,
        "left": left,
        "used": cohort.daily_quota - left,
        "renews_at": quota_renews_at(request.enrollment, now),
        "concurrency": cohort.concurrency,
    }


@for_artists
@require_POST
def pause_queue(request: MemberRequest) -> HttpResponse:
    """Let one's queued jobs wait."""
    jobs.pause(request.enrollment, by=request.user)
    return redirect("queue", slug=request.program.slug)


@for_artists
@require_POST
def resume_queue(request: MemberRequest) -> HttpResponse:
    """Let them be rendered again."""
    jobs.resume(request.enrollment, by=request.user)
    return redirect("queue", slug=request.program.slug)


@for_artists
@require_POST
def cancel_queued(request: MemberRequest) -> HttpResponse:
    """Cancel all of one's queued jobs; running ones go on."""
    cancelled = jobs.cancel_all_queued(request.enrollment, by=request.user)
    said = ngettext(
        "%d queued clip is cancelled and back in your quota.",
        "%d queued clips are cancelled and back in your quota.",
        cancelled,
    )
    messages.success(request, said % cancelled if cancelled else _("Nothing was queued any more."))
    return redirect("queue", slug=request.program.slug)
