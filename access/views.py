"""The doors and the paperwork: home, invitation, agreement, terms, notices, staff, and the gate of all bytes."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import clock, consenting, enrollment, halting, media, policies
from access.audiences import MemberRequest, for_anyone, for_artists, for_signed_in, for_staff
from access.forms import HaltForm, InviteForm
from access.models import (
    AgreementVersion,
    Cohort,
    Consent,
    Enrollment,
    Halt,
    Invitation,
    Notice,
    Program,
    Role,
    Signature,
    StoredFile,
    User,
)
from access.refusals import Refused

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@for_anyone
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The door for strangers; for members the way into their program."""
    if not isinstance(request.user, User):
        return render(request, "access/landing.html")
    programs = list(Program.objects.visible_to(request.user).order_by("name"))
    chosen = [program for program in programs if program.slug == request.GET.get("program")] or programs
    if len(chosen) == 1:
        return redirect(_entrance(request.user, chosen[0]), slug=chosen[0].slug)
    return render(request, "access/home.html", {"programs": programs})


def _entrance(user: User, program: Program) -> str:
    if Enrollment.objects.live().filter(user=user, program=program).exists():
        return "studio"
    if policies.may_review(user, program):
        return "review_queue"
    return "staff" if policies.holds(user, program, Role.Kind.PROGRAM_STAFF) else "policy"  # what every role may read


@for_anyone
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process answers and reaches its database."""
    connection.ensure_connection()
    return HttpResponse("ok", content_type="text/plain")


@for_anyone
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation; accept it by POST only, since mail scanners follow links."""
    try:
        found = enrollment.find_invitation(token, at=clock.now())
        if request.method == "POST":
            enrolled = enrollment.accept(token)
            login(request, enrolled.user, backend=BACKEND)
            return redirect("agreements", slug=enrolled.program.slug)
    except Refused as refusal:
        state = 409 if refusal.rival else 404 if refusal.code == "invitation_unknown" else 410
        return render(request, "access/invitation_refused.html", {"refusal": refusal}, status=state)
    return render(request, "access/invitation.html", _invitation_context(request, found))


def _invitation_context(request: HttpRequest, found: Invitation) -> dict[str, Any]:
    name, _at, domain = found.email.partition("@")
    other = isinstance(request.user, User) and request.user.email != found.email
    return {"invitation": found, "masked_email": f"{name[:1]}…@{domain}", "other_user": request.user if other else None}


@for_artists
@require_http_methods(["GET", "POST"])
def agreements(request: MemberRequest) -> HttpResponse:
    """Read and sign what is in force, one agreement at a time; then to the studio."""
    if request.method == "POST":
        number = _number(request.POST.get("version"))
        shown = get_object_or_404(AgreementVersion, pk=number, agreement__program=request.program)
        seen = request.POST.get("sha256", "")
        enrollment.sign(shown, enrollment=request.enrollment, credential=request.credential, seen_sha256=seen)
    version = AgreementVersion.objects.unsigned_by(request.enrollment).select_related("agreement").first()
    if version is None:
        return redirect("studio", slug=request.program.slug)
    return render(request, "access/agreement.html", {"version": version})


def _number(text: str | None) -> int:
    if not (text or "").isascii() or not (text or "").isdigit() or len(text or "") > 9:
        raise Http404
    return int(text or "")


EXPLAINED = {
    Consent.Purpose.TRAINING: (
        gettext_lazy("Training"),
        gettext_lazy("Your outputs and prompts may be used to train or tune models."),
    ),
    Consent.Purpose.SHOWCASE: (
        gettext_lazy("Showcase"),
        gettext_lazy("Outputs that you choose may be shown by the company. Each use is listed."),
    ),
    Consent.Purpose.NAMED_CREDIT: (
        gettext_lazy("Your name"),
        gettext_lazy("Your name may stand where the program names its artists."),
    ),
    Consent.Purpose.QUOTE: (gettext_lazy("Quotes"), gettext_lazy("What you write as feedback may be quoted.")),
    Consent.Purpose.RESEARCH: (
        gettext_lazy("Research"),
        gettext_lazy("Your prompts and settings, without your name, may be studied."),
    ),
}


