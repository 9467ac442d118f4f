"""A reviewer gives a verdict. With those of others where it needs them it binds half a minute later, unless undone."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from access import audit, clock, storing
from access.models import User
from access.refusals import NotAllowed, Refused
from access.sql import change, insert, locking, run
from review import announcing, appeals, escalating, exposure, looking, policies, saying, scrutiny
from review.beside import appeal_of
from review.models import (
    Claim,
    Decision,
    Look,
    Note,
    Opinion,
    Submission,
    Verdict,
    Withdrawal,
)
from review.refusals import (
    AppealSettled,
    BytesChanged,
    ClaimLost,
    DecidedAlready,
    RoundPassed,
    ShownOther,
    SubmissionWithdrawn,
    UndoneAlready,
    UndoTooLate,
)
from review.verdicts import EVERYBODY, NO_REASONS, Given, Reasons, Remark, Scope, Seen, narrowest


@dataclass(frozen=True)
class Stage:
    """A submission, locked: what the verdict meets."""

    claim: Claim
    submission: Submission
    people: int
    is_critique: bool


def decide(
    claim: Claim,
    *,
    reviewer: User,
    verdict: str,
    seen: Seen,
    reasons: Reasons = NO_REASONS,
    scope: Scope = EVERYBODY,
) -> Given:
    """Record a verdict on what was seen, under a live claim. What it decides binds from ``effective_at`` on.

    Raises:
        BytesChanged: the master or the shown file no longer has its hash.
        OwnOutput, ConflictDeclared, HadPart, NotAllowed: this reviewer must not judge it.
        SubmissionWithdrawn, DecidedAlready, RoundPassed, ClaimLost, ShownOther: the page is stale.
        NotRevealed, NotWatched, RangeNotWatched: not enough of the clip was looked at.
        ReasonsMissing, ClauseForeign, RangeOutside: a no that does not say why.
        ChangesSpent: changes were asked for twice already. AppealWantsVerdict: they are no answer to an appeal.
        EmbargoPassed: an embargo that ends before it begins.
        MachinesFirst: no machine has looked at what one person would approve, and it was sent only minutes ago.
    """
    check_bytes(claim)  # before the locks: nobody waits for a disk
    with audit.recorded():
        return give(claim, reviewer, verdict, seen, reasons, scope)


def check_bytes(claim: Claim) -> None:
    """Hash in full what is judged and what was shown.

    Raises:
        BytesChanged.
    """
    output = claim.submission.output
    if claim.shown.parent_sha256 != output.master_sha256:
        raise BytesChanged
    if not all(storing.is_intact(file) for file in (output.master, claim.shown.file)):
        raise BytesChanged


def give(claim: Claim, reviewer: User, verdict: str, seen: Seen, reasons: Reasons, scope: Scope) -> Given:
    """``decide`` within the caller's transaction and after its look at the bytes."""
    run(_LOCK + locking("s", "l"), look=claim.look_id)
    now = clock.now()
    stage = _meet(claim, reviewer, seen, now)
    _close(claim, reviewer, seen, now)
    whole = duration_ms(stage.submission)
    said = saying.check_reasons(claim, verdict, reasons, longest=whole)
    holds = saying.check_scope(verdict, scope, now)
    asked = None if verdict == Verdict.APPROVED else said.range
    attested = looking.attest(claim, seen.report, verdict=verdict, asked=asked, duration_ms=whole, at=now)
    exposure.add([claim], now)
    if claim.look.for_leads:
        escalating.take_over(claim.look, by=reviewer, at=now)
    opinion = _say(claim, said, verdict, holds, attested, now)
    decision = _follow(stage, opinion)
    _trace(opinion, decision, said)
    return Given(opinion, decision)


