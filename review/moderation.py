"""A reviewer gives a verdict; it takes effect half a minute later, unless undone."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from access import audit, clock, storing
from access.models import User
from access.refusals import NotAllowed
from review import announcing, policies
from review.claiming import check_judge
from review.models import Claim, Clause, Decision, Opinion, Submission, SubmissionQuerySet, Verdict, Withdrawal
from review.refusals import (
    BytesChanged,
    ClaimLost,
    ClauseForeign,
    DecidedAlready,
    NotRevealed,
    RangeOutside,
    ReasonsMissing,
    RoundPassed,
    ShownOther,
    SubmissionWithdrawn,
    UndoneAlready,
    UndoTooLate,
)

SERVED = ("playable", "poster")  # what a share of an approval may serve, in the versions of the day


@dataclass(frozen=True)
class Seen:
    """What the page showed when the verdict was given on it."""

    fence: int
    round: int
    shown_sha256: str


@dataclass(frozen=True)
class Reasons:
    """Why not: the clause, words to the artist, where in the clip. ``private_note`` is for the program alone."""

    clause: Clause | None = None
    words: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    private_note: str = ""


NO_REASONS = Reasons()


def decide(claim: Claim, *, reviewer: User, verdict: str, seen: Seen, reasons: Reasons = NO_REASONS) -> Decision:
    """Record a verdict on what was seen, under a live claim. It binds from ``effective_at`` on.

    Raises:
        BytesChanged: the master or the shown file no longer has its hash.
        OwnOutput, ConflictDeclared, NotAllowed: this reviewer must not judge it.
        SubmissionWithdrawn, DecidedAlready, RoundPassed, ClaimLost, ShownOther: the page is stale.
        NotRevealed: an approval without a look.
        ReasonsMissing, ClauseForeign, RangeOutside: a no that does not say why.
    """
    _check_bytes(claim)  # before the locks: nobody waits for a disk
    with audit.recorded():
        submission = _locked(claim.submission_id)
        now = clock.now()
        check_judge(reviewer, submission, now)
        _check_stage(submission, seen, reviewer)
        _close(claim, reviewer, seen, now)
        said = _check_reasons(submission, verdict, reasons, claim)
        if not _waiting(submission).filter(fence=seen.fence).update(state=Submission.State.DECIDED):
            raise ClaimLost
        decision = _decide(_say(claim, said, verdict, now), submission)
        announcing.announce(decision)
        _trace(decision, said)
    return decision


def _check_bytes(claim: Claim) -> None:
    output = claim.submission.output
    if claim.shown.parent_sha256 != output.master_sha256:
        raise BytesChanged
    if not all(storing.is_intact(file) for file in (output.master, claim.shown.file)):
        raise BytesChanged


def _locked(pk: uuid.UUID) -> Submission:
    related = Submission.objects.select_related("program", "output", "enrollment__user__person")
    return related.select_for_update(of=("self",)).get(pk=pk)


def _waiting(submission: Submission) -> SubmissionQuerySet:
    return Submission.objects.waiting().filter(pk=submission.pk, round=submission.round)


def _check_stage(submission: Submission, seen: Seen, reviewer: User) -> None:
    """Whether the submission still waits in the round that the reviewer saw."""
    if submission.state == Submission.State.WITHDRAWN:
        raise SubmissionWithdrawn
    if submission.state == Submission.State.DECIDED:
        raise _decided_already(submission, reviewer)
    if submission.round != seen.round:
        raise RoundPassed


def _decided_already(submission: Submission, reviewer: User) -> DecidedAlready:
    decision = submission.decisions.standing().order_by("-decided_at").first()
    if decision is None:
        return DecidedAlready()
    who = _("You") if decision.decided_by_id == reviewer.pk else _("Reviewer %s") % decision.decided_by.pseudonym
    facts = {"who": who, "verdict": decision.get_verdict_display().lower()}
    sentence = _("%(who)s %(verdict)s this submission already, so this verdict was not recorded.") % facts
    return DecidedAlready(sentence, decision=decision)


def _close(claim: Claim, reviewer: User, seen: Seen, at: datetime) -> None:
    """End the claim that the verdict was given under; without it there is no verdict."""
    own = Claim.objects.live(at).filter(pk=claim.pk, reviewer=reviewer, fence=seen.fence, round=seen.round)
    if not own.update(released_at=at):
        raise ClaimLost
    if claim.shown.sha256 != seen.shown_sha256:
        raise ShownOther


def _check_reasons(submission: Submission, verdict: str, reasons: Reasons, claim: Claim) -> Reasons:
    if verdict == Verdict.APPROVED:
        if claim.revealed_at is None:
            raise NotRevealed
        return Reasons(private_note=reasons.private_note)  # a yes needs no reasons; half-typed ones are not sent
    if not (reasons.clause and reasons.words.strip()) or reasons.from_ms is None or reasons.to_ms is None:
        raise ReasonsMissing
    if reasons.clause.policy_id != submission.policy_id:
        raise ClauseForeign
    if not 0 <= reasons.from_ms <= reasons.to_ms <= duration_ms(submission):
        raise RangeOutside
    return reasons


def duration_ms(submission: Submission) -> int:
    return round(submission.output.seconds * 1000)


def _say(claim: Claim, said: Reasons, verdict: str, at: datetime) -> Opinion:
    return Opinion.objects.create(
        submission_id=claim.submission_id,
        round=claim.round,
        reviewer=claim.reviewer,
        claim=claim,
        verdict=verdict,
        clause=said.clause,
        words=said.words,
        from_ms=said.from_ms,
        to_ms=said.to_ms,
        private_note=said.private_note,
        master_sha256=claim.submission.output.master_sha256,
        shown_sha256=claim.shown.sha256,
        given_at=at,
    )


def _decide(opinion: Opinion, submission: Submission) -> Decision:
    """The decision that one opinion makes."""
    served = [submission.output.rendition(recipe) for recipe in SERVED]
    return Decision.objects.create(
        submission=submission,
        round=opinion.round,
        verdict=opinion.verdict,
        first=opinion,
        clause=opinion.clause,
        words=opinion.words,
        from_ms=opinion.from_ms,
        to_ms=opinion.to_ms,
        artist=submission.enrollment.user,
        decided_by=opinion.reviewer,
        master_sha256=opinion.master_sha256,
        shown_sha256=opinion.shown_sha256,
        recipes=[[made.recipe, made.version] for made in served if made],
        decided_at=opinion.given_at,
        effective_at=opinion.given_at + timedelta(seconds=settings.UNDO_SECONDS),
    )


def _trace(decision: Decision, said: Reasons) -> None:
    facts = {
        "submission": str(decision.submission_id),
        "round": decision.round,
        "verdict": decision.verdict,
        "clause": said.clause.code if said.clause else "",
        "range_ms": [said.from_ms, said.to_ms],
        "master_sha256": decision.master_sha256,
        "shown_sha256": decision.shown_sha256,
        "effective_at_us": audit.microseconds(decision.effective_at),
    }
    program, at = decision.submission.program, decision.decided_at
    words = "\n".join(filter(None, [said.words, said.private_note]))
    audit.trace(
        "decide", program=program, at=at, actor=decision.decided_by, subject=decision, facts=facts, private=words
    )


def undo(decision: Decision, *, by: User) -> Withdrawal:
    """Take a decision back before it takes effect; the submission waits again, in its next round.

    Raises:
        NotAllowed: ``by`` did not decide it.
        UndoTooLate: it has taken effect.
        UndoneAlready.
    """
    if not policies.may_undo(by, decision):
        raise NotAllowed
    with audit.recorded():
        submission = _locked(decision.submission_id)
        now = clock.now()
        if decision.effective_at <= now:
            raise UndoTooLate
        withdrawal = _withdraw(decision, by, now)
        back = {"state": Submission.State.WAITING, "round": F("round") + 1}
        if not Submission.objects.filter(pk=submission.pk, state="decided", round=decision.round).update(**back):
            raise UndoneAlready
        announcing.hush(decision, at=now)
        audit.trace("undo", program=submission.program, at=now, actor=by, subject=decision)
    return withdrawal


def _withdraw(decision: Decision, by: User, at: datetime) -> Withdrawal:
    try:
        with transaction.atomic():
            return Withdrawal.objects.create(decision=decision, by=by, withdrawn_at=at)
    except IntegrityError:
        raise UndoneAlready from None