@for_artists
@require_http_methods(["GET", "POST"])
def terms(request: MemberRequest) -> HttpResponse:
    """What I signed, and what I consent to: everything off until I say yes, and off again at once."""
    if request.method == "POST":
        purpose, granted = request.POST.get("purpose", ""), request.POST.get("granted") == "yes"
        if purpose not in Consent.Purpose.values:
            raise Http404
        consenting.give_consent(request.user, purpose, program=request.program, granted=granted)
        messages.success(request, _("Recorded. It counts from now on."))
        return redirect("terms", slug=request.program.slug)
    signatures = (
        Signature.objects.filter(enrollment=request.enrollment)
        .select_related("version__agreement")
        .order_by("-signed_at")
    )
    return render(request, "access/terms.html", {"signatures": signatures, "consents": _consents(request.user)})


def _consents(user: User) -> list[dict[str, Any]]:
    newest = {c.purpose: c for c in Consent.objects.filter(user=user, about=None).order_by("given_at", "pk")}
    return [
        {
            "purpose": purpose.value,
            "label": label,
            "explains": explains,
            "granted": purpose in newest and newest[purpose].granted,
            "since": newest[purpose].given_at if purpose in newest else None,
        }
        for purpose, (label, explains) in EXPLAINED.items()
    ]


@for_signed_in
@require_http_methods(["GET", "POST"])
def notices(request: MemberRequest) -> HttpResponse:
    """My notices; POST marks them all read."""
    now = clock.now()
    mine = Notice.objects.filter(user=request.user, not_before__lte=now)
    if request.method == "POST":
        mine.unread().update(read_at=now)
        return redirect("notices")
    return render(request, "access/notices.html", {"notices": mine[:100]})


@for_anyone
@require_safe
def media_file(request: HttpRequest, file_id: uuid.UUID) -> HttpResponseBase:
    """The one view that serves stored bytes, to those whom a media rule names."""
    file = StoredFile.objects.filter(pk=file_id).first()
    if file is None or not media.may_see(file, media.Viewer(request.user)):
        raise Http404
    return media.respond(request, file)


@for_staff
@require_safe
def staff(request: MemberRequest) -> HttpResponse:
    """People and stops of a program."""
    return render(request, "access/staff.html", _staff_context(request))


def _staff_context(request: MemberRequest, **forms: Any) -> dict[str, Any]:
    program = request.program
    return {
        "halts": Halt.objects.open()
        .filter(program=program)
        .select_related("artist__person", "cohort")
        .order_by("placed_at"),
        "halt_form": HaltForm(program=program),
        "invite_form": InviteForm(program=program),
        "cohorts": Cohort.objects.filter(program=program).order_by("name"),
        "enrollments": Enrollment.objects.live()
        .filter(program=program)
        .select_related("user__person", "cohort")
        .order_by("-joined_at")[:200],
        **forms,
    }


@for_staff
@require_POST
def send_invitation(request: MemberRequest) -> HttpResponse:
    form = InviteForm(request.POST, program=request.program)
    if not form.is_valid():
        return render(request, "access/staff.html", _staff_context(request, invite_form=form), status=422)
    data = form.cleaned_data
    # The link goes to the mailbox alone: whoever holds it can sign in as that person.
    enrollment.invite(data["email"], cohort=data["cohort"], by=request.user, name=data["name"])
    messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": data["email"]})
    return redirect("staff", slug=request.program.slug)


@for_staff
@require_POST
def place_halt(request: MemberRequest) -> HttpResponse:
    form = HaltForm(request.POST, program=request.program)
    if not form.is_valid():
        return render(request, "access/staff.html", _staff_context(request, halt_form=form), status=422)
    halting.halt(
        form.cleaned_data["target"], program=request.program, by=request.user, reason=form.cleaned_data["reason"]
    )
    messages.success(request, _("Stopped. New work is refused, running work stops within a step, nothing is lost."))
    return redirect("staff", slug=request.program.slug)


@for_staff
@require_POST
def lift_halt(request: MemberRequest, halt_id: uuid.UUID) -> HttpResponse:
    halting.lift(get_object_or_404(Halt, pk=halt_id, program=request.program), by=request.user)
    messages.success(request, _("Lifted. Waiting work goes on in its old place."))
    return redirect("staff", slug=request.program.slug)
