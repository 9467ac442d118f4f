"""Who said what of the same clip without knowing of each other: the pairs that figures of agreement are taken from.

Everything is asked of the rows up to a stated instant, nothing is kept: the same question later gives the same answer,
but for contests that a lead has answered since. Nothing is told of what is not decided yet.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from access.models import Program, User
from review import measures
from review.measures import Coefficient, Proportion
from review.models import Contest, Decision, Golden, Look, Opinion, Submission, Verdict

FEWEST = 20  # things compared; of fewer no figure is shown
FEWEST_CITED = 5  # opinions that cite a clause; of fewer its alpha would hang on one or two people


@dataclass(frozen=True)
class Period:
    """A program's time from after ``since`` to ``until``."""

    program: Program
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Said:
    """One side of a pair: an opinion, or the known answer, which nobody gave."""

    verdict: str
    clause: str  # its code, empty where none is cited
    reviewer: User | None = None
    opinion: Opinion | None = None

    @property
    def contest(self) -> Contest | None:
        return getattr(self.opinion, "contest", None) if self.opinion else None

    @property
    def stands(self) -> bool:
        """A lead agreed that it was right, whatever the other side says."""
        return bool(self.contest and self.contest.stands)

    @property
    def words(self) -> str:
        return str(Verdict(self.verdict).label)


@dataclass(frozen=True)
class Pair:
    """Two verdicts on the same round of a submission, blind to each other; ``at`` is when the later one was in."""

    kind: str  # second, qa or golden
    submission: Submission
    round: int
    one: Said
    other: Said
    at: datetime
    golden: Golden | None = None

    @property
    def settled(self) -> tuple[Said, Said]:
        """As it is counted: where a contest found one side right, the other is taken to say the same."""
        if self.one.stands:
            return self.one, self.one
        return (self.other, self.other) if self.other.stands else (self.one, self.other)

    @property
    def verdicts(self) -> tuple[str, str]:
        one, other = self.settled
        return one.verdict, other.verdict

    @property
    def agree(self) -> bool:
        """Whether they say the same, contests left aside."""
        return self.one.verdict == self.other.verdict


def _said(opinion: Opinion) -> Said:
    return Said(opinion.verdict, opinion.clause.code if opinion.clause else "", opinion.reviewer, opinion)


_OF_AN_OPINION = ("clause", "reviewer", "contest")


def _related(*paths: str) -> list[str]:
    return [f"{path}__{name}" for path in paths for name in _OF_AN_OPINION]


# --- the pairs ------------------------------------------------------------------------------------------------------


def seconds(period: Period) -> list[Pair]:
    """First and second opinions of decisions that took effect in the period, whatever a third said then."""
    decided = Decision.objects.filter(
        submission__program=period.program, overturns=None, withdrawal=None, second__isnull=False,
        effective_at__gt=period.since, effective_at__lte=period.until,
    ).select_related("submission", *_related("first", "second"))  # fmt: skip
    return [
        Pair("second", made.submission, made.round, _said(made.first), _said(made.second), made.effective_at)
        for made in decided.order_by("effective_at", "pk")
        if made.second
    ]


def checks(period: Period, *, of: User | None = None, about: Opinion | None = None) -> list[Pair]:
    """What was decided, and what the check of it said in the period. ``of``: only those this reviewer had part in;
    ``about``: only those with this opinion on one side."""
    given = _given(period, Look.Kind.QA).filter(look__draw__isnull=False)
    if of is not None:
        given = given.filter(Q(reviewer=of) | Q(look__draw__decision__decided_by=of))
    if about is not None:
        given = given.filter(Q(pk=about.pk) | Q(look__draw__decision__in=Decision.objects.filter(_cites(about))))
    decision = "look__draw__decision"
    cited = [f"{decision}__{place}" for place in ("first", "second", "tie_break")]
    return [_check(said) for said in given.select_related("submission", *_OF_AN_OPINION, *cited, *_related(*cited))]


def _cites(opinion: Opinion) -> Q:
    return Q(first=opinion) | Q(second=opinion) | Q(tie_break=opinion)


