"""What anybody sees behind a link. Whatever is not live looks the same as what never was."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from access import clock, media
from access.audiences import for_anyone
from access.telling import link
from generation.models import Rendition
from review.media_rules import has_its_bytes, is_whole
from review.models import Share

KNOWN = ("decision__submission__policy", "decision__submission__program", "output__master")


@for_anyone
@require_safe
def share_page(request: HttpRequest, token: str) -> HttpResponse:
    """The clip with its caption; a plain 404 without a live link; under a halt only that it is paused."""
    now = clock.now()
    share = Share.objects.live(now).select_related(*KNOWN).filter(token=token).first()
    served = _served(share) if share else {}
    if share and {"playable", "poster"} <= served.keys():
        return _fresh(render(request, "review/share.html", _share_context(share, served)))
    if not share and Share.objects.paused(now).filter(token=token).exists():
        return _fresh(render(request, "review/share_paused.html", status=503))
    return _fresh(render(request, "review/share_gone.html", status=404))


def _served(share: Share) -> dict[str, Rendition]:
    """The renditions behind the link by recipe, if the master and they still have their bytes."""
    whole = is_whole(share)
    return {made.recipe: made for made in share.renditions() if whole and has_its_bytes(made.file)}


def _share_context(share: Share, served: dict[str, Rendition]) -> dict[str, object]:
    urls = {f"{recipe}_url": reverse("share_media", args=[share.token, recipe]) for recipe in served}
    return {
        "share": share,
        "policy": share.decision.submission.policy,
        "page_url": link(reverse("share_page", args=[share.token])),
        **urls,
        **{f"absolute_{name}": link(url) for name, url in urls.items()},
    }


def _fresh(response: HttpResponse) -> HttpResponse:
    """A link that is closed is closed at once: nothing in between may keep a copy."""
    response["Cache-Control"] = "no-store"
    return response


@for_anyone
@require_safe
def share_media(request: HttpRequest, token: str, recipe: str) -> HttpResponseBase:
    """The bytes behind a live link, through the one gate."""
    share = Share.objects.live(clock.now()).select_related(*KNOWN).filter(token=token).first()
    made = next((made for made in share.renditions() if made.recipe == recipe), None) if share else None
    if made is None or not media.may_see(made.file, media.Viewer(request.user, share_token=token)):
        return _fresh(HttpResponse("This file is not available.", status=404, content_type="text/plain"))
    return media.respond(request, made.file)
