"""What a program publishes of its review, month by month: counts of rows as they stood at one stated instant.

Every figure is a query over rows that no longer change, so anybody who may read the tables gets the same numbers later.
Counted is what somebody asked to share; where a program watches every clip, the others are its own affair.
"""

import math
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain

from django.core.cache import cache
from django.db.models import Count, F, Min, OuterRef, Subquery
from django.db.models.functions import Coalesce

from access import clock
from access.models import Halt, Program
from review import clocks
from review.models import Answer, Appeal, Breach, Decision, DecisionQuerySet, ReviewTerms, Submission, Verdict

RULES = 2  # goes up when something is counted otherwise than before: then nothing that was kept counts
SETTLED = timedelta(minutes=1)  # what is older than this is committed, whoever was writing
DAY = timedelta(days=1)
FRESH = timedelta(hours=1)  # until the running month is counted again
KEPT = 48 * 3600  # seconds that figures are told if nothing counts any more
OVER = 60 * 24 * 3600  # seconds that a month which is over is kept: at a million answers it takes a minute to count it
COUNTING = 1800  # seconds that one may take to count before another tries
A_TURN = 5.0  # seconds that the clock counts at a time, and the day that it is at


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


@dataclass(frozen=True)
class Part:
    """What happened in a span of time, in figures that can be added up; ``waited`` are seconds."""

    counts: Counter[str]
    clauses: Counter[tuple[str, str]]
    waited: "array[int]"


@dataclass
class Kept:
    """What need not be counted again: the months that are over, and the days of the running one that are.

    ``since``: when the count began that is not finished yet.
    """

    months: dict[datetime, Month] = field(default_factory=dict)
    days: dict[datetime, Part] = field(default_factory=dict)
    since: datetime | None = None


class TimeIsUp(Exception):
    """The rest is for another time; what was counted is kept."""


@dataclass(frozen=True)
class Turn:
    """One try at counting: what is known from before, and how long it may go on (of ``time.monotonic``)."""

    kept: Kept = field(default_factory=Kept)
    until: float = math.inf


def count(program: Program, at: datetime, turn: Turn | None = None) -> Counted:
    """Count all months up to an instant that lies ``SETTLED`` in the past; what is kept is not counted again.

    Raises:
        TimeIsUp: the turn is over. There is always one more day that is kept.
    """
    turn = turn or Turn()
    asked = Submission.objects.filter(program=program, asked=True, submitted_at__lt=at)
    first = asked.aggregate(at=Min("submitted_at"))["at"]
    months = [_month(program, start, end, turn) for start, end in _months(first, at)] if first else []
    return Counted(at, months)