_LOCK = "SELECT 1 FROM review_submission s JOIN review_look l ON l.submission_id = s.id WHERE l.id = %(look)s"
# A statement of its own, after the lock: in the same one it would read what was so before waiting for it.
_MEETS = """
SELECT s.state, s.round, s.people, s.risk_band, l.state, l.rank,
    (SELECT 1 FROM review_critique k WHERE k.submission_id = s.id),
    (SELECT 1 FROM review_signal g JOIN review_bankentry e ON e.id = g.entry_id
     WHERE g.output_id = s.output_id AND g.kind = 'known_bad' AND e.removed_at IS NULL LIMIT 1)
FROM review_submission s JOIN review_look l ON l.submission_id = s.id
WHERE l.id = %(look)s"""


def _meet(claim: Claim, reviewer: User, seen: Seen, at: datetime) -> Stage:
    """What stands there, locked; the refusals of a page that is stale, or of a reviewer who must not judge."""
    state, round_, people, band, look_state, rank, critique, known_bad = run(_MEETS, look=claim.look_id)[0]
    submission = claim.submission
    submission.program = claim.look.program
    submission.state, submission.round, submission.people, submission.risk_band = state, round_, people, band
    claim.look.rank = rank
    if claim.look.is_binding and claim.look.kind != Look.Kind.APPEAL:
        _check_stage(submission, seen, reviewer)
    if look_state != Look.State.WAITING:
        raise _over(claim.look, reviewer)
    if why := policies.why_not(claim.look, reviewer, at):
        raise why
    return Stage(claim, submission, 2 if known_bad else people, bool(critique))


def _check_stage(submission: Submission, seen: Seen, reviewer: User) -> None:
    """Whether the submission still waits in the round that the reviewer saw."""
    if submission.state == Submission.State.WITHDRAWN:
        raise SubmissionWithdrawn
    if submission.state != Submission.State.WAITING:
        raise _decided_already(submission, reviewer)
    if submission.round != seen.round:
        raise RoundPassed


def _decided_already(submission: Submission, reviewer: User) -> DecidedAlready:
    decision = submission.decisions.standing().order_by("-decided_at").first()
    if decision is None:
        return DecidedAlready()
    if decision.decided_by_id == reviewer.pk:
        return _said_already(decision)
    facts = {"who": decision.decided_by.pseudonym, "verdict": decision.get_verdict_display().lower()}
    sentence = _("Reviewer %(who)s was faster. Their verdict, %(verdict)s, is recorded already; yours was not.") % facts
    return DecidedAlready(sentence)


def _said_already(said: Decision | Opinion) -> DecidedAlready:
    """One sentence, whether it decided something or was a check of quality: which it was is not told."""
    verdict = said.get_verdict_display().lower()
    return DecidedAlready(_("Your verdict, %(verdict)s, is recorded already; this one was not.") % {"verdict": verdict})


def _over(look: Look, reviewer: User) -> Refused:
    """This look has its opinion. What somebody else's was is not said: whoever looks next is to be blind to it."""
    if appeal_of(look):
        return AppealSettled()
    opinion = Opinion.objects.filter(look=look).first()
    if opinion is None:
        return ClaimLost()
    return _said_already(opinion) if opinion.reviewer_id == reviewer.pk else DecidedAlready()


def _close(claim: Claim, reviewer: User, seen: Seen, at: datetime) -> None:
    """End the claim that the verdict was given under, and its look; without them there is no verdict."""
    own = {"id": claim.pk, "reviewer": reviewer.pk, "fence": seen.fence, "round": seen.round}
    if not change(_CLOSE_CLAIM, **own, now=at):
        raise ClaimLost
    if claim.shown.sha256 != seen.shown_sha256:
        raise ShownOther
    if not change(_CLOSE_LOOK, id=claim.look_id, fence=seen.fence):
        raise ClaimLost


_CLOSE_CLAIM = """UPDATE review_claim SET released_at = %(now)s
WHERE id = %(id)s AND reviewer_id = %(reviewer)s AND fence = %(fence)s AND round = %(round)s
    AND released_at IS NULL AND leased_until > %(now)s"""
_CLOSE_LOOK = "UPDATE review_look SET state = 'done' WHERE id = %(id)s AND fence = %(fence)s AND state = 'waiting'"