def _check(said: Opinion) -> Pair:
    assert said.look is not None, "asked for by its look"
    decision = said.look.draw.decision
    return Pair("qa", said.submission, said.round, _said(decision.opinions[-1]), _said(said), said.given_at)


def golden_answers(period: Period, *, of: User | None = None, about: Opinion | None = None) -> list[Pair]:
    """What was said in the period of clips with a known answer, the other side. ``of``, ``about``: as of checks."""
    given = _given(period, Look.Kind.GOLDEN)
    if of is not None:
        given = given.filter(reviewer=of)
    if about is not None:
        given = given.filter(pk=about.pk)
    return [_against_answer(said) for said in given.select_related("submission__golden__clause", *_OF_AN_OPINION)]


def _against_answer(said: Opinion) -> Pair:
    golden = said.submission.golden
    answer = Said(golden.verdict, golden.clause.code if golden.clause else "")
    return Pair("golden", said.submission, said.round, _said(said), answer, said.given_at, golden)


def _given(period: Period, kind: str) -> QuerySet[Opinion]:
    within = {"given_at__gt": period.since, "given_at__lte": period.until}
    return Opinion.objects.filter(submission__program=period.program, kind=kind, **within).order_by("given_at", "pk")


def against(opinion: Opinion, at: datetime) -> list[Pair]:
    """The pairs in which another side says otherwise about an opinion, as far as they are in."""
    ever = Period(opinion.submission.program, datetime.min.replace(tzinfo=at.tzinfo), at)
    known = [*checks(ever, about=opinion), *golden_answers(ever, about=opinion)]
    return [pair for pair in known if not pair.agree and opinion in (pair.one.opinion, pair.other.opinion)]


# --- the figures ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Agreement:
    """How far two sides say the same; nothing is said of fewer than ``FEWEST`` pairs."""

    raw: Proportion
    kappa: Coefficient

    @property
    def is_enough(self) -> bool:
        return self.raw.n >= FEWEST


def agreement(pairs: Iterable[Pair]) -> Agreement:
    verdicts = [pair.verdicts for pair in pairs]
    return Agreement(measures.agreement(verdicts), measures.kappa(verdicts))


@dataclass(frozen=True)
class ClauseAlpha:
    """How far people agree that a clause applies, over what at least two judged blind."""

    code: str
    title: str
    cited: int  # opinions that cite it
    alpha: Coefficient

    @property
    def is_enough(self) -> bool:
        return self.alpha.n >= FEWEST and self.cited >= FEWEST_CITED


def alphas(pairs: Iterable[Pair], titles: dict[str, str]) -> list[ClauseAlpha]:
    """Krippendorff's alpha of each clause, by code; ``titles`` names those that are shown even if nobody cites them."""
    units = _units(pairs)
    cited = sorted({code for unit in units for code in unit if code} | set(titles))
    return [_alpha_of(code, titles.get(code, ""), units) for code in cited]


def _alpha_of(code: str, title: str, units: list[list[str]]) -> ClauseAlpha:
    applies = [[said == code for said in unit] for unit in units]
    return ClauseAlpha(code, title, sum(map(sum, applies)), measures.alpha(applies))


def _units(pairs: Iterable[Pair]) -> list[list[str]]:
    """Of each round of a submission the clause that each blind opinion cites, empty for none."""
    units: dict[tuple[uuid.UUID, int], dict[object, str]] = defaultdict(dict)
    for pair in pairs:
        sides = zip((pair.one, pair.other), pair.settled, strict=True)
        blind = [(side, counted) for side, counted in sides if side.opinion and side.opinion.kind in BLIND]
        for side, counted in blind:
            units[pair.submission.pk, pair.round].setdefault(side.opinion, counted.clause)
    return [list(unit.values()) for unit in units.values()]


# A third opinion is asked for where two differ, and an appeal shows what it is against: neither is one of many alike.
BLIND = (Look.Kind.FIRST, Look.Kind.SECOND, Look.Kind.QA)


def drift(before: Iterable[Pair], now: Iterable[Pair]) -> measures.Interval | None:
    """Between what bounds agreement has changed from one period to the next; None where either has too few pairs."""
    earlier, later = agreement(before).raw, agreement(now).raw
    return measures.difference(later, earlier) if min(earlier.n, later.n) >= FEWEST else None
