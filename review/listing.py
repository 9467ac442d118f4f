"""The queue as reviewers read it: in the published order, page by page, and how much of it waits.

What is listed is what may come to whoever reads: nothing of their own, nothing they had part in. A page goes on after
the key of the row before it, so it costs the same at any depth; and nothing is counted further than a person reads.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Prefetch

from access.audit import microseconds
from access.sql import bind
from review.models import BANDS, Claim, Look
from review.queueing import MAY_JUDGE, Asker

SHOWN = 50  # rows of a page
MOST = 1000  # counted exactly up to here
SOON = timedelta(hours=6)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Tally:
    """A number that was counted no further than ``MOST``."""

    n: int

    @property
    def words(self) -> str:
        return f"{MOST:,}+" if self.n > MOST else f"{self.n:,}"


@dataclass(frozen=True)
class Key:
    """Where a page ended in the published order."""

    rank: int
    due_at: datetime
    asked_at: datetime
    look: uuid.UUID

    @classmethod
    def of(cls, look: Look) -> "Key":
        return cls(look.rank, look.due_at, look.asked_at, look.pk)

    def __str__(self) -> str:
        return f"{self.rank}.{microseconds(self.due_at)}.{microseconds(self.asked_at)}.{self.look.hex}"


def key(text: str) -> Key | None:
    """The key in an address; None for one that no page of ours has made: the list then begins at its beginning."""
    try:
        rank, due, asked, look = text.split(".")
        due_at, asked_at = (EPOCH + timedelta(microseconds=int(us)) for us in (due, asked))
        return Key(min(int(rank), Look.OVERDUE), due_at, asked_at, uuid.UUID(look))
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Sieve:
    """What of the queue is shown. It never changes the order."""

    soon: bool = False  # due within six hours, or late
    band: int | None = None
    held: str = ""  # "mine", "held" by anybody, or nothing


def sieve(query: dict[str, str]) -> Sieve:
    """The sieve that an address asks for; what it does not know it leaves out."""
    band, held = query.get("band", ""), query.get("held", "")
    return Sieve(
        soon=query.get("due") == "soon",
        band=int(band) if band in {str(known) for known in BANDS} else None,
        held=held if held in ("mine", "held") else "",
    )


_WAITING = f"""
FROM review_look l WHERE l.program_id = %(program)s AND l.state = 'waiting' AND {MAY_JUDGE}"""

_PAGE = f"SELECT l.id {_WAITING} {{more}} ORDER BY l.rank DESC, l.due_at, l.asked_at, l.id LIMIT %(most)s"

_COUNT = f"SELECT COUNT(*) FROM (SELECT 1 {_WAITING} {{more}} LIMIT %(most)s) AS counted"  # noqa: S608

_BEYOND = "(l.due_at, l.asked_at, l.id) > (%(due_at)s, %(asked_at)s, %(id)s)"
_OVERDUE_OF_BAND = f"""l.rank = {Look.OVERDUE} AND
    (SELECT s.risk_band FROM review_submission s WHERE s.id = l.submission_id) = %(band)s"""  # noqa: S608
_IN_HANDS = """AND l.id IN (SELECT h.look_id FROM review_claim h
    WHERE h.released_at IS NULL AND h.leased_until > %(now)s {whose})"""


def page(asker: Asker, wanted: Sieve, *, after: Key | None = None) -> tuple[list[Look], Key | None]:
    """A page of the queue with who holds what (``live_claims``), and the key after which the next one begins."""
    found: list[uuid.UUID] = []
    for stretch in _stretches(wanted.band, after):
        if len(found) <= SHOWN:
            found += _ids(asker, wanted, stretch, after, SHOWN + 1 - len(found))
    shown = Look.objects.select_related("submission").prefetch_related(_holders(asker.at)).in_bulk(found[:SHOWN])
    rows = [shown[pk] for pk in found[:SHOWN] if pk in shown]
    return rows, Key.of(rows[-1]) if rows and len(found) > SHOWN else None


def _stretches(band: int | None, after: Key | None) -> list[str]:
    """The parts of the order that are left, each a range of the index: after a key, the rest of its rank and then the
    lower ones; of a band, what of it is overdue and then what is not."""
    if band is None:
        return [f"AND l.rank = %(rank)s AND {_BEYOND}", "AND l.rank < %(rank)s"] if after else [""]
    overdue, plain = f"AND {_OVERDUE_OF_BAND}", "AND l.rank = %(band)s"
    if after is None:
        return [overdue, plain]
    return [f"{overdue} AND {_BEYOND}", plain] if after.rank == Look.OVERDUE else [f"{plain} AND {_BEYOND}"]


def _ids(asker: Asker, wanted: Sieve, stretch: str, after: Key | None, most: int) -> list[uuid.UUID]:
    place = {"rank": after.rank, "due_at": after.due_at, "asked_at": after.asked_at, "id": after.look} if after else {}
    values = {**_values(asker), "band": wanted.band, "most": most, **place}
    with connection.cursor() as cursor:
        cursor.execute(_PAGE.format(more=f"{stretch} {_filter(wanted)}"), bind(**values))
        return [pk if isinstance(pk, uuid.UUID) else uuid.UUID(pk) for (pk,) in cursor.fetchall()]


def _filter(wanted: Sieve) -> str:
    soon = "AND l.due_at < %(soon)s" if wanted.soon else ""
    whose = "AND h.reviewer_id = %(me)s" if wanted.held == "mine" else ""
    return f"{soon} {_IN_HANDS.format(whose=whose) if wanted.held else ''}"


def _values(asker: Asker) -> dict[str, Any]:
    who = {"program": asker.program.pk, "me": asker.reviewer.pk, "is_lead": asker.is_lead}
    return {**who, "now": asker.at, "soon": asker.at + SOON, "yes": True, "no": False}


def _holders(at: datetime) -> Prefetch:
    return Prefetch("claims", queryset=Claim.objects.live(at).select_related("reviewer"), to_attr="live_claims")


def count(asker: Asker, more: str = "") -> Tally:
    """How many looks may come to this reviewer, sooner or later."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(more=more), bind(**_values(asker), most=MOST + 1))
        return Tally(cursor.fetchone()[0])


def tallies(asker: Asker) -> dict[str, Tally]:
    """How many wait, and how many of them are late or due soon."""
    return {
        "waiting": count(asker),
        "late": count(asker, "AND l.due_at < %(now)s"),
        "soon": count(asker, "AND l.due_at >= %(now)s AND l.due_at < %(soon)s"),
        "held": count(asker, _IN_HANDS.format(whose="")),
    }
