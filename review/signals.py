"""Look over an output by machine, and keep what was noticed as hints for its reviewers. It decides nothing."""

import logging
import random
from collections.abc import Iterator
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, Min, OuterRef, Q

from access import audit, clock
from access.models import Program
from generation.models import Output, OutputQuerySet
from generation.refusals import Trouble
from review import hindsight
from review.models import BankEntry, Examination, FrameHash, Look, LookQuerySet, Signal, Submission

log = logging.getLogger(__name__)

VERSION = 1  # of the recipe that chooses and hashes frames; another one looks at every output anew
AT_ONCE = 20  # outputs of a program
NEAR = 200  # looks of a program that are read at each of three places of its queue, however many wait
AT_A_TIME = 5.0  # seconds
STALE = timedelta(hours=1)  # after which what still waits is compared with what has entered the bank meanwhile


def catch_up() -> int:
    """Look over a few of those that wait and that no machine has looked at; then compare a few others with what has
    entered the bank since. How many.

    Drawn by lot: some may be past seeing, and shall not be in others' way. From three places of each queue, which costs
    the same at any depth: where reviewers come next, where the newest are, and somewhere else each time.
    """
    return sum(_try(output) for output in clock.within(AT_A_TIME, _due()))


def _due() -> Iterator[Output]:
    seen = Examination.objects.filter(output=OuterRef("pk"), version=VERSION, trouble="")
    fresh = seen.filter(Q(examined_at__gt=clock.now() - STALE) | Q(bank_upto__gte=newest_entry()))
    waiting = [_near(program) for program in Program.objects.order_by("?")]
    for near in waiting:
        yield from near.exclude(Exists(seen)).order_by("?")[:AT_ONCE]
    for near in waiting:
        yield from near.filter(Exists(seen)).exclude(Exists(fresh)).order_by("?")[:AT_ONCE]


def _near(program: Program) -> OutputQuerySet:
    """Outputs that wait at three places of the program's queue."""
    queue = Look.objects.waiting().filter(program=program)
    places = (queue.in_order(), queue.order_by("-due_at"), _from_somewhere(queue))
    looks = {look for place in places for look in place.values_list("pk", flat=True)[:NEAR]}
    asked = Submission.objects.waiting().filter(looks__in=looks)
    return Output.objects.filter(submissions__in=asked).select_related("program")


def _from_somewhere(queue: LookQuerySet) -> LookQuerySet:
    """From an instant on that chance draws among those at which answers are due."""
    ends = queue.aggregate(first=Min("due_at"), last=Max("due_at"))
    if ends["first"] is None:
        return queue.none()
    somewhere = ends["first"] + random.random() * (ends["last"] - ends["first"])
    return queue.filter(due_at__gte=somewhere).order_by("due_at")


def _try(output: Output) -> bool:
    try:
        look_over(output)
    except Exception:  # of this output or of this moment: the others are tried all the same
        log.exception("no machine could look at %s", output)
        return False
    return examination(output) is not None


def newest_entry() -> int:
    """The number of the newest entry of the bank; 0 while it is empty."""
    return BankEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def look_over(output: Output) -> list[Signal]:
    """Notice what there is to notice, once; a later call compares with what has entered the bank since.

    For the default worker: it decodes the clip and searches the bank. An output that cannot be looked at yet gets an
    examination that says why, and the next call tries again. All signals of the output, the gravest first.
    """
    before = examination(output)
    if before is None:
        _look(output)
    else:
        _compare_again(output, before)
    return of(output)


def of(output: Output) -> list[Signal]:
    """What was noticed in an output, the gravest first."""
    return list(Signal.objects.on(output))


def examination(output: Output) -> Examination | None:
    """The last time that a machine looked at it and could; None if none has yet."""
    return Examination.objects.filter(output=output, version=VERSION, trouble="").last()


def trouble(output: Output) -> str:
    """Why no machine could look at it, as a sentence; empty if one could, or none has tried."""
    last = Examination.objects.filter(output=output, version=VERSION).last()
    return last.trouble if last and examination(output) is None else ""


def _look(output: Output) -> None:
    from review import findings, seeing  # numpy, pdqhash and faiss: never in a web process

    try:
        sight = seeing.see(output)
    except Trouble as failed:
        _keep_trouble(output, str(failed))
        return
    frames = findings.frames_of(output, sight, VERSION)
    found, upto = findings.beside_bank(output, frames)
    _keep(output, upto, frames, [*findings.in_itself(sight), *findings.beside_own(output, frames), *found])


def _compare_again(output: Output, before: Examination) -> None:
    if newest_entry() <= before.bank_upto:
        return
    from review import findings

    frames = list(FrameHash.objects.filter(output=output, version=before.version))
    found, upto = findings.beside_bank(output, frames, after=before.bank_upto)
    _keep(output, upto, [], found)


def _keep(output: Output, upto: int, frames: list[FrameHash], found: list[Signal]) -> None:
    """Remember an examination with all that it found; nothing if a rival was faster."""
    try:
        with audit.recorded():
            _meet_verdicts(output)
            now = clock.now()
            made = Examination.objects.create(output=output, version=VERSION, bank_upto=upto, examined_at=now)
            FrameHash.objects.bulk_create(frames)
            for signal in found:
                signal.output, signal.examination, signal.raised_at = output, made, now
            Signal.objects.bulk_create(found)
            facts = {"version": VERSION, "bank_upto": upto, "signals": sorted(signal.kind for signal in found)}
            hindsight.tell_of(output, found, now)
            audit.trace("look_over", program=output.program, at=now, actor=None, subject=output, facts=facts)
    except IntegrityError:
        if not Examination.objects.filter(output=output, version=VERSION, bank_upto=upto, trouble="").exists():
            raise


def _meet_verdicts(output: Output) -> None:
    """A verdict that is about to be given on it is in before, and its approval told of; or it reads what is noticed."""
    asked = Submission.objects.filter(output=output).order_by("pk")
    list(asked.select_for_update(no_key=True).values_list("pk"))


def _keep_trouble(output: Output, said: str) -> None:
    """Remember why it could not be looked at, once for the same reason in a row."""
    last = Examination.objects.filter(output=output, version=VERSION).last()
    if last is None or last.trouble != said[:300]:
        with transaction.atomic():
            Examination.objects.create(
                output=output, version=VERSION, trouble=said[:300], examined_at=clock.now()
            )  # fmt: skip
