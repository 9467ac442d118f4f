"""What is told of a program's review: the counted months with small numbers hidden, for a page and for a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from review.suppressing import FEW, SMALLEST, Cell, Mark, cell, hide_parts, total
from review.transparency import Counted, Month, cited

ENOUGH_FOR_P95 = 20  # answers; of fewer, the 95th percentile is the wait of one artist
COLUMNS = ("program", "month", "counted_until", "figure", "clause", "value")


@dataclass(frozen=True)
class Row:
    """A month as it is told. Waits are in minutes, None where too few waited.

    Shares are percents of all answers, made of told numbers alone: to a tenth where the sum is told; a whole number
    where all that the sum may be comes to the same; else None.
    """

    month: datetime
    until: datetime
    submitted: Cell
    decided: Cell
    approved: Cell
    rejected: Cell
    changes: Cell
    breaches: Cell
    appeals: Cell
    overturned: Cell
    clauses: list[tuple[str, Cell]]
    median: int | None
    p95: int | None

    @property
    def rejected_share(self) -> float | int | None:
        return self.share(self.rejected)

    @property
    def clause_shares(self) -> list[tuple[str, Cell, float | int | None]]:
        return [(label, told, self.share(told)) for label, told in self.clauses]

    def share(self, part: Cell) -> float | int | None:
        """Percent of the month's answers."""
        if part.number is None or self.decided.mark is Mark.FEW or self.decided.number == 0:
            return None
        if self.decided.number:
            return round(100 * part.number / self.decided.number, 1)
        parts = (self.approved, self.rejected, self.changes)
        if any(part.mark is Mark.WITHHELD for part in parts):
            return None
        told, few = sum(part.number or 0 for part in parts), sum(part.mark is Mark.FEW for part in parts)
        rounded = {round(100 * part.number / (told + few * hidden)) for hidden in (FEW[0], FEW[-1])}
        return rounded.pop() if len(rounded) == 1 else None


def told(counted: Counted) -> list[Row]:
    """All months, the newest first."""
    named = cited(counted.months)
    return [row(month, named) for month in reversed(counted.months)]


def row(month: Month, named: list[tuple[str, str]]) -> Row:
    """A month with its small numbers hidden; ``named`` are the clauses told of, by code and title."""
    rejected = cell(month.rejected)
    clauses = [cell(month.clauses.get(clause, 0)) for clause in named]
    hide_parts(rejected, clauses)
    approved, changes = cell(month.approved), cell(month.changes)
    return Row(
        month.start,
        month.end,
        cell(month.submitted),
        total([approved, rejected, changes]),
        approved,
        rejected,
        changes,
        cell(month.breaches),
        cell(month.appeals),
        cell(month.overturned),
        [(f"{code} {title}", told) for (code, title), told in zip(named, clauses, strict=True)],
        _minutes(month.median, month.decided, SMALLEST),
        _minutes(month.p95, month.decided, ENOUGH_FOR_P95),
    )


def _minutes(seconds: int | None, answers: int, enough: int) -> int | None:
    return round(seconds / 60) if seconds is not None and answers >= enough else None


def table(slug: str, counted: Counted) -> Iterator[tuple[str, ...]]:
    """One line per figure, under ``COLUMNS``."""
    for row in told(counted):
        head = (slug, f"{row.month:%Y-%m}", row.until.isoformat())
        for figure, value in _values(row):
            yield (*head, figure, "", value)
        for label, told_of in row.clauses:
            yield (*head, "rejected_by_clause", plain(label), str(told_of))


def _values(row: Row) -> Iterator[tuple[str, str]]:
    for figure in ("submitted", "decided", "approved", "rejected", "changes", "breaches", "appeals", "overturned"):
        yield figure, str(getattr(row, figure))
    waits = {"rejected_percent": row.rejected_share, "median_wait_minutes": row.median, "p95_wait_minutes": row.p95}
    for figure, number in waits.items():
        yield figure, "" if number is None else f"{number}"


def plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
