"""The page of one job: its place, its making, the clip itself, and what can be done with it."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import Prefetch
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from access import clock, media
from access.audiences import MemberRequest, for_artists
from access.models import AgreementVersion, Halt
from generation import jobs, progress, remaking
from generation.copying import Kind, take_copy
from generation.forms import AgainForm, key_of
from generation.models import Brief, Job, Output
from generation.policies import may_download
from generation.quota import quota_left, quota_renews_at
from generation.recipes import recipe_of
from generation.refusals import NoDownload, PageStale
from generation.views.back import back
from generation.views.shown import shown

FOLLOWING = timedelta(minutes=2)  # in which a clip's other renditions arrive
DESCENDANTS = 12  # shown at most


def _own_job(request: MemberRequest, job_id: uuid.UUID) -> Job:
    mine = _with_outputs().owned_by(request.user).filter(program=request.program)
    related = ("program", "enrollment__cohort", "brief__parent__brief", "brief__first_frame")
    return get_object_or_404(mine.select_related(*related), pk=job_id)


def _with_outputs() -> Any:
    """Jobs together with what is shown of them."""
    found = Job.objects.select_related("brief", "pipeline", "output__job", "repeat_of__job")
    return found.prefetch_related("output__renditions", "repeat_of__renditions")


@for_artists
@require_safe
def job(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    """One clip: its place, its making, the clip itself, where it came from and what it led to."""
    found = _own_job(request, job_id)
    return render(request, "generation/job.html", {**_job_context(request, found), **_lineage(found)})


@for_artists
@require_safe
def job_live(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    """The part of the job page that is fetched again when something changed."""
    return render(request, "generation/_job.html", _job_context(request, _own_job(request, job_id)))


def _job_context(request: MemberRequest, found: Job) -> dict[str, Any]:
    output, now = shown_output(found), clock.now()
    left = quota_left(request.enrollment, now)
    return {
        "job": found,
        **(_waiting(found) if found.is_open else {}),
        "output": output and shown(output),
        "is_following": bool(output and _is_following(output)),
        "is_identical": bool(output and not output.is_of_a_batch),
        "may_download": bool(output and may_download(request.user, output)),
        "variations": _variations(found),
        "seconds": found.brief.frames / float(found.pipeline.studio.get("call", {}).get("frame_rate", 8)),
        "several": remaking.most_variations(request.enrollment, left),
        "clips_left": left,
        "renews_at": quota_renews_at(request.enrollment, now),
        "key": uuid.uuid4(),
    }


def shown_output(found: Job) -> Output | None:
    """A job's own output, or the one it repeats."""
    return found.repeat_of or getattr(found, "output", None)


def _is_following(output: Output) -> bool:
    """Whether renditions of a clip that can be played already are still being made."""
    is_new = clock.now() - output.created_at < FOLLOWING
    return is_new and not all(output.rendition(recipe) for recipe in ("playable", "poster", "making"))


def _waiting(found: Job) -> dict[str, Any]:
    """What is told of an open job, in the words that live updates go on with."""
    outlook = progress.outlooks([found.pk]).get(found.pk, progress.Outlook())
    return {
        "told": progress.telling(progress.glimpses([found.pk])[found.pk], outlook),
        "halt": Halt.objects.covering(found.enrollment, found.credential).first(),
        "can_cancel": not found.cancel_asked_at,
    }


def _hung(found: Job) -> dict[str, Any]:
    """A job as a small picture that leads to its page."""
    output = shown_output(found)
    return {
        "job": found,
        "output": output and shown(output),
        "url": reverse("job", args=[found.program.slug, found.pk]),
    }


def _variations(found: Job) -> list[dict[str, Any]]:
    """All clips of the brief, this one among them; empty for a brief of one."""
    if found.brief.variations < 2:
        return []
    siblings = _with_outputs().filter(brief=found.brief_id).select_related("program").order_by("number")
    looks = {pk: progress.preview_url(look) for pk, look in progress.glimpses([one.pk for one in siblings]).items()}
    return [
        {**_hung(sibling), "is_this": sibling.pk == found.pk, "preview": looks.get(sibling.pk)} for sibling in siblings
    ]


