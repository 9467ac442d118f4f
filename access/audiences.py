"""Who a page is for. Every view wears exactly one of these; a test reads them against one literal table.

A page that is not for you does not exist for you: 404, whether the program is unknown or merely not yours.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponseBase

from access import policies
from access.models import Credential, Enrollment, Program, Role, User

View = Callable[..., HttpResponseBase]


class MemberRequest(HttpRequest):
    """A request of somebody signed in, inside a program."""

    user: User  # never anonymous behind these decorators
    credential: Credential | None
    program: Program
    enrollment: Enrollment
    roles: set[str]  # of the user in the program, where the page is for a role


def _unkept(response: HttpResponseBase) -> HttpResponseBase:
    """The browser keeps no page of somebody signed in: going back after a sign-out, or to a form that was sent, shows
    what is so now. A view that says something else about keeping is left alone."""
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


def for_anyone(view: View) -> View:
    """Also people who are not signed in."""
    view = login_not_required(view)
    view.audience = "anyone"  # type: ignore[attr-defined]  # read by the architecture test
    return view


def for_signed_in(view: View) -> View:
    """Everybody who is signed in; the view itself shows only what is theirs."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return _unkept(view(request, *args, **kwargs))

    inner.audience = "signed_in"  # type: ignore[attr-defined]
    return inner


def for_artists(view: View) -> View:
    """Artists with a live enrollment in the program of the URL."""

    @wraps(view)
    def inner(request: MemberRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        enrollment = (
            Enrollment.objects.live()
            .select_related("program", "cohort", "user")
            .filter(program__slug=slug, user=request.user)
            .first()
        )
        if enrollment is None:
            raise Http404
        request.enrollment, request.program = enrollment, enrollment.program
        return _unkept(view(request, *args, **kwargs))

    inner.audience = "artist"  # type: ignore[attr-defined]
    return inner


def _for_roles(audience: str, *kinds: str) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def inner(request: MemberRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            program = Program.objects.filter(slug=slug).first()
            roles = policies.roles_of(request.user, program) if program else set()
            if program is None or roles.isdisjoint(kinds):
                raise Http404
            request.program, request.roles = program, roles
            return _unkept(view(request, *args, **kwargs))

        inner.audience = audience  # type: ignore[attr-defined]
        return inner

    return decorate


for_reviewers = _for_roles("reviewer", *Role.REVIEWING)
for_leads = _for_roles("lead", Role.Kind.LEAD)
for_staff = _for_roles("staff", Role.Kind.PROGRAM_STAFF)
