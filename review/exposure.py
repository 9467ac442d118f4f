"""How long reviewers have had revealed clips before them, and when it is enough for a day."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from access import audit
from access.models import User
from access.sql import change
from review import looking
from review.models import Claim, Exposure
from review.queueing import Asker
from review.refusals import ExposureSpent

Span = tuple[datetime, datetime]


def today(reviewer: User, at: datetime) -> timedelta:
    """What this reviewer has watched on the day (UTC) of an instant, in all programs, of claims that have ended."""
    ms = Exposure.objects.filter(reviewer=reviewer, on=at.date()).values_list("ms", flat=True).first()
    return timedelta(milliseconds=ms or 0)


def check(asker: Asker) -> None:
    """Nothing while there is something left of the day's budget.

    Raises:
        ExposureSpent.
    """
    if is_spent(asker):
        raise ExposureSpent


def is_spent(asker: Asker) -> bool:
    """Whether they have watched as much today as the program allows."""
    return asker.budget is not None and asker.watched >= asker.budget


_ADD = """
INSERT INTO review_exposure (reviewer_id, "on", ms) VALUES (%(reviewer)s, %(on)s, %(ms)s)
ON CONFLICT (reviewer_id, "on") DO UPDATE SET ms = review_exposure.ms + excluded.ms"""


def add(ended: Collection[Claim], at: datetime) -> None:
    """Count the time from reveal to end towards their reviewers' days: clips of a stack play together and count once.

    The days are written in the order of their reviewers, so that of two who end claims none waits for the other.
    """
    for reviewer in sorted({claim.reviewer_id for claim in ended}):
        theirs = [claim for claim in ended if claim.reviewer_id == reviewer]
        counted = _counted(theirs)
        spans = [(claim.revealed_at, min(at, claim.leased_until)) for claim in theirs if claim.revealed_at]
        more = length([*spans, *counted]) - length(counted)
        if spans:
            change(_ADD, reviewer=reviewer, on=at.date(), ms=round(more / timedelta(milliseconds=1)))


def length(spans: Iterable[Span]) -> timedelta:
    """The time that stretches of time cover, what they have in common once."""
    covered = looking.union((audit.microseconds(start), audit.microseconds(end)) for start, end in spans)
    return timedelta(microseconds=sum(end - start for start, end in covered))


def _counted(ended: list[Claim]) -> list[Span]:
    """When clips of the same stacks were before the reviewer, of those that ended earlier."""
    leaders = [claim.with_claim_id or claim.pk for claim in ended if claim.look.brief_id]
    if not leaders:
        return []
    stacks = Claim.objects.filter(Q(pk__in=leaders) | Q(with_claim__in=leaders), revealed_at__isnull=False)
    before = stacks.filter(released_at__isnull=False).exclude(pk__in=[claim.pk for claim in ended])
    rows = before.values_list("revealed_at", "released_at", "leased_until")
    return [(start, min(end, leased)) for start, end, leased in rows if start and end]
