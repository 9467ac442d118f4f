"""Some decisions are looked at once more by somebody who does not know them: which ones is left to chance.

The draw comes after a decision took effect, so no artist waits for it and nothing of theirs changes by it. Its seed is
the hash of the newest entry of the program's audit chain at that moment: nobody can know it while a decision can still
be undone, nobody can choose it, and whoever has the chain and the rows of ``Draw`` can compute every number again.
"""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef

from access import audit
from access.models import Chain, Program, User
from access.sql import as_uuid, run
from review import clocks, goldens
from review.models import Appeal, Claim, Decision, Draw, Escalation, Look, Opinion, ReviewTerms, Submission
from review.queueing import may_judge

BATCH = 200  # decisions, or checks, in one sweep
LATE = timedelta(minutes=10)  # a decision whose transaction ended late is still found so long after its effect


@dataclass(frozen=True)
class Drum:
    """What a program's numbers are drawn with, and when."""

    program: Program
    terms: ReviewTerms
    seed: str
    entry: int  # the number of the chain's entry whose hash is the seed
    at: datetime


@dataclass(frozen=True)
class Lot:
    """A decision, its number, and what follows from it."""

    decision: Decision
    number: float
    why: str
    brings_golden: bool


def number_of(seed: str, decision: uuid.UUID, *, drawn_for: str = "qa") -> float:
    """The number in [0, 1) of a decision under a seed: the first 52 bits of SHA-256 over what it is drawn for, the
    seed and the decision's id, each after the one before and a colon."""
    digest = hashlib.sha256(f"vernissage-{drawn_for}-1:{seed}:{decision}".encode()).hexdigest()
    return int(digest[:13], 16) / 16**13


def draw(now: datetime) -> int:
    """Draw among the decisions that took effect since the last time; how many went through the drum.

    Two sweeps at once draw each decision once: the row of the draw is its decision's only one, and the look that it
    asks for is in the same savepoint.
    """
    seen = 0
    pending = groupby(_pending(now), key=lambda decision: decision.submission.program)
    for program, decisions in pending:
        with audit.recorded():
            seen += _draw_of(_drum(program, now), list(decisions))
    return seen


def _pending(now: datetime) -> list[Decision]:
    """The oldest decisions in effect that no draw has seen, by program. Found from the end of an index: nothing is read
    of what was drawn before, but the last minutes."""
    effective = Decision.objects.effective(now)
    drawn = Decision.objects.filter(effective_at__lte=now, draw__isnull=False).order_by("-effective_at")
    if newest := drawn.values_list("effective_at", flat=True).first():
        effective = effective.filter(effective_at__gt=newest - LATE)
    related = effective.filter(draw=None).select_related("submission__program", "decided_by", "first__look")
    return sorted(related.order_by("effective_at")[:BATCH], key=lambda decision: decision.submission.program_id)


def _drum(program: Program, now: datetime) -> Drum:
    head = Chain.objects.filter(key=audit.chain_key(program)).values_list("length", "head").first()
    entry, seed = head or (0, audit.GENESIS)
    return Drum(program, ReviewTerms.objects.in_force(program), seed, entry, now)


def _draw_of(drum: Drum, decisions: list[Decision]) -> int:
    """Most lots bring nothing and are kept in one statement; the others each with what they bring."""
    until = _first_ones(drum, {decision.decided_by for decision in decisions})
    lots = [_lot(drum, decision, until[decision.decided_by_id]) for decision in decisions]
    blanks = [lot for lot in lots if not lot.why and not lot.brings_golden]
    seen = _keep_blanks(drum, blanks)
    kept = [lot for lot in lots if (lot.why or lot.brings_golden) and _keep(drum, lot)]
    if seen + len(kept):
        _trace(drum, seen, kept)
    return seen + len(kept)


def _first_ones(drum: Drum, reviewers: Iterable[User]) -> dict[uuid.UUID, datetime | None]:
    """Until when each reviewer's opinions are their first ones in the program; None: as yet all are."""
    return {reviewer.pk: _first_until(drum, reviewer) for reviewer in reviewers}


def _first_until(drum: Drum, reviewer: User) -> datetime | None:
    if not (first := drum.terms.qa_first):
        return datetime.min.replace(tzinfo=drum.at.tzinfo)
    binding = Opinion.objects.filter(reviewer=reviewer, kind__in=Look.BINDING, submission__program=drum.program)
    return next(iter(binding.order_by("given_at").values_list("given_at", flat=True)[first - 1 : first]), None)


def _lot(drum: Drum, decision: Decision, first_until: datetime | None) -> Lot:
    number = number_of(drum.seed, decision.pk)
    why = Draw.Why.CHANCE if number < drum.terms.qa_percent / 100 else ""
    if first_until is None or decision.decided_at <= first_until:
        why = Draw.Why.NEW_REVIEWER
    golden = number_of(drum.seed, decision.pk, drawn_for="golden") < drum.terms.golden_percent / 100
    return Lot(decision, number, why, golden)


def _row(drum: Drum, lot: Lot, look: Look | None) -> Draw:
    return Draw(decision=lot.decision, look=look, why=lot.why, number=lot.number, seed=drum.seed, drawn_at=drum.at)


def _keep_blanks(drum: Drum, blanks: list[Lot]) -> int:
    """Rows of decisions that were seen and left alone; how many are ours and not a rival's."""
    if not blanks:
        return 0
    Draw.objects.bulk_create([_row(drum, lot, None) for lot in blanks], ignore_conflicts=True)
    ours = Draw.objects.filter(pk__in=[lot.decision.pk for lot in blanks], seed=drum.seed, drawn_at=drum.at)
    return ours.count()


