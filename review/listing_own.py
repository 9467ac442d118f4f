"""An artist's own submissions by where they stand, newest first, page by page.

What the program watches and nobody asked to share stands apart: it is in no count of what was asked for.
"""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, OuterRef, Q, Subquery

from access.models import Program, User
from review import story
from review.models import Decision, Submission, SubmissionQuerySet, Verdict

PAGE = 24
WATCHED = "watched"
STATES = ("waiting", "changes", "approved", "rejected", "answered", "withdrawn", WATCHED)


def own(user: User, program: Program, at: datetime) -> SubmissionQuerySet:
    """The artist's submissions in a program, each with ``verdict``: what was decided and is in effect."""
    decided = story.outcomes(at).filter(submission=OuterRef("pk")).values("verdict")[:1]
    mine = Submission.objects.owned_by(user).filter(program=program)
    return mine.annotate(verdict=Subquery(decided))


def standing_at(mine: SubmissionQuerySet, state: str) -> SubmissionQuerySet:
    """Those in one of ``STATES``. What is decided and not in effect yet is still waiting."""
    if state == WATCHED:
        return mine.filter(asked=False)
    mine = mine.filter(asked=True)
    if state in Verdict.values:
        return mine.filter(state=Submission.State.DECIDED, verdict=state)  # type: ignore[misc]  # annotated above
    if state == Submission.State.WAITING:
        undecided = Q(state=Submission.State.DECIDED, verdict=None)
        return mine.filter(Q(state=state) | undecided)
    return mine.filter(state=state)


def counts(mine: SubmissionQuerySet) -> list[tuple[str, int]]:
    """How many are in each state, in the order of ``STATES``; none are left out."""
    found: Counter[str] = Counter()
    kinds = mine.order_by().values_list("asked", "state", "verdict")  # type: ignore[misc]  # annotated above
    for asked, state, verdict, n in kinds.annotate(n=Count("pk")):
        decided = state == Submission.State.DECIDED
        known = (verdict or "waiting") if decided else state
        found[known if asked else WATCHED] += n
    return [(state, found[state]) for state in STATES if found[state]]


@dataclass(frozen=True)
class Page:
    """Some rows; ``older`` names the last one if more follow."""

    rows: list[Submission]
    older: uuid.UUID | None

    def outcomes(self, at: datetime) -> dict[uuid.UUID, Decision]:
        """The decision of each row that is in effect."""
        return {made.submission_id: made for made in story.outcomes(at).filter(submission__in=self.rows)}


def page(mine: SubmissionQuerySet, *, state: str = "", before: str = "") -> Page:
    """The newest submissions, or those older than the one that ``before`` names."""
    rows = standing_at(mine, state) if state else mine.filter(asked=True)
    if last := _last(mine, before):
        rows = rows.filter(Q(submitted_at__lt=last.submitted_at) | Q(submitted_at=last.submitted_at, pk__gt=last.pk))
    ordered = rows.order_by("-submitted_at", "pk").select_related("program", "output")
    found = list(ordered.prefetch_related("output__renditions")[: PAGE + 1])
    return Page(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None)


def _last(mine: SubmissionQuerySet, before: str) -> Submission | None:
    try:
        return mine.filter(pk=uuid.UUID(before)).first() if before else None
    except ValueError:
        return None
