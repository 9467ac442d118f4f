"""The library: all outputs of the artist."""

import uuid
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from access.audiences import MemberRequest, for_artists
from generation.models import Job, Output
from generation.views.shown import shown

PAGE = 24


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