def _months(first: datetime, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The months in UTC from that of ``first`` on; the last one ends at ``at``."""
    start = first.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while start < at:
        following = (start + timedelta(days=32)).replace(day=1)
        yield start, min(following, at)
        start = following


def _month(program: Program, start: datetime, end: datetime, turn: Turn) -> Month:
    """A month's figures, day by day. What is over does not change any more: a day is counted once, and then a month
    needs its days no longer."""
    kept = turn.kept
    if start in kept.months:
        return kept.months[start]
    parts = [_day(program, day, min(day + DAY, end), turn) for day in _days(start, end)]
    month = _add_up(start, end, parts)
    if end.day == 1 and end == end.replace(hour=0, minute=0, second=0, microsecond=0):
        kept.months[start] = month
        kept.days = {day: part for day, part in kept.days.items() if day >= end}
    return month


def _days(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += DAY


def _day(program: Program, start: datetime, end: datetime, turn: Turn) -> Part:
    if start in turn.kept.days:
        return turn.kept.days[start]
    part = count_part(program, start, end)
    if end - start == DAY:
        turn.kept.days[start] = part
        if time.monotonic() > turn.until:
            raise TimeIsUp
    return part


def count_part(program: Program, start: datetime, end: datetime) -> Part:
    """What happened in one program from ``start`` to before ``end``, to clips that somebody asked to share."""
    answers = answered(program, start, end)
    asked = Submission.objects.filter(program=program, asked=True, submitted_at__gte=start, submitted_at__lt=end)
    appeals = Appeal.objects.filter(
        decision__submission__program=program, decision__submission__asked=True, opened_at__gte=start, opened_at__lt=end
    )
    breaches = Breach.objects.filter(
        look__program=program, look__submission__asked=True, seen_at__gte=start, seen_at__lt=end
    )
    counts = Counter(dict(answers.values_list("verdict").annotate(n=Count("pk"))))
    counts["submitted"], counts["breaches"], counts["appeals"] = asked.count(), breaches.count(), appeals.count()
    counts["overturned"] = _in_effect(program, start, end).exclude(overturns=None).count()
    return Part(counts, _clauses(answers), array("L", waits(program, answers)))


def _add_up(start: datetime, end: datetime, parts: list[Part]) -> Month:
    counts: Counter[str] = sum((part.counts for part in parts), Counter())
    clauses: Counter[tuple[str, str]] = sum((part.clauses for part in parts), Counter())
    waited = sorted(chain.from_iterable(part.waited for part in parts))
    return Month(
        start,
        end,
        submitted=counts["submitted"],
        approved=counts[Verdict.APPROVED],
        rejected=counts[Verdict.REJECTED],
        changes=counts[Verdict.CHANGES],
        breaches=counts["breaches"],
        appeals=counts["appeals"],
        overturned=counts["overturned"],
        median=ranked(waited, 50),
        p95=ranked(waited, 95),
        clauses=dict(clauses),
    )


def _in_effect(program: Program, start: datetime, end: datetime) -> DecisionQuerySet:
    """Decisions on what somebody asked to share that took effect in a span of time; what was undone is none."""
    took = Decision.objects.filter(effective_at__gte=start, effective_at__lt=end, withdrawal=None)
    return took.filter(submission__program=program, submission__asked=True)


def answered(program: Program, start: datetime, end: datetime) -> DecisionQuerySet:
    """The answers that artists got, as they got them: one that an appeal overturned later was one all the same."""
    return _in_effect(program, start, end).filter(overturns=None)


def _clauses(answers: DecisionQuerySet) -> Counter[tuple[str, str]]:
    no = answers.filter(verdict=Verdict.REJECTED).values_list("clause__code", "clause__title")
    return Counter({(code, title): n for code, title, n in no.annotate(n=Count("pk"))})


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
    """The figures as they were counted last; None until the clock has counted them. No visitor's request counts."""
    known: Counted | None = cache.get(_key(program))
    return known


def counting_since(program: Program) -> datetime | None:
    """Since when somebody counts, if they do."""
    kept: Kept | None = cache.get(_key(program) + ":kept")
    return kept.since if kept else None


def renew_due() -> int:
    """Count anew the open programs whose figures are an hour old, or missing; how many. For a few seconds each, so that
    a worker with one pair of hands comes to the mail; what is left is for the next minute."""
    due = [program for program in Program.objects.exclude(opened_at=None).order_by("pk") if _is_due(program)]
    return sum(renew(program, seconds=A_TURN) is not None for program in due)


def _is_due(program: Program) -> bool:
    known = figures(program)
    return known is None or clock.now() - known.at >= FRESH + SETTLED


def renew(program: Program, *, seconds: float = math.inf) -> Counted | None:
    """Count, and keep it for whoever asks; None if it is not finished, or somebody else is at it."""
    key = _key(program)
    if not cache.add(key + ":counting", 1, COUNTING):
        return None
    try:
        return _count_on(program, key, time.monotonic() + seconds)
    finally:
        cache.delete(key + ":counting")


def _count_on(program: Program, key: str, until: float) -> Counted | None:
    now = clock.now()
    kept: Kept = cache.get(key + ":kept") or Kept()
    kept.since = kept.since or now
    cache.set(key + ":kept", kept, OVER)
    try:
        counted = count(program, (now - SETTLED).replace(second=0, microsecond=0), Turn(kept, until))
        cache.set(key, counted, KEPT)
        kept.since = None
    except TimeIsUp:
        return None
    finally:
        cache.set(key + ":kept", kept, OVER)
    return counted


def _key(program: Program) -> str:
    """Names a program of this database, since numbers come again in another one, and the rules it is counted by."""
    return f"transparency-{RULES}:{program.pk}:{program.created_at.timestamp():.6f}"


def cited(months: Iterable[Month]) -> list[tuple[str, str]]:
    """The clauses that any of the months names, by code."""
    return sorted({clause for month in months for clause in month.clauses})
