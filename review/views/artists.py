"""The artist's side: ask, and wait with a clock. And the policy, for all."""

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
from generation.models import Output
from review import announcing, listing_own, story, submitting
from review.artist_forms import MailForm, SubmitForm
from review.models import Critique, Decision, Policy, ReviewTerms, Submission


@for_artists
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: MemberRequest, output_id: uuid.UUID) -> HttpResponse:
    """Ask to share an output, or answer with it. One that is submitted already leads to its submission."""
    mine = Output.objects.owned_by(request.user).filter(program=request.program)
    output = get_object_or_404(mine.select_related("job__brief", "enrollment__cohort", "master"), pk=output_id)
    if known := output.submissions.exclude(state="withdrawn").first():
        return redirect("submission", slug=request.program.slug, submission_id=known.pk)
    answers = _answered(request)
    form = SubmitForm(request.POST or None, initial=_initial(output, answers))
    if request.method == "POST" and form.is_valid():
        try:
            asked = submitting.submit(
                output, enrollment=request.enrollment, wish=form.wish(), credential=request.credential, answers=answers
            )
            return redirect("submission", slug=request.program.slug, submission_id=asked.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.sentence))
    context = _submit_context(request, output, form, answers)
    return render(request, "review/submit.html", context, status=422 if request.method == "POST" else 200)


def _answered(request: MemberRequest) -> Submission | None:
    """The artist's own submission that this one answers, if the page was opened from one that was sent back."""
    said = request.POST.get("answers", "") or request.GET.get("answers", "")
    if not said:
        return None
    try:
        key = uuid.UUID(said)
    except ValueError:
        raise Http404 from None
    return get_object_or_404(Submission.objects.owned_by(request.user).filter(program=request.program), pk=key)


def _initial(output: Output, answers: Submission | None) -> dict[str, Any]:
    """What the artist said of the clip before this one, or of this one before they took it back."""
    before = answers or output.submissions.filter(asked=True).order_by("-submitted_at").first()
    if before is None:
        return {"title": Truncator(" ".join(output.job.brief.prompt.split())).chars(80), "publish_on_approval": ""}
    return {
        **{name: getattr(before, name) for name in ("title", "credit", "statement")},
        "publish_on_approval": "on" if before.publish_on_approval else "",
        "is_critique": Critique.objects.filter(submission=before).exists(),
    }


def _submit_context(
    request: MemberRequest, output: Output, form: SubmitForm, answers: Submission | None
) -> dict[str, Any]:
    now = clock.now()
    return {
        "form": form,
        "output": output,
        "answers": answers,
        "asked": submitting.sent_back(answers, now) if answers else None,
        "policy": Policy.objects.in_force(request.program, now),
        "terms": ReviewTerms.objects.in_force(request.program),
        "program": request.program,
        **addresses(output),
    }


def addresses(output: Output) -> dict[str, str]:
    """Where the renditions of an output are, e.g. ``poster_url``."""
    shared = [made for made in output.renditions.all() if made.personal_to_id is None]
    return {f"{made.recipe}_url": reverse("media", args=[made.file_id]) for made in shared}


@for_artists
@require_safe
def submissions(request: MemberRequest) -> HttpResponse:
    """All that the artist asked to share, newest first; by state, and page by page."""
    now = clock.now()
    own = listing_own.own(request.user, request.program, now)
    chosen = request.GET.get("state", "") if request.GET.get("state", "") in listing_own.STATES else ""
    page = listing_own.page(own, state=chosen, before=request.GET.get("before", ""))
    outcomes = page.outcomes(now)
    context = {
        "rows": [row(found, outcomes.get(found.pk), now) for found in page.rows],
        "page": page,
        "counts": listing_own.counts(own),
        "chosen": chosen,
        "now": now,
        "terms": ReviewTerms.objects.in_force(request.program),
        "mail_form": MailForm(initial={"daily": "on" if announcing.wants_digest(request.user) else ""}),
    }
    return render(request, "review/submissions.html", context)


def row(submission: Submission, decision: Decision | None, now: datetime) -> dict[str, Any]:
    """A submission as its artist may know it."""
    known = story.known(submission, decision)
    late = known == "waiting" and story.is_late(submission, now)
    return {
        "submission": submission,
        "decision": decision,
        "known": known,
        "late": late,
        "is_due": known == "waiting" and submission.due_at <= now and not late,
        "url": announcing.page_of(submission),
        **addresses(submission.output),
    }


def own_submission(request: MemberRequest, submission_id: uuid.UUID) -> Submission:
    """The artist's own submission with what its page needs; 404 for anybody else's."""
    mine = Submission.objects.owned_by(request.user).filter(program=request.program)
    related = ("program", "policy", "enrollment__user", "output__job__brief", "output__enrollment__cohort")
    return get_object_or_404(mine.select_related(*related), pk=submission_id)


@for_artists
@require_POST
def withdraw(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Take a waiting submission back."""
    found = own_submission(request, submission_id)
    submitting.withdraw(found, by=request.user)
    messages.success(request, _("Withdrawn. The clip is yours alone again; you can submit it anew at any time."))
    return redirect("submission", slug=request.program.slug, submission_id=found.pk)


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
