"""The studio: where a brief is written and sent."""

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from access import clock
from access.audiences import MemberRequest, for_artists
from access.models import AgreementVersion
from access.refusals import Refused
from generation import jobs
from generation.forms import BriefForm, surprise
from generation.models import Brief, Job, Pipeline
from generation.quota import quota_left, quota_renews_at
from generation.refusals import ModelAway


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
            "left": quota_left(request.enrollment, now),
            "daily": request.enrollment.cohort.daily_quota,
            "renews_at": quota_renews_at(request.enrollment, now),
        },
        "recent": Job.objects.filter(enrollment=request.enrollment)
        .select_related("brief")
        .order_by("-queued_at", "number")[:6],
    }
