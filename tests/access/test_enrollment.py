"""Invite, accept, revoke, sign: every state of an invitation against everything one can do with it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from access import enrollment, refusals, telling
from access.models import AgreementVersion, Cohort, Enrollment, Entry, Invitation, Outbox, Program, Signature, User
from tests import make

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
Clock = Callable[[datetime], None]


@pytest.fixture
def program() -> Program:
    return make.program()


@pytest.fixture
def cohort(program: Program) -> Cohort:
    return make.cohort(program=program, seats=2)


def invited(cohort: Cohort, email: str = "ada@example.org") -> enrollment.Invited:
    return enrollment.invite(email, cohort=cohort, by=None, name="Ada")


def taken(cohort: Cohort) -> int:
    return Cohort.objects.get(pk=cohort.pk).taken


# --- invite ----------------------------------------------------------------------------------------------------------


def test_an_invitation_is_mailed_and_only_the_hash_of_its_token_is_kept(cohort: Cohort) -> None:
    made = invited(cohort, "  Ada@Example.ORG ")
    assert made.invitation.email == "ada@example.org"
    assert made.invitation.token_hash == enrollment.hash_of(made.token) != made.token
    assert telling.deliver() == 1
    assert mail.outbox[0].to == ["ada@example.org"]
    assert made.url in str(mail.outbox[0].body)


def test_only_program_staff_of_this_program_invite(program: Program, cohort: Cohort) -> None:
    others = [
        make.reviewer(program=program),
        make.lead(program=program),
        make.staff(program=make.program()),
        make.user(is_superuser=True, is_staff=True),
        make.artist(program=program).user,
    ]
    before = Invitation.objects.count()
    for user in others:
        with pytest.raises(refusals.NotAllowed):
            enrollment.invite("ada@example.org", cohort=cohort, by=user)
    assert Invitation.objects.count() == before
    assert enrollment.invite("ada@example.org", cohort=cohort, by=make.staff(program=program)).invitation.pk


def test_a_refused_invitation_leaves_neither_mail_nor_trace(program: Program, cohort: Cohort) -> None:
    mails, entries = Outbox.objects.count(), Entry.objects.count()
    with pytest.raises(refusals.NotAllowed):
        enrollment.invite("ada@example.org", cohort=cohort, by=make.lead(program=program))
    assert (Outbox.objects.count(), Entry.objects.count()) == (mails, entries)


# --- accept ----------------------------------------------------------------------------------------------------------


def test_accepting_makes_the_user_takes_a_seat_and_enrolls(cohort: Cohort) -> None:
    made = invited(cohort)
    enrolled = enrollment.accept(made.token)
    assert (enrolled.user.email, enrolled.user.name) == ("ada@example.org", "Ada")
    assert (enrolled.cohort, enrolled.program, enrolled.invitation) == (cohort, cohort.program, made.invitation)
    assert not enrolled.user.has_usable_password()
    assert taken(cohort) == 1
    made.invitation.refresh_from_db()
    assert made.invitation.state == "accepted"
    assert made.invitation.accepted_at == enrolled.joined_at


def test_accepting_proves_the_invited_address_and_no_other(cohort: Cohort) -> None:
    enrolled = enrollment.accept(invited(cohort).token)
    address = EmailAddress.objects.get(user=enrolled.user)
    assert (address.email, address.verified, address.primary) == ("ada@example.org", True, True)


def test_somebody_known_is_enrolled_as_who_they_are(cohort: Cohort) -> None:
    known = make.user("ada@example.org")
    known.person.name = "Countess"
    known.person.save()
    enrolled = enrollment.accept(invited(cohort).token)
    assert enrolled.user == known
    assert User.objects.count() == 1
    assert User.objects.get().name == "Countess"
    assert known.check_password("a long test password")


def test_an_address_that_is_somebodys_second_one_finds_them(cohort: Cohort) -> None:
    known = make.user("new@example.org")
    EmailAddress.objects.create(user=known, email="ada@example.org", verified=True, primary=False)
    assert enrollment.accept(invited(cohort).token).user == known
    assert EmailAddress.objects.get(user=known, primary=True).email == "new@example.org"


def test_an_address_that_somebody_only_claims_does_not_find_them(cohort: Cohort) -> None:
    squatter = make.user("squatter@example.org")
    EmailAddress.objects.create(user=squatter, email="ada@example.org", verified=False, primary=False)
    enrolled = enrollment.accept(invited(cohort).token)
    assert enrolled.user != squatter
    assert enrolled.user.email == "ada@example.org"


def test_an_unproven_address_is_proven_by_accepting(cohort: Cohort) -> None:
    known = User.objects.create_user("ada@example.org")
    EmailAddress.objects.create(user=known, email=known.email, verified=False, primary=True)
    enrollment.accept(invited(cohort).token)
    assert EmailAddress.objects.get(user=known).verified


def test_looking_at_an_invitation_accepts_nothing(client: Client, cohort: Cohort) -> None:
    url = reverse("invitation", args=[invited(cohort).token])
    for method in (client.get, client.head, client.options):
        method(url)
    assert Invitation.objects.get().state == "pending"
    assert not Enrollment.objects.exists()
    assert taken(cohort) == 0


def test_the_page_does_not_tell_the_whole_address(client: Client, cohort: Cohort) -> None:
    page = client.get(reverse("invitation", args=[invited(cohort).token]))
    assert page.status_code == 200
    assert "a…@example.org" in page.text
    assert "ada@example.org" not in page.text


def test_an_expired_invitation_ends_to_the_instant(cohort: Cohort, at: Clock) -> None:
    at(NOON)
    made = enrollment.invite("ada@example.org", cohort=cohort, by=None, valid_for=timedelta(hours=1))
    at(NOON + timedelta(hours=1))
    with pytest.raises(refusals.InvitationExpired):
        enrollment.accept(made.token)
    at(NOON + timedelta(hours=1) - timedelta(microseconds=1))
    assert enrollment.accept(made.token).is_live()


def test_no_seat_left_keeps_the_invitation_for_later(program: Program) -> None:
    cohort = make.cohort(program=program, seats=1)
    make.artist(program=program, cohort=cohort)
    made = invited(cohort)
    with pytest.raises(refusals.NoSeatLeft):
        enrollment.accept(made.token)
    made.invitation.refresh_from_db()
    assert (made.invitation.state, made.invitation.accepted_at) == ("pending", None)
    assert not User.objects.filter(email="ada@example.org").exists()
    assert taken(cohort) == 1
    Cohort.objects.filter(pk=cohort.pk).update(seats=2)
    assert enrollment.accept(made.token).cohort == cohort


def test_who_is_inside_does_not_take_a_second_seat(cohort: Cohort) -> None:
    enrollment.accept(invited(cohort).token)
    second = invited(cohort)
    entries = Entry.objects.count()
    with pytest.raises(refusals.AlreadyEnrolled):
        enrollment.accept(second.token)
    second.invitation.refresh_from_db()
    assert second.invitation.state == "pending"
    assert taken(cohort) == 1
    assert Entry.objects.count() == entries


def test_who_left_may_come_back(cohort: Cohort, at: Clock) -> None:
    at(NOON)
    first = enrollment.accept(invited(cohort).token)
    Enrollment.objects.filter(pk=first.pk).update(ended_at=NOON + timedelta(hours=1))
    again = enrollment.accept(invited(cohort).token)
    assert again.pk != first.pk
    assert again.user == first.user


def test_one_person_in_two_programs_is_one_user(cohort: Cohort) -> None:
    elsewhere = make.cohort(program=make.program())
    assert enrollment.accept(invited(cohort).token).user == enrollment.accept(invited(elsewhere).token).user


def test_the_schema_knows_one_live_enrollment_and_one_per_invitation(cohort: Cohort) -> None:
    enrolled = enrollment.accept(invited(cohort).token)
    same = {"program": enrolled.program, "cohort": cohort, "joined_at": NOON}
    with pytest.raises(IntegrityError), transaction.atomic():
        Enrollment.objects.create(user=enrolled.user, **same)
    with pytest.raises(IntegrityError), transaction.atomic():
        Enrollment.objects.create(user=make.user(), invitation=enrolled.invitation, **same)
    with pytest.raises(IntegrityError), transaction.atomic():
        Cohort.objects.filter(pk=cohort.pk).update(taken=3)


# --- the table: what is done × the state before → the state after, or the refusal ------------------------------------

PENDING, ACCEPTED, REVOKED, EXPIRED, UNKNOWN = "pending", "accepted", "revoked", "expired", "unknown"
SCENARIOS = [
    ("look", PENDING, None, "pending"),
    ("look", ACCEPTED, refusals.InvitationUsed, "accepted"),
    ("look", REVOKED, refusals.InvitationRevoked, "revoked"),
    ("look", EXPIRED, refusals.InvitationExpired, "pending"),
    ("look", UNKNOWN, refusals.InvitationUnknown, None),
    ("accept", PENDING, None, "accepted"),
    ("accept", ACCEPTED, refusals.InvitationUsed, "accepted"),
    ("accept", REVOKED, refusals.InvitationRevoked, "revoked"),
    ("accept", EXPIRED, refusals.InvitationExpired, "pending"),
    ("accept", UNKNOWN, refusals.InvitationUnknown, None),
    ("revoke", PENDING, None, "revoked"),
    ("revoke", ACCEPTED, refusals.InvitationUsed, "accepted"),
    ("revoke", REVOKED, refusals.InvitationRevoked, "revoked"),
    ("revoke", EXPIRED, None, "revoked"),  # nobody can accept it any more either way
]


def bring_into(state: str, cohort: Cohort, at: Clock) -> enrollment.Invited:
    """An invitation of NOON, in a state that the verbs made; it is now half an hour later, or long after."""
    at(NOON)
    made = enrollment.invite("ada@example.org", cohort=cohort, by=None, valid_for=timedelta(hours=1))
    at(NOON + timedelta(minutes=30))
    if state == ACCEPTED:
        enrollment.accept(made.token)
    elif state == REVOKED:
        enrollment.revoke_invitation(made.invitation, by=None)
    elif state == EXPIRED:
        at(NOON + timedelta(days=1))
    return made


def carry_out(act: str, made: enrollment.Invited, token: str) -> None:
    if act == "look":
        enrollment.find_invitation(token, at=enrollment.clock.now())
    elif act == "accept":
        enrollment.accept(token)
    else:
        enrollment.revoke_invitation(made.invitation, by=None)


@pytest.mark.parametrize(("act", "before", "refusal", "after"), SCENARIOS)
def test_scenario(
    act: str, before: str, refusal: type[refusals.Refused] | None, after: str | None, cohort: Cohort, at: Clock
) -> None:
    made = bring_into(before, cohort, at)
    seats, entries = taken(cohort), Entry.objects.count()
    token = "no-such-token" if before == UNKNOWN else made.token
    if refusal is None:
        carry_out(act, made, token)
    else:
        with pytest.raises(refusal):
            carry_out(act, made, token)
        assert (taken(cohort), Entry.objects.count()) == (seats, entries), "a refusal changed something"
    if after:
        assert Invitation.objects.get().state == after


@pytest.mark.parametrize(
    ("before", "code", "state"),
    [
        (ACCEPTED, "invitation_used", 409),
        (REVOKED, "invitation_revoked", 410),
        (EXPIRED, "invitation_expired", 410),
        (UNKNOWN, "invitation_unknown", 404),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_dead_link_says_which_way_it_died(
    method: str, before: str, code: str, state: int, client: Client, cohort: Cohort, at: Clock
) -> None:
    made = bring_into(before, cohort, at)
    page = getattr(client, method)(reverse("invitation", args=["nonsense" if before == UNKNOWN else made.token]))
    assert page.status_code == state
    assert f'data-code="{code}"' in page.text
    assert "_auth_user_id" not in client.session


def test_only_staff_revoke(program: Program, cohort: Cohort) -> None:
    made = invited(cohort)
    with pytest.raises(refusals.NotAllowed):
        enrollment.revoke_invitation(made.invitation, by=make.lead(program=program))
    enrollment.revoke_invitation(made.invitation, by=make.staff(program=program))
    assert Invitation.objects.get(pk=made.invitation.pk).state == "revoked"


# --- sign ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def version(program: Program) -> AgreementVersion:
    return make.agreement(program=program)


@pytest.fixture
def enrolled(program: Program, version: AgreementVersion) -> Enrollment:
    return make.artist(program=program, signed=False)


def sign(version: AgreementVersion, enrolled: Enrollment, seen: str = "") -> Signature:
    return enrollment.sign(version, enrollment=enrolled, credential=None, seen_sha256=seen or version.sha256)


def test_a_signature_names_the_text(version: AgreementVersion, enrolled: Enrollment) -> None:
    signature = sign(version, enrolled)
    assert signature.text_sha256 == version.sha256 == enrollment.hash_of(version.text)
    assert not AgreementVersion.objects.unsigned_by(enrolled).exists()


def test_signing_twice_is_signing_once(version: AgreementVersion, enrolled: Enrollment) -> None:
    first = sign(version, enrolled)
    entries = Entry.objects.count()
    assert sign(version, enrolled) == first
    assert Signature.objects.count() == 1
    assert Entry.objects.count() == entries


@pytest.mark.parametrize("seen", ["0" * 64, "nonsense", "\x00"])
def test_a_hash_of_another_text_is_refused(seen: str, version: AgreementVersion, enrolled: Enrollment) -> None:
    with pytest.raises(refusals.AgreementChanged):
        sign(version, enrolled, seen)
    assert not Signature.objects.exists()


def test_a_new_version_is_to_be_signed_again(version: AgreementVersion, enrolled: Enrollment) -> None:
    sign(version, enrolled)
    newer = enrollment.publish_agreement(version.agreement, summary="Be fairer.", text="Be fairer still.", by=None)
    assert newer.number == version.number + 1
    assert list(AgreementVersion.objects.unsigned_by(enrolled)) == [newer]
    sign(newer, enrolled)
    assert not AgreementVersion.objects.unsigned_by(enrolled).exists()


def test_a_replaced_version_cannot_be_signed(version: AgreementVersion, enrolled: Enrollment) -> None:
    enrollment.publish_agreement(version.agreement, summary="Be fairer.", text="Be fairer still.", by=None)
    with pytest.raises(refusals.AgreementChanged):
        sign(version, enrolled)
    assert not Signature.objects.exists()


def test_an_agreement_of_another_program_is_not_in_force_here(enrolled: Enrollment) -> None:
    elsewhere = make.agreement(program=make.program())
    with pytest.raises(refusals.AgreementChanged):
        sign(elsewhere, enrolled)


def test_the_schema_refuses_a_signature_on_other_words(version: AgreementVersion, enrolled: Enrollment) -> None:
    with pytest.raises(IntegrityError, match=re.escape("signature_is_on_the_text")), transaction.atomic():
        Signature.objects.create(enrollment=enrolled, version=version, text_sha256="0" * 64, signed_at=NOON)
