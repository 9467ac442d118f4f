"""Bring artists in: invite, accept, sign."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse

from access import audit, clock
from access.models import Agreement, AgreementVersion, Cohort, Credential, Enrollment, Invitation, Signature, User
from access.policies import may_invite
from access.refusals import (
    AgreementChanged,
    AlreadyEnrolled,
    InvitationExpired,
    InvitationRevoked,
    InvitationUnknown,
    InvitationUsed,
    NoSeatLeft,
    NotAllowed,
    Refused,
)
from access.telling import link, mail

VALID_FOR = timedelta(days=14)


@dataclass(frozen=True)
class Invited:
    """A new invitation with its token, which exists here and in the mail and nowhere else."""

    invitation: Invitation
    token: str

    @property
    def url(self) -> str:
        return link(reverse("invitation", args=[self.token]))


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def invite(email: str, *, cohort: Cohort, by: User | None, name: str = "", valid_for: timedelta = VALID_FOR) -> Invited:
    """Invite an address into a cohort, by mail.

    Raises:
        NotAllowed: ``by`` is not staff of the program. ``by=None`` is the system itself.
    """
    program = cohort.program
    if by is not None and not may_invite(by, program):
        raise NotAllowed
    token = secrets.token_urlsafe(32)
    with audit.recorded():
        now = clock.now()
        invitation = Invitation.objects.create(
            cohort=cohort,
            email=email.strip().lower(),
            name=name,
            token_hash=hash_of(token),
            invited_by=by,
            created_at=now,
            expires_at=now + valid_for,
        )
        invited = Invited(invitation, token)
        mail(
            invitation.email,
            f"Your invitation to {program}",
            _words(invited),
            key=f"invitation-{invitation.pk}",
            at=now,
        )
        audit.trace(
            "invite",
            program=program,
            at=now,
            actor=by,
            subject=invitation,
            facts={"cohort": cohort.pk},
            private=invitation.email,
        )
    return invited


def _words(invited: Invited) -> str:
    invitation = invited.invitation
    return (
        f"You are invited to {invitation.cohort.program}.\n\n"
        f"Open this link and press Accept. It is yours alone and works once, until {invitation.expires_at:%d %B %Y}:"
        f"\n\n{invited.url}\n\n"
        "Taking part is voluntary. You owe no feedback, and nothing you make is used without your consent.\n"
    )


def revoke_invitation(invitation: Invitation, *, by: User | None) -> None:
    """Withdraw an invitation that nobody has accepted.

    Raises:
        NotAllowed, InvitationUsed, InvitationRevoked.
    """
    program = invitation.cohort.program
    if by is not None and not may_invite(by, program):
        raise NotAllowed
    with audit.recorded():
        now = clock.now()
        if not Invitation.objects.filter(pk=invitation.pk, state="pending").update(state="revoked"):
            invitation.refresh_from_db()
            raise _why_not(invitation, now) or InvitationUsed()
        audit.trace("revoke_invitation", program=program, at=now, actor=by, subject=invitation)


def find_invitation(token: str, *, at: datetime) -> Invitation:
    """The invitation of a token that could be accepted now.

    Raises:
        InvitationUnknown, InvitationUsed, InvitationRevoked, InvitationExpired.
    """
    invitation = Invitation.objects.select_related("cohort__program").filter(token_hash=hash_of(token)).first()
    if invitation is None:
        raise InvitationUnknown
    if trouble := _why_not(invitation, at):
        raise trouble
    return invitation


def _why_not(invitation: Invitation, at: datetime) -> Refused | None:
    if invitation.state == Invitation.State.ACCEPTED:
        return InvitationUsed()
    if invitation.state == Invitation.State.REVOKED:
        return InvitationRevoked()
    return InvitationExpired() if invitation.expires_at <= at else None


def accept(token: str) -> Enrollment:
    """Accept an invitation: proves the address, makes the user if new, takes a seat, enrolls. Once, whoever races.

    Raises:
        InvitationUnknown, InvitationUsed, InvitationRevoked, InvitationExpired, NoSeatLeft, AlreadyEnrolled.
    """
    with audit.recorded():
        invitation = find_invitation(token, at=clock.now())
        cohort = Cohort.objects.select_for_update().select_related("program").get(pk=invitation.cohort_id)
        now = clock.now()
        if not Invitation.objects.filter(pk=invitation.pk, state="pending", expires_at__gt=now).update(
            state="accepted", accepted_at=now
        ):
            invitation.refresh_from_db()
            raise _why_not(invitation, now) or InvitationUsed()
        if not Cohort.objects.filter(pk=cohort.pk, taken__lt=F("seats")).update(taken=F("taken") + 1):
            raise NoSeatLeft
        enrollment = _enroll(_proven_user(invitation, now), invitation, cohort, now)
        audit.trace(
            "accept_invitation",
            program=cohort.program,
            at=now,
            actor=enrollment.user,
            subject=enrollment,
            facts={"invitation": str(invitation.pk), "cohort": cohort.pk},
        )
    return enrollment


def _proven_user(invitation: Invitation, at: datetime) -> User:
    """The user of the invited address, which the link in its mailbox proves."""
    proven = EmailAddress.objects.select_related("user").filter(email=invitation.email, verified=True).first()
    if proven is not None:  # perhaps as their second address: who they are to us does not change
        return proven.user
    user = User.objects.filter(email=invitation.email).first() or _new_user(invitation, at)
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
    return user


def _new_user(invitation: Invitation, at: datetime) -> User:
    try:
        with transaction.atomic():
            user = User.objects.create_user(invitation.email, joined_at=at)
            user.person.name = invitation.name
            user.person.save(update_fields=["name"])
    except IntegrityError:  # the same person accepts into another program at this very moment
        return User.objects.get(email=invitation.email)
    return user


def _enroll(user: User, invitation: Invitation, cohort: Cohort, at: datetime) -> Enrollment:
    try:
        with transaction.atomic():
            return Enrollment.objects.create(
                program=cohort.program, cohort=cohort, user=user, invitation=invitation, joined_at=at
            )
    except IntegrityError:
        raise AlreadyEnrolled from None


def sign(
    version: AgreementVersion, *, enrollment: Enrollment, credential: Credential | None, seen_sha256: str
) -> Signature:
    """Sign the text that was on the screen, named by its hash. Signing twice is signing once.

    Raises:
        AgreementChanged: a newer version is in force, or the text shown was another.
    """
    with audit.recorded():
        now = clock.now()
        in_force = AgreementVersion.objects.in_force(enrollment.program).filter(pk=version.pk).exists()
        if not in_force or seen_sha256 != version.sha256:
            raise AgreementChanged
        facts = {"text_sha256": version.sha256, "credential": credential, "signed_at": now}
        signature, is_new = Signature.objects.get_or_create(enrollment=enrollment, version=version, defaults=facts)
        if is_new:
            audit.trace(
                "sign",
                program=enrollment.program,
                at=now,
                actor=enrollment.user,
                subject=signature,
                facts={"text_sha256": version.sha256},
            )
    return signature


def publish_agreement(
    agreement: Agreement, *, summary: str, text: str, by: User | None, allows_download: bool = False
) -> AgreementVersion:
    """Publish the next version of an agreement; artists sign it before they generate again."""
    with audit.recorded():
        agreement = Agreement.objects.select_for_update().get(pk=agreement.pk)
        now = clock.now()
        version = AgreementVersion.objects.create(
            agreement=agreement,
            number=agreement.versions.count() + 1,
            summary=summary,
            text=text,
            sha256=hash_of(text),
            allows_download=allows_download,
            published_at=now,
        )
        audit.trace(
            "publish_agreement",
            program=agreement.program,
            at=now,
            actor=by,
            subject=version,
            facts={"text_sha256": version.sha256},
        )
    return version
