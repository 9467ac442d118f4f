"""Small numbers are not told, and none can be worked out from the others.

A count from 1 to 4 is told as "fewer than 5"; nobody is counted in a 0, so it is told. Of a sum whose parts are told,
one hidden part would be the difference: then either the sum or another part is "not shown". ``hide_parts`` keeps to
what somebody can work out who knows these rules.
"""

import enum
from dataclasses import dataclass

from django.utils.translation import gettext as _

SMALLEST = 5  # the first count that is told
FEW = range(1, SMALLEST)


class Mark(enum.Enum):
    TOLD = "told"
    FEW = "few"  # from 1 to 4
    WITHHELD = "withheld"  # not small itself; it would give another away


@dataclass
class Cell:
    """A count, and how much of it is told."""

    count: int
    mark: Mark = Mark.TOLD

    @property
    def is_told(self) -> bool:
        return self.mark is Mark.TOLD

    @property
    def number(self) -> int | None:
        """The count, if it is told."""
        return self.count if self.is_told else None

    def __str__(self) -> str:
        words = {Mark.FEW: _("fewer than 5"), Mark.WITHHELD: _("not shown")}
        return words.get(self.mark) or f"{self.count}"


def cell(count: int) -> Cell:
    """A count that stands for itself."""
    return Cell(count, Mark.FEW if count in FEW else Mark.TOLD)


def total(parts: list[Cell]) -> Cell:
    """The sum of parts, told only if each of them is."""
    summed = cell(sum(part.count for part in parts))
    if summed.is_told and not all(part.is_told for part in parts):
        summed.mark = Mark.WITHHELD
    return summed


def hide_parts(whole: Cell, parts: list[Cell]) -> None:
    """Hide so many of the parts of a whole, and at last the whole, that no hidden one can be worked out.

    The parts come marked by ``cell``; their sum is ``whole.count``.
    """
    while whole.is_told and not _is_open(whole, parts):
        told = [part for part in parts if part.is_told]
        least = min(told, key=lambda part: (part.count == 0, part.count), default=whole)
        least.mark = Mark.WITHHELD
    if whole.mark is Mark.FEW and sum(part.mark is Mark.FEW for part in parts) == len(FEW):
        whole.mark = Mark.WITHHELD  # four parts of at least one each, at most four in all: each is one


def _is_open(whole: Cell, parts: list[Cell]) -> bool:
    """Whether each hidden part of a told whole may still be one of several numbers."""
    hidden = [part for part in parts if not part.is_told]
    rest = whole.count - sum(part.count for part in parts if part.is_told)
    if len(hidden) > 1 and rest > 2 * SMALLEST * len(hidden) and any(part.mark is Mark.WITHHELD for part in hidden):
        return True  # so much that what is withheld takes up any difference
    ranges = [_possible(part, rest) for part in hidden]
    return all(_is_free(ranges, which, rest) for which in range(len(ranges)))


def _possible(part: Cell, most: int) -> set[int]:
    """The numbers that a hidden part may be, to somebody who knows the rules and how much is hidden in all."""
    return set(FEW) if part.mark is Mark.FEW else {0, *range(SMALLEST, most + 1)}


def _is_free(ranges: list[set[int]], which: int, rest: int) -> bool:
    sums = {0}
    for place, possible in enumerate(ranges):
        if place != which:
            sums = {told + more for told in sums for more in possible if told + more <= rest}
    return sum(rest - number in sums for number in ranges[which]) > 1
