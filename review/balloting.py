"""A verdict comes on a form with a key: sent twice it is recorded once. Variants of one brief may get it together."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError

from access import audit
from access.models import User
from access.refusals import Refused
from review import claiming, drafting, moderation
from review.models import Ballot, Claim, Opinion
from review.models import Verdict as Verdicts
from review.refusals import FormSpent
from review.verdicts import EVERYBODY, NO_REASONS, Given, Reasons, Scope, Seen


@dataclass(frozen=True)
class Verdict:
    """What a form says, whichever output it is said of."""

    verdict: str
    reasons: Reasons = NO_REASONS
    scope: Scope = EVERYBODY


@dataclass(frozen=True)
class Outcome:
    """What became of a verdict on one output of several: recorded, or why not."""

    claim: Claim
    given: Given | None = None
    refusal: Refused | None = None


def cast(claim: Claim, *, reviewer: User, key: uuid.UUID, said: Verdict, seen: Seen) -> Given:
    """``moderation.decide``, once per form: what comes again with the same key is answered with what was recorded.

    Raises:
        FormSpent: the key came with another verdict, or for another clip or person.
        Refused: as ``moderation.decide`` does.
    """
    if before := recorded(key, reviewer, claim, said):
        return before
    moderation.check_bytes(claim)
    try:
        return _record(claim, reviewer, key, said, seen)
    except (Refused, IntegrityError):
        if before := recorded(key, reviewer, claim, said):  # its twin was faster
            return before
        raise


def _record(claim: Claim, reviewer: User, key: uuid.UUID, said: Verdict, seen: Seen) -> Given:
    with audit.recorded():
        given = moderation.give(claim, reviewer, said.verdict, seen, said.reasons, said.scope)
        Ballot.objects.create(key=key, opinion=given.opinion)
        drafting.discard(claim.look, reviewer=reviewer)
    return given


def recorded(key: uuid.UUID, reviewer: User, claim: Claim, said: Verdict) -> Given | None:
    """What was recorded for this form, if anything was.

    Raises:
        FormSpent: something else was.
    """
    opinion = Opinion.objects.filter(ballot=key).select_related("submission").first()
    if opinion is None:
        return None
    if (opinion.reviewer_id, opinion.claim_id) != (reviewer.pk, claim.pk) or not _is_of(opinion, said):
        raise FormSpent
    made = opinion.submission.decisions.filter(round=opinion.round, decided_at=opinion.given_at).first()
    return Given(opinion, made)


def _is_of(opinion: Opinion, said: Verdict) -> bool:
    """Whether an opinion says what a form says; a yes keeps no reasons."""
    if opinion.verdict != said.verdict or opinion.verdict == Verdicts.APPROVED:
        return opinion.verdict == said.verdict
    why = said.reasons
    recorded_why = (opinion.clause_id, opinion.words, opinion.from_ms, opinion.to_ms)
    return recorded_why == (why.clause and why.clause.pk, why.words, why.from_ms, why.to_ms)


def cast_on_all(claims: list[tuple[Claim, Seen]], *, reviewer: User, key: uuid.UUID, said: Verdict) -> list[Outcome]:
    """The same verdict on several variants, an opinion each: a refusal of one stops none of the others.

    Each has a key of its own that follows from the form's, so that sending the form twice is sending it once.
    """
    return [_try(claim, seen, reviewer, uuid.uuid5(key, str(claim.look_id)), said) for claim, seen in claims]


def _try(claim: Claim, seen: Seen, reviewer: User, key: uuid.UUID, said: Verdict) -> Outcome:
    try:
        return Outcome(claim, given=cast(claim, reviewer=reviewer, key=key, said=said, seen=seen))
    except Refused as refusal:
        return Outcome(claim, refusal=refusal)


def family(claim: Claim, at: datetime) -> list[Claim]:
    """The live claims that were taken together with this one, itself among them, in the order of the variants."""
    mine = Claim.objects.live(at).filter(claiming.family(claim), reviewer=claim.reviewer_id)
    related = mine.select_related("look", "submission__output__job", "shown")
    return list(related.order_by("submission__output__job__number"))
