"""Per request: which credential is used, which zone the viewer reads times in, and how a refusal looks."""

import zoneinfo
from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from access import clock
from access.models import Credential, User
from access.refusals import Refused

GetResponse = Callable[[HttpRequest], HttpResponse]
SESSION_KEY = "credential"


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
        typed = [
            value for name, value in request.POST.items() if name != "csrfmiddlewaretoken" and len(str(value)) > 20
        ]
        context = {"refusal": exception, "typed": typed, "back": request.headers.get("Referer", "")}
        return render(request, "access/refused.html", context, status=409 if exception.rival else 403)
