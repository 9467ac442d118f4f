"""No hidden number can be worked out from the told ones, by somebody who knows the rules."""

import itertools
import random

import pytest

from review.suppressing import FEW, Cell, Mark, cell, hide_parts, total


def hide(counts: tuple[int, ...]) -> tuple[Cell, list[Cell]]:
    parts = [cell(count) for count in counts]
    whole = cell(sum(counts))
    hide_parts(whole, parts)
    return whole, parts


def told(counts: tuple[int, ...]) -> tuple[str, ...]:
    whole, parts = hide(counts)
    return (str(whole), *map(str, parts))


def possible(shown: Cell, most: int) -> set[int]:
    return {Mark.TOLD: {shown.count}, Mark.FEW: set(FEW), Mark.WITHHELD: {0, *range(5, most + 1)}}[shown.mark]


def what_is_possible(whole: Cell, parts: list[Cell], most: int) -> list[set[int]]:
    """By trying every combination: which numbers each cell may be, the whole first."""
    found: list[set[int]] = [set() for _ in range(len(parts) + 1)]
    wholes = possible(whole, most)
    for numbers in itertools.product(*(possible(part, most) for part in parts)):
        if sum(numbers) in wholes:
            for place, number in enumerate((sum(numbers), *numbers)):
                found[place].add(number)
    return found


def check(counts: tuple[int, ...]) -> None:
    whole, parts = hide(counts)
    options = what_is_possible(whole, parts, most=sum(counts) + 10)
    for shown, numbers in zip((whole, *parts), options, strict=True):
        if not shown.is_told:
            assert len(numbers) > 1, (counts, told(counts), numbers)
        if shown.count in FEW:
            assert not shown.is_told, counts


@pytest.mark.parametrize("counts", [(0,), (3,), (5,), (0, 0), (4, 4), (1, 1, 1, 1), (8, 1), (1, 1, 1, 1, 1), (4, 4, 0)])
def test_corners(counts: tuple[int, ...]) -> None:
    check(counts)


def test_every_small_table_by_trying_everything() -> None:
    for size in (1, 2, 3):
        for counts in itertools.product(range(10), repeat=size):
            check(counts)


def test_larger_tables_by_chance() -> None:
    chance = random.Random(4)
    for _ in range(150):
        check(tuple(chance.choice((0, 0, 1, 2, 3, 4, 5, 6, 9, 12)) for _ in range(chance.randint(4, 5))))


def test_no_more_is_hidden_than_needed() -> None:
    assert told((20, 7, 30)) == ("57", "20", "7", "30")
    assert told((0, 0, 40)) == ("40", "0", "0", "40")
    assert told((20, 3, 30)) == ("53", "not shown", "fewer than 5", "30")
    assert told((20, 3, 2, 30)) == ("55", "20", "fewer than 5", "fewer than 5", "30")


def test_a_single_hidden_part_would_be_the_difference() -> None:
    """The control: without a second hidden one, everybody can subtract."""
    parts = [Cell(20), Cell(3, Mark.FEW), Cell(30)]
    assert what_is_possible(Cell(53), parts, 60)[2] == {3}


def test_a_sum_is_told_only_with_all_its_parts() -> None:
    assert str(total([cell(20), cell(7)])) == "27"
    assert str(total([cell(20), cell(3)])) == "not shown"
    assert str(total([cell(1), cell(3)])) == "fewer than 5"
    assert str(total([cell(0), cell(0)])) == "0"
    assert total([cell(20), cell(3)]).number is None
