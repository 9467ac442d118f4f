"""The studio: where a brief is written, kept as a draft, and sent."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from access import clock
from access.audiences import MemberRequest, for_artists
from access.models import AgreementVersion, Enrollment
from access.refusals import Refused
from generation import browsing, drafting, jobs, uploading
from generation.costing import cost_of
from generation.forms import BriefForm, drawn_prompt, fields_of_job, length_words, own_job
from generation.models import Draft, FirstFrame, Job, Pipeline
from generation.offering import Offer, offer, open_models
from generation.quota import quota_left, quota_renews_at
from generation.refusals import ModelAway, PictureUnusable

SHOWN_FRAMES = 6


@dataclass(frozen=True)
class Desk:
    """What lies before the artist: the models open to them, the one chosen, and the form's fields, raw."""

    enrollment: Enrollment
    models: list[Pipeline]
    pipeline: Pipeline
    fields: drafting.Fields

    @property
    def terms(self) -> Offer:
        return offer(self.pipeline, self.enrollment)

    @property
    def switched(self) -> str:
        """Where another model than the fields name is chosen, a sentence that says so; else empty."""
        named = self.fields.get("pipeline", "")
        if named in {"", self.pipeline.slug}:
            return ""
        known = browsing.models_of(self.enrollment.user, self.enrollment.program).filter(slug=named).first()
        return _(
            "%(gone)s is not open to you any more; %(chosen)s is chosen now. Look at the settings, then press Generate."
        ) % {"gone": known.name if known else _("The model of before"), "chosen": self.pipeline.name}

    def form(self, data: Any = None) -> BriefForm:
        known = {**self.fields, "pipeline": self.pipeline.slug}
        return BriefForm(data, pipeline=self.pipeline, enrollment=self.enrollment, models=self.models, initial=known)


@for_artists
@require_http_methods(["GET", "HEAD", "POST"])
def studio(request: MemberRequest) -> HttpResponse:
    """Write a brief and send it. Whatever comes of it, what was typed is kept first."""
    if request.method == "POST":
        drafting.keep(request.enrollment, request.POST.dict())
    if AgreementVersion.objects.unsigned_by(request.enrollment).exists():
        return redirect("agreements", slug=request.program.slug)
    if request.method == "POST":
        return _sent(request)
    desk = _desk(request.enrollment, _beginning(request))
    return _page(request, desk, desk.form())


def _beginning(request: MemberRequest) -> drafting.Fields:
    """The fields the page begins with: an earlier clip's to remix, or the draft, which may be that remix already."""
    draft = drafting.fields_of(request.enrollment)
    earlier = own_job(request.GET.get("remix", ""), enrollment=request.enrollment)
    if earlier is None or draft.get("parent") == str(earlier.pk):
        return draft
    return {**fields_of_job(earlier), "begun": str(uuid.uuid4())}


def _desk(enrollment: Enrollment, fields: drafting.Fields) -> Desk:
    """
    Raises:
        ModelAway: no model is open to the cohort.
    """
    models = open_models(enrollment)
    if not models:
        raise ModelAway
    chosen = next((model for model in models if model.slug == fields.get("pipeline")), models[0])
    return Desk(enrollment, models, chosen, fields)


def _sent(request: MemberRequest) -> HttpResponse:
    desk, data = _desk(request.enrollment, drafting.fields_of(request.enrollment)), request.POST.copy()
    unusable = ""
    if picture := request.FILES.get("picture"):
        try:
            data["first_frame"] = _take_picture(picture, request.enrollment)
        except PictureUnusable as refusal:
            unusable = str(refusal.sentence)
    data["pipeline"] = desk.pipeline.slug
    form = desk.form(data)
    is_sound = form.is_valid() and not unusable
    if not _is_switched(desk, form) and is_sound:
        try:
            return redirect("job", slug=request.program.slug, job_id=_submit(request, desk, form).pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.sentence))
    return _page(request, desk, form, unusable=unusable, state=422)


def _is_switched(desk: Desk, form: BriefForm) -> bool:
    """Whether the brief would go to another model than it was written for: it is said, and the next press is meant."""
    if switched := desk.switched:
        drafting.keep(desk.enrollment, {"pipeline": desk.pipeline.slug})
        form.add_error(None, switched)
    return bool(switched)


def _submit(request: MemberRequest, desk: Desk, form: BriefForm) -> Job:
    """The first job of the brief. The draft stays to work on from, but what comes next is no remix any more."""
    brief = jobs.submit(
        form.wish(),
        enrollment=request.enrollment,
        pipeline=desk.pipeline,
        credential=request.credential,
        key=form.key(),
    )
    if form["parent"].value():
        drafting.keep(request.enrollment, {"parent": ""})
    return brief.jobs.get(number=1)


def _take_picture(picture: Any, enrollment: Enrollment) -> str:
    """Keep an uploaded picture and choose it in the draft; its id."""
    frame = uploading.keep_first_frame(picture, enrollment=enrollment)
    drafting.keep(enrollment, {"first_frame": str(frame.pk)})
    return str(frame.pk)


