"""What a verdict is made of, before it is recorded and after."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from review.looking import NOTHING, Report
from review.models import Audience, Clause, Decision, Opinion, Verdict


@dataclass(frozen=True)
class Seen:
    """What the page showed when the verdict was given on it, and what it reports about looking."""

    fence: int
    round: int
    shown_sha256: str
    report: Report = NOTHING


@dataclass(frozen=True)
class Remark:
    """A note on a moment, milliseconds of the clip; ``region`` is x, y, width, height in fractions of the picture."""

    from_ms: int
    to_ms: int
    words: str
    region: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Reasons:
    """Why not: the clause, words to the artist, where in the clip. ``private_note`` is for the program alone."""

    clause: Clause | None = None
    words: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    private_note: str = ""
    remarks: tuple[Remark, ...] = ()

    @property
    def range(self) -> tuple[int, int] | None:
        return None if self.from_ms is None or self.to_ms is None else (self.from_ms, self.to_ms)


NO_REASONS = Reasons()


@dataclass(frozen=True)
class Scope:
    """For whom an approval holds, and from when on links of it may open."""

    audience: str = Audience.PUBLIC
    embargo_until: datetime | None = None


EVERYBODY = Scope()


def narrowest(opinions: Iterable[Opinion]) -> Scope:
    """What all approvals among these opinions allow: the narrowest audience, and the latest embargo."""
    approvals = [said for said in opinions if said.verdict == Verdict.APPROVED]
    only_by_link = any(said.audience == Audience.LINK for said in approvals)
    embargoes = [said.embargo_until for said in approvals if said.embargo_until]
    return Scope(Audience.LINK if only_by_link else Audience.PUBLIC, max(embargoes, default=None))


@dataclass(frozen=True)
class Given:
    """A recorded opinion, and the decision that it made; None while others are still asked."""

    opinion: Opinion
    decision: Decision | None
