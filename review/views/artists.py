"""The artist's side: ask, wait with a clock, read the reason, open a link and close it. And the policy, for all."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_artists, for_signed_in
from access.models import Program
from access.refusals import Refused
from access.telling import link
from generation.models import Output
from review import sharing, submitting
from review.forms import ShareForm, SubmitForm
from review.models import Decision, Policy, ReviewTerms, Share, Submission

MOST = 200  # rows of a list; older ones are on their outputs' pages


@for_artists
@require_http_methods(["GET", "POST"])
def submit(request: MemberRequest, output_id: uuid.UUID) -> HttpResponse:
    """Ask to share an output. One that is submitted already leads to its submission."""
    mine = Output.objects.owned_by(request.user).filter(program=request.program)
    output = get_object_or_404(mine.select_related("job__brief", "enrollment__cohort", "master"), pk=output_id)
    if known := output.submissions.exclude(state="withdrawn").first():
        return redirect("submission", slug=request.program.slug, submission_id=known.pk)
    title = Truncator(" ".join(output.job.brief.prompt.split())).chars(80)
    form = SubmitForm(request.POST or None, initial={"title": title})
    if form.is_valid():
        try:
            said = form.cleaned_data
            wish = submitting.Wish(**said)
            asked = submitting.submit(output, enrollment=request.enrollment, wish=wish, credential=request.credential)
            return redirect("submission", slug=request.program.slug, submission_id=asked.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.sentence))
    return render(request, "review/submit.html", _submit_context(request, output, form), status=_form_state(request))


def _form_state(request: MemberRequest) -> int:
    return 422 if request.method == "POST" else 200


def _submit_context(request: MemberRequest, output: Output, form: SubmitForm) -> dict[str, Any]:
    policy = Policy.objects.in_force(request.program, clock.now())
    terms = ReviewTerms.objects.in_force(request.program)
    return {
        "form": form,
        "output": output,
        "policy": policy,
        "terms": terms,
        "program": request.program,
        **_addresses(output),
    }


def _addresses(output: Output) -> dict[str, str]:
    """Where the renditions of an output are, e.g. ``poster_url``."""
    shared = [made for made in output.renditions.all() if made.personal_to_id is None]
    return {f"{made.recipe}_url": reverse("media", args=[made.file_id]) for made in shared}


@for_artists
@require_safe
def submissions(request: MemberRequest) -> HttpResponse:
    """All that the artist asked to share, newest first."""
    now = clock.now()
    mine = Submission.objects.owned_by(request.user).filter(program=request.program).order_by("-submitted_at", "pk")
    asked = list(mine.prefetch_related("output__renditions")[:MOST])
    outcomes = {
        decision.submission_id: decision for decision in Decision.objects.effective(now).filter(submission__in=asked)
    }
    rows = [_row(found, outcomes.get(found.pk), now) for found in asked]
    return render(
        request,
        "review/submissions.html",
        {"rows": rows, "now": now, "terms": ReviewTerms.objects.in_force(request.program)},
    )


def _row(submission: Submission, decision: Decision | None, now: datetime) -> dict[str, Any]:
    """A submission as its artist may know it: a verdict that is not in effect yet is still waiting."""
    known = decision.verdict if decision else "withdrawn" if submission.state == "withdrawn" else "waiting"
    url = reverse("submission", args=[submission.program.slug, submission.pk])
    late = known == "waiting" and submission.due_at < now
    return {
        "submission": submission,
        "decision": decision,
        "known": known,
        "late": late,
        "url": url,
        **_addresses(submission.output),
    }


def _own(request: MemberRequest, submission_id: uuid.UUID) -> Submission:
    mine = Submission.objects.owned_by(request.user).filter(program=request.program)
    related = mine.select_related("program", "policy", "enrollment", "output__job__brief", "output__enrollment__cohort")
    return get_object_or_404(related, pk=submission_id)


def _outcome(submission: Submission, now: datetime) -> Decision | None:
    """The decision in effect; nothing of one that may still be undone."""
    effective = submission.decisions.effective(now).select_related("clause", "decided_by", "artist")
    return effective.order_by("-decided_at").first()


@for_artists
@require_safe
def submission(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """One submission: where it stands, until when, and why."""
    now = clock.now()
    found = _own(request, submission_id)
    decision = _outcome(found, now)
    share = Share.objects.granted(now).filter(output=found.output).first()
    context = {
        **_row(found, decision, now),
        "now": now,
        "share": share,
        "share_url": link(reverse("share_page", args=[share.token])) if share else "",
        "paused": share is not None and Share.objects.paused(now).filter(pk=share.pk).exists(),
        "ended": Share.objects.filter(output=found.output).exclude(revoked_at=None).order_by("-revoked_at").first(),
        "form": ShareForm(),
        **_range(decision),
    }
    context["waits_for_link"] = found.publish_on_approval and not context["ended"]
    return render(request, "review/submission.html", context)


def _range(decision: Decision | None) -> dict[str, float]:
    if decision is None or decision.from_ms is None or decision.to_ms is None:
        return {}
    return {"from_seconds": decision.from_ms / 1000, "to_seconds": decision.to_ms / 1000}


@for_artists
@require_POST
def withdraw(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Take a waiting submission back."""
    found = _own(request, submission_id)
    submitting.withdraw(found, by=request.user)
    messages.success(request, _("Withdrawn. The clip is yours alone again; you can submit it anew at any time."))
    return redirect("submission", slug=request.program.slug, submission_id=found.pk)


@for_artists
@require_POST
def open_link(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Open the public link of an approved output."""
    now = clock.now()
    decision = get_object_or_404(sharing.approvals(now), submission=_own(request, submission_id))
    form = ShareForm(request.POST)
    lasts = form.lasts if form.is_valid() else None
    until = now + lasts if lasts else None
    sharing.share(decision, by=request.user, expires_at=until, credential=request.credential)
    messages.success(request, _("The link is open. Whoever has it can watch the clip."))
    return redirect("submission", slug=request.program.slug, submission_id=submission_id)


@for_artists
@require_POST
def revoke_link(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Close the public link at once."""
    links = Share.objects.owned_by(request.user).filter(output=_own(request, submission_id).output)
    share = links.select_related("decision", "output__program").order_by("-pk").first()
    if share is None:
        raise Http404
    sharing.revoke(share, by=request.user)
    messages.success(request, _("The link is closed. Nobody can open it any more."))
    return redirect("submission", slug=request.program.slug, submission_id=submission_id)


@for_signed_in
@require_safe
def policy(request: MemberRequest, slug: str) -> HttpResponse:
    """The grounds for a no, for everybody in the program."""
    request.program = get_object_or_404(Program.objects.visible_to(request.user), slug=slug)
    found = Policy.objects.in_force(request.program, clock.now())
    return render(
        request,
        "review/policy.html",
        {"policy": found, "terms": ReviewTerms.objects.in_force(request.program), "program": request.program},
    )
