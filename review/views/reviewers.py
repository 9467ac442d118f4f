"""What a reviewer does with a look: take it, keep it, reveal it, hand it on, give a verdict, take that back."""

import uuid
from contextlib import suppress
from dataclasses import replace

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.dateformat import format as date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_reviewers
from access.models import User
from access.refusals import Refused
from review import balloting, claiming, drafting, escalating, looking, moderation, presence
from review.fields import IntervalsField, variant
from review.models import Claim, Decision, Look
from review.refusals import ClaimInHand, ClaimLost
from review.verdict_form import VerdictForm
from review.verdicts import Given, Seen
from review.views.screen import begins_revealed, clip, in_hand, load, show


@for_reviewers
@require_safe
def review(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """The look in hand: veiled until revealed, beside its prompt and the policy."""
    return show(request, load(request, look_id))


# --- taking and handing back ------------------------------------------------------------------------------------------


@for_reviewers
@require_POST
def review_next(request: MemberRequest) -> HttpResponse:
    """Take the next one in the published order."""
    return _next(request)


def _next(request: MemberRequest) -> HttpResponse:
    try:
        held = claiming.claim_next(request.user, program=request.program)
    except ClaimInHand as refusal:
        return _to_the_one_in_hand(request, refusal)
    except Refused as refusal:  # what was done before is done, and the landing offers its undo
        messages.warning(request, str(refusal.sentence))
        return redirect("review_queue", slug=request.program.slug)
    if held is None:
        messages.info(request, _("Nothing is free at the moment."))
        return redirect("review_queue", slug=request.program.slug)
    return _open(request, held)


def _open(request: MemberRequest, held: Claim) -> HttpResponse:
    """To the page of what was just taken, revealed if this reviewer wants that."""
    if begins_revealed(held):
        claiming.reveal(held)
    where = reverse("review", args=[request.program.slug, held.look_id])
    if "X-Swaps" not in request.headers:
        return redirect(where)
    page = show(request, load(request, held.look_id))  # a script needs not come back for it
    page.headers["X-Location"] = where
    return page


def _keep(request: MemberRequest) -> None:
    """Whatever is pressed, what was typed and played on the page is kept, for the look that it was open for."""
    held = _open_for(request)
    if held is None:
        return
    drafting.keep(held.look, reviewer=request.user, fields=request.POST)
    if played := IntervalsField(required=False).clean(request.POST.get("played", "")):
        with suppress(ClaimLost):
            looking.note(held, looking.Report(played=played))


def _open_for(request: MemberRequest) -> Claim | None:
    """The reviewer's claim, live or not, on the look that the page was open for, while it still waits."""
    try:
        look = uuid.UUID(request.POST.get("on", ""))
    except ValueError:
        return None
    mine = Claim.objects.filter(reviewer=request.user, look=look, look__state=Look.State.WAITING)
    return mine.select_related("look").order_by("-fence").first()


def _back(request: MemberRequest, look: Look) -> HttpResponse:
    return redirect("review", slug=request.program.slug, look_id=look.pk)


@for_reviewers
@require_POST
def review_claim(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """Take this one, e.g. again after the claim ran out; or turn to this one of several in hand."""
    look = load(request, look_id)
    _keep(request)
    try:
        return _open(request, claiming.claim(look, reviewer=request.user))
    except ClaimInHand as refusal:
        return _to_the_one_in_hand(request, refusal)


def _to_the_one_in_hand(request: MemberRequest, refusal: ClaimInHand) -> HttpResponse:
    messages.warning(request, refusal.sentence)
    held = refusal.facts["claim"]
    assert isinstance(held, Claim)
    return redirect("review", slug=held.look.program.slug, look_id=held.look_id)


@for_reviewers
@require_POST
def review_reveal(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    held = in_hand(request, look_id)
    _keep(request)
    return _back(request, claiming.reveal(held).look)


@for_reviewers
@require_POST
def review_release(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    held = in_hand(request, look_id)
    _keep(request)
    claiming.release(held)
    messages.info(request, _("Handed back. It keeps its place in the queue, and your words are kept."))
    return redirect("review_queue", slug=request.program.slug)


@for_reviewers
@require_POST
def review_ahead(request: MemberRequest) -> HttpResponse:
    """Take the one after the one in hand, for its clip to be loaded beforehand; 204 if there is none."""
    try:
        following = claiming.claim_next(request.user, program=request.program, ahead=True)
    except Refused:
        following = None  # it is a kindness; why not is said when it is asked for in earnest
    if following is None:
        return HttpResponse(status=204)
    shown = clip(following.submission.output)
    loads = {"video": reverse("media", args=[following.shown.file_id]), "sheet": shown.get("contact_sheet_url", "")}
    return JsonResponse(loads)


# --- while the page is open -------------------------------------------------------------------------------------------


@for_reviewers
@require_POST
def review_renew(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """The open page's heartbeat: the claim goes on, what was played and typed is kept."""
    _keep(request)
    held = claiming.renew(in_hand(request, look_id))
    for following in Claim.objects.live(clock.now()).leading().filter(reviewer=request.user, is_ahead=True):
        claiming.renew(following)
    until = localtime(held.leased_until)
    others = presence.here(held.look, reviewer=request.user)
    facts = {"leased_until": until.isoformat(), "words": date_format(until, "H:i e")}
    return JsonResponse({**facts, "others": _named(others)})


@for_reviewers
@require_POST
def review_leave(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """The page is being left: what was typed and played is kept, and soon others may have the look."""
    _keep(request)
    claiming.leave(in_hand(request, look_id))
    return HttpResponse(status=204)


@for_reviewers
@require_POST
def review_draft(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """Keep what is typed, also after the claim has ended."""
    drafting.keep(in_hand(request, look_id).look, reviewer=request.user, fields=request.POST)
    return HttpResponse(status=204)


@for_reviewers
@require_POST
def review_here(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """The page is open with somebody who holds nothing: who else is there."""
    return JsonResponse({"others": _named(presence.here(load(request, look_id), reviewer=request.user))})


def _named(others: list[User]) -> str:
    """A sentence about who else has the page open, empty if nobody has."""
    names = ", ".join(other.pseudonym for other in others)
    words = ngettext("Reviewer %(names)s has this page open, too.", "Also open with reviewers %(names)s.", len(others))
    return words % {"names": names} if others else ""


# --- out of one's hands -----------------------------------------------------------------------------------------------


@for_reviewers
@require_POST
def review_skip(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    held = in_hand(request, look_id)
    _keep(request)
    try:
        claiming.skip(held, reason=request.POST.get("reason", ""))
    except Refused as refusal:
        return _refused(request, held, refusal)
    drafting.discard(held.look, reviewer=request.user)
    messages.info(request, _("Passed by. It goes to somebody else and does not come to you again."))
    return _next(request)


@for_reviewers
@require_POST
def review_escalate(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    held = in_hand(request, look_id)
    _keep(request)
    try:
        escalating.escalate(held, question=request.POST.get("question", ""))
    except Refused as refusal:
        return _refused(request, held, refusal)
    messages.info(request, _("Your question is with the leads. If they advise you, it comes back to you first."))
    return _next(request)


def _refused(request: MemberRequest, held: Claim, refusal: Refused) -> HttpResponse:
    """The page with the sentence; every word was kept before the verb was tried."""
    return show(request, load(request, held.look_id), refusal=refusal)


# --- the verdict ------------------------------------------------------------------------------------------------------


@for_reviewers
@require_POST
def decide(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """Record the verdict and, if asked, take the next one; a refusal shows the page again with every word kept."""
    held = in_hand(request, look_id)
    form = VerdictForm(request.POST, look=held.look)
    if not form.is_valid():
        _keep(request)
        return show(request, load(request, look_id), form)
    try:
        given = _cast(request, held, form)
    except Refused as refusal:
        _keep(request)
        return show(request, load(request, look_id), form, refusal=refusal)
    return _onward(request, given)


def _cast(request: MemberRequest, held: Claim, form: VerdictForm) -> Given:
    return balloting.cast(held, reviewer=request.user, key=form.once, said=_said(form), seen=form.seen())


def _said(form: VerdictForm) -> balloting.Verdict:
    return balloting.Verdict(form.cleaned_data["verdict"], form.reasons(), form.scope())


def _onward(request: MemberRequest, given: Given) -> HttpResponse:
    if given.decision is None:
        messages.info(request, _("Your opinion is recorded."))
    if request.POST.get("next"):
        return _next(request)
    return redirect("review_queue", slug=request.program.slug)


@for_reviewers
@require_POST
def review_stack(request: MemberRequest, look_id: uuid.UUID) -> HttpResponse:
    """The same verdict on all variants of a brief that the page displays; what was not recorded is named, each."""
    held = in_hand(request, look_id)
    form = VerdictForm(request.POST, look=held.look)
    if not form.is_valid():
        _keep(request)
        return show(request, load(request, look_id), form)
    said, key = _said(form), form.once
    others = [(claim, seen) for claim, seen in _displayed(request) if claim.look_id != held.look_id]
    own = balloting.cast_on_all([(held, form.seen())], reviewer=request.user, key=key, said=said)
    bare = replace(said, reasons=replace(said.reasons, remarks=()))  # notes are about one clip
    outcomes = own + balloting.cast_on_all(others, reviewer=request.user, key=key, said=bare)
    return _after_several(request, outcomes)


def _displayed(request: MemberRequest) -> list[tuple[Claim, Seen]]:
    """The variants that the page displayed, as it displayed them; the clip in front stands in the form itself."""
    found = []
    for sent in request.POST.getlist("variant")[:20]:
        with suppress(ValidationError, Http404):  # what is none, or not theirs, stops none of the others
            look, seen = variant(sent)
            found.append((in_hand(request, look), seen))
    return found


def _after_several(request: MemberRequest, outcomes: list[balloting.Outcome]) -> HttpResponse:
    failed = [outcome for outcome in outcomes if outcome.refusal]
    counts = {"done": len(outcomes) - len(failed), "of": len(outcomes)}
    messages.info(request, _("%(done)d of %(of)d recorded.") % counts)
    for outcome in failed:
        facts = {"title": outcome.claim.submission.title, "why": outcome.refusal.sentence if outcome.refusal else ""}
        messages.warning(request, _("“%(title)s” is not recorded: %(why)s") % facts)
        _keep_words(request, outcome.claim.look)
    if failed:
        return _back(request, failed[0].claim.look)
    return _next(request)


def _keep_words(request: MemberRequest, look: Look) -> None:
    """What was said of all stays with each that it is not recorded of; notes are about one clip."""
    in_front = request.POST.get("on") == str(look.pk)
    said = {name: words for name, words in request.POST.items() if in_front or name != "remarks"}
    drafting.keep(look, reviewer=request.user, fields=said)


@for_reviewers
@require_POST
def review_undo(request: MemberRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Undo one's own decision in time, and take the submission in hand again; what was taken since is handed back."""
    mine = Decision.objects.filter(decided_by=request.user, submission__program=request.program)
    decision = get_object_or_404(mine.select_related("submission__program", "artist"), pk=decision_id)
    moderation.undo(decision, by=request.user)
    look = decision.submission.looks.waiting().filter(kind=Look.Kind.FIRST).first()
    try:
        _hand_back(request, look)
        held = claiming.claim(look, reviewer=request.user) if look else None
    except Refused as refusal:
        messages.info(request, _("Undone; it waits in the queue. %(why)s") % {"why": refusal.sentence})
        return redirect("review_queue", slug=request.program.slug)
    if held is None:
        return redirect("review_queue", slug=request.program.slug)
    messages.info(request, _("Undone. It is in your hands again."))
    return _open(request, held)


def _hand_back(request: MemberRequest, look: Look | None) -> None:
    """What was taken in the meantime goes back to its place; what is left of the stack of the same brief stays."""
    mine = Claim.objects.live(clock.now()).leading().filter(reviewer=request.user, is_ahead=False)
    if look and look.brief_id:
        mine = mine.exclude(with_claim__isnull=False, look__brief=look.brief_id)
    if held := mine.select_related("look__program", "submission", "reviewer").first():
        claiming.release(held)
