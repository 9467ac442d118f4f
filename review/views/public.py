"""What anybody sees behind a link. Whatever is not live looks the same as what never was."""

import re
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from access import clock, media, storing
from access.audiences import for_anyone
from access.telling import link
from generation.models import Rendition
from review import visiting
from review.media_rules import is_whole
from review.models import Audience, Share, ShareQuerySet

KNOWN = ("decision__submission__policy", "decision__submission__program", "output__master")
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")  # anything else is none, and nobody looks for it


@for_anyone
@require_safe
def share_page(request: HttpRequest, token: str) -> HttpResponse:
    """The clip with its caption; a plain 404 without a live link; under a halt only that it is paused."""
    return _show(request, token, Share.objects.all(), "review/share.html")


@for_anyone
@require_safe
def share_embed(request: HttpRequest, token: str) -> HttpResponse:
    """The player for other sites' frames, where the artist allows that; else the same plain 404."""
    shown = _show(request, token, Share.objects.filter(may_embed=True), "review/embed.html")
    return shown if shown.status_code == 404 else _framed(shown)


def _show(request: HttpRequest, token: str, links: ShareQuerySet, template: str) -> HttpResponse:
    now = clock.now()
    share = _live(token, links, now)
    served = _served(share) if share else {}
    if share and {"playable", "poster"} <= served.keys():
        shown = render(request, template, _context(share, served))
        if _is_visit(request, share):
            visiting.count(share, now)
        return _fresh(shown, listed=_is_listed(share) and template == "review/share.html")
    if not share and _is_paused(token, links, now):
        return _fresh(render(request, "review/share_paused.html", status=503))
    return _fresh(render(request, "review/share_gone.html", status=404))


def _live(token: str, links: ShareQuerySet, at: datetime) -> Share | None:
    if not TOKEN.fullmatch(token):
        return None
    return links.live(at).select_related(*KNOWN).filter(token=token).first()


def _is_paused(token: str, links: ShareQuerySet, at: datetime) -> bool:
    return bool(TOKEN.fullmatch(token)) and links.paused(at).filter(token=token).exists()


def _is_listed(share: Share) -> bool:
    """Whether search engines may list it: it was approved for everybody."""
    return share.decision.audience == Audience.PUBLIC


def _is_visit(request: HttpRequest, share: Share) -> bool:
    """A person opened it, by GET, and not its own artist."""
    purpose = " ".join(request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    person = request.method == "GET" and visiting.is_person(request.headers.get("User-Agent", ""), purpose)
    return person and request.user.pk != share.decision.artist_id


def _served(share: Share) -> dict[str, Rendition]:
    """The renditions behind the link by recipe, if the master and they still have their bytes."""
    whole = is_whole(share)
    return {made.recipe: made for made in share.renditions() if whole and storing.has_its_bytes(made.file)}


def _context(share: Share, served: dict[str, Rendition]) -> dict[str, object]:
    urls = {f"{recipe}_url": reverse("share_media", args=[share.token, recipe]) for recipe in served}
    return {
        "share": share,
        "policy": share.decision.submission.policy,
        "is_listed": _is_listed(share),
        "page_url": link(reverse("share_page", args=[share.token])),
        "embed_url": link(reverse("share_embed", args=[share.token])) if share.may_embed else "",
        **urls,
        **{f"absolute_{name}": link(url) for name, url in urls.items()},
    }


def _fresh(response: HttpResponse, *, listed: bool = False) -> HttpResponse:
    """A link that is closed is closed at once: nothing in between may keep a copy, and no search engine a page that
    was not approved for everybody."""
    response["Cache-Control"] = "no-store"
    if not listed:
        response["X-Robots-Tag"] = "noindex"
    return response


def _framed(response: HttpResponse) -> HttpResponse:
    """The one page that other sites may put into a frame; within it nothing may be sent or framed."""
    response.xframe_options_exempt = True
    response._csp_replace = {"frame-ancestors": ["*"], "form-action": ["'none'"]}  # type: ignore[attr-defined]  # django-csp's
    return response


@for_anyone
@require_safe
def share_media(request: HttpRequest, token: str, recipe: str) -> HttpResponseBase:
    """The bytes behind a live link, through the one gate."""
    share = _live(token, Share.objects.all(), clock.now())
    made = next((made for made in share.renditions() if made.recipe == recipe), None) if share else None
    if share is None or made is None or not media.may_see(made.file, media.Viewer(request.user, share_token=token)):
        return _no_file()
    try:
        response = media.respond(request, made.file)
    except Http404:  # its bytes are not the stored ones: no stranger is told so
        return _no_file()
    if not _is_listed(share):
        response["X-Robots-Tag"] = "noindex"
    return response


def _no_file() -> HttpResponse:
    """The one answer where there is no file, whatever the reason."""
    return _fresh(HttpResponse("This file is not available.", status=404, content_type="text/plain"))
