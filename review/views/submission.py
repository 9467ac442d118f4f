"""The page of one submission: where it stands, why, and what its artist can do about it."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_artists
from access.telling import link
from generation.models import Output
from review import appeals, proof, standing, story, stranding, submitting
from review.artist_forms import AnswerForm, AppealForm, ShareForm
from review.models import Critique, Decision, Share, Submission
from review.views.artists import addresses, own_submission, row

OFFERED = 12  # clips to answer with, the newest


@for_artists
@require_safe
def submission(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """One submission: where it stands, until when, and why."""
    return show(request, own_submission(request, submission_id))


def show(
    request: MemberRequest,
    found: Submission,
    *,
    answering: AnswerForm | None = None,
    appealing: AppealForm | None = None,
    sharing: ShareForm | None = None,
) -> HttpResponse:
    """The page, with the forms as they were sent if they have errors."""
    now = clock.now()
    decision = story.outcomes(now).filter(submission=found).order_by("-decided_at").first()
    is_sent_back = submitting.sent_back(found, now) is not None and not appeals.is_looked_at_again(found)
    chapters = story.chapters(found, now)
    context = {
        **row(found, decision, now),
        **_waiting(found, decision, now),
        **_link(found, now),
        "now": now,
        "chapters": chapters,
        "standing_chapter": next((chapter for chapter in chapters if chapter.decision == decision), None),
        "openings": story.openings(found),
        "changes_left": story.changes_left(found, is_sent_back=is_sent_back),
        "most_changes": Submission.MOST_CHANGES,
        "is_sent_back": is_sent_back,
        "offered": _offered(found) if is_sent_back else [],
        "answer_form": answering or AnswerForm(),
        "appeal_form": appealing or AppealForm(),
        "form": sharing or ShareForm(),
        "may_appeal": decision is not None and _may_appeal(decision, now),
        "critique": Critique.objects.filter(submission=found).first(),
        "earlier": found.answers,
        "later": Submission.objects.filter(answers=found).first(),
        "head": proof.head_of(found.program),
    }
    has_errors = answering or appealing or sharing
    return render(request, "review/submission.html", context, status=422 if has_errors else 200)


def _waiting(found: Submission, decision: Decision | None, now: datetime) -> dict[str, Any]:
    if story.known(found, decision) != Submission.State.WAITING:
        return {}
    return {
        "standing": standing.standing(found, now),
        "is_halted": standing.is_halted(found),
        "stranded": stranding.why_stranded(found),
    }


def _link(found: Submission, now: datetime) -> dict[str, Any]:
    """The public link of an approved clip, and the last link that was closed."""
    share = Share.objects.granted(now).filter(output=found.output).first()
    ended = Share.objects.filter(output=found.output).exclude(revoked_at=None).order_by("-revoked_at").first()
    return {
        "share": share,
        "share_url": link(reverse("share_page", args=[share.token])) if share else "",
        "paused": share is not None and Share.objects.paused(now).filter(pk=share.pk).exists(),
        "ended": ended,
        "waits_for_link": found.publish_on_approval and not ended,
    }


def _may_appeal(decision: Decision, now: datetime) -> bool:
    asked = decision.is_approval or decision.appeals.filter(is_critique=False).exists()
    return not asked and not appeals.is_looked_at_again(decision.submission) and now <= appeals.closes_at(decision)


def _offered(found: Submission) -> list[dict[str, Any]]:
    """The artist's clips that are newer than the one sent back, and were not submitted yet."""
    mine = Output.objects.owned_by(found.enrollment.user).filter(program=found.program)
    newer = mine.filter(created_at__gt=found.output.created_at).exclude(enrollment__cohort__kind="red_team")
    fresh = newer.exclude(submissions__in=Submission.objects.exclude(state="withdrawn"))
    rows = fresh.select_related("job__brief").prefetch_related("renditions").order_by("-created_at")[:OFFERED]
    return [{"output": output, "prompt": output.job.brief.prompt, **addresses(output)} for output in rows]


def _back(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    return redirect("submission", slug=request.program.slug, submission_id=submission_id)


@for_artists
@require_POST
def answer(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Answer a request for changes with words, and the same clip."""
    found, form = own_submission(request, submission_id), AnswerForm(request.POST)
    if not form.is_valid():
        return show(request, found, answering=form)
    submitting.answer(found, by=request.user, words=form.cleaned_data["words"])
    messages.success(request, _("Answered. The clock goes on, and whoever asked gets it back first."))
    return _back(request, submission_id)


@for_artists
@require_POST
def say_critique(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Say that the clip is critique, also after a no."""
    submitting.say_critique(own_submission(request, submission_id), by=request.user)
    messages.success(request, _("Noted. No reviewer sees it before the verdict; a no to this clip needs two people."))
    return _back(request, submission_id)


@for_artists
@require_POST
def appeal(request: MemberRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Ask somebody who had no part in a no to look again."""
    mine = Decision.objects.told(clock.now()).filter(artist=request.user, submission__program=request.program)
    decision = get_object_or_404(mine.select_related("submission__program", "artist"), pk=decision_id)
    form = AppealForm(request.POST)
    if not form.is_valid():
        return show(request, own_submission(request, decision.submission_id), appealing=form)
    appeals.open_appeal(decision, by=request.user, words=form.cleaned_data["words"])
    messages.success(request, _("Your appeal is in. Somebody who had no part in the decision looks at the clip."))
    return _back(request, decision.submission_id)
