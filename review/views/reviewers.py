"""The reviewer's side: the queue in its published order, and one submission in hand at a time."""

import math
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateformat import format as date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_reviewers
from access.refusals import Refused
from review import claiming, moderation
from review.forms import VerdictForm
from review.models import Claim, Decision, Opinion, Submission, SubmissionQuerySet
from review.refusals import ClaimInHand

SHOWN = 50  # rows of the queue page
SOON = timedelta(hours=6)
TYPED = ("clause", "words", "from_seconds", "to_seconds", "whole", "private_note")


@for_reviewers
@require_safe
def review_queue(request: MemberRequest) -> HttpResponse:
    """How much waits, what is due, who holds what; and what may still be undone."""
    now = clock.now()
    waiting = Submission.objects.reviewable_by(request.user, now).waiting().filter(program=request.program)
    context = {
        "now": now,
        "program": request.program,
        "counts": _counts(waiting, now),
        "rows": [
            _queue_row(found, request, now) for found in waiting.in_order().prefetch_related(_holders(now))[:SHOWN]
        ],
        "in_hand": Claim.objects.live(now).filter(reviewer=request.user).select_related("submission__program").first(),
        "undoable": _undoable(request, now),
    }
    return render(request, "review/queue.html", context)


def _counts(waiting: SubmissionQuerySet, now: datetime) -> dict[str, int]:
    late, soon = waiting.filter(due_at__lt=now), waiting.filter(due_at__gte=now, due_at__lt=now + SOON)
    return {"waiting": waiting.count(), "late": late.count(), "soon": soon.count(), "free": waiting.free(now).count()}


def _holders(now: datetime) -> Prefetch:
    return Prefetch("claims", queryset=Claim.objects.live(now).select_related("reviewer"), to_attr="live_claims")


def _queue_row(submission: Submission, request: MemberRequest, now: datetime) -> dict[str, Any]:
    holder = next(iter(submission.live_claims), None)  # type: ignore[attr-defined]  # by the prefetch above
    return {
        "submission": submission,
        "holder": holder,
        "mine": holder is not None and holder.reviewer_id == request.user.pk,
        "late": submission.due_at < now,
        "soon": submission.due_at < now + SOON,
    }


def _undoable(request: MemberRequest, now: datetime) -> list[dict[str, Any]]:
    mine = Decision.objects.standing().filter(decided_by=request.user, submission__program=request.program)
    recent = mine.filter(effective_at__gt=now).select_related("submission").order_by("-decided_at")
    return [{"decision": made, "left": math.ceil((made.effective_at - now).total_seconds())} for made in recent]


@for_reviewers
@require_POST
def review_next(request: MemberRequest) -> HttpResponse:
    """Take the next one in the published order."""
    try:
        held = claiming.claim_next(request.user, program=request.program)
    except ClaimInHand as refusal:
        return _to_the_one_in_hand(request, refusal)
    if held is None:
        messages.info(request, _("Nothing is free at the moment."))
        return redirect("review_queue", slug=request.program.slug)
    return redirect("review", slug=request.program.slug, submission_id=held.submission_id)


