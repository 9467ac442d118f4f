"""Figures of agreement against values that others published."""

import pytest

from review import measures
from review.measures import Interval, Proportion, alpha, difference, kappa, quantile, wilson


def close(found: Interval | None, wanted: Interval, by: float = 5e-5) -> bool:
    return found is not None and found == pytest.approx(wanted, abs=by)


def bounds(interval: Interval | None) -> Interval:
    assert interval is not None
    return interval


def pairs_of(table: list[list[int]]) -> list[tuple[int, int]]:
    return [(row, column) for row, line in enumerate(table) for column, n in enumerate(line) for _ in range(n)]


def units_of(*observers: str) -> list[list[str]]:
    """One word per observer, one letter per unit; a point where they said nothing."""
    return [[said for said in column if said != "."] for column in zip(*observers, strict=True)]


@pytest.mark.parametrize(
    ("hits", "n", "wanted"),
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilson_gives_the_values_of_newcombe_1998_table_1_method_3(hits: int, n: int, wanted: Interval) -> None:
    assert close(wilson(hits, n), wanted)


def test_wilson_stays_within_zero_and_one_and_says_nothing_of_nobody() -> None:
    assert wilson(0, 0) is None and Proportion(0, 0).value is None
    low, high = bounds(wilson(20, 20))
    assert high == 1.0 and low == pytest.approx(1 - 0.16113, abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [((56, 70), (48, 80), (0.0524, 0.3339)), ((9, 10), (3, 10), (0.1705, 0.8090))],
)
def test_difference_gives_the_values_of_newcombe_1998b_table_2_method_10(
    one: tuple[int, int], other: tuple[int, int], wanted: Interval
) -> None:
    assert close(difference(Proportion(*one), Proportion(*other)), wanted)


def test_difference_from_nobody_is_none() -> None:
    assert difference(Proportion(1, 2), Proportion(0, 0)) is None


def test_kappa_of_the_hundred_diagnoses_in_fleiss_levin_and_paik() -> None:
    """Table 18.1: two raters, psychotic, neurotic and organic; kappa 0.68, its standard error 0.088 (18.1)."""
    found = kappa(pairs_of([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert found.n == 100 and found.value == pytest.approx(0.6765, abs=5e-5)
    low, high = bounds(found.interval)
    assert (high - low) / 2 / measures.Z == pytest.approx(0.0877, abs=5e-5)


def test_kappa_of_the_two_examiners_who_say_yes_or_no() -> None:
    """20 and 15 of 50 alike: 0.4, the textbook's example with 70 % agreement where chance brings 50 %."""
    assert kappa(pairs_of([[20, 5], [10, 15]])).value == pytest.approx(0.4)


def test_kappa_does_not_mind_what_the_verdicts_are_called() -> None:
    pairs = [("approved", "approved"), ("rejected", "approved"), ("rejected", "rejected")]
    swapped = [(b.upper(), a.upper()) for a, b in pairs]
    assert kappa(pairs).value == pytest.approx(kappa(swapped).value)


def test_kappa_says_why_it_says_nothing() -> None:
    assert kappa([]).why == "nobody" and kappa([]).value is None
    one = kappa([("approved", "approved")] * 40)
    assert one.why == "one_category" and one.value is None and one.interval is None
    agreed = kappa([("approved", "approved"), ("rejected", "rejected")])
    assert agreed.value == 1.0 and agreed.interval is None and agreed.why == "nothing_varies"


def test_alpha_of_the_four_observers_in_krippendorff_2011() -> None:
    """His example C, nominal data with missing values: 0.743; the unit that only one spoke of does not count."""
    found = alpha(units_of("123321412...", "1233224125.3", ".3332342251.", "12332441251."))
    assert found.n == 11 and found.value == pytest.approx(0.743, abs=5e-4)
    low, high = bounds(found.interval)
    assert found.value is not None and low < found.value < high


def test_alpha_of_the_two_observers_in_krippendorff_2011() -> None:
    """His example A, binary, 0.095; his example B, nominal, 0.692."""
    assert alpha(units_of("0100000010", "1110010000")).value == pytest.approx(0.095, abs=5e-4)
    assert alpha(units_of("aabbdcccedda", "babbbccceddd")).value == pytest.approx(0.692, abs=5e-4)


def test_alpha_says_why_it_says_nothing() -> None:
    assert alpha([]).why == "nobody" and alpha([["a"]]).why == "nobody"
    assert alpha([[0, 0]] * 9).why == "one_category" and alpha([[0, 0]] * 9).value is None
    agreed = alpha([[0, 0], [1, 1]])
    assert agreed.value == 1.0 and agreed.interval is None


def test_alpha_says_the_same_when_asked_again() -> None:
    units = units_of("0100000010", "1110010000")
    assert alpha(units) == alpha(list(reversed(units)))


def test_the_interval_of_alpha_grows_tighter_with_what_it_is_taken_from() -> None:
    few, many = (alpha(units_of("0100000010", "1100010010") * times) for times in (1, 40))
    (low, high), (lower, higher) = bounds(many.interval), bounds(few.interval)
    assert high - low < (higher - lower) / 3


@pytest.mark.parametrize(("n", "ranks"), [(5, None), (6, (1, 6)), (10, (2, 9)), (20, (6, 15))])
def test_the_bounds_of_a_median_are_the_ranks_of_the_tables(n: int, ranks: tuple[int, int] | None) -> None:
    """The sign test's table, e.g. Conover 3.2: from six values on, the 2nd and 9th of ten, the 6th and 15th of 20."""
    found = quantile(list(range(1, n + 1)), 0.5)
    assert found.interval == ranks


def test_a_95th_percentile_needs_many_to_be_bounded_above() -> None:
    assert quantile(list(range(71)), 0.95).interval is None
    assert quantile(list(range(72)), 0.95).interval == (63, 71)
    assert quantile([3.0], 0.95).value == 3.0 and quantile([], 0.5).value is None


def test_a_quantile_is_the_smallest_value_that_reaches_the_share() -> None:
    assert [quantile([10, 20, 30, 40], share).value for share in (0.25, 0.5, 0.51, 0.95)] == [10, 20, 30, 40]
