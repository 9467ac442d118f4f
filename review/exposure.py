"""How long reviewers have had revealed clips before them, and when it is enough for a day."""

from datetime import datetime, timedelta

from access.models import User
from access.sql import change
from review.models import Claim, Exposure
from review.queueing import Asker
from review.refusals import ExposureSpent


def today(reviewer: User, at: datetime) -> timedelta:
    """What this reviewer has watched on the day (UTC) of an instant, in all programs, of claims that have ended."""
    ms = Exposure.objects.filter(reviewer=reviewer, on=at.date()).values_list("ms", flat=True).first()
    return timedelta(milliseconds=ms or 0)


def check(asker: Asker) -> None:
    """Nothing while there is something left of the day's budget.

    Raises:
        ExposureSpent.
    """
    if asker.budget and asker.watched >= asker.budget:
        raise ExposureSpent


_ADD = """
INSERT INTO review_exposure (reviewer_id, "on", ms) VALUES (%(reviewer)s, %(on)s, %(ms)s)
ON CONFLICT (reviewer_id, "on") DO UPDATE SET ms = review_exposure.ms + excluded.ms"""


def add(claim: Claim, until: datetime) -> None:
    """Count the time from reveal to the claim's end towards the reviewer's day."""
    if claim.revealed_at is None:
        return
    ms = max(0, round((until - claim.revealed_at).total_seconds() * 1000))
    change(_ADD, reviewer=claim.reviewer_id, on=until.date(), ms=ms)
