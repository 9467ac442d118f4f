"""What an artist may know of a submission: its decisions in effect, in order, and nothing of one that is not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from review import appeals, pseudonyms
from review.models import Answer, Appeal, Claim, Decision, DecisionQuerySet, Note, Submission, Verdict


@dataclass(frozen=True)
class Chapter:
    """A decision as its artist reads it."""

    decision: Decision
    by: str  # the reviewer's name before artists
    notes: list[Note]
    appeals: list[tuple[Appeal, str]]  # and by whom each was settled, empty while it is open
    answer: Answer | None
    appeal_until: datetime

    @property
    def is_overturned(self) -> bool:
        return hasattr(self.decision, "overturned_by")

    @property
    def own_appeal(self) -> Appeal | None:
        return next((appeal for appeal, _by in self.appeals if not appeal.is_critique), None)


def told(submission: Submission, at: datetime) -> DecisionQuerySet:
    """What its artist has heard of: in effect, also if it was overturned since; never what was undone in time."""
    return submission.decisions.told(at).order_by("decided_at")


def outcomes(at: datetime) -> DecisionQuerySet:
    """The decisions that say where their submissions stand: in effect, standing, of the present round."""
    return Decision.objects.effective(at).filter(round=F("submission__round"))


def known(submission: Submission, decision: Decision | None) -> str:
    """Where a submission stands, in a word: a verdict that is not in effect yet is still waiting."""
    if submission.state in (Submission.State.WITHDRAWN, Submission.State.ANSWERED):
        return submission.state
    return decision.verdict if decision else Submission.State.WAITING


def is_late(submission: Submission, at: datetime) -> bool:
    """Whether the promise to one that waits was not kept. By the clock alone, so that it tells nothing of a verdict
    that is not in effect yet: one that was given in time is in effect by then."""
    return submission.due_at + timedelta(seconds=settings.UNDO_SECONDS) <= at


def chapters(submission: Submission, at: datetime) -> list[Chapter]:
    """The decisions that the artist has heard of, oldest first."""
    related = ("clause", "first", "second", "tie_break", "decided_by", "overturned_by", "submission__program")
    answers = {given.round: given for given in submission.given_answers.all()}
    return [_chapter(decision, answers, at) for decision in told(submission, at).select_related(*related)]


def _chapter(decision: Decision, answers: dict[int, Answer], at: datetime) -> Chapter:
    by = pseudonyms.name(decision.decided_by, decision.submission.program, decision.decided_at)
    settled = decision.appeals.select_related("opinion__reviewer").order_by("opened_at")
    found = [(appeal, _settled_by(appeal, decision)) for appeal in settled]
    answer = answers.get(decision.round + 1) if decision.verdict == Verdict.CHANGES else None
    return Chapter(decision, by, notes(decision), found, answer, appeals.closes_at(decision))


def _settled_by(appeal: Appeal, decision: Decision) -> str:
    if appeal.opinion is None or appeal.settled_at is None:
        return ""
    return pseudonyms.name(appeal.opinion.reviewer, decision.submission.program, appeal.settled_at)


def notes(decision: Decision) -> list[Note]:
    """The remarks of those who were of the decision's mind, in the order of the clip."""
    agreed = [said.pk for said in decision.opinions if said.verdict == decision.verdict]
    return list(Note.objects.filter(opinion__in=agreed).order_by("from_ms", "pk"))


@dataclass(frozen=True)
class Opening:
    """Somebody had the clip before them, unveiled, from this instant on."""

    by: str
    at: datetime


def openings(submission: Submission) -> list[Opening]:
    """Who looked at the clip and when, whatever came of it; oldest first."""
    looked = Claim.objects.filter(submission=submission, revealed_at__isnull=False).order_by("revealed_at")
    names = pseudonyms.Names(submission.program)
    rows = looked.values_list("reviewer", "revealed_at")
    return [Opening(names.of(reviewer, at), at) for reviewer, at in rows if at]


def changes_left(submission: Submission, *, is_sent_back: bool) -> int:
    """How often changes may still be asked for; after that there is a verdict."""
    return max(0, Submission.MOST_CHANGES - submission.changes_made - is_sent_back)
