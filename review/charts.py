"""Geometry of two small charts, in the units of their view box. A template draws them; a table beside says the same."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from review.figures import Row

WIDTH, HEIGHT = 400, 210
LEFT, BOTTOM, TOP = 44, 22, 12  # room for the numbers, the months and the topmost line
BAR = 0.62  # of the room of a month
GROUND = HEIGHT - BOTTOM


Stack = list[tuple[str, float | None]]  # what is set on what, the lowest first: its kind and its number


@dataclass(frozen=True)
class Bar:
    """A filled rectangle; ``kind`` says with what."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True)
class Line:
    """A line of the scale, and what is written beside it."""

    y: float
    text: str


@dataclass(frozen=True)
class Label:
    x: float
    text: str
    y: float = HEIGHT - 4


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    lines: list[Line]
    labels: list[Label]  # of the months
    gaps: list[Label]  # above months of which something is not told
    is_empty: bool


def volumes(rows: Sequence[Row]) -> Chart:
    """Answers a month, stacked: approved, changes asked for, rejected. What is hidden is missing, and marked so."""
    stacks: list[Stack] = [
        [("approved", row.approved.number), ("changes", row.changes.number), ("rejected", row.rejected.number)]
        for row in rows
    ]
    most = max((sum(number or 0 for _kind, number in stack) for stack in stacks), default=0)
    return _chart(rows, stacks, most, [any(number is None for _kind, number in stack) for stack in stacks])


def waiting(rows: Sequence[Row]) -> Chart:
    """Hours waited a month: the median, and above it up to the 95th percentile."""
    stacks: list[Stack] = [
        [("median", _hours(row.median)), ("p95", _hours(max(0, row.p95 - (row.median or 0))) if row.p95 else None)]
        for row in rows
    ]
    most = max((sum(number or 0 for _kind, number in stack) for stack in stacks), default=0)
    return _chart(rows, stacks, most, [row.median is None and row.decided.count > 0 for row in rows])


def _hours(minutes: int | None) -> float | None:
    return None if minutes is None else minutes / 60


def _chart(rows: Sequence[Row], stacks: Sequence[Stack], most: float, gaps: Iterable[bool]) -> Chart:
    step = scale(most)
    top = step * max(1, -(-most // step))
    room = (WIDTH - LEFT) / max(1, len(rows))
    middles = [LEFT + room * (place + 0.5) for place in range(len(rows))]

    def height(number: float) -> float:
        return number / top * (GROUND - TOP)

    return Chart(
        bars=[bar for x, stack in zip(middles, stacks, strict=True) for bar in _stack(x, room * BAR, stack, height)],
        lines=[Line(round(GROUND - height(n * step), 1), _number(n * step)) for n in range(round(top / step) + 1)],
        labels=[Label(round(x, 1), f"{row.month:%b}"[:1]) for x, row in zip(middles, rows, strict=True)],
        gaps=[
            Label(round(x, 1), "…", round(GROUND - height(sum(number or 0 for _kind, number in stack)) - 4, 1))
            for x, stack, gap in zip(middles, stacks, gaps, strict=True)
            if gap
        ],
        is_empty=most == 0,
    )


def _stack(middle: float, width: float, stack: Stack, height: Callable[[float], float]) -> list[Bar]:
    bars, y = [], float(GROUND)
    for kind, number in stack:
        if number:
            tall = height(number)
            y -= tall
            bars.append(Bar(round(middle - width / 2, 1), round(y, 1), round(width, 1), round(tall, 1), kind))
    return bars


def scale(most: float) -> float:
    """The step between two lines of the scale: 1, 2 or 5 times a power of ten, so that there are two to five steps."""
    step = 0.1
    for factor in (2, 2.5, 2) * 12:
        if most / step <= 4:
            break
        step *= factor
    return step


def _number(number: float) -> str:
    return f"{round(number, 1):,g}"
