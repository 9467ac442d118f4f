"""The lead's page: what nobody may take, questions, who holds what, what is late."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_leads
from review import claiming, escalating, policies, stranding
from review.lead_forms import AdviceForm, BreakForm
from review.leading import Desk
from review.models import Claim, Escalation, Look


@for_leads
@require_safe
def review_lead(request: MemberRequest) -> HttpResponse:
    """All that needs a lead, on one page."""
    return _page(request)


def _page(request: MemberRequest, state: int = 200, *, typed: dict[uuid.UUID, Any] | None = None) -> HttpResponse:
    desk, typed = Desk(request.user, request.program, clock.now()), typed or {}
    late, late_count = desk.late()
    in_conflict = policies.conflicts_of(request.user, request.program.pk, desk.at)
    context = {
        "now": desk.at,
        "program": request.program,
        "stranded": [case for case in stranding.find(request.program) if case.look.artist_id != request.user.pk],
        "has_reviewers": stranding.has_reviewers(request.program),
        "questions": [_question(asked, request, desk.at, typed) for asked in desk.questions()],
        "passed_by": desk.passed_by(),
        "in_hand": [_held(claim, in_conflict, typed) for claim in desk.in_hand()],
        "late": late,
        "late_count": late_count,
        "pauses": desk.pauses(),
        "halts": desk.halts(),
    }
    return render(request, "review/lead.html", context, status=state)


def _question(asked: Escalation, request: MemberRequest, at: datetime, typed: dict[uuid.UUID, Any]) -> dict[str, Any]:
    form = typed.get(asked.pk) or AdviceForm(auto_id=f"question_{asked.pk}_%s")
    is_golden = asked.look.kind == Look.Kind.GOLDEN  # for its reviewer alone
    return {
        "asked": asked,
        "form": form,
        "is_mine": asked.asked_by_id == request.user.pk,
        "may_advise": policies.why_not_advise(asked.look, request.user, at) is None,
        "may_take": not is_golden and policies.why_not(asked.look, request.user, at) is None,
    }


def _held(claim: Claim, in_conflict: set[uuid.UUID], typed: dict[uuid.UUID, Any]) -> dict[str, Any]:
    return {
        "claim": claim,
        "form": typed.get(claim.pk) or BreakForm(auto_id=f"claim_{claim.pk}_%s"),
        "may_break": claim.look.artist_id not in in_conflict,
    }


@for_leads
@require_POST
def review_advise(request: MemberRequest, escalation_id: uuid.UUID) -> HttpResponse:
    """Answer a question; the look goes back to whoever asked."""
    open_to = Escalation.objects.filter(look__program=request.program).exclude(look__artist=request.user)
    asked = get_object_or_404(open_to.select_related("look__program", "asked_by"), pk=escalation_id)
    form = AdviceForm(request.POST, auto_id=f"question_{asked.pk}_%s")
    if not form.is_valid():
        return _page(request, 422, typed={asked.pk: form})
    escalating.advise(asked, by=request.user, answer=form.cleaned_data["answer"])
    messages.success(request, _("Answered. It is back with whoever asked."))
    return redirect("review_lead", slug=request.program.slug)


@for_leads
@require_POST
def review_break(request: MemberRequest, claim_id: uuid.UUID) -> HttpResponse:
    """Take a look out of somebody's hands, with a reason."""
    held_here = Claim.objects.filter(look__program=request.program).exclude(look__artist=request.user)
    held = get_object_or_404(held_here.select_related("look__program", "submission", "reviewer"), pk=claim_id)
    form = BreakForm(request.POST, auto_id=f"claim_{held.pk}_%s")
    if not form.is_valid():
        return _page(request, 422, typed={held.pk: form})
    claiming.break_claim(held, by=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, _("It is free again and keeps its place in the queue."))
    return redirect("review_lead", slug=request.program.slug)
