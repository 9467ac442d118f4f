"""The showcase, for everybody; and its artist's yes or no to each clip in it."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_anyone, for_artists
from access.models import Program
from review import showcase as showing
from review.models import Share, Submission


@for_anyone
@require_safe
def showcase(request: HttpRequest) -> HttpResponse:
    """What the artists of all programs let be shown, newest first."""
    return _wall(request, None)


@for_anyone
@require_safe
def program_showcase(request: HttpRequest, slug: str) -> HttpResponse:
    """What the artists of one program let be shown."""
    return _wall(request, get_object_or_404(Program.objects.exclude(opened_at=None), slug=slug))


def _wall(request: HttpRequest, program: Program | None) -> HttpResponse:
    after = request.GET.get("after", "")
    page = showing.page(clock.now(), program=program, after=after)
    context = {"program": program, "works": [_work(share) for share in page.shares], "page": page, "after": after}
    response = render(request, "review/showcase.html", context)
    response["Cache-Control"] = "no-store"  # what is taken down is down at once
    return response


def _work(share: Share) -> dict[str, object]:
    url, poster = reverse("share_page", args=[share.token]), reverse("share_media", args=[share.token, "poster"])
    return {"share": share, "url": url, "poster_url": poster}


@for_artists
@require_POST
def choose_showcase(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Say yes or no to showing a clip."""
    mine = Submission.objects.owned_by(request.user).filter(program=request.program)
    found = get_object_or_404(mine.select_related("program", "enrollment"), pk=submission_id)
    shown = request.POST.get("shown") == "yes"
    showing.choose(found, by=request.user, shown=shown)
    messages.success(request, _("It is in the showcase while its link is open.") if shown else _("It is taken down."))
    return redirect("submission", slug=request.program.slug, submission_id=found.pk)
