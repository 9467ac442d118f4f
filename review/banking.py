"""The bank of hashes: what decisions put in when they take effect, what lists of known-bad hashes bring, who leaves."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection

from access import audit, clock
from generation.models import Output
from review import signals
from review.hash_lists import BadLine, Listed
from review.models import BankEntry, BankEntryQuerySet, Decision, DecisionQuerySet, Deposit, FrameHash, Verdict

log = logging.getLogger(__name__)

CLASS = 7263  # our name space of advisory locks, of the bank; it has one lock
LOOK_BACK = timedelta(days=7)  # in which a worker that was away must come back
AT_ONCE = 20  # decisions
AT_A_TIME = 3.0  # seconds
LINES = 5000  # of a list in one transaction
BANKED = (Verdict.APPROVED, Verdict.REJECTED)


def settle() -> int:
    """Bank a few decisions that took effect, drawn by lot: some may be past seeing, and shall not be in others' way.
    How many.
    """
    now = clock.now()
    recent = unbanked(now).filter(effective_at__gt=now - LOOK_BACK).order_by("?").select_related("submission__output")
    return sum(_try(decision) for decision in clock.within(AT_A_TIME, recent[:AT_ONCE]))


def drop_fallen() -> int:
    """Take out what no longer stands; of how many outputs. It loads no machine, so it need not wait for one."""
    return sum(unbank(output) > 0 for output in fallen())


def unbanked(at: datetime) -> DecisionQuerySet:
    """Yeses and noes in effect that have put nothing into the bank yet."""
    return Decision.objects.effective(at).filter(verdict__in=BANKED, deposit=None)


def fallen() -> Iterable[Output]:
    """Outputs with entries in the bank of a decision that was overturned."""
    overturned = Deposit.objects.filter(decision__overturned_by__isnull=False)
    entries = BankEntry.objects.live().filter(deposit__in=overturned)
    return Output.objects.filter(pk__in=entries.values("deposit__output")).select_related("program")


def _try(decision: Decision) -> bool:
    try:
        return bank(decision) is not None
    except Exception:  # of this decision or of this moment: the others are tried all the same
        log.exception("decision %s put nothing into the bank", decision.pk)
        return False


def bank(decision: Decision) -> Deposit | None:
    """Put the frames of the output into the bank, as rejected or as approved: once, and only while it is in effect.

    For the default worker, since it looks at an output that nobody has looked at. None if there is nothing to put in:
    the decision is not in effect, was undone or overturned, asks for changes, or the output cannot be looked at.
    """
    output = decision.submission.output
    if signals.examination(output) is None:
        signals.look_over(output)
    if signals.examination(output) is None:
        return None
    frames = list(FrameHash.objects.filter(output=output, version=signals.VERSION, quality__gte=FrameHash.GOOD))
    with audit.recorded():
        _lock()
        now = clock.now()
        if not unbanked(now).filter(pk=decision.pk).exists():
            return Deposit.objects.filter(decision=decision).first()
        made = Deposit.objects.create(decision=decision, output=output, banked_at=now)
        entries = BankEntry.objects.bulk_create(_entries(made, frames))
        facts = {"output": str(output.pk), "origin": decision.verdict, "entries": len(entries)}
        audit.trace("bank", program=output.program, at=now, actor=None, subject=decision, facts=facts)
    return made


def _lock() -> None:
    """One writer at a time, so that entries are numbered in the order in which they are committed: an index in memory
    reads what is above the highest number it knows. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [CLASS])


def _entries(made: Deposit, frames: list[FrameHash]) -> list[BankEntry]:
    origin = BankEntry.Origin(made.decision.verdict)
    return [
        BankEntry(origin=origin, pdq=pdq, deposit=made, frame=frame, entered_at=made.banked_at)
        for frame in frames
        for pdq in frame.banked
    ]


def unbank(output: Output) -> int:
    """Take out what decisions on the output put in that no longer stand; what stands stays. How many entries left.

    It takes effect at once: whoever looks up asks whether an entry is live.
    """
    with audit.recorded():
        now = clock.now()
        live = BankEntry.objects.live().filter(deposit__output=output)
        gone = live.exclude(deposit__decision__in=Decision.objects.effective(now)).update(removed_at=now)
        if gone:
            audit.trace(
                "unbank", program=output.program, at=now, actor=None, subject=output, facts={"entries": gone}
            )  # fmt: skip
    return gone


# --- lists of known-bad hashes ----------------------------------------------------------------------------------------
@dataclass
class Tally:
    """What became of the lines of a list."""

    changed: int = 0  # entered the bank, or left it
    unchanged: int = 0  # were in it already, or were not in it
    bad: list[BadLine] = field(default_factory=list)


def take_in(lines: Iterable[Listed | BadLine], *, source: str) -> Tally:
    """Enter a list of known-bad hashes. The same list a second time changes nothing; bad lines hold nothing up.

    ``source``: the name of the list, for the record.
    """
    tally = Tally()
    for listed in _batches(lines, tally):
        with audit.recorded():
            _lock()
            now = clock.now()
            known = _known(listed)
            new = [pair for pair in listed if pair not in known]
            BankEntry.objects.bulk_create(
                BankEntry(origin=BankEntry.Origin.IMPORTED, pdq=pair.pdq, label=pair.label, entered_at=now)
                for pair in new
            )
            _count(tally, "bank_list", source, len(new), len(listed), now)
    return tally


def take_out(lines: Iterable[Listed | BadLine], *, source: str) -> Tally:
    """Remove what a list names, for example a hash that like a plain picture resembles everything."""
    tally = Tally()
    for listed in _batches(lines, tally):
        with audit.recorded():
            _lock()
            now = clock.now()
            gone = _live_entries(listed).filter(pk__in=_known(listed).values()).update(removed_at=now)
            _count(tally, "unbank_list", source, gone, len(listed), now)
    return tally


def _batches(lines: Iterable[Listed | BadLine], tally: Tally) -> Iterator[list[Listed]]:
    rest = iter(lines)
    while some := list(islice(rest, LINES)):
        listed = [line for line in some if isinstance(line, Listed)]
        tally.bad += [line for line in some if isinstance(line, BadLine)]
        once = list(dict.fromkeys(listed))
        tally.unchanged += len(listed) - len(once)
        yield once


def _known(listed: list[Listed]) -> dict[Listed, int]:
    """Which of them are in the bank, with the number of the entry."""
    wanted, rows = set(listed), _live_entries(listed).values_list("pdq", "label", "pk")
    return {pair: pk for pdq, label, pk in rows if (pair := Listed(pdq, label)) in wanted}


def _live_entries(listed: list[Listed]) -> BankEntryQuerySet:
    return BankEntry.objects.live().imported().filter(pdq__in={pair.pdq for pair in listed})


def _count(tally: Tally, act: str, source: str, changed: int, all_of: int, at: datetime) -> None:
    tally.changed += changed
    tally.unchanged += all_of - changed
    if changed:
        facts = {"list": source, "entries": changed}
        audit.trace(act, program=None, at=at, actor=None, subject="bank", facts=facts)
