"""What was decided about an artist, to keep: a list over all programs, each decision with its proof; and the mail."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_artists, for_signed_in
from access.models import Chain, Enrollment, User
from review import digest, proof
from review.artist_forms import MailForm
from review.models import Decision, DecisionQuerySet

MOST = 500  # rows of the list


def _own(user: User) -> DecisionQuerySet:
    """What this person has heard of, in whatever program, also one they have left."""
    told = Decision.objects.told(clock.now()).filter(artist=user)
    return told.select_related("submission__program", "submission__policy", "clause").order_by("-effective_at", "pk")


@for_signed_in
@require_safe
def decisions(request: HttpRequest) -> HttpResponse:
    """Every decision about the artist's clips, also after they have left a program."""
    assert isinstance(request.user, User), "for_signed_in lets nobody else in"
    rows = list(_own(request.user)[: MOST + 1])
    programs = {decision.submission.program_id for decision in rows}
    context = {
        "rows": rows[:MOST],
        "more": rows[MOST:],
        "most": MOST,
        "inside": set(Enrollment.objects.live().filter(user=request.user).values_list("program", flat=True)),
        "heads": Chain.objects.filter(program__in=programs).select_related("program").order_by("program__name"),
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
