"""A reviewer takes a submission in hand, keeps it, looks, hands it back."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from access import audit, clock
from access.models import Conflict, Program, User
from access.policies import may_review
from access.refusals import NotAllowed
from review import policies
from review.models import Claim, Submission
from review.refusals import (
    ClaimInHand,
    ClaimLost,
    ConflictDeclared,
    HeldByAnother,
    NoLongerWaiting,
    OwnOutput,
    RenditionsMissing,
)

LEASE = timedelta(minutes=10)
LONGEST = timedelta(minutes=30)  # however long its page stays open, a claim keeps a submission from others no longer


def claim_next(reviewer: User, *, program: Program) -> Claim | None:
    """The claim in hand, else one on the first free submission in the published order; None when nothing waits.

    Raises:
        NotAllowed: not a reviewer of the program.
        ClaimInHand: the reviewer holds one in another program.
    """
    if not may_review(reviewer, program):
        raise NotAllowed
    with audit.recorded():
        now = clock.now()
        if held := Claim.objects.live(now).filter(reviewer=reviewer, submission__program=program).first():
            return held
        while submission := _first_free(reviewer, program, now):
            try:
                with audit.recorded():
                    return _take(submission, reviewer, now)
            except HeldByAnother:  # taken and committed while we waited for nothing: the next look sees it
                continue
    return None


def _first_free(reviewer: User, program: Program, at: datetime) -> Submission | None:
    free = Submission.objects.reviewable_by(reviewer, at).filter(program=program).free(at).in_order()
    return free.select_for_update(of=("self",), skip_locked=True).first()


def claim(submission: Submission, *, reviewer: User) -> Claim:
    """Take this submission in hand for ten minutes. Taking what one holds already is no change.

    Raises:
        OwnOutput, ConflictDeclared, NotAllowed: this reviewer must not judge it.
        NoLongerWaiting, HeldByAnother: somebody was faster.
        ClaimInHand: the reviewer holds another one.
    """
    with audit.recorded():
        submission = Submission.objects.select_for_update(of=("self",)).select_related("program").get(pk=submission.pk)
        now = clock.now()
        check_judge(reviewer, submission, now)
        if submission.state != Submission.State.WAITING:
            raise NoLongerWaiting
        mine = Claim.objects.live(now).filter(submission=submission, reviewer=reviewer).first()
        return mine or _take(submission, reviewer, now)


def check_judge(reviewer: User, submission: Submission, at: datetime) -> None:
    """Nothing, or the refusal that says why this person must not judge it."""
    if submission.enrollment.user_id == reviewer.pk:
        raise OwnOutput
    conflicts = Conflict.objects.live(at).filter(judge=reviewer, artist=submission.enrollment.user_id)
    if conflicts.filter(program=submission.program_id).exists():
        raise ConflictDeclared
    if not policies.may_judge(reviewer, submission, at):
        raise NotAllowed


def _take(submission: Submission, reviewer: User, at: datetime) -> Claim:
    shown = submission.output.rendition("playable")
    if shown is None:
        raise RenditionsMissing
    moved = Submission.objects.free(at).filter(pk=submission.pk, fence=submission.fence).update(fence=F("fence") + 1)
    if not moved:
        raise HeldByAnother
    _end_expired(submission, reviewer, at)
    made = Claim(submission=submission, round=submission.round, fence=submission.fence + 1, reviewer=reviewer)
    made.shown, made.claimed_at, made.leased_until = shown, at, at + LEASE
    _insert(made)
    audit.trace(
        "claim", program=submission.program, at=at, actor=reviewer, subject=submission, facts={"fence": made.fence}
    )
    return made


def _end_expired(submission: Submission, reviewer: User, at: datetime) -> None:
    """An expired claim ends when the next one begins: those on the submission, and those of the reviewer."""
    expired = Claim.objects.filter(released_at=None, leased_until__lte=at)
    about = expired.filter(Q(submission=submission) | Q(reviewer=reviewer)).order_by("pk")  # one order: no deadlock
    Claim.objects.filter(pk__in=list(about.select_for_update().values_list("pk", flat=True))).update(released_at=at)


def _insert(made: Claim) -> None:
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        held = Claim.objects.filter(reviewer=made.reviewer, released_at=None).select_related("submission").first()
        raise _in_hand(held) if held else HeldByAnother() from None


def _in_hand(held: Claim) -> ClaimInHand:
    sentence = _("You hold “%(title)s”. Decide on it or hand it back first.") % {"title": held.submission.title}
    return ClaimInHand(sentence, claim=held)


def renew(held: Claim) -> Claim:
    """Keep a live claim for ten more minutes, up to half an hour in all. Not audited: it is a heartbeat.

    Raises:
        ClaimLost.
    """
    now = clock.now()
    until = min(now + LEASE, held.claimed_at + LONGEST)
    _change(held, now, leased_until=until)
    held.leased_until = until
    return held


def release(held: Claim) -> None:
    """Hand a submission back; it keeps its place.

    Raises:
        ClaimLost.
    """
    with audit.recorded():
        now = clock.now()
        _change(held, now, released_at=now)
        audit.trace("release", program=held.submission.program, at=now, actor=held.reviewer, subject=held.submission)


def reveal(held: Claim) -> Claim:
    """Note that the reviewer chose to look. Looking twice is looking once.

    Raises:
        ClaimLost.
    """
    if held.revealed_at is not None:
        return held
    with audit.recorded():
        now = clock.now()
        _change(held, now, revealed_at=now)
        held.revealed_at = now
        audit.trace("reveal", program=held.submission.program, at=now, actor=held.reviewer, subject=held.submission)
    return held


def _change(held: Claim, at: datetime, **columns: datetime) -> None:
    if not Claim.objects.live(at).filter(pk=held.pk).update(**columns):
        raise ClaimLost
