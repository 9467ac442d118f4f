"""Per request: the way to the sign-in, which credential is used, which zone the viewer reads times in, and how a
refusal looks."""

import uuid
import zoneinfo
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from access import clock
from access.models import Credential, User
from access.refusals import Refused

GetResponse = Callable[[HttpRequest], HttpResponse]
SESSION_KEY = "credential"
SAFE = {"GET", "HEAD", "OPTIONS"}
OURS = {  # fields that nobody types
    "csrfmiddlewaretoken", "idempotency_key", "begun", "parent", "next", "sha256",
    "on", "key", "verdict", "fence", "round", "shown_sha256", "played", "scripted", "remarks", "variant",
}  # fmt: skip


class sign_in(LoginRequiredMiddleware):  # noqa: N801  named like the functions beside it in MIDDLEWARE
    """Lead who is signed out to the sign-in, and from there back to a page: a press cannot be repeated by opening its
    address, and a fragment of a page is none."""

    def handle_no_permission(  # type: ignore[override]  # a script gets no redirect
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        by_script = bool(request.htmx)  # type: ignore[attr-defined]  # django_htmx's
        if request.method in SAFE and not by_script:
            return super().handle_no_permission(request, view_func)
        door = resolve_url(self.get_login_url(view_func))
        answer = redirect_to_login(_page_in_front(request), door, self.get_redirect_field_name(view_func))
        # A redirect would be followed by the script, and the sign-in shown where a star was.
        return HttpResponse(status=204, headers={"HX-Redirect": answer.url}) if by_script else answer


def _page_in_front(request: HttpRequest) -> str:
    """The page of ours that the person looks at; the entrance if nobody says."""
    for header in ("HX-Current-URL", "Referer"):
        there = urlsplit(request.headers.get(header, ""))
        if (there.scheme, there.netloc) == (request.scheme, request.get_host()):
            return urlunsplit(("", "", there.path, there.query, ""))
    return reverse("home")


def credentials(get_response: GetResponse) -> GetResponse:
    """Give every signed-in session a ``Credential``, and end the session when its credential has ended."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        request.credential = _credential(request, user) if isinstance(user, User) else None  # type: ignore[attr-defined]  # ours
        return get_response(request)

    return middleware


def _credential(request: HttpRequest, user: User) -> Credential | None:
    key = request.session.get(SESSION_KEY)
    known = Credential.objects.filter(pk=key, user=user).first() if key else None
    if known is None:
        known = Credential.objects.create(
            user=user, kind="session", label=request.headers.get("User-Agent", "")[:200], created_at=clock.now()
        )
        request.session[SESSION_KEY] = str(known.pk)
    if known.ended_at is not None:
        logout(request)
        return None
    return known


def viewer_time_zone(get_response: GetResponse) -> GetResponse:
    """Show times in the viewer's own zone, which the page names."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if zone := _zone_of(request):
            timezone.activate(zone)
        else:
            timezone.deactivate()
        return get_response(request)

    return middleware


def _zone_of(request: HttpRequest) -> zoneinfo.ZoneInfo | None:
    """The zone that the viewer chose, if there is one of that name. By trying: listing all zones takes 20 ms."""
    person = getattr(request.user, "person", None)
    try:
        return zoneinfo.ZoneInfo(person.time_zone) if person and person.time_zone else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


class refusals(MiddlewareMixin):  # noqa: N801  named like the functions beside it in MIDDLEWARE
    """Turn a ``Refused`` from any view into a page with its sentence and with what the person had typed."""

    sync_capable, async_capable = True, False

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        typed = [value for name, value in request.POST.items() if _is_words(name, str(value))]
        context = {"refusal": exception, "typed": typed, "back": request.headers.get("Referer", "")}
        return render(request, "access/refused.html", context, status=409 if exception.rival else 403)


def _is_words(name: str, value: str) -> bool:
    """Whether a person wrote this, and would miss it."""
    return name not in OURS and len(value) > 20 and not _is_key(value)


def _is_key(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True
