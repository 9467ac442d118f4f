"""An approved output gets a public link, and loses it."""

import logging
import secrets
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from access import audit, clock, storing
from access.locking import share_halt_lock
from access.models import Cohort, Credential, Enrollment, Halt, User
from access.refusals import Halted, NotAllowed, Refused
from review import announcing, policies
from review.models import Decision, DecisionQuerySet, Share, Submission, Verdict, halts_over
from review.refusals import (
    BytesChanged,
    EmbargoStands,
    ExpiryPassed,
    NotApproved,
    RedTeamNeverShared,
    SharedAlready,
    ShareEnded,
)

log = logging.getLogger(__name__)


def share(
    decision: Decision,
    *,
    by: User,
    expires_at: datetime | None = None,
    may_embed: bool = False,
    credential: Credential | None = None,
) -> Share:
    """Open a public link to an approved output, for ever or until ``expires_at``.

    ``may_embed``: other sites may show its player in a frame.

    Raises:
        NotAllowed: ``by`` is not the artist.
        NotApproved: not an approval that is in effect and stands.
        BytesChanged, RedTeamNeverShared, ExpiryPassed.
        Halted: a stop covers the artist, or the credential they came with.
        SharedAlready: it has an open link.
    """
    if not policies.may_share(by, decision):
        raise NotAllowed
    wanted = Share(decision=decision, expires_at=expires_at, may_embed=may_embed)
    return _open(decision, wanted, by=by, credential=credential)


def _open(decision: Decision, wanted: Share, *, by: User | None, credential: Credential | None = None) -> Share:
    output = decision.submission.output
    if output.enrollment.cohort.kind == Cohort.Kind.RED_TEAM:
        raise RedTeamNeverShared
    if not storing.is_intact(output.master):  # before the locks: nobody waits for a disk
        raise BytesChanged
    with audit.recorded():
        share_halt_lock(output.program)
        submission = Submission.objects.select_for_update(of=("self",)).get(pk=decision.submission_id)
        now = clock.now()
        if Halt.objects.covering(output.enrollment, credential).exists():
            raise Halted
        _check_may_open(decision, wanted, now)
        wanted.output, wanted.master_sha256, wanted.created_at = output, decision.master_sha256, now
        wanted.title, wanted.credit, wanted.token = submission.title, submission.credit, secrets.token_urlsafe(32)
        _end_dead_links(wanted, now)
        _insert(wanted)
        audit.trace("share", program=output.program, at=now, actor=by, subject=wanted, facts=_facts(wanted))
    return wanted


def _facts(opened: Share) -> dict[str, object]:
    return {
        "decision": str(opened.decision_id),
        "master_sha256": opened.master_sha256,
        "expires_at": opened.expires_at,
        "may_embed": opened.may_embed,
    }


def _check_may_open(decision: Decision, wanted: Share, at: datetime) -> None:
    if not approvals(at).filter(pk=decision.pk).exists():
        raise NotApproved
    if decision.embargo_until is not None and decision.embargo_until > at:
        raise EmbargoStands
    if wanted.expires_at is not None and wanted.expires_at <= at:
        raise ExpiryPassed


def approvals(at: datetime) -> DecisionQuerySet:
    """The decisions that allow a link now."""
    return Decision.objects.effective(at).filter(verdict=Verdict.APPROVED)


def _end_dead_links(wanted: Share, at: datetime) -> None:
    """A link that expired or whose approval fell must not stand in the way of a new one."""
    open_links = Share.objects.filter(output=wanted.output, revoked_at=None)
    open_links.exclude(pk__in=Share.objects.granted(at).values("pk")).update(revoked_at=at)


def _insert(wanted: Share) -> None:
    try:
        with transaction.atomic():
            wanted.save(force_insert=True)
    except IntegrityError:
        raise SharedAlready from None


def revoke(share: Share, *, by: User) -> None:
    """Close a link at once and for ever.

    Raises:
        NotAllowed: ``by`` is not the artist.
        ShareEnded: it was closed already.
    """
    if not policies.may_share(by, share.decision):
        raise NotAllowed
    with audit.recorded():
        now = clock.now()
        if not Share.objects.filter(pk=share.pk, revoked_at=None).update(revoked_at=now):
            raise ShareEnded
        audit.trace("revoke", program=share.program, at=now, actor=by, subject=share)


def settle() -> list[Share]:
    """Open the links that artists asked for in advance, once per decision, as soon as it is in effect."""
    return [opened for decision in to_publish(clock.now()) if (opened := publish(decision))]


def to_publish(at: datetime) -> DecisionQuerySet:
    """Approvals in effect whose artist asked for a link, is still inside and not halted, and which never had one."""
    inside = Enrollment.objects.live().filter(user=OuterRef("artist"), program=OuterRef("submission__program"))
    asked = approvals(at).filter(submission__publish_on_approval=True, shares=None)
    asked = asked.filter(Q(embargo_until=None) | Q(embargo_until__lte=at))
    due = asked.filter(Exists(inside)).exclude(Exists(halts_over("submission__output__enrollment")))
    return due.order_by("effective_at", "pk")


def publish(decision: Decision) -> Share | None:
    """Open the link of one such approval; None if a rival did, or something stands against it."""
    try:
        with audit.recorded():
            opened = _open(decision, Share(decision=decision, on_approval=True), by=None)
            announcing.announce_share(opened)
            return opened
    except Refused as refusal:
        log.warning("no link on approval %s: %s", decision.pk, refusal.code)
        return None
