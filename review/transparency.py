"""What a program publishes of its review, month by month: counts of rows as they stood at one stated instant.

Every figure is a query over rows that no longer change, so anybody who may read the tables gets the same numbers later.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.core.cache import cache
from django.db.models import Count, F, Min, OuterRef, Subquery
from django.db.models.functions import Coalesce

from access import clock
from access.models import Halt, Program
from review import clocks
from review.models import Answer, Appeal, Breach, Decision, DecisionQuerySet, ReviewTerms, Submission, Verdict

SETTLED = timedelta(minutes=1)  # what is older than this is committed, whoever was writing
FRESH = 3600  # seconds until the running month is counted again
KEPT = 48 * 3600  # seconds that figures are kept for those who ask while others count
OVER = 30 * 24 * 3600  # seconds that a month which is over is kept: at a million answers it takes three to count it
COUNTING = 300  # seconds that one may take to count before another tries


@dataclass(frozen=True)
class Month:
    """What happened from ``start`` to before ``end``, in UTC. Waits are in seconds, and None where nothing waited."""

    start: datetime
    end: datetime
    submitted: int
    approved: int
    rejected: int
    changes: int
    breaches: int
    appeals: int
    overturned: int
    median: int | None
    p95: int | None
    clauses: dict[tuple[str, str], int] = field(default_factory=dict)  # rejections by code and title

    @property
    def decided(self) -> int:
        return self.approved + self.rejected + self.changes


@dataclass(frozen=True)
class Counted:
    """All months of a program, the oldest first, and the instant up to which everything was counted."""

    at: datetime
    months: list[Month]


# --- counting ---------------------------------------------------------------------------------------------------------


def count(program: Program, at: datetime) -> Counted:
    """Count all months up to an instant that lies ``SETTLED`` in the past."""
    first = Submission.objects.filter(program=program, submitted_at__lt=at).aggregate(at=Min("submitted_at"))["at"]
    spans = _months(first, at) if first else []
    return Counted(at, [_month(program, start, end, at) for start, end in spans])


def _months(first: datetime, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The months in UTC from that of ``first`` on; the last one ends at ``at``."""
    start = first.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while start < at:
        following = (start + timedelta(days=32)).replace(day=1)
        yield start, min(following, at)
        start = following


def _month(program: Program, start: datetime, end: datetime, at: datetime) -> Month:
    """A month's figures. One that is over does not change any more, so it is kept for longer."""
    key = f"{_key(program)}:{start:%Y-%m}"
    if known := cache.get(key):
        return known
    counted = count_month(program, start, end)
    if end < at:
        cache.set(key, counted, OVER)
    return counted


def count_month(program: Program, start: datetime, end: datetime) -> Month:
    """The figures of one program from ``start`` to before ``end``."""
    answers = answered(program, start, end)
    verdicts = dict(answers.values_list("verdict").annotate(n=Count("pk")))
    asked = Submission.objects.filter(program=program)
    appeals = Appeal.objects.filter(decision__submission__program=program, opened_at__gte=start, opened_at__lt=end)
    breaches = Breach.objects.filter(look__program=program, seen_at__gte=start, seen_at__lt=end)
    waited = sorted(waits(program, answers))
    return Month(
        start,
        end,
        submitted=asked.filter(submitted_at__gte=start, submitted_at__lt=end).count(),
        approved=verdicts.get(Verdict.APPROVED, 0),
        rejected=verdicts.get(Verdict.REJECTED, 0),
        changes=verdicts.get(Verdict.CHANGES, 0),
        breaches=breaches.count(),
        appeals=appeals.count(),
        overturned=_in_effect(program, start, end).exclude(overturns=None).count(),
        median=ranked(waited, 50),
        p95=ranked(waited, 95),
        clauses=_clauses(answers),
    )


def _in_effect(program: Program, start: datetime, end: datetime) -> DecisionQuerySet:
    """Decisions that took effect in a span of time; what was undone before that is none."""
    took = Decision.objects.filter(effective_at__gte=start, effective_at__lt=end, withdrawal=None)
    return took.filter(submission__program=program)


def answered(program: Program, start: datetime, end: datetime) -> DecisionQuerySet:
    """The answers that artists got, as they got them: one that an appeal overturned later was one all the same."""
    return _in_effect(program, start, end).filter(overturns=None)


