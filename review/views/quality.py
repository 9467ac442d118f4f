"""How far reviewers agree, for the leads; what was checked of one's own, for each reviewer. No speed, no ranking."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import F, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_leads, for_reviewers
from access.models import Program, User
from review import agreement, agreement_chart, contesting, evenness, goldens
from review.agreement import Pair, Period
from review.check_forms import AnswerForm, ContestForm, GoldenForm
from review.models import Contest, Decision, Golden, Opinion, Policy, ReviewTerms, Submission

DAYS = (30, 90, 365)
USUAL = 90
SHOWN = 30  # rows of each list
MOST = 200  # clips with a known answer that are listed
MINE = 365  # days that a reviewer is told of


@for_leads
@require_safe
def review_agreement(request: MemberRequest) -> HttpResponse:
    """How far people agree, what drifts, who waits for an answer, and whether critique is treated like the rest."""
    return _lead_page(request)


def _lead_page(
    request: MemberRequest, state: int = 200, *, typed: dict[uuid.UUID, AnswerForm] | None = None
) -> HttpResponse:
    period = _period(request)
    context = {
        "program": request.program,
        "period": period,
        "all_days": DAYS,
        "days": (period.until - period.since).days,
        "terms": ReviewTerms.objects.in_force(request.program),
        "fewest": agreement.FEWEST,
        "evenness": evenness.evenness(period),
        "overturned": evenness.overturned(period),
        "contests": [_contested(contest, request, typed or {}) for contest in _contests(request)],
        **_agreement(period, of_others=_not_by(request.user, request.program)),
        **_goldens(request, period.until),
    }
    return render(request, "review/quality.html", context, status=state)


def _period(request: MemberRequest) -> Period:
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(known) for known in DAYS} else USUAL
    now = clock.now()
    return Period(request.program, now - timedelta(days=days), now)


def _not_by(lead: User, program: Program) -> Callable[[Pair], bool]:
    """What a lead reads one by one: no clip of their own, since who looked at it is told to no artist."""
    own = set(Submission.objects.filter(program=program, enrollment__user=lead).values_list("pk", flat=True))
    return lambda pair: pair.submission.pk not in own


def _agreement(period: Period, *, of_others: Callable[[Pair], bool]) -> dict[str, Any]:
    seconds, checks, answers = agreement.seconds(period), agreement.checks(period), agreement.golden_answers(period)
    before = Period(period.program, period.since - (period.until - period.since), period.since)
    blind = seconds + checks
    return {
        "seconds": agreement.agreement(seconds),
        "checks": agreement.agreement(checks),
        "answers": agreement.agreement(answers),
        "alphas": agreement.alphas(blind, _titles(period)),
        "drift": agreement.drift(agreement.seconds(before) + agreement.checks(before), blind),
        "weeks": (weeks := agreement_chart.weeks(blind, period)),
        "chart": agreement_chart.draw(weeks),
        "disagreements": _newest(pair for pair in blind if not pair.agree and of_others(pair)),
        "misses": _newest(pair for pair in answers if not pair.agree and of_others(pair)),
    }


def _newest(pairs: Any) -> list[Pair]:
    return sorted(pairs, key=lambda pair: pair.at, reverse=True)[:SHOWN]


def _titles(period: Period) -> dict[str, str]:
    policy = Policy.objects.in_force(period.program, period.until)
    return dict(policy.clauses.values_list("code", "title")) if policy else {}


def _contests(request: MemberRequest) -> list[Contest]:
    waiting = _of_others(request).filter(answered_at=None)
    return list(waiting.select_related("opinion__clause").order_by("contested_at")[:SHOWN])


def _of_others(request: MemberRequest) -> QuerySet[Contest]:
    ours = Contest.objects.filter(opinion__submission__program=request.program)
    others = ours.exclude(opinion__submission__enrollment__user=request.user)
    return others.select_related("opinion__submission__program", "opinion__submission__enrollment", "opinion__reviewer")


def _contested(contest: Contest, request: MemberRequest, typed: dict[uuid.UUID, AnswerForm]) -> dict[str, Any]:
    own = contest.opinion.reviewer_id == request.user.pk
    form = typed.get(contest.pk) or AnswerForm(auto_id=f"answer_{contest.pk}_%s")
    return {
        "contest": contest,
        "pairs": agreement.against(contest.opinion, clock.now()),
        "form": None if own else form,
    }


def _goldens(request: MemberRequest, now: datetime) -> dict[str, Any]:
    """Those in use, and clips on which two people agreed: good ones to choose from."""
    chosen = Golden.objects.filter(submission__program=request.program, retired_at=None)
    chosen = chosen.exclude(submission__enrollment__user=request.user)
    agreed = Q(second__verdict=F("first__verdict")) | Q(draw__look__opinion__verdict=F("verdict"))
    known = goldens.known(now).filter(agreed, submission__program=request.program, submission__golden=None)
    known = known.exclude(artist=request.user).select_related("submission", "clause")
    return {
        "goldens": chosen.select_related("submission", "clause").order_by("-chosen_at")[:MOST],
        "in_use": set(goldens.in_use(now).filter(submission__program=request.program).values_list("pk", flat=True)),
        "candidates": known.order_by("-effective_at")[:SHOWN],
    }


@for_leads
@require_http_methods(["GET", "HEAD", "POST"])
def choose_golden(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Let a decided clip be one with a known answer."""
    theirs = Submission.objects.filter(program=request.program).exclude(enrollment__user=request.user)
    submission = get_object_or_404(theirs.select_related("program", "output__job__brief"), pk=submission_id)
    form = GoldenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        goldens.choose_golden(submission, by=request.user, why=form.cleaned_data["why"])
        messages.success(request, _("It is mixed in from now on."))
        return redirect("review_agreement", slug=request.program.slug)
    decision = Decision.objects.effective(clock.now()).filter(submission=submission).select_related("clause").first()
    context = {"program": request.program, "submission": submission, "decision": decision, "form": form}
    return render(request, "review/quality_golden.html", context, status=422 if form.errors else 200)


