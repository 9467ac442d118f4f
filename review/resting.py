"""How long a reviewer has had revealed clips before them without a pause, and whether one is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from access.models import Program, User
from review import exposure
from review.models import Claim, ReviewTerms

PAUSE = timedelta(minutes=10)  # without a revealed clip: that was a break
MOST = 300  # claims that are looked back upon


@dataclass(frozen=True)
class Watch:
    """Minutes with revealed clips: today, of the day's budget (0: none), and since the last break."""

    today: int
    budget: int
    since_break: int
    is_break_due: bool


def watch(reviewer: User, program: Program, at: datetime) -> Watch:
    """What this reviewer has watched, the clip that is revealed now included."""
    terms = ReviewTerms.objects.in_force(program)
    spans = _spans(reviewer, at)
    ended = [(start, end) for start, end, is_open in spans if not is_open]
    running = exposure.length((start, end) for start, end, _is_open in spans) - exposure.length(ended)
    since = _since_break(spans, at)
    today = exposure.today(reviewer, at) + running
    due = bool(terms.break_minutes) and since >= timedelta(minutes=terms.break_minutes)
    return Watch(_minutes(today), terms.exposure_minutes, _minutes(since), due)


def _minutes(span: timedelta) -> int:
    return int(span / timedelta(minutes=1))


def _spans(reviewer: User, at: datetime) -> list[tuple[datetime, datetime, bool]]:
    """From reveal to end of the last day's claims, the one that ended last first; an open one ends now."""
    mine = Claim.objects.filter(reviewer=reviewer, claimed_at__gt=at - timedelta(days=1), revealed_at__isnull=False)
    rows = mine.order_by("-claimed_at").values_list("revealed_at", "released_at", "leased_until")[:MOST]
    spans = [(start, min(end or at, leased, at), end is None) for start, end, leased in rows if start]
    return sorted(spans, key=lambda span: span[1], reverse=True)


def _since_break(spans: list[tuple[datetime, datetime, bool]], at: datetime) -> timedelta:
    """The time watched back to the first gap that was a break."""
    watched, edge = [], at
    for start, end, _is_open in spans:
        if edge - end >= PAUSE:
            break
        watched.append((start, end))
        edge = min(edge, start)
    return exposure.length(watched)
