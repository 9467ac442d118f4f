"""Whether critique is treated as everything else is: outcome and waiting, side by side, with intervals.

The artist's "this is critique" is read here of decided submissions alone, and only counted. It counts as critique what
was called so before the decision: what is called so after a no would all be rejections.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, F, OuterRef

from review import measures
from review.agreement import FEWEST, Period
from review.measures import Interval, Proportion, Quantile
from review.models import Appeal, Critique, Decision, Verdict


@dataclass(frozen=True)
class First:
    """The first answer that an artist got to a submission, and how long it took them to get it."""

    verdict: str
    is_critique: bool
    waited: timedelta


@dataclass(frozen=True)
class Outcome:
    """What came of submissions of one sort; nothing is said of fewer than ``FEWEST``."""

    n: int
    approved: Proportion
    rejected: Proportion
    sent_back: Proportion
    median: Quantile  # seconds
    p95: Quantile

    @property
    def is_enough(self) -> bool:
        return self.n >= FEWEST


def firsts(period: Period) -> list[First]:
    """The first decisions in effect of submissions, that took effect in the period and were not undone."""
    roots = Decision.objects.filter(overturns=None, withdrawal=None)
    earlier = roots.filter(submission=OuterRef("submission"), round__lt=OuterRef("round"))
    said = Critique.objects.filter(submission=OuterRef("submission"), said_at__lte=OuterRef("decided_at"))
    decided = roots.filter(
        submission__program=period.program, effective_at__gt=period.since, effective_at__lte=period.until
    )
    decided = decided.exclude(Exists(earlier)).annotate(
        is_critique=Exists(said), waited=F("decided_at") - F("submission__submitted_at")
    )
    return [First(*row) for row in decided.values_list("verdict", "is_critique", "waited")]


def outcome(answers: Iterable[First]) -> Outcome:
    known = list(answers)
    verdicts, waits = [found.verdict for found in known], [found.waited.total_seconds() for found in known]
    of = {verdict: Proportion(verdicts.count(verdict), len(known)) for verdict in Verdict.values}
    return Outcome(
        len(known), of[Verdict.APPROVED], of[Verdict.REJECTED], of[Verdict.CHANGES],
        measures.quantile(waits, 0.5), measures.quantile(waits, 0.95),
    )  # fmt: skip


@dataclass(frozen=True)
class Evenness:
    """Critique beside everything else."""

    critique: Outcome
    other: Outcome
    difference: Interval | None  # of the shares approved; None where either side has too few

    @property
    def is_level(self) -> bool:
        """Whether no difference in approval is seen beyond what chance brings."""
        return self.difference is not None and self.difference[0] <= 0 <= self.difference[1]


def evenness(period: Period) -> Evenness:
    found = firsts(period)
    critique = outcome(one for one in found if one.is_critique)
    other = outcome(one for one in found if not one.is_critique)
    both = critique.is_enough and other.is_enough
    return Evenness(critique, other, measures.difference(critique.approved, other.approved) if both else None)


def overturned(period: Period) -> Proportion:
    """Of the appeals by artists that were answered in the period, those that overturned the decision."""
    answered = Appeal.objects.filter(
        decision__submission__program=period.program, is_critique=False,
        settled_at__gt=period.since, settled_at__lte=period.until,
    )  # fmt: skip
    return Proportion(answered.filter(state=Appeal.State.OVERTURNED).count(), answered.count())
