"""How far people agree, as numbers with intervals. Pure functions: what goes in is counted, what comes out is a figure.

A figure that the counts cannot give is None, never a guess: one category only, nobody who was compared, an order
statistic that a small sample does not have. Intervals are at 95 %. Sources:

- proportion: E. B. Wilson, JASA 22 (1927) 209-212; values in R. G. Newcombe, Stat. Med. 17 (1998) 857-872.
- difference of two proportions: method 10 of R. G. Newcombe, Stat. Med. 17 (1998) 873-890.
- kappa: J. Cohen, Educ. Psychol. Meas. 20 (1960) 37-46; its standard error where it is not zero: J. L. Fleiss,
  J. Cohen, B. S. Everitt, Psychol. Bull. 72 (1969), from page 323.
- alpha: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), nominal values, some may be missing.
- quantiles: bounds by the binomial distribution of ranks, as in W. J. Conover, Practical Nonparametric Statistics.

numpy is loaded when something is computed, not when a page is: the web process does without until then.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Z = 1.959963984540054  # of the standard normal: 95 % lie within
LEVEL = 0.95
DRAWS = 2000  # of a bootstrap
SEED = 20260101  # of every bootstrap, so that a page read twice says the same

Interval = tuple[float, float]


@dataclass(frozen=True)
class Proportion:
    """``hits`` of ``n``, with Wilson's interval. Of nobody there is no proportion."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        return wilson(self.hits, self.n)


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of agreement over ``n`` things that were compared; ``why`` says why there is no value or interval:
    ``nobody``, ``one_category`` (chance alone explains everything) or ``nothing_varies`` (all agree, or all the same
    way not: no interval can be taken from that)."""

    n: int
    value: float | None = None
    interval: Interval | None = None
    why: str = ""


# --- proportions ----------------------------------------------------------------------------------------------------


def wilson(hits: int, n: int) -> Interval | None:
    """Wilson's score interval of a proportion, without continuity correction; None of nobody."""
    if n == 0:
        return None
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return (max(0.0, middle - half) if hits else 0.0, min(1.0, middle + half) if hits < n else 1.0)


def difference(one: Proportion, other: Proportion) -> Interval | None:
    """Newcombe's interval (his method 10) of ``one`` minus ``other``; None if nobody is in either."""
    a, b = one.interval, other.interval
    if a is None or b is None:
        return None
    p, q = one.hits / one.n, other.hits / other.n
    below = math.hypot(p - a[0], b[1] - q)
    above = math.hypot(a[1] - p, q - b[0])
    return (p - q - below, p - q + above)


# --- two people on the same things ----------------------------------------------------------------------------------


def agreement(pairs: Sequence[tuple[Hashable, Hashable]]) -> Proportion:
    """The share of pairs that say the same."""
    return Proportion(sum(one == other for one, other in pairs), len(pairs))


def kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> Coefficient:
    """Cohen's kappa of pairs of verdicts, unweighted, with the large-sample interval of Fleiss, Cohen and Everitt.

    All verdicts of one category leave it undefined: agreement is then no more than chance would bring.
    """
    import numpy as np

    n = len(pairs)
    if n == 0:
        return Coefficient(0, why="nobody")
    table = _table(pairs)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    seen, expected = float(np.trace(table)), float(rows @ columns)
    if math.isclose(expected, 1.0):
        return Coefficient(n, why="one_category")
    value = (seen - expected) / (1 - expected)
    half = Z * _kappa_error(table, value, expected, n)
    if math.isclose(half, 0.0, abs_tol=1e-9):
        return Coefficient(n, value=value, why="nothing_varies")
    return Coefficient(n, value=value, interval=(max(-1.0, value - half), min(1.0, value + half)))


def _table(pairs: Sequence[tuple[Hashable, Hashable]]) -> NDArray[np.float64]:
    """The shares of what one said against what the other said."""
    import numpy as np

    names = sorted({name for pair in pairs for name in pair}, key=str)
    table = np.zeros((len(names), len(names)))
    for (one, other), many in Counter(pairs).items():
        table[names.index(one), names.index(other)] = many
    return table / len(pairs)