@for_reviewers
@require_safe
def review(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """The submission in hand: veiled until revealed, beside its prompt and the policy."""
    mine = Submission.objects.reviewable_by(request.user, clock.now()).filter(program=request.program)
    return _page(request, get_object_or_404(mine, pk=submission_id))


def _page(
    request: MemberRequest,
    submission: Submission,
    form: VerdictForm | None = None,
    *,
    refusal: Refused | None = None,
    state: int = 200,
) -> HttpResponse:
    now = clock.now()
    live = submission.claims.filter(released_at=None, leased_until__gt=now).select_related("reviewer", "shown").first()
    held = live if live and live.reviewer_id == request.user.pk else None
    form = form or VerdictForm(submission=submission, initial=_last_words(submission, request))
    context = {
        "now": now,
        "submission": submission,
        "claim": held,
        "holder": None if held else live,
        "form": form,
        "refusal": refusal,
        "clip": _clip(submission),
        "late": submission.due_at < now,
    }
    return render(request, "review/review.html", context, status=state)


def _clip(submission: Submission) -> dict[str, Any]:
    """The prompt and the addresses of what a reviewer is shown."""
    output = submission.output
    found = {recipe: output.rendition(recipe) for recipe in ("playable", "poster", "contact_sheet")}
    urls = {f"{recipe}_url": reverse("media", args=[made.file_id]) for recipe, made in found.items() if made}
    return {"prompt": output.job.brief.prompt, "seconds": output.seconds, "artist": submission.enrollment.user, **urls}


def _last_words(submission: Submission, request: MemberRequest) -> dict[str, Any]:
    """What this reviewer said in an earlier round: an undo loses no words."""
    said = Opinion.objects.filter(submission=submission, reviewer=request.user).order_by("-given_at").first()
    if said is None:
        return {}
    start, end = ((ms / 1000 if ms is not None else None) for ms in (said.from_ms, said.to_ms))
    words = {"clause": said.clause_id, "words": said.words, "private_note": said.private_note}
    return {**words, "from_seconds": start, "to_seconds": end}


def _in_hand(request: MemberRequest, submission_id: uuid.UUID) -> Claim:
    """The reviewer's latest claim on a submission, live or not: the verbs say which."""
    mine = Claim.objects.filter(reviewer=request.user, submission__program=request.program, submission=submission_id)
    related = mine.select_related("submission__program", "submission__output__master", "shown__file", "reviewer")
    return get_object_or_404(related.order_by("-fence")[:1])


def _typed(request: MemberRequest) -> dict[str, str]:
    return {name: request.POST[name] for name in TYPED if request.POST.get(name)}


def _back(request: MemberRequest, submission: Submission) -> HttpResponse:
    """To the review page; with what was typed so far, if anything was."""
    if typed := _typed(request):
        return _page(request, submission, VerdictForm(submission=submission, initial=typed))
    return redirect("review", slug=request.program.slug, submission_id=submission.pk)


@for_reviewers
@require_POST
def review_claim(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Take this one, e.g. again after the claim ran out."""
    mine = Submission.objects.reviewable_by(request.user, clock.now()).filter(program=request.program)
    submission = get_object_or_404(mine, pk=submission_id)
    try:
        claiming.claim(submission, reviewer=request.user)
    except ClaimInHand as refusal:
        if _typed(request):
            raise  # the page of the refusal keeps the words
        return _to_the_one_in_hand(request, refusal)
    return _back(request, submission)


def _to_the_one_in_hand(request: MemberRequest, refusal: ClaimInHand) -> HttpResponse:
    messages.warning(request, refusal.sentence)
    held = refusal.facts["claim"]
    assert isinstance(held, Claim)
    return redirect("review", slug=held.submission.program.slug, submission_id=held.submission_id)


@for_reviewers
@require_POST
def review_reveal(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    held = claiming.reveal(_in_hand(request, submission_id))
    return _back(request, held.submission)


@for_reviewers
@require_POST
def review_renew(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """The open page's heartbeat."""
    held = claiming.renew(_in_hand(request, submission_id))
    until = localtime(held.leased_until)
    return JsonResponse({"leased_until": until.isoformat(), "words": date_format(until, "H:i e")})


@for_reviewers
@require_POST
def review_release(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    claiming.release(_in_hand(request, submission_id))
    messages.info(request, _("Handed back. It keeps its place in the queue."))
    return redirect("review_queue", slug=request.program.slug)


@for_reviewers
@require_POST
def decide(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Record the verdict; a refusal shows the page again with every word kept."""
    held = _in_hand(request, submission_id)
    form = VerdictForm(request.POST, submission=held.submission)
    if not form.is_valid():
        return _page(request, held.submission, form, state=422)
    try:
        _decide(request, held, form)
    except Refused as refusal:
        held.submission.refresh_from_db()
        return _page(request, held.submission, form, refusal=refusal, state=409 if refusal.rival else 422)
    return redirect("review_queue", slug=request.program.slug)


def _decide(request: MemberRequest, held: Claim, form: VerdictForm) -> Decision:
    verdict = form.cleaned_data["verdict"]
    return moderation.decide(held, reviewer=request.user, verdict=verdict, seen=form.seen(), reasons=form.reasons())


@for_reviewers
@require_POST
def review_undo(request: MemberRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Undo one's own decision in time, and take the submission in hand again."""
    mine = Decision.objects.filter(decided_by=request.user, submission__program=request.program)
    decision = get_object_or_404(mine.select_related("submission__program", "artist"), pk=decision_id)
    moderation.undo(decision, by=request.user)
    try:
        claiming.claim(decision.submission, reviewer=request.user)
    except Refused as refusal:
        messages.info(request, _("Undone; it waits in the queue. %(why)s") % {"why": refusal.sentence})
        return redirect("review_queue", slug=request.program.slug)
    messages.info(request, _("Undone. It is in your hands again."))
    return redirect("review", slug=request.program.slug, submission_id=decision.submission_id)