def _lineage(found: Job) -> dict[str, Any]:
    """Where a job came from and what was made from it, the newest first."""
    parent = found.brief.parent_id and _with_outputs().select_related("program").get(pk=found.brief.parent_id)
    first = Prefetch("jobs", _with_outputs().select_related("program").order_by("number"), to_attr="all_jobs")
    children = Brief.objects.filter(parent=found).order_by("-created_at").prefetch_related(first)[:DESCENDANTS]
    return {
        "came_from": {**_hung(parent), "how": found.brief.lineage} if parent else None,
        "led_to": [{**_hung(brief.all_jobs[0]), "brief": brief, "how": brief.lineage} for brief in children],
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
    return back(request, reverse("job", args=[request.program.slug, found.pk]))


def _again(request: MemberRequest, job_id: uuid.UUID, verb: Callable[..., Brief]) -> HttpResponse:
    """Make more of a job and show the first of it. The page's key makes two presses of a button one."""
    found, form = _own_job(request, job_id), AgainForm(request.POST)
    if not form.is_valid():
        raise PageStale
    if AgreementVersion.objects.unsigned_by(request.enrollment).exists():
        return redirect("agreements", slug=request.program.slug)
    key = key_of(form.cleaned_data["idempotency_key"], verb.__name__, job=found.pk)
    brief = verb(found, enrollment=request.enrollment, credential=request.credential, key=key)
    return redirect("job", slug=request.program.slug, job_id=brief.jobs.get(number=1).pk)


@for_artists
@require_POST
def vary_job(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    """The same settings under new seeds."""
    return _again(request, job_id, remaking.vary)


@for_artists
@require_POST
def repeat_job(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    """Exactly the same again."""
    return _again(request, job_id, remaking.repeat)


@for_artists
@require_POST
def retry_job(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    """Try a failed or cancelled one again."""
    return _again(request, job_id, remaking.retry)


@for_artists
@require_safe
def download_clip(request: MemberRequest, job_id: uuid.UUID) -> HttpResponseBase:
    """A copy of the clip as it is played, if the agreement lets artists keep copies."""
    output = _output_to_keep(request, job_id)
    playable = output.rendition("playable")
    if playable is None:
        raise Http404
    if request.method == "GET" and media.is_beginning(request, playable.file):  # a player's later pieces are no copies
        take_copy(output, by=request.user, kind=Kind.CLIP)
    return media.respond(request, playable.file, download_name=f"{_name_of(output)}.mp4")


@for_artists
@require_safe
def download_recipe(request: MemberRequest, job_id: uuid.UUID) -> HttpResponseBase:
    """Everything that one needs to make the clip again, as JSON, under the same condition as the clip."""
    output = _output_to_keep(request, job_id)
    if request.method == "GET":
        take_copy(output, by=request.user, kind=Kind.RECIPE)
    page = JsonResponse(recipe_of(output), json_dumps_params={"indent": 2, "ensure_ascii": False})
    return media.seal(page, f"{_name_of(output)}.json")


def _output_to_keep(request: MemberRequest, job_id: uuid.UUID) -> Output:
    """
    Raises:
        Http404: there is no clip yet. NoDownload: the agreement does not allow it.
    """
    output = shown_output(_own_job(request, job_id))
    if output is None:
        raise Http404
    if not may_download(request.user, output):
        raise NoDownload
    return output


def _name_of(output: Output) -> str:
    """A file name that says what is in it: the beginning of the prompt, as far as it is ASCII, and the seed."""
    words = slugify(output.job.brief.prompt)[:48].strip("-") or "clip"
    return f"{words}-{output.job.seed}"
