"""What an artist keeps, also after they have left: decisions with their proof, open links to close. And the mail."""

import uuid

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_artists, for_signed_in
from access.models import Chain, Enrollment, User
from review import digest, proof
from review.artist_forms import MailForm
from review.models import Decision, DecisionQuerySet, Share, ShareQuerySet

PAGE = 100  # decisions of a page


def _own(user: User) -> DecisionQuerySet:
    """What this person has heard of, in whatever program, also one they have left."""
    told = Decision.objects.told(clock.now()).filter(artist=user)
    return told.select_related("submission__program", "submission__policy", "clause").order_by("-effective_at", "pk")


def _before(own: DecisionQuerySet, last: str) -> DecisionQuerySet:
    """Those after the one that ``last`` names, in the order of the list; all if it names none of theirs."""
    try:
        found = own.filter(pk=uuid.UUID(last)).first() if last else None
    except ValueError:
        found = None
    if found is None:
        return own
    return own.filter(Q(effective_at__lt=found.effective_at) | Q(effective_at=found.effective_at, pk__gt=found.pk))


def _open_links(user: User) -> ShareQuerySet:
    """What of theirs the public may watch, or could without a halt, in whatever program."""
    granted = Share.objects.granted(clock.now()).owned_by(user)
    return granted.select_related("decision__submission__program").order_by("-created_at", "pk")


def _heads(user: User) -> QuerySet[Chain]:
    """The heads of the records in which something about this person stands."""
    programs = Decision.objects.told(clock.now()).filter(artist=user).values("submission__program")
    return Chain.objects.filter(program__in=programs).select_related("program").order_by("program__name")


@for_signed_in
@require_safe
def decisions(request: HttpRequest) -> HttpResponse:
    """Every decision about the artist's clips and every open link, also after they have left a program."""
    assert isinstance(request.user, User), "for_signed_in lets nobody else in"
    own, last = _own(request.user), request.GET.get("before", "")
    rows = list(_before(own, last)[: PAGE + 1])
    context = {
        "rows": rows[:PAGE],
        "older": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "links": [] if last else _open_links(request.user),
        "inside": set(Enrollment.objects.live().filter(user=request.user).values_list("program", flat=True)),
        "heads": _heads(request.user),
    }
    return render(request, "review/decisions.html", context)


@for_signed_in
@require_safe
def decision_proof(request: HttpRequest, decision_id: uuid.UUID) -> HttpResponse:
    """One decision with what proves it, as a file."""
    assert isinstance(request.user, User), "for_signed_in lets nobody else in"
    decision = get_object_or_404(_own(request.user), pk=decision_id)
    response = HttpResponse(proof.as_json(decision), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="decision-{decision.pk}.json"'
    return response


@for_artists
@require_POST
def choose_mail(request: MemberRequest) -> HttpResponse:
    """How answers come by mail."""
    form = MailForm(request.POST)
    daily = bool(form.is_valid() and form.cleaned_data["daily"])
    digest.choose_mail(request.user, daily=daily)
    messages.success(request, _("From now on one mail a day.") if daily else _("From now on a mail at once for each."))
    return redirect("submissions", slug=request.program.slug)