def duration_ms(submission: Submission) -> int:
    return round(submission.output.seconds * 1000)


def _say(
    claim: Claim, said: Reasons, verdict: str, scope: Scope | None, attested: dict[str, object], at: datetime
) -> Opinion:
    opinion = Opinion(
        submission_id=claim.submission_id, look_id=claim.look_id, round=claim.round, kind=claim.look.kind,
        reviewer=claim.reviewer, claim=claim, verdict=verdict, clause=said.clause, words=said.words,
        from_ms=said.from_ms, to_ms=said.to_ms, private_note=said.private_note, attested=attested,
        master_sha256=claim.submission.output.master_sha256, shown_sha256=claim.shown.sha256, given_at=at,
    )  # fmt: skip
    if scope is not None:
        opinion.audience, opinion.embargo_until = scope.audience, scope.embargo_until
    insert(opinion)
    if said.remarks:
        Note.objects.bulk_create(_note(opinion, remark) for remark in said.remarks)
    return opinion


def _note(opinion: Opinion, remark: Remark) -> Note:
    note = Note(opinion=opinion, from_ms=remark.from_ms, to_ms=remark.to_ms, words=remark.words)
    if remark.region:
        note.x, note.y, note.width, note.height = remark.region
    return note


def _follow(stage: Stage, opinion: Opinion) -> Decision | None:
    """What an opinion leads to: the decision, another look by somebody else, the end of an appeal, or nothing."""
    if opinion.kind == Look.Kind.APPEAL:
        return appeals.settle_by(opinion, recipes=_recipes(stage.submission))
    if opinion.kind in (Look.Kind.QA, Look.Kind.GOLDEN):
        return None
    cited = [*_earlier(opinion), opinion]
    if further := _who_else(stage, cited):
        _ask_another(stage, further)
        return None
    if len(cited) == 1 and opinion.verdict == Verdict.APPROVED:
        scrutiny.check_machines_looked(stage.submission, opinion.given_at)
    return _decide(cited, stage.submission)


def _earlier(opinion: Opinion) -> list[Opinion]:
    """The opinions of the round that came before, in order; none before a first one."""
    if opinion.kind == Look.Kind.FIRST:
        return []
    binding = Opinion.objects.filter(kind__in=[Look.Kind.FIRST, Look.Kind.SECOND], submission=opinion.submission_id)
    return list(binding.filter(round=opinion.round).exclude(pk=opinion.pk).order_by("given_at"))


def _who_else(stage: Stage, cited: list[Opinion]) -> str:
    """The kind of look that is needed before this can be decided, empty if none is."""
    if len(cited) == 1:
        critical = stage.is_critique and cited[0].verdict != Verdict.APPROVED
        return Look.Kind.SECOND if stage.people > 1 or critical else ""
    disagree = len(cited) == 2 and cited[0].verdict != cited[1].verdict
    return Look.Kind.TIE_BREAK if disagree else ""


def _ask_another(stage: Stage, kind: str) -> None:
    before = stage.claim.look
    Look.objects.create(
        submission=stage.submission, program_id=before.program_id, artist_id=before.artist_id, round=before.round,
        kind=kind, rank=before.rank, due_at=before.due_at, asked_at=before.asked_at,
    )  # fmt: skip


_RECIPES = """SELECT recipe, max(version) FROM generation_rendition
WHERE output_id = %(output)s AND personal_to_id IS NULL AND recipe IN ('playable', 'poster')
GROUP BY recipe ORDER BY recipe"""  # what a share of an approval may serve, in the versions of the day


def _recipes(submission: Submission) -> list[list[object]]:
    return [list(row) for row in run(_RECIPES, output=submission.output_id)]


_DECIDED = (
    "UPDATE review_submission SET state = 'decided' WHERE id = %(id)s AND round = %(round)s AND state = 'waiting'"
)


