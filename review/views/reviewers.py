"""The reviewer's side: the queue in its published order, and one look in hand at a time."""

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
from review import claiming, moderation, policies
from review.forms import VerdictForm
from review.models import Claim, Decision, Look, LookQuerySet, Opinion
from review.refusals import ClaimInHand
from review.verdicts import Given

SHOWN = 50  # rows of the queue page
SOON = timedelta(hours=6)
TYPED = ("clause", "words", "from_seconds", "to_seconds", "whole", "private_note")


@for_reviewers
@require_safe
def review_queue(request: MemberRequest) -> HttpResponse:
    """How much waits, what is due, who holds what; and what may still be undone."""
    now = clock.now()
    waiting = Look.objects.waiting().filter(program=request.program).exclude(artist=request.user)
    context = {
        "now": now,
        "program": request.program,
        "counts": _counts(waiting, now),
        "rows": [
            _queue_row(found, request, now)
            for found in waiting.in_order().select_related("submission").prefetch_related(_holders(now))[:SHOWN]
        ],
        "in_hand": Claim.objects.live(now).filter(reviewer=request.user).select_related("look__program").first(),
        "undoable": _undoable(request, now),
    }
    return render(request, "review/queue.html", context)


def _counts(waiting: LookQuerySet, now: datetime) -> dict[str, int]:
    late, soon = waiting.filter(due_at__lt=now), waiting.filter(due_at__gte=now, due_at__lt=now + SOON)
    held = Claim.objects.live(now).filter(look__in=waiting).count()
    return {"waiting": waiting.count(), "late": late.count(), "soon": soon.count(), "free": waiting.count() - held}


def _holders(now: datetime) -> Prefetch:
    return Prefetch("claims", queryset=Claim.objects.live(now).select_related("reviewer"), to_attr="live_claims")