def _kappa_error(table: NDArray[np.float64], value: float, expected: float, n: int) -> float:
    """The standard error of kappa where it is not zero (Fleiss, Cohen and Everitt 1969)."""
    import numpy as np

    rows, columns = table.sum(axis=1), table.sum(axis=0)
    sums = columns[:, None] + rows[None, :]  # of cell i, j: what column i and row j hold
    same = float(np.sum(np.diag(table) * (1 - np.diag(sums) * (1 - value)) ** 2))
    apart = table * sums**2
    different = (1 - value) ** 2 * float(apart.sum() - np.trace(apart))
    rest = (value - expected * (1 - value)) ** 2
    return math.sqrt(max(0.0, same + different - rest) / n) / (1 - expected)


# --- any number of people, each on some of the things ---------------------------------------------------------------


def alpha(units: Iterable[Sequence[Hashable]]) -> Coefficient:
    """Krippendorff's alpha for nominal values. A unit is what was said of one thing, by however many; what fewer than
    two spoke of is left out. The interval is a bootstrap over the units, ``DRAWS`` of them from ``SEED``.
    """
    import numpy as np

    kinds = Counter(_spread(unit) for unit in units if len(unit) > 1)
    n = sum(kinds.values())
    if n == 0:
        return Coefficient(0, why="nobody")
    apart, counts = _coincidences(list(kinds))
    many = np.array(list(kinds.values()))
    value = _alphas(many[None, :], apart, counts)[0]
    if math.isnan(value):
        return Coefficient(n, why="one_category")
    if not float(many @ apart):
        return Coefficient(n, value=1.0, why="nothing_varies")
    return Coefficient(n, value=float(value), interval=_bootstrap(many, apart, counts))


Spread = tuple[tuple[Hashable, int], ...]


def _spread(unit: Sequence[Hashable]) -> Spread:
    """How often each value was given, whoever gave it: units with the same spread weigh the same."""
    return tuple(sorted(Counter(unit).items(), key=str))


def _coincidences(kinds: list[Spread]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each kind of unit: its disagreements (pairs apart over values less one), and how often it has each value."""
    import numpy as np

    names = sorted({name for kind in kinds for name, _many in kind}, key=str)
    counts = np.array([[dict(kind).get(name, 0) for name in names] for kind in kinds], dtype=float)
    spoken = counts.sum(axis=1)
    return (spoken**2 - (counts**2).sum(axis=1)) / (spoken - 1), counts


def _alphas(many: NDArray, apart: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha for each row of how often each kind of unit occurs; NaN where only one value was ever given."""
    import numpy as np

    totals = many @ counts
    n = totals.sum(axis=1)
    chance = n**2 - (totals**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chance > 0, 1 - (n - 1) * (many @ apart) / chance, np.nan)


def _bootstrap(many: NDArray, apart: NDArray[np.float64], counts: NDArray[np.float64]) -> Interval:
    """The middle 95 % of alpha over samples of as many units, drawn with replacement. Samples with one value only have
    no alpha and are left out; the sample itself has two, so nearly all have."""
    import numpy as np

    n = int(many.sum())
    drawn = np.random.default_rng(SEED).multinomial(n, many / n, size=DRAWS)
    values = _alphas(drawn, apart, counts)
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return (float(low), float(high))


# --- waiting --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quantile:
    """An order statistic; ``interval`` is None where the sample is too small to bound it on both sides."""

    value: float | None
    interval: Interval | None


def quantile(values: Sequence[float], share: float) -> Quantile:
    """The smallest value that at least this share of them does not exceed (PostgreSQL's ``percentile_disc``), and the
    two order statistics between which the true one lies in at least 95 % of samples, whatever the distribution."""
    ordered = sorted(values)
    n = len(ordered)
    if n == 0:
        return Quantile(None, None)
    value = ordered[max(0, math.ceil(share * n - 1e-9) - 1)]
    ranks = _ranks(n, share)
    return Quantile(value, (ordered[ranks[0] - 1], ordered[ranks[1] - 1]) if ranks else None)


def _ranks(n: int, share: float) -> tuple[int, int] | None:
    """The ranks (from 1) of the bounds: each side is missed in at most 2.5 % of samples."""
    tail, below, low, high = (1 - LEVEL) / 2, 0.0, 0, n + 1
    for k in range(n + 1):  # below = P(fewer than or exactly k values lie under the true quantile)
        below += _binomial(k, n, share)
        if below <= tail:
            low = k + 1
        if below >= 1 - tail:
            high = k + 1
            break
    return (low, high) if low >= 1 and high <= n else None


def _binomial(k: int, n: int, p: float) -> float:
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p)
    return math.exp(log)