def _decide(cited: list[Opinion], submission: Submission) -> Decision:
    """The decision that these opinions make; the last one has the say, and its reasons are the reasons."""
    last = cited[-1]
    first, second, tie_break = (*cited, None, None)[:3]
    if not change(_DECIDED, id=submission.pk, round=last.round):
        raise ClaimLost
    submission.state = Submission.State.DECIDED
    decision = Decision(
        submission=submission, round=last.round, verdict=last.verdict, first=first, second=second, tie_break=tie_break,
        clause=last.clause, words=last.words, from_ms=last.from_ms, to_ms=last.to_ms,
        artist=submission.enrollment.user, decided_by=last.reviewer, master_sha256=last.master_sha256,
        shown_sha256=last.shown_sha256, recipes=_recipes(submission), decided_at=last.given_at,
        effective_at=last.given_at + timedelta(seconds=settings.UNDO_SECONDS),
    )  # fmt: skip
    if decision.is_approval:
        scope = narrowest(cited)
        decision.audience, decision.embargo_until = scope.audience, scope.embargo_until
    insert(decision)
    announcing.announce(decision)
    return decision


def _trace(opinion: Opinion, decision: Decision | None, said: Reasons) -> None:
    claim, program = opinion.claim, opinion.claim.look.program
    facts = {
        "submission": str(opinion.submission_id),
        "round": opinion.round,
        "kind": opinion.kind,
        "verdict": opinion.verdict,
        "clause": said.clause.code if said.clause else "",
        "range_ms": [said.from_ms, said.to_ms],
        "attested": opinion.attested,
        "claim": str(claim.pk),
        "fence": claim.fence,
        "claimed_at_us": audit.microseconds(claim.claimed_at),
        "revealed_at_us": audit.microseconds(claim.revealed_at) if claim.revealed_at else None,
        "master_sha256": opinion.master_sha256,
        "shown_sha256": opinion.shown_sha256,
    }
    subject: Opinion | Decision = opinion
    if decision is not None:
        subject = decision
        facts |= {
            "opinions": [str(cited.pk) for cited in decision.opinions],
            "overturns": str(decision.overturns_id or ""),
            "effective_at_us": audit.microseconds(decision.effective_at),
        }
    words = "\n".join(filter(None, [said.words, said.private_note, *(remark.words for remark in said.remarks)]))
    audit.trace(
        "decide" if decision else "opine",
        program=program, at=opinion.given_at, actor=opinion.reviewer, subject=subject, facts=facts, private=words,
    )  # fmt: skip


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
        if decision.effective_at <= now or decision.overturns_id:
            raise UndoTooLate
        withdrawal = _withdraw(decision, by, now)
        back = {"state": Submission.State.WAITING, "round": F("round") + 1}
        if not Submission.objects.filter(pk=submission.pk, state="decided", round=decision.round).update(**back):
            raise UndoneAlready
        ask_again(submission, round_=decision.round + 1)
        announcing.hush(decision, at=now)
        audit.trace("undo", program=submission.program, at=now, actor=by, subject=decision)
    return withdrawal


def _locked(pk: uuid.UUID) -> Submission:
    related = Submission.objects.select_related("program", "enrollment__user__person")
    return related.select_for_update(of=("self",), no_key=True).get(pk=pk)


def ask_again(submission: Submission, *, round_: int) -> Look:
    """The first look of a submission's next round, in its old place."""
    before = submission.looks.filter(round=round_ - 1, kind__in=Look.BINDING)
    return Look.objects.create(
        submission=submission, program=submission.program, artist=submission.enrollment.user, round=round_,
        rank=max(submission.risk_band, *(look.rank for look in before)), due_at=submission.due_at,
        asked_at=submission.submitted_at, brief_id=next((look.brief_id for look in before if look.brief_id), None),
    )  # fmt: skip


def _withdraw(decision: Decision, by: User, at: datetime) -> Withdrawal:
    try:
        with transaction.atomic():
            return Withdrawal.objects.create(decision=decision, by=by, withdrawn_at=at)
    except IntegrityError:
        raise UndoneAlready from None