def _queue_row(look: Look, request: MemberRequest, now: datetime) -> dict[str, Any]:
    holder = next(iter(look.live_claims), None)  # type: ignore[attr-defined]  # by the prefetch above
    return {
        "look": look,
        "submission": look.submission,
        "holder": holder,
        "mine": holder is not None and holder.reviewer_id == request.user.pk,
        "late": look.due_at < now,
        "soon": look.due_at < now + SOON,
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
    return redirect("review", slug=request.program.slug, look_id=held.look_id)


def _look(request: MemberRequest, look_id: uuid.UUID) -> Look:
    """A look that this person may judge, or has judged."""
    found = get_object_or_404(
        Look.objects.select_related("submission__policy", "submission__enrollment", "program"),
        pk=look_id,
        program=request.program,
    )
    if found.artist_id == request.user.pk:
        get_object_or_404(Look.objects.none())
    return found


@for_reviewers
@require_safe
def review(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """The look in hand: veiled until revealed, beside its prompt and the policy."""
    return _page(request, _look(request, look_id))


def _page(
    request: MemberRequest,
    look: Look,
    form: VerdictForm | None = None,
    *,
    refusal: Refused | None = None,
    state: int = 200,
) -> HttpResponse:
    now = clock.now()
    live = Claim.objects.live(now).filter(look=look).select_related("reviewer", "shown").first()
    held = live if live and live.reviewer_id == request.user.pk else None
    form = form or VerdictForm(submission=look.submission, initial=_last_words(look, request))
    context = {
        "now": now,
        "look": look,
        "submission": look.submission,
        "claim": held,
        "holder": None if held else live,
        "form": form,
        "refusal": refusal,
        "why_not": None if held else policies.why_not(look, request.user, now),
        "clip": _clip(look),
        "late": look.due_at < now,
    }
    return render(request, "review/review.html", context, status=state)


def _clip(look: Look) -> dict[str, Any]:
    """The prompt and the addresses of what a reviewer is shown."""
    output = look.submission.output
    found = {recipe: output.rendition(recipe) for recipe in ("playable", "poster", "contact_sheet", "proxy")}
    urls = {f"{recipe}_url": reverse("media", args=[made.file_id]) for recipe, made in found.items() if made}
    return {"prompt": output.job.brief.prompt, "seconds": output.seconds, "artist": look.artist, **urls}


def _last_words(look: Look, request: MemberRequest) -> dict[str, Any]:
    """What this reviewer said in an earlier round: an undo loses no words."""
    mine = Opinion.objects.filter(submission=look.submission_id, reviewer=request.user)
    said = mine.exclude(kind__in=["qa", "golden"]).order_by("-given_at").first()
    if said is None:
        return {}
    start, end = ((ms / 1000 if ms is not None else None) for ms in (said.from_ms, said.to_ms))
    words = {"clause": said.clause_id, "words": said.words, "private_note": said.private_note}
    return {**words, "from_seconds": start, "to_seconds": end}


def _in_hand(request: MemberRequest, look_id: uuid.UUID) -> Claim:
    """The reviewer's latest claim on a look, live or not: the verbs say which."""
    mine = Claim.objects.filter(reviewer=request.user, look__program=request.program, look=look_id)
    related = mine.select_related(
        "look__program", "submission__program", "submission__enrollment__user__person", "submission__output__master",
        "shown__file", "reviewer",
    )  # fmt: skip
    return get_object_or_404(related.order_by("-fence")[:1])


def _typed(request: MemberRequest) -> dict[str, str]:
    return {name: request.POST[name] for name in TYPED if request.POST.get(name)}


def _back(request: MemberRequest, look: Look) -> HttpResponse:
    """To the review page; with what was typed so far, if anything was."""
    if typed := _typed(request):
        return _page(request, look, VerdictForm(submission=look.submission, initial=typed))
    return redirect("review", slug=request.program.slug, look_id=look.pk)


@for_reviewers
@require_POST
def review_claim(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """Take this one, e.g. again after the claim ran out."""
    look = _look(request, look_id)
    try:
        claiming.claim(look, reviewer=request.user)
    except ClaimInHand as refusal:
        if _typed(request):
            raise  # the page of the refusal keeps the words
        return _to_the_one_in_hand(request, refusal)
    return _back(request, look)


def _to_the_one_in_hand(request: MemberRequest, refusal: ClaimInHand) -> HttpResponse:
    messages.warning(request, refusal.sentence)
    held = refusal.facts["claim"]
    assert isinstance(held, Claim)
    return redirect("review", slug=held.look.program.slug, look_id=held.look_id)


@for_reviewers
@require_POST
def review_reveal(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    held = claiming.reveal(_in_hand(request, look_id))
    return _back(request, held.look)


@for_reviewers
@require_POST
def review_renew(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """The open page's heartbeat."""
    held = claiming.renew(_in_hand(request, look_id))
    until = localtime(held.leased_until)
    return JsonResponse({"leased_until": until.isoformat(), "words": date_format(until, "H:i e")})


@for_reviewers
@require_POST
def review_release(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    claiming.release(_in_hand(request, look_id))
    messages.info(request, _("Handed back. It keeps its place in the queue."))
    return redirect("review_queue", slug=request.program.slug)


@for_reviewers
@require_POST
def decide(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """Record the verdict; a refusal shows the page again with every word kept."""
    held = _in_hand(request, look_id)
    form = VerdictForm(request.POST, submission=held.submission)
    if not form.is_valid():
        return _page(request, held.look, form, state=422)
    try:
        _decide(request, held, form)
    except Refused as refusal:
        held.look.refresh_from_db()
        return _page(request, held.look, form, refusal=refusal, state=409 if refusal.rival else 422)
    return redirect("review_queue", slug=request.program.slug)


def _decide(request: MemberRequest, held: Claim, form: VerdictForm) -> Given:
    verdict = form.cleaned_data["verdict"]
    return moderation.decide(held, reviewer=request.user, verdict=verdict, seen=form.seen(), reasons=form.reasons())


@for_reviewers
@require_POST
def review_undo(request: MemberRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Undo one's own decision in time, and take the submission in hand again."""
    mine = Decision.objects.filter(decided_by=request.user, submission__program=request.program)
    decision = get_object_or_404(mine.select_related("submission__program", "artist"), pk=decision_id)
    moderation.undo(decision, by=request.user)
    look = decision.submission.looks.waiting().filter(kind="first").first()
    try:
        held = claiming.claim(look, reviewer=request.user) if look else None
    except Refused as refusal:
        messages.info(request, _("Undone; it waits in the queue. %(why)s") % {"why": refusal.sentence})
        return redirect("review_queue", slug=request.program.slug)
    if held is None:
        return redirect("review_queue", slug=request.program.slug)
    messages.info(request, _("Undone. It is in your hands again."))
    return redirect("review", slug=request.program.slug, look_id=held.look_id)
