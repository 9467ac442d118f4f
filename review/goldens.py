"""Clips with a known answer: a lead chooses them, and now and then one comes to a reviewer among the others."""

import hashlib
import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from access import audit, clock
from access.models import Conflict, Role, User
from access.refusals import NotAllowed, WordsMissing
from review import clocks, policies
from review.models import (
    Claim,
    Decision,
    Escalation,
    Flag,
    Golden,
    Look,
    Opinion,
    OptOut,
    ReviewTerms,
    Skip,
    Submission,
)
from review.refusals import GoldenAlready, GoldenRetired, NothingKnown


def choose_golden(submission: Submission, *, by: User, why: str) -> Golden:
    """Let a decided submission be one with a known answer: the verdict and the clause of the decision in effect.

    Args:
        why: what a reviewer who misses it is told.

    Raises:
        NotAllowed: not a lead of the program, or the clip's artist.
        WordsMissing: no explanation.
        NothingKnown: no decision on it is in effect, or one waits for the answer to an appeal.
        GoldenAlready: it is one, or was.
    """
    if not policies.may_lead(by, submission.program) or submission.enrollment.user_id == by.pk:
        raise NotAllowed
    if not why.strip():
        raise WordsMissing
    with audit.recorded():
        locked = Submission.objects.select_for_update(of=("self",), no_key=True).get(pk=submission.pk)
        now = clock.now()
        decision = known(now).filter(submission=locked).first()
        if decision is None:
            raise NothingKnown
        golden = _keep(decision, by, why.strip(), now)
        facts = {"verdict": golden.verdict, "clause": decision.clause.code if decision.clause else ""}
        audit.trace(
            "choose_golden", program=submission.program, at=now, actor=by, subject=golden, facts=facts, private=why
        )
    return golden


def known(at: datetime) -> QuerySet[Decision]:
    """Decisions whose verdict may be called the answer: in effect, of the submission's last round, none appealed."""
    effective = Decision.objects.effective(at).filter(
        submission__state=Submission.State.DECIDED, submission__round=F("round")
    )
    return effective.exclude(Exists(Look.objects.waiting().filter(submission=OuterRef("submission"), kind="appeal")))


def _keep(decision: Decision, by: User, why: str, at: datetime) -> Golden:
    try:
        with transaction.atomic():
            return Golden.objects.create(
                submission=decision.submission, verdict=decision.verdict, clause=decision.clause, why=why,
                chosen_by=by, chosen_at=at,
            )  # fmt: skip
    except IntegrityError:
        raise GoldenAlready from None


def retire_golden(golden: Golden, *, by: User) -> Golden:
    """Mix it in no more. Looks at it that wait are dropped; what was said of it stays.

    Raises:
        NotAllowed: not a lead of the program.
        GoldenRetired: already.
    """
    program = golden.submission.program
    if not policies.may_lead(by, program):
        raise NotAllowed
    with audit.recorded():
        now = clock.now()
        if not Golden.objects.filter(pk=golden.pk, retired_at=None).update(retired_at=now):
            raise GoldenRetired
        waiting = Look.objects.waiting().filter(submission=golden.submission_id, kind=Look.Kind.GOLDEN)
        held = Claim.objects.live(now).filter(look=OuterRef("pk"))
        waiting.exclude(Exists(held)).update(state=Look.State.DROPPED)
        audit.trace("retire_golden", program=program, at=now, actor=by, subject=golden)
    golden.retired_at = now
    return golden


def deal(reviewer: User, terms: ReviewTerms, *, seed: str, at: datetime) -> Look | None:
    """A look at a clip with a known answer for this reviewer alone, like a fresh one in everything they see; None if
    there is none for them, one waits for them already, they review no more, or lead: a lead knows which clips these
    are. In the transaction of a draw."""
    mine = Look.objects.waiting().filter(kind=Look.Kind.GOLDEN, reserved_for=reviewer, program=terms.program)
    of_theirs = Role.objects.reviewers().filter(program=terms.program, user=reviewer, user__is_active=True)
    kinds = set(of_theirs.values_list("kind", flat=True))
    if mine.exists() or not kinds or Role.Kind.LEAD in kinds:
        return None
    fit = list(_fit_for(reviewer, terms, at))
    if not fit:
        return None
    submission = min(fit, key=lambda golden: _place(seed, golden)).submission
    return Look.objects.create(
        submission=submission, program=terms.program, artist=submission.enrollment.user, round=submission.round,
        kind=Look.Kind.GOLDEN, rank=submission.risk_band, asked_at=at, reserved_for=reviewer,
        due_at=clocks.deadline(terms, submission.risk_band, at),
    )  # fmt: skip


def _place(seed: str, golden: Golden) -> str:
    """The order in which a seed deals them."""
    return hashlib.sha256(f"vernissage-deal-1:{seed}:{golden.pk}".encode()).hexdigest()


def in_use(at: datetime) -> QuerySet[Golden]:
    """Those that are dealt: not retired, and the decision that is their answer still stands."""
    answer = known(at).filter(submission=OuterRef("pk"), verdict=OuterRef("verdict"))
    return Golden.objects.filter(Exists(answer), retired_at=None)


def _fit_for(reviewer: User, terms: ReviewTerms, at: datetime) -> QuerySet[Golden]:
    """Those of the program that this reviewer never had part in nor passed by, and may look at."""
    of_it = {"submission": OuterRef("pk")}
    against = Conflict.objects.live(at).filter(judge=reviewer, program=terms.program)
    closed = Flag.objects.filter(category__in=OptOut.objects.filter(reviewer=reviewer).values("category"), **of_it)
    advised = Escalation.objects.filter(look__submission=OuterRef("pk"), answered_by=reviewer)
    had_part = Exists(Opinion.objects.filter(reviewer=reviewer, **of_it)) | Exists(advised) | Q(chosen_by=reviewer)
    passed_by = Exists(Skip.objects.filter(look__submission=OuterRef("pk"), reviewer=reviewer))
    theirs = in_use(at).filter(submission__program=terms.program).exclude(submission__enrollment__user=reviewer)
    theirs = theirs.exclude(submission__enrollment__user__in=against.values("artist"))
    return (
        theirs.exclude(had_part)
        .exclude(passed_by)
        .exclude(Exists(closed))
        .select_related("submission__enrollment__user")
    )


def wanted(at: datetime) -> set[uuid.UUID]:
    """The looks that wait for their reviewer, who still reviews and leads not, at a clip whose answer still stands."""
    waiting = Look.objects.waiting().filter(kind=Look.Kind.GOLDEN, submission__in=in_use(at).values("pk"))
    reviews = Role.objects.reviewers().filter(program=OuterRef("program"), user=OuterRef("reserved_for"))
    leads = reviews.filter(kind=Role.Kind.LEAD)
    return set(waiting.filter(Exists(reviews), ~Exists(leads)).values_list("pk", flat=True))
