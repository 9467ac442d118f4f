"""Somebody who had no part in a no looks again: because the artist asks, or because it turned out to be critique."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from access import audit, clock
from access.models import User
from access.refusals import NotAllowed, WordsMissing
from review import announcing, clocks, policies
from review.models import Appeal, Decision, DecisionQuerySet, Look, Opinion, ReviewTerms, Submission, Verdict
from review.refusals import AppealClosed, AppealedAlready, AppealOpen, AppealSettled, NothingToAppeal
from review.verdicts import narrowest


def open_appeal(decision: Decision, *, by: User, words: str) -> Appeal:
    """Ask for another look at a no that is in effect, once per decision, within the days that the program gives.

    Raises:
        NotAllowed: ``by`` is not the artist.
        WordsMissing: no reason given.
        NothingToAppeal: it is a yes, not in effect, undone or overturned.
        AppealClosed: the days are over.
        AppealedAlready.
        AppealOpen: a second person looks at it by rule; what they say comes first.
    """
    if not policies.may_appeal(by, decision):
        raise NotAllowed
    if not words.strip():
        raise WordsMissing
    with audit.recorded():
        submission = _lock(decision)
        now = clock.now()
        _check_open_to(decision, submission, now)
        if now > closes_at(decision):
            raise AppealClosed
        if decision.appeals.filter(is_critique=False).exists():
            raise AppealedAlready
        check_nobody_looks(submission)
        made = _open(decision, words.strip(), now)
        audit.trace("appeal", program=submission.program, at=now, actor=by, subject=made, private=words)
    return made


def closes_at(decision: Decision) -> datetime:
    """Until when the artist may appeal, by the terms under which they submitted: newer ones take nothing away."""
    submission = decision.submission
    terms = ReviewTerms.objects.in_force(submission.program, submission.submitted_at)
    return decision.effective_at + terms.appeal_window


def _lock(decision: Decision) -> Submission:
    locked = Submission.objects.select_for_update(of=("self",), no_key=True).select_related("program")
    return locked.get(pk=decision.submission_id)


def _check_open_to(decision: Decision, submission: Submission, at: datetime) -> None:
    stands = Decision.objects.effective(at).filter(pk=decision.pk).exclude(verdict=Verdict.APPROVED)
    if not stands.exists() or submission.state != Submission.State.DECIDED or submission.round != decision.round:
        raise NothingToAppeal


def check_nobody_looks(submission: Submission) -> None:
    """One turn at a time: what a second person says of a decision comes before whatever follows from it.

    Raises:
        AppealOpen.
    """
    if is_looked_at_again(submission):
        raise AppealOpen


def is_looked_at_again(submission: Submission) -> bool:
    """Whether somebody is asked already; what they say comes first."""
    return Appeal.objects.open().filter(decision__submission=submission).exists()


def ask_second(decision: Decision, *, at: datetime) -> Appeal:
    """One person's no to what turned out to be critique stands only with a second one. In the caller's transaction."""
    made = _open(decision, "The artist says that this is critique.", at, is_critique=True)
    audit.trace("ask_second", program=decision.submission.program, at=at, actor=None, subject=made)
    return made


def lonely_noes(at: datetime) -> DecisionQuerySet:
    """Noes in effect that one person gave, to what its artist then called critique, and that nobody looked at since."""
    noes = Decision.objects.effective(at).exclude(verdict=Verdict.APPROVED).filter(second=None, appeals=None)
    asked = noes.filter(submission__critique__isnull=False, submission__state=Submission.State.DECIDED)
    return asked.filter(submission__round=F("round"))


def ask_due_seconds() -> int:
    """Ask a second person where the artist said "critique" while the undo of a no still ran; of how many."""
    due = list(lonely_noes(clock.now()).order_by("effective_at"))
    for decision in due:
        with audit.recorded():
            _lock(decision)
            now = clock.now()
            if lonely_noes(now).filter(pk=decision.pk).exists():
                ask_second(decision, at=now)
    return len(due)


def _open(decision: Decision, words: str, at: datetime, *, is_critique: bool = False) -> Appeal:
    submission = decision.submission
    terms = ReviewTerms.objects.in_force(submission.program)
    try:
        with transaction.atomic():
            look = Look.objects.create(
                submission=submission, program=submission.program, artist=decision.artist, round=decision.round,
                kind=Look.Kind.APPEAL, rank=submission.risk_band, asked_at=at,
                due_at=clocks.deadline(terms, submission.risk_band, at),
            )  # fmt: skip
            return Appeal.objects.create(
                decision=decision, look=look, words=words, opened_at=at, is_critique=is_critique
            )
    except IntegrityError:
        raise AppealedAlready from None


def settle_by(opinion: Opinion, *, recipes: list[list[object]]) -> Decision | None:
    """What the opinion of somebody new makes of an appeal: a new decision in place of the old one, or it stands.

    In the transaction of the verdict. Its result is in effect at once: the artist has waited twice.

    Raises:
        WordsMissing: none to the artist who appealed, and who gets an answer either way.
        AppealSettled.
    """
    appeal = Appeal.objects.select_related("decision__submission__program", "decision__artist").get(look=opinion.look)
    if not (answer := opinion.words.strip() or _unasked(appeal, opinion)):
        raise WordsMissing
    overturned = opinion.verdict == Verdict.APPROVED
    state = Appeal.State.OVERTURNED if overturned else Appeal.State.UPHELD
    ended = {"state": state, "opinion": opinion, "answer": answer, "settled_at": opinion.given_at}
    if not Appeal.objects.open().filter(pk=appeal.pk).update(**ended):
        raise AppealSettled
    appeal.refresh_from_db(fields=list(ended))
    decision = _overturn(appeal, opinion, recipes) if overturned else None
    announcing.announce_appeal(appeal)
    facts = {"state": state, "decision": str(appeal.decision_id)}
    audit.trace(
        "settle_appeal", program=appeal.decision.submission.program, at=opinion.given_at, actor=opinion.reviewer,
        subject=appeal, facts=facts,
    )  # fmt: skip
    return decision


def _unasked(appeal: Appeal, opinion: Opinion) -> str:
    """The answer where a rule asked and nobody knew that one is wanted: to ask for words would tell why it came."""
    return _("(approved without words)") if appeal.is_critique and opinion.verdict == Verdict.APPROVED else ""


def _overturn(appeal: Appeal, opinion: Opinion, recipes: list[list[object]]) -> Decision:
    old, scope = appeal.decision, narrowest([opinion])
    return Decision.objects.create(
        submission=old.submission, round=old.round, verdict=opinion.verdict, first=opinion, artist=old.artist,
        decided_by=opinion.reviewer, master_sha256=opinion.master_sha256, shown_sha256=opinion.shown_sha256,
        recipes=recipes, audience=scope.audience, embargo_until=scope.embargo_until, decided_at=opinion.given_at,
        effective_at=opinion.given_at, overturns=old,
    )  # fmt: skip
