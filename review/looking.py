"""What a reviewer attests about looking: which parts of the clip the page played, or that they went over the sheet.

It is the reviewer's word with a measure. A page can be made to lie; what it reports is bounded by the time that passed
since the clip was revealed, and goes into the record as reported.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from access import clock
from review.models import Claim, ReviewTerms, Submission, Verdict
from review.refusals import ClaimLost, NotRevealed, NotWatched, RangeNotWatched

Interval = tuple[int, int]  # from and to, in milliseconds of the clip

ENOUGH = 0.95  # of the clip for a yes, of the range cited for a no
FASTEST = 2  # times real time
GRACE = timedelta(seconds=1)  # the page's clock and ours; a beat on its way


@dataclass(frozen=True)
class Report:
    """What the page says about looking: intervals played; the whole contact sheet gone over; whether scripts ran."""

    played: tuple[Interval, ...] = ()
    sheet: bool = False
    scripted: bool = True


NOTHING = Report()


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same stretches of time, in order and without overlaps."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif end > start:
            merged.append((start, end))
    return merged


def covered(intervals: Iterable[Interval], start: int, end: int) -> int:
    """Milliseconds of a range that the intervals cover."""
    return sum(max(0, min(b, end) - max(a, start)) for a, b in union(intervals))


def within(intervals: Iterable[Interval], elapsed: timedelta) -> bool:
    """Whether so much can have been played in so much time."""
    most = FASTEST * (elapsed + GRACE) / timedelta(milliseconds=1)
    return sum(end - start for start, end in union(intervals)) <= most


def played(claim: Claim, report: Report, at: datetime) -> list[Interval]:
    """All that was played under a claim, with the report; one of more than there was time for counts for nothing."""
    known = [(int(start), int(end)) for start, end in claim.played]
    if claim.revealed_at is None:
        return known
    both = union([*known, *report.played])
    return both if within(both, at - claim.revealed_at) else known


def note(claim: Claim, report: Report) -> list[Interval]:
    """Keep what the page reports while the clip is played. Not audited: it is a heartbeat; the verdict records the sum.

    Raises:
        ClaimLost.
    """
    now = clock.now()
    kept = played(claim, report, now)
    if not Claim.objects.live(now).filter(pk=claim.pk).update(played=kept):
        raise ClaimLost
    claim.played = [list(part) for part in kept]
    return kept


def attest(
    claim: Claim, report: Report, *, verdict: str, asked: Interval | None, duration_ms: int, at: datetime
) -> dict[str, Any]:
    """The attestation for a verdict, if it is enough for it: all of the clip for a yes, the range cited for a no.

    Args:
        asked: the range cited; None for a yes.
        duration_ms: of the clip.

    Raises:
        NotRevealed: the clip was never revealed. NotWatched, RangeNotWatched: not enough was played.
    """
    if claim.revealed_at is None:
        raise NotRevealed
    parts = played(claim, report, at)
    start, end = asked or (0, duration_ms)
    facts = {"covered_ms": covered(parts, 0, duration_ms), "of_ms": duration_ms, "played": parts}
    if _is_played(parts, start, end):
        return {"by": "played", **facts}
    if report.sheet and _sheet_suffices(claim.submission, report):
        return {"by": "sheet", **facts}
    raise NotWatched if verdict == Verdict.APPROVED else RangeNotWatched


def _is_played(parts: list[Interval], start: int, end: int) -> bool:
    """Whether enough of the range was; a single moment lies within what was."""
    if start == end:
        return any(since <= start <= until for since, until in parts)
    return covered(parts, start, end) >= ENOUGH * (end - start)


def _sheet_suffices(submission: Submission, report: Report) -> bool:
    """On the contact sheet alone: in the low-risk bands that the program published, or where no script can measure."""
    return not report.scripted or submission.risk_band < ReviewTerms.objects.in_force(submission.program).sheet_bands
