"""Where a submission stands in the queue, and when its artist may expect an answer. Described in docs/queue-times.md.

The place is counted in the published order. The time is Little's law on it (J. D. C. Little, Operations Research 9,
1961): so many looks, at the rate at which this program has answered, less the share that goes to what may still go
first (with a higher band in front, waiting grows by 1 / (1 - its share): A. Cobham, Journal of the Operations Research
Society of America 2, 1954). That share is taken at 80 % at most: beyond it waiting explodes and no figure means
anything. Answers come one by one and irregularly, so the range is where four of five waits end if they come as a
Poisson process.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate

from access.models import Halt, Program, Role
from review.models import Claim, Look, Opinion, Submission

MOST = 500  # looks that are counted; a place behind them is "beyond"
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
FEWEST = 10  # answers in a week, or nothing is promised
BUSIEST = 0.8  # of the answers go to what comes later and is looked at first
SLOWEST = 0.25  # of the week's rate, however few are there today
SPREAD = 1.2816  # standard deviations: ten of a hundred lie beyond on either side


@dataclass(frozen=True)
class Place:
    """Between which places a look stands: ``first`` if those in reviewers' hands are as good as done, ``last`` if
    everything that can become overdue before it does."""

    first: int
    last: int
    is_beyond: bool = False


@dataclass(frozen=True)
class Pace:
    """How a program answers: looks an hour over the last week, scaled to who is there; the share that goes first."""

    an_hour: float
    goes_first: float

    @property
    def left(self) -> float:
        """Looks an hour that are left for what waits already."""
        return self.an_hour * (1 - self.goes_first)


@dataclass(frozen=True)
class Standing:
    """Where a waiting submission stands. ``why_unknown`` says why no time can be named, empty if one is."""

    place: Place | None = None  # None: in a reviewer's hands
    earliest: datetime | None = None
    latest: datetime | None = None
    why_unknown: str = ""


def standing(submission: Submission, at: datetime) -> Standing:
    """Place and expected time of a submission that waits."""
    look = submission.looks.waiting().filter(kind__in=Look.BINDING).first()
    if look is None or Claim.objects.live(at).filter(look=look, is_ahead=False).exists():
        return Standing()
    place = place_of(look, at)
    if is_halted(submission):
        return Standing(place, why_unknown="halted")
    if place.is_beyond:
        return Standing(place, why_unknown="beyond")
    pace = pace_of(submission.program, look.rank, at)
    if isinstance(pace, str):
        return Standing(place, why_unknown=pace)
    earliest, latest = hours(place, pace)
    return Standing(place, at + timedelta(hours=earliest), at + timedelta(hours=latest))


def is_halted(submission: Submission) -> bool:
    """Whether the clock stands: nothing is promised under a halt."""
    return Halt.objects.covering(submission.enrollment).exists()


def place_of(look: Look, at: datetime) -> Place:
    """The place of a waiting look among those of its program that bind somebody."""
    queue = Look.objects.waiting().filter(program=look.program_id, kind__in=Look.BINDING)
    keys = list(queue.in_order().values_list("pk", flat=True)[:MOST])
    if look.pk not in keys:
        return Place(MOST, MOST, is_beyond=True)
    ahead = keys[: keys.index(look.pk)]
    held = _in_hand(ahead, at)
    overtaking = queue.filter(due_at__lt=look.due_at, rank__lt=look.rank)
    behind = overtaking.values("pk")[:MOST].count() if look.rank < Look.OVERDUE else 0
    return Place(1 + len(ahead) - held, 1 + len(ahead) + behind)


def _in_hand(looks: list[uuid.UUID], at: datetime) -> int:
    """How many of them a reviewer is at. One that a page loads ahead is in nobody's hands yet."""
    return Claim.objects.live(at).filter(look__in=looks, is_ahead=False).count()


def pace_of(program: Program, rank: int, at: datetime) -> Pace | str:
    """How fast this program answers what has this rank; a word instead if that cannot be known."""
    people = Role.objects.filter(program=program, kind__in=Role.REVIEWING).values("user")
    given = Opinion.objects.filter(reviewer__in=people, look__program=program, given_at__gt=at - WEEK)
    given = given.filter(kind__in=Look.BINDING)  # a check of quality answers nobody who waits
    days = given.annotate(on=TruncDate("given_at", tzinfo=UTC)).values("on")
    rows = list(days.annotate(n=Count("pk"), who=Count("reviewer", distinct=True)))
    answers, present = sum(row["n"] for row in rows), sum(row["who"] for row in rows)
    today = given.filter(given_at__gt=at - DAY).values("reviewer").distinct().count()
    if answers < FEWEST:
        return "too_few"
    if not today:
        return "nobody_there"
    an_hour = answers / _hours(WEEK) * max(SLOWEST, min(1.0, today * len(rows) / present))
    later = Submission.objects.filter(program=program, submitted_at__gt=at - WEEK, risk_band__gt=rank).count()
    return Pace(an_hour, min(BUSIEST, later / _hours(WEEK) / an_hour))


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)


def hours(place: Place, pace: Pace) -> tuple[float, float]:
    """The hours after which the look at this place is answered: ten of a hundred sooner, ten later."""
    return _quantile(place.first, -SPREAD) / pace.left, _quantile(place.last, SPREAD) / pace.left


def _quantile(events: int, deviations: float) -> float:
    """When the n-th event of a Poisson process of rate 1 comes, by Wilson and Hilferty's approximation."""
    return events * max(0.0, 1 - 1 / (9 * events) + deviations / (3 * events**0.5)) ** 3