def _clauses(answers: DecisionQuerySet) -> dict[tuple[str, str], int]:
    no = answers.filter(verdict=Verdict.REJECTED).values_list("clause__code", "clause__title")
    return {(code, title): n for code, title, n in no.annotate(n=Count("pk"))}


def ranked(waited: list[int], percent: int) -> int | None:
    """The least wait that so many percent of the answers did not exceed; ``waited`` is in order."""
    return waited[math.ceil(len(waited) * percent / 100) - 1] if waited else None


# --- waiting ----------------------------------------------------------------------------------------------------------


def waits(program: Program, answers: DecisionQuerySet) -> Iterable[int]:
    """The seconds that each answer took, as the deadline's clock counts: from when the artist asked, or last answered
    to changes, until the answer was in effect; without halts over the artist, nor weekends where the terms in force
    when it was asked leave them out."""
    turns = Answer.objects.filter(submission=OuterRef("submission"), round__lte=OuterRef("round")).order_by("-round")
    asked_at = Coalesce(Subquery(turns.values("given_at")[:1]), F("submission__submitted_at"))
    owner = ("submission__enrollment__cohort", "submission__enrollment__user")
    rows = answers.annotate(asked_at=asked_at).values_list("asked_at", "effective_at", *owner)
    stops = Stops(program)
    return [stops.wait(asked, done, cohort, artist) for asked, done, cohort, artist in rows.iterator()]


class Stops:
    """What stops the clocks of a program: its terms in their versions, and its halts."""

    def __init__(self, program: Program) -> None:
        self.terms = list(ReviewTerms.objects.filter(program=program).order_by("-number").select_related("program"))
        self.plain = ReviewTerms(program=program, number=0)
        self.weekends = any(terms.pauses_on_weekends for terms in self.terms)
        placed = Halt.objects.filter(program=program).exclude(scope=Halt.Scope.CREDENTIAL).order_by("placed_at")
        self.halts = list(placed)

    def wait(self, asked: datetime, done: datetime, cohort: int, artist: object) -> int:
        """The seconds that count between two instants, for an artist of a cohort."""
        terms = self._in_force(asked)
        seconds = clocks.working_between(asked, done, terms)
        for start, end in self._halted(asked, done, cohort, artist):
            seconds -= clocks.working_between(start, end, terms)
        return int(seconds.total_seconds())

    def _in_force(self, at: datetime) -> ReviewTerms:
        if not self.weekends:
            return self.plain
        return next((terms for terms in self.terms if terms.published_at <= at), self.plain)

    def _halted(
        self, asked: datetime, done: datetime, cohort: int, artist: object
    ) -> Iterator[tuple[datetime, datetime]]:
        """The spans within these two instants in which some halt stood over the artist, none twice."""
        since = asked
        for halt in self.halts:
            over = halt.scope == Halt.Scope.PROGRAM or halt.cohort_id == cohort or halt.artist_id == artist
            start, end = max(since, halt.placed_at), min(done, halt.lifted_at or done)
            if over and start < end:
                yield start, end
                since = end


# --- keeping ----------------------------------------------------------------------------------------------------------


def figures(program: Program) -> Counted | None:
    """The figures of at most an hour ago; older ones while somebody counts, and None if there are not even those."""
    known: Counted | None = cache.get(_key(program))
    now = clock.now()
    if known and abs((now - known.at).total_seconds()) < FRESH:
        return known
    if not cache.add(_key(program) + ":counting", 1, COUNTING):
        return known
    try:
        return renew(program, now)
    finally:
        cache.delete(_key(program) + ":counting")


def renew(program: Program, now: datetime) -> Counted:
    """Count anew and keep it for whoever asks within the hour."""
    counted = count(program, (now - SETTLED).replace(second=0, microsecond=0))
    cache.set(_key(program), counted, KEPT)
    return counted


def renew_all() -> int:
    """Count every open program anew; how many. So that no visitor waits for it."""
    programs = list(Program.objects.exclude(opened_at=None))
    for program in programs:
        renew(program, clock.now())
    return len(programs)


def _key(program: Program) -> str:
    """Names a program of this database: numbers come again in another one."""
    return f"transparency:{program.pk}:{program.created_at.timestamp():.6f}"


def cited(months: Iterable[Month]) -> list[tuple[str, str]]:
    """The clauses that any of the months names, by code."""
    return sorted({clause for month in months for clause in month.clauses})