def _keep(drum: Drum, lot: Lot) -> bool:
    """The draw with the looks that it brings; nothing of it if a rival's draw is there already."""
    try:
        with transaction.atomic():
            look = _ask(drum, lot.decision) if lot.why else None
            _row(drum, lot, look).save(force_insert=True)
            if lot.brings_golden:
                goldens.deal(lot.decision.decided_by, drum.terms, seed=drum.seed, at=drum.at)
    except IntegrityError:
        return False
    return True


def _ask(drum: Drum, decision: Decision) -> Look | None:
    """Another look at what was decided, like a fresh one in everything that a reviewer sees; None where it would take
    away somebody who may be needed for an appeal."""
    submission = decision.submission
    if submission.state != Submission.State.DECIDED or submission.round != decision.round:
        return None
    look = Look.objects.create(
        submission=submission, program=drum.program, artist_id=decision.artist_id, round=decision.round,
        kind=Look.Kind.QA, rank=submission.risk_band, asked_at=drum.at, brief_id=_brief_of(decision),
        due_at=clocks.deadline(drum.terms, submission.risk_band, drum.at),
    )  # fmt: skip
    if len(who_may(look, drum.at)) > _spare(decision):
        return look
    look.delete()
    return None


def _brief_of(decision: Decision) -> uuid.UUID | None:
    return decision.first.look.brief_id if decision.first.look else None


def _spare(decision: Decision) -> int:
    """How many people must stay without part in it: a no may yet be appealed, and if one person alone said it and it
    turns out to be critique, another one looks before that."""
    if decision.is_approval:
        return 0
    return 1 if decision.second_id or decision.overturns_id else 2


# The people of whom the queue itself would say that they may have it.
_BY_THEM = f"""
access_role r JOIN access_user u ON u.id = r.user_id AND u.is_active = %(yes)s
WHERE r.program_id = l.program_id AND r.revoked_at IS NULL AND r.kind IN ('reviewer', 'lead')
AND {may_judge("r.user_id", leads="(r.kind = 'lead')")}"""

_WHO = f"SELECT DISTINCT r.user_id FROM (SELECT * FROM review_look WHERE id = %(look)s) l, {_BY_THEM}"  # noqa: S608

_POSSIBLE = f"""
SELECT l.id FROM review_look l WHERE l.state = 'waiting' AND l.kind = 'qa' AND EXISTS (SELECT 1 FROM {_BY_THEM})"""  # noqa: S608


def who_may(look: Look, at: datetime) -> list[object]:
    """The ids of the reviewers who may judge a look."""
    return [who for (who,) in run(_WHO, look=look.pk, now=at, yes=True, no=False)]


def _trace(drum: Drum, blanks: int, kept: list[Lot]) -> None:
    facts = {
        "seed": drum.seed,
        "seed_entry": drum.entry,
        "percent": drum.terms.qa_percent,
        "golden_percent": drum.terms.golden_percent,
        "seen": blanks + len(kept),
        "drawn": sorted(str(lot.decision.pk) for lot in kept if lot.why),
    }
    audit.trace("draw", program=drum.program, at=drum.at, actor=None, subject=drum.program, facts=facts)


def drop_moot(now: datetime) -> int:
    """Drop the checks that are no longer wanted, that nobody holds and no question is open about: the decision fell,
    the artist goes on or has appealed (that look comes first, and two of one clip would give the check away), nobody
    is left who may; how many.
    """
    free = Look.objects.waiting().filter(kind__in=[Look.Kind.QA, Look.Kind.GOLDEN])
    free = free.exclude(Exists(Claim.objects.live(now).filter(look=OuterRef("pk"))))
    free = free.exclude(Exists(Escalation.objects.filter(look=OuterRef("pk"), answered_at=None)))  # a lead answers
    found = list(free.values_list("pk", "fence"))
    if not found:
        return 0
    wanted = _wanted(now) | goldens.wanted(now)
    moot = [(look, fence) for look, fence in found if look not in wanted]
    return sum(_drop(look, fence) for look, fence in moot[:BATCH])


def _drop(look: uuid.UUID, fence: int) -> int:
    """Unless somebody took it meanwhile, which raises its fence."""
    return Look.objects.waiting().filter(pk=look, fence=fence).update(state=Look.State.DROPPED)


def put_off(now: datetime) -> int:
    """Give the checks that nobody came to another deadline; how many. Whatever else is late stands in front of the
    queue: one that is late in its old place would be known for what it is."""
    late = Look.objects.waiting().filter(kind__in=[Look.Kind.QA, Look.Kind.GOLDEN], due_at__lte=now)
    late = late.exclude(Exists(Claim.objects.live(now).filter(look=OuterRef("pk"))))
    late = late.select_related("program", "submission").order_by("due_at")
    return sum(_put_off(look, now) for look in late[:BATCH])


def _put_off(look: Look, now: datetime) -> int:
    terms = ReviewTerms.objects.in_force(look.program)
    due_at = clocks.deadline(terms, look.submission.risk_band, now)
    return Look.objects.waiting().filter(pk=look.pk, fence=look.fence).update(due_at=due_at)


def _wanted(now: datetime) -> set[uuid.UUID]:
    """The waiting checks whose decision stands unappealed in the submission's last round, and that somebody may do."""
    stands = Decision.objects.effective(now).filter(submission__state=Submission.State.DECIDED)
    stands = stands.filter(submission__round=F("round"), draw__look__state=Look.State.WAITING)
    stands = stands.exclude(Exists(Appeal.objects.open().filter(decision=OuterRef("pk"))))
    possible = {as_uuid(look) for (look,) in run(_POSSIBLE, now=now, yes=True, no=False)}
    return {look for look in stands.values_list("draw__look", flat=True) if look in possible and look is not None}