def _page(request: MemberRequest, desk: Desk, form: BriefForm, *, unusable: str = "", state: int = 200) -> HttpResponse:
    now = clock.now()
    context = {
        **_cost(desk, now, dict(form.data.items()) if form.is_bound else desk.fields),
        "form": form,
        "pipeline": desk.pipeline,
        "studio": desk.pipeline.studio,
        "about": desk.pipeline.about,
        "only_length": length_words(desk.terms, desk.terms.lengths[0]),
        "frames": _frames(desk, form),
        "unusable": unusable,
        "switched": "" if form.is_bound else desk.switched,
        "remixed": own_job(str(form["parent"].value() or ""), enrollment=desk.enrollment),
        "draft": Draft.objects.filter(enrollment=desk.enrollment, fields__begun=desk.fields.get("begun")).first(),
        "earlier_prompt": drafting.earlier_prompt(desk.enrollment),
        "recent": Job.objects.filter(enrollment=desk.enrollment)
        .select_related("brief")
        .order_by("-queued_at", "number")[:6],
    }
    return render(request, "generation/studio.html", context, status=state)


def _cost(desk: Desk, now: datetime, fields: drafting.Fields) -> dict[str, Any]:
    cost = cost_of(fields, pipeline=desk.pipeline, terms=desk.terms)
    return {
        "cost": cost,
        "terms": desk.terms,
        "quota": {
            "left": quota_left(desk.enrollment, now),
            "daily": desk.enrollment.cohort.daily_quota,
            "renews_at": quota_renews_at(desk.enrollment, now),
        },
    }


def _frames(desk: Desk, form: BriefForm) -> list[dict[str, Any]]:
    """The artist's latest pictures, the chosen one among them; empty where the model does not begin with one."""
    if not desk.terms.from_image:
        return []
    chosen = str(form["first_frame"].value() or "")
    mine = FirstFrame.objects.usable_by(desk.enrollment).order_by("-created_at")
    frames = list(mine[:SHOWN_FRAMES])
    if drafting.UUID.fullmatch(chosen) and chosen not in {str(frame.pk) for frame in frames}:
        frames += mine.filter(pk=chosen)
    return [
        {"frame": frame, "url": reverse("media", args=[frame.file_id]), "is_chosen": str(frame.pk) == chosen}
        for frame in frames
    ]


@for_artists
@require_POST
def keep_draft(request: MemberRequest) -> HttpResponse:
    """Keep what is typed. Pressed as a button it leads back to the studio, which then shows the chosen model."""
    draft = drafting.keep(request.enrollment, request.POST.dict())
    if not request.htmx:  # type: ignore[attr-defined]  # django_htmx's
        return redirect("studio", slug=request.program.slug)
    try:
        desk = _desk(request.enrollment, drafting.fields_of(request.enrollment))
    except ModelAway:
        return render(request, "generation/_brief_draft.html", {"draft": draft})
    context = {**_cost(desk, clock.now(), desk.fields), "draft": draft}
    return render(request, "generation/_brief_kept.html", context)


@for_artists
@require_POST
def surprise(request: MemberRequest) -> HttpResponse:
    """Let chance write the prompt, in words that the model knows."""
    drafting.keep(request.enrollment, request.POST.dict())
    desk = _desk(request.enrollment, drafting.fields_of(request.enrollment))
    if drawn := drawn_prompt(desk.pipeline):
        drafting.draw(request.enrollment, drawn)
    return redirect("studio", slug=request.program.slug)


@for_artists
@require_POST
def start_afresh(request: MemberRequest) -> HttpResponse:
    """An empty page; the draft is set aside."""
    drafting.keep(request.enrollment, request.POST.dict())
    drafting.start_afresh(request.enrollment)
    return redirect("studio", slug=request.program.slug)


@for_artists
@require_POST
def bring_back_draft(request: MemberRequest) -> HttpResponse:
    """The draft that was set aside; the present one takes its place."""
    drafting.keep(request.enrollment, request.POST.dict())
    drafting.bring_back(request.enrollment)
    return redirect("studio", slug=request.program.slug)


@for_artists
@require_POST
def upload_first_frame(request: MemberRequest) -> HttpResponse:
    """Bring a picture for the clip to begin with; the rest of the brief is kept on the way."""
    drafting.keep(request.enrollment, request.POST.dict())
    if AgreementVersion.objects.unsigned_by(request.enrollment).exists():
        return redirect("agreements", slug=request.program.slug)
    try:
        picture = request.FILES.get("picture")
        if picture is None:
            raise PictureUnusable(_("Choose a picture first, then press Upload."))
        _take_picture(picture, request.enrollment)
    except PictureUnusable as refusal:
        desk = _desk(request.enrollment, drafting.fields_of(request.enrollment))
        return _page(request, desk, desk.form(), unusable=str(refusal.sentence), state=422)
    return redirect(reverse("studio", args=[request.program.slug]) + "#first-frame")