@for_leads
@require_POST
def retire_golden(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Mix it in no more."""
    ours = Golden.objects.filter(submission__program=request.program).exclude(submission__enrollment__user=request.user)
    goldens.retire_golden(
        get_object_or_404(ours.select_related("submission__program"), pk=submission_id), by=request.user
    )
    messages.success(request, _("Retired. What was said of it stays."))
    return redirect("review_agreement", slug=request.program.slug)


@for_leads
@require_POST
def answer_contest(request: MemberRequest, opinion_id: uuid.UUID) -> HttpResponse:
    """Say whether a contested opinion was right."""
    contest = get_object_or_404(_of_others(request), pk=opinion_id)
    form = AnswerForm(request.POST, auto_id=f"answer_{contest.pk}_%s")
    if not form.is_valid():
        return _lead_page(request, 422, typed={contest.pk: form})
    said = form.cleaned_data
    contesting.answer_contest(contest, by=request.user, stands=said["stands"] == "yes", answer=said["answer"])
    messages.success(request, _("Answered. The reviewer is told."))
    return redirect("review_agreement", slug=request.program.slug)


@for_reviewers
@require_safe
def review_qa(request: MemberRequest) -> HttpResponse:
    """That there are checks, how many, and what came of one's own: of a day from the next one on, so that no verdict
    is told from others as it is given."""
    return _own_page(request)


def _own_page(
    request: MemberRequest, state: int = 200, *, typed: dict[uuid.UUID, ContestForm] | None = None
) -> HttpResponse:
    now = clock.now()
    period = Period(request.program, now - timedelta(days=MINE), now.replace(hour=0, minute=0, second=0, microsecond=0))
    checks = agreement.checks(period, of=request.user)
    answers = agreement.golden_answers(period, of=request.user)
    context = {
        "program": request.program,
        "now": now,
        "terms": ReviewTerms.objects.in_force(request.program),
        "agreement": agreement.agreement(checks + answers),
        "fewest": agreement.FEWEST,
        "rows": [_own(pair, request, typed or {}) for pair in _newest(checks + answers)],
    }
    return render(request, "review/quality_mine.html", context, status=state)


def _own(pair: Pair, request: MemberRequest, typed: dict[uuid.UUID, ContestForm]) -> dict[str, Any]:
    """A pair as one of its sides sees it: what I said, what the other side said, and what can be done about it."""
    is_one = pair.one.reviewer == request.user
    mine, other = (pair.one, pair.other) if is_one else (pair.other, pair.one)
    opinion = mine.opinion
    assert opinion is not None, "a known answer is on nobody's side"
    form = typed.get(opinion.pk) or ContestForm(auto_id=f"contest_{opinion.pk}_%s")
    return {"pair": pair, "mine": mine, "other": other, "form": None if pair.agree or mine.contest else form}


@for_reviewers
@require_POST
def contest(request: MemberRequest, opinion_id: uuid.UUID) -> HttpResponse:
    """Say why one's opinion was right although a check says otherwise."""
    mine = Opinion.objects.filter(reviewer=request.user, submission__program=request.program)
    opinion = get_object_or_404(mine.select_related("submission__program", "reviewer"), pk=opinion_id)
    form = ContestForm(request.POST, auto_id=f"contest_{opinion.pk}_%s")
    if not form.is_valid():
        return _own_page(request, 422, typed={opinion.pk: form})
    contesting.contest(opinion, by=request.user, words=form.cleaned_data["words"])
    messages.success(request, _("A lead will read it. The answer comes to this page."))
    return redirect("review_qa", slug=request.program.slug)
