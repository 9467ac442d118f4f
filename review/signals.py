"""Look over an output by machine, and keep what was noticed as hints for its reviewers. It decides nothing."""

from django.db import IntegrityError, transaction

from access import audit, clock
from generation.models import Output
from generation.refusals import Trouble
from review.models import Examination, FrameHash, Signal

VERSION = 1  # of the recipe that chooses and hashes frames; another one looks at every output anew


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
    from review import findings

    frames = list(FrameHash.objects.filter(output=output, version=before.version))
    found, upto = findings.beside_bank(output, frames, after=before.bank_upto)
    if upto > before.bank_upto:
        _keep(output, upto, [], found)


def _keep(output: Output, upto: int, frames: list[FrameHash], found: list[Signal]) -> None:
    """Remember an examination with all that it found; nothing if a rival was faster."""
    try:
        with audit.recorded():
            now = clock.now()
            made = Examination.objects.create(output=output, version=VERSION, bank_upto=upto, examined_at=now)
            FrameHash.objects.bulk_create(frames)
            for signal in found:
                signal.output, signal.examination, signal.raised_at = output, made, now
            Signal.objects.bulk_create(found)
            facts = {"version": VERSION, "bank_upto": upto, "signals": sorted(signal.kind for signal in found)}
            audit.trace("look_over", program=output.program, at=now, actor=None, subject=output, facts=facts)
    except IntegrityError:
        if not Examination.objects.filter(output=output, version=VERSION, bank_upto=upto, trouble="").exists():
            raise


def _keep_trouble(output: Output, said: str) -> None:
    """Remember why it could not be looked at, once for the same reason in a row."""
    last = Examination.objects.filter(output=output, version=VERSION).last()
    if last is None or last.trouble != said[:300]:
        with transaction.atomic():
            Examination.objects.create(
                output=output, version=VERSION, trouble=said[:300], examined_at=clock.now()
            )  # fmt: skip
