"""The queue as reviewers read it: in the published order, page by page, and how much of it waits.

What is listed is what may come to whoever reads: nothing of their own, nothing they had part in. A page goes on after
the key of the row before it, so it costs the same at any depth; and nothing is counted further than a person reads.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Prefetch

from access.audit import microseconds
from access.sql import as_uuid, run
from review.models import BANDS, Claim, Look
from review.queueing import MAY_JUDGE, Asker

SHOWN = 50  # rows of a page
WINDOW, WINDOWS = 100, 10  # rows that are read at once, and how often at most for a page
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


# First a stretch of the ordered index, cut off; then who may judge what of it. In one WHERE the planner takes the
# exclusions, whose odds it cannot know, for rare, and reads and sorts all that waits.
_WINDOW = f"""
SELECT l.id, CASE WHEN {MAY_JUDGE} THEN 1 ELSE 0 END FROM (
    SELECT * FROM review_look l WHERE l.program_id = %(program)s AND l.state = 'waiting' {{more}}
    ORDER BY l.rank DESC, l.due_at, l.asked_at, l.id LIMIT %(most)s) AS l
ORDER BY l.rank DESC, l.due_at, l.asked_at, l.id"""  # noqa: S608

_COUNT = f"""
SELECT COUNT(*), SUM(CASE WHEN {MAY_JUDGE} THEN 1 ELSE 0 END) FROM (
    SELECT * FROM review_look l WHERE l.program_id = %(program)s AND l.state = 'waiting' {{more}}
    LIMIT %(most)s) AS l"""  # noqa: S608

_BEYOND = "(l.due_at, l.asked_at, l.id) > (%(due_at)s, %(asked_at)s, %(id)s)"
_OVERDUE_OF_BAND = f"""l.rank = {Look.OVERDUE} AND
    (SELECT s.risk_band FROM review_submission s WHERE s.id = l.submission_id) = %(band)s"""  # noqa: S608
_IN_HANDS = """AND l.id IN (SELECT h.look_id FROM review_claim h
    WHERE h.released_at IS NULL AND h.leased_until > %(now)s)"""


def page(asker: Asker, wanted: Sieve, *, after: Key | None = None) -> tuple[list[Look], Key | None]:
    """A page of the queue with who holds what (``live_claims``), and the key after which the next one begins.

    A page is short, and has a next one, where so much in a row is not for this reviewer that reading on would be slow.
    """
    found: list[uuid.UUID] = []
    last, seen, is_more = None, 0, False
    for look, may in _walk(asker, wanted, after):
        if is_more := may and len(found) == SHOWN:
            break
        last, seen = look, seen + 1
        found += [look] if may else []
    shown = Look.objects.select_related("submission").prefetch_related(_holders(asker.at)).in_bulk(found)
    goes_on = is_more or seen == WINDOWS * WINDOW
    return [shown[pk] for pk in found if pk in shown], _key_of(last) if goes_on and last else None


def _key_of(look: uuid.UUID) -> Key:
    return Key.of(Look.objects.only("rank", "due_at", "asked_at").get(pk=look))


def _walk(asker: Asker, wanted: Sieve, after: Key | None) -> Iterator[tuple[uuid.UUID, bool]]:
    """The looks that wait in order, each with whether this reviewer may judge it; so many windows and no more."""
    held = _held(asker, wanted)
    for _number in range(WINDOWS):
        rows = _window(asker, wanted, after, held)
        yield from rows
        if len(rows) < WINDOW:
            return
        after = _key_of(rows[-1][0])


def _held(asker: Asker, wanted: Sieve) -> list[uuid.UUID]:
    """What is in hands now, if only that is wanted: few, so they are asked for by name."""
    if not wanted.held:
        return []
    live = Claim.objects.live(asker.at).filter(look__program=asker.program)
    mine = live.filter(reviewer=asker.reviewer) if wanted.held == "mine" else live
    return list(mine.values_list("look", flat=True))


def _window(asker: Asker, wanted: Sieve, after: Key | None, held: list[uuid.UUID]) -> list[tuple[uuid.UUID, bool]]:
    place = {"rank": after.rank, "due_at": after.due_at, "asked_at": after.asked_at, "id": after.look} if after else {}
    names = {f"held_{number}": look for number, look in enumerate(held)}
    values = {**_values(asker), "band": wanted.band, **place, **names}
    rows: list[tuple[uuid.UUID, bool]] = []
    for stretch in _stretches(wanted.band, after) if held or not wanted.held else []:
        if len(rows) < WINDOW:
            sql = _WINDOW.format(more=f"{stretch} {_filter(wanted, names)}")
            read = run(sql, **values, most=WINDOW - len(rows))
            rows += [(as_uuid(look), bool(may)) for look, may in read]
    return rows


def _stretches(band: int | None, after: Key | None) -> list[str]:
    """The parts of the order that are left, each a range of the index: after a key, the rest of its rank and then the
    lower ones; of a band, what of it is overdue and then what is not."""
    if band is None:
        return [f"AND l.rank = %(rank)s AND {_BEYOND}", "AND l.rank < %(rank)s"] if after else [""]
    overdue, plain = f"AND {_OVERDUE_OF_BAND}", "AND l.rank = %(band)s"
    if after is None:
        return [overdue, plain]
    return [f"{overdue} AND {_BEYOND}", plain] if after.rank == Look.OVERDUE else [f"{plain} AND {_BEYOND}"]


def _filter(wanted: Sieve, held: Iterable[str]) -> str:
    soon = "AND l.due_at < %(soon)s" if wanted.soon else ""
    in_hands = ", ".join(f"%({name})s" for name in held)
    return f"{soon} AND l.id IN ({in_hands})" if in_hands else soon


def _values(asker: Asker) -> dict[str, Any]:
    who = {"program": asker.program.pk, "me": asker.reviewer.pk, "is_lead": asker.is_lead}
    return {**who, "now": asker.at, "soon": asker.at + SOON, "yes": True, "no": False}


def _holders(at: datetime) -> Prefetch:
    return Prefetch("claims", queryset=Claim.objects.live(at).select_related("reviewer"), to_attr="live_claims")


def count(asker: Asker, more: str = "") -> Tally:
    """How many looks may come to this reviewer, sooner or later; of a long queue only that it is long."""
    waiting, theirs = run(_COUNT.format(more=more), **_values(asker), most=MOST + 1)[0]
    return Tally(waiting if waiting > MOST else theirs or 0)


def tallies(asker: Asker) -> dict[str, Tally]:
    """How many wait, and how many of them are late, due soon, or in somebody's hands."""
    return {
        "waiting": count(asker),
        "late": count(asker, "AND l.due_at < %(now)s"),
        "soon": count(asker, "AND l.due_at >= %(now)s AND l.due_at < %(soon)s"),
        "held": count(asker, _IN_HANDS),
    }
