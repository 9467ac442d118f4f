"""The studio, the library and the job page."""

import uuid
from math import ceil
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from access import clock, media
from access.audiences import MemberRequest, for_artists
from access.models import AgreementVersion, Halt
from access.refusals import Refused
from generation import jobs, line
from generation.forms import BriefForm, surprise
from generation.models import Brief, Job, Output, Pipeline
from generation.refusals import ModelAway

PAGE = 24


@for_artists
@require_http_methods(["GET", "HEAD", "POST"])
def studio(request: MemberRequest) -> HttpResponse:
    """Write a brief and send it."""
    if AgreementVersion.objects.unsigned_by(request.enrollment).exists():
        return redirect("agreements", slug=request.program.slug)
    pipeline = Pipeline.objects.filter(is_active=True).order_by("pk").first()
    if pipeline is None:
        raise ModelAway
    form = _brief_form(request, pipeline)
    if request.method == "POST" and form.is_valid():
        try:
            brief = jobs.submit(
                form.wish(),
                enrollment=request.enrollment,
                pipeline=pipeline,
                credential=request.credential,
                key=form.cleaned_data["idempotency_key"],
            )
            return redirect("job", slug=request.program.slug, job_id=brief.jobs.get(number=1).pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.sentence))
    state = 422 if request.method == "POST" else 200
    return render(request, "generation/studio.html", _studio_context(request, form, pipeline), status=state)


def _brief_form(request: MemberRequest, pipeline: Pipeline) -> BriefForm:
    if request.method == "POST":
        return BriefForm(request.POST, pipeline=pipeline, enrollment=request.enrollment)
    initial = {"prompt": surprise(pipeline)} if "surprise" in request.GET else _settings_of(request)
    return BriefForm(pipeline=pipeline, enrollment=request.enrollment, initial=initial)


def _settings_of(request: MemberRequest) -> dict[str, Any]:
    """The settings of an earlier brief of one's own, named by ``?again=``, to work on from."""
    try:
        key = uuid.UUID(request.GET.get("again", ""))
    except ValueError:
        return {}
    fields = ("prompt", "negative_prompt", "steps", "guidance", "seed")
    return Brief.objects.filter(pk=key, enrollment__user=request.user).values(*fields).first() or {}


def _studio_context(request: MemberRequest, form: BriefForm, pipeline: Pipeline) -> dict[str, Any]:
    now = clock.now()
    return {
        "form": form,
        "pipeline": pipeline,
        "studio": pipeline.studio,
        "quota": {
            "left": jobs.quota_left(request.enrollment, now),
            "daily": request.enrollment.cohort.daily_quota,
            "renews_at": jobs.quota_renews_at(request.enrollment, now),
        },
        "recent": Job.objects.filter(enrollment=request.enrollment)
        .select_related("brief")
        .order_by("-queued_at", "number")[:6],
    }


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


def shown(output: Output) -> dict[str, Any]:
    """An output with the addresses of its renditions, for templates."""
    urls = {
        f"{r.recipe}_url": reverse("media", args=[r.file_id])
        for r in output.renditions.all()
        if r.personal_to_id is None
    }
    return {"id": output.pk, "output": output, "seconds": output.seconds, **urls}


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


@for_artists
@require_safe
def library(request: MemberRequest) -> HttpResponse:
    """All outputs of the artist, newest first, paged by key."""
    works = _library_page(request)
    open_jobs = Job.objects.owned_by(request.user).waiting().filter(program=request.program)
    context = {
        "works": [_hung(work, request) for work in works[:PAGE]],
        "open_jobs": open_jobs.select_related("brief").order_by("queued_at", "number"),
        "next_url": f"?after={works[PAGE - 1].pk}" if len(works) > PAGE else "",
    }
    return render(request, "generation/library.html", context)


def _library_page(request: MemberRequest) -> list[Output]:
    """The outputs after the one named by ``?after=``, and one more, which says that there is a next page."""
    works = Output.objects.owned_by(request.user).filter(program=request.program).order_by("-created_at", "id")
    if last := _after(request):
        works = works.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, id__gt=last.pk))
    return list(works.select_related("job__brief").prefetch_related("renditions")[: PAGE + 1])


def _after(request: MemberRequest) -> Output | None:
    """The last output of the page before; nothing for a key that is not one's own."""
    try:
        key = uuid.UUID(request.GET.get("after", ""))
    except ValueError:
        return None
    return Output.objects.owned_by(request.user).filter(pk=key).first()


def _hung(work: Output, request: MemberRequest) -> dict[str, Any]:
    url = reverse("job", args=[request.program.slug, work.job_id])
    return {**shown(work), "prompt": work.job.brief.prompt, "created_at": work.created_at, "url": url}
