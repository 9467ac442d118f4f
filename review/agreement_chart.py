"""Agreement by week: what it is taken from, and where it stands on the chart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from review import measures
from review.agreement import FEWEST, Pair, Period
from review.charts import BAR, GROUND, LEFT, TOP, WIDTH, Bar, Chart, Label, Line
from review.measures import Proportion

MOST = 26  # weeks that the chart has room for


@dataclass(frozen=True)
class Week:
    """The pairs of seven days (UTC) from a Monday on."""

    monday: date
    agreed: Proportion

    @property
    def is_enough(self) -> bool:
        return self.agreed.n >= FEWEST


def weeks(pairs: Iterable[Pair], period: Period) -> list[Week]:
    """The last weeks of a period, the oldest first, also those in which nothing was compared."""
    by_monday: dict[date, list[tuple[str, str]]] = {}
    for pair in pairs:
        by_monday.setdefault(_monday(pair.at.date()), []).append(pair.verdicts)
    last = _monday(period.until.date())
    first = max(_monday(period.since.date()), last - timedelta(weeks=MOST - 1))
    mondays = [first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1)]
    return [Week(monday, measures.agreement(by_monday.get(monday, []))) for monday in mondays]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def draw(found: Sequence[Week]) -> Chart:
    """Each week as a bar up to the lower bound of its interval, and an outline from there to the upper one."""
    room = (WIDTH - LEFT) / max(1, len(found))
    middles = [LEFT + room * (place + 0.5) for place in range(len(found))]
    placed = list(zip(middles, found, strict=True))
    every = -(-len(found) // 8)  # so many weeks from one date to the next
    return Chart(
        bars=[bar for x, week in placed for bar in _bars(x, room * BAR, week)],
        lines=[Line(round(_y(share), 1), f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1)],
        labels=[Label(round(x, 1), f"{week.monday:%-d/%-m}") for x, week in placed[::every]],
        gaps=[Label(round(x, 1), "…", GROUND - 6) for x, week in placed if week.agreed.n and not week.is_enough],
        is_empty=not any(week.is_enough for week in found),
    )


def _bars(middle: float, width: float, week: Week) -> list[Bar]:
    if not week.is_enough or week.agreed.interval is None:
        return []
    low, high = (_y(bound) for bound in week.agreed.interval)
    left = middle - width / 2
    return [
        Bar(round(left, 1), round(low, 1), round(width, 1), round(GROUND - low, 1), "median"),
        Bar(round(left, 1), round(high, 1), round(width, 1), round(low - high, 1), "p95"),
    ]


def _y(share: float) -> float:
    return GROUND - share * (GROUND - TOP)
