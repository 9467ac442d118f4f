"""The pages of the ground floor: for whom they are, what they do, and that nothing sent to them breaks them."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from access import clock, enrollment, halting, telling
from access.models import (
    Cohort,
    Consent,
    Credential,
    Enrollment,
    Halt,
    Invitation,
    Outbox,
    Role,
    Signature,
    User,
)
from tests import make

pytestmark = pytest.mark.django_db
WHOLE = {"target": "program", "reason": "A frame went wrong."}


class House:
    """A program with its people; a second one next door."""

    def __init__(self) -> None:
        self.program, self.next_door = make.program(), make.program()
        self.cohort = make.cohort(program=self.program)
        self.version = make.agreement(program=self.program)
        self.artist = make.artist(program=self.program)
        self.newcomer = make.artist(program=self.program, signed=False)
        self.staff, self.reviewer = make.staff(program=self.program), make.reviewer(program=self.program)
        self.neighbor, self.their_staff = make.artist(program=self.next_door), make.staff(program=self.next_door)
        self.superuser = make.user(is_staff=True, is_superuser=True)

    def url(self, name: str, *args: object) -> str:
        return reverse(name, args=[self.program.slug, *args])


@pytest.fixture
def house() -> House:
    return House()


def browser(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


# --- for whom ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["agreements", "terms"])
def test_the_paperwork_is_for_artists_of_the_program(name: str, house: House) -> None:
    assert browser(house.newcomer.user).get(house.url(name)).status_code == 200
    for user in (house.staff, house.reviewer, house.neighbor.user, house.superuser):
        assert browser(user).get(house.url(name)).status_code == 404
    assert browser(None).get(house.url(name)).headers["Location"].startswith(reverse("account_login"))


def test_the_paperwork_closes_when_the_enrollment_ends(house: House) -> None:
    Enrollment.objects.filter(pk=house.artist.pk).update(ended_at=clock.now())
    assert browser(house.artist.user).get(house.url("terms")).status_code == 404


@pytest.mark.parametrize(
    ("method", "name", "data"),
    [("get", "staff", {}), ("post", "send_invitation", {}), ("post", "place_halt", WHOLE), ("post", "lift_halt", {})],
)
def test_the_desk_is_for_staff_of_the_program(method: str, name: str, data: dict[str, str], house: House) -> None:
    placed = halting.halt(house.cohort, program=house.program, by=None, reason="Why")
    url = house.url(name, placed.pk) if name == "lift_halt" else house.url(name)
    for user in (house.artist.user, house.reviewer, house.their_staff, house.superuser):
        assert getattr(browser(user), method)(url, data).status_code == 404
    assert getattr(browser(None), method)(url, data).headers["Location"].startswith(reverse("account_login"))
    assert list(Halt.objects.open()) == [placed]
    expected = {"staff": 200, "send_invitation": 422}.get(name, 302)
    assert getattr(browser(house.staff), method)(url, data).status_code == expected


def test_a_role_that_was_taken_away_closes_the_desk(house: House) -> None:
    client = browser(house.staff)
    assert client.get(house.url("staff")).status_code == 200
    Role.objects.filter(user=house.staff).update(revoked_at=clock.now())
    assert client.get(house.url("staff")).status_code == 404


@pytest.mark.parametrize("name", ["send_invitation", "place_halt"])
def test_what_changes_something_takes_a_post(name: str, house: House) -> None:
    assert browser(house.staff).get(house.url(name)).status_code == 405


def test_a_form_of_another_site_is_refused(house: House) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(house.staff)
    assert client.post(house.url("place_halt"), WHOLE).status_code == 403
    made = enrollment.invite("ada@example.org", cohort=house.cohort, by=None)
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post(reverse("invitation", args=[made.token])).status_code == 403
    assert Invitation.objects.get(pk=made.invitation.pk).state == "pending"


def test_an_unknown_program_and_somebody_elses_look_alike(house: House) -> None:
    client = browser(house.artist.user)
    there = client.get(reverse("terms", args=[house.next_door.slug]))
    nowhere = client.get(reverse("terms", args=["no-such-program"]))
    assert (there.status_code, nowhere.status_code) == (404, 404)
    assert house.next_door.name not in there.text


# --- home -------------------------------------------------------------------------------------------------------------


def test_home_greets_strangers_and_leads_members_in(house: House) -> None:
    assert browser(None).get("/").status_code == 200
    for user, name in ((house.artist.user, "studio"), (house.reviewer, "review_queue"), (house.staff, "staff")):
        assert browser(user).get("/").headers["Location"] == house.url(name)


def test_who_is_in_no_program_is_told_so(house: House) -> None:
    page = browser(house.superuser).get("/")
    assert page.status_code == 200
    assert house.program.name not in page.text


def test_who_is_in_two_programs_chooses(house: House) -> None:
    user = house.artist.user
    Role.objects.create(program=house.next_door, user=user, kind="reviewer", granted_at=clock.now())
    client = browser(user)
    page = client.get("/")
    assert page.status_code == 200
    for program, name in ((house.program, "studio"), (house.next_door, "review_queue")):
        link = f"/?program={program.slug}"
        assert link in page.text
        assert client.get(link).headers["Location"] == reverse(name, args=[program.slug])
    for strange in ("nonsense", "%00", "%ED%A0%80"):
        assert client.get(f"/?program={strange}").status_code == 200


def test_healthz_answers_anybody() -> None:
    answer = browser(None).get(reverse("healthz"))
    assert (answer.status_code, answer.text) == (200, "ok")


# --- what they do -----------------------------------------------------------------------------------------------------


def test_signing_on_the_page_leads_to_the_studio(house: House) -> None:
    client = browser(house.newcomer.user)
    page = client.get(house.url("agreements"))
    assert house.version.text in page.text
    assert house.version.sha256 in page.text
    data = {"version": house.version.pk, "sha256": house.version.sha256}
    assert client.post(house.url("agreements"), data).headers["Location"] == house.url("studio")
    signature = Signature.objects.get(enrollment=house.newcomer)
    assert signature.credential is not None
    assert signature.credential.user == house.newcomer.user


def test_a_text_that_was_replaced_while_it_was_read_is_not_signed(house: House) -> None:
    client = browser(house.newcomer.user)
    data = {"version": house.version.pk, "sha256": house.version.sha256}
    enrollment.publish_agreement(house.version.agreement, summary="New", text="New words", by=None)
    assert client.post(house.url("agreements"), data).status_code == 409
    assert "New words" in client.get(house.url("agreements")).text
    assert not Signature.objects.filter(enrollment=house.newcomer).exists()


def test_the_agreement_of_another_program_is_not_found(house: House) -> None:
    theirs = make.agreement(program=house.next_door)
    data = {"version": theirs.pk, "sha256": theirs.sha256}
    assert browser(house.newcomer.user).post(house.url("agreements"), data).status_code == 404


def test_consents_are_off_until_given_and_off_again_at_once(house: House) -> None:
    client, url = browser(house.artist.user), house.url("terms")
    assert "Take back" not in client.get(url).text
    assert client.post(url, {"purpose": "training", "granted": "yes"}).status_code == 302
    assert Consent.objects.granted(house.artist.user, "training")
    assert "Take back" in client.get(url).text
    client.post(url, {"purpose": "training", "granted": "no"})
    assert not Consent.objects.granted(house.artist.user, "training")
    assert "Take back" not in client.get(url).text


@pytest.mark.parametrize("granted", ["", "no", "true", "on", "YES"])
def test_only_a_plain_yes_is_a_yes(granted: str, house: House) -> None:
    browser(house.artist.user).post(house.url("terms"), {"purpose": "training", "granted": granted})
    assert not Consent.objects.granted(house.artist.user, "training")


def test_staff_invite_by_mail_and_never_see_the_link(house: House) -> None:
    client = browser(house.staff)
    data = {"email": "New@Example.org", "name": "Néa", "cohort": house.cohort.pk}
    page = client.post(house.url("send_invitation"), data, follow=True)
    assert page.status_code == 200
    invitation = Invitation.objects.get(email="new@example.org")
    assert (invitation.invited_by, invitation.cohort, invitation.name) == (house.staff, house.cohort, "Néa")
    telling.deliver()
    body = str(next(m for m in mail.outbox if m.to == ["new@example.org"]).body)
    token = body.split("/invitations/")[1].split("/")[0]
    assert enrollment.hash_of(token) == invitation.token_hash
    assert token not in page.text


@pytest.mark.parametrize(
    "wrong", [{"email": "no address"}, {"email": ""}, {"cohort": ""}, {"cohort": "999999"}, {"name": "x" * 81}]
)
def test_a_wrong_invitation_is_shown_again_with_what_was_typed(wrong: dict[str, str], house: House) -> None:
    before = (Invitation.objects.count(), Outbox.objects.count())
    data = {"email": "new@example.org", "name": "Nea", "cohort": house.cohort.pk, **wrong}
    page = browser(house.staff).post(house.url("send_invitation"), data)
    assert page.status_code == 422
    assert (Invitation.objects.count(), Outbox.objects.count()) == before
    if "email" not in wrong:
        assert "new@example.org" in page.text


def test_a_cohort_of_another_program_cannot_be_invited_into(house: House) -> None:
    theirs = Cohort.objects.get(program=house.next_door)
    data = {"email": "new@example.org", "cohort": theirs.pk}
    assert browser(house.staff).post(house.url("send_invitation"), data).status_code == 422


def test_staff_halt_and_lift(house: House) -> None:
    client = browser(house.staff)
    for target in (f"artist:{house.artist.user_id}", f"cohort:{house.cohort.pk}", "program"):
        assert client.post(house.url("place_halt"), {**WHOLE, "target": target}).status_code == 302
    assert {halt.scope for halt in Halt.objects.open()} == {"artist", "cohort", "program"}
    page = client.get(house.url("staff")).text
    assert page.count("A frame went wrong.") >= 3
    for placed in Halt.objects.open():
        assert house.url("lift_halt", placed.pk) in page
        assert client.post(house.url("lift_halt", placed.pk)).status_code == 302
    assert not Halt.objects.open().exists()
    assert client.post(house.url("lift_halt", placed.pk)).status_code == 409


def test_staff_hold_one_sign_in_and_no_other_of_the_same_artist(house: House) -> None:
    for _ in range(2):
        browser(house.artist.user).get("/notices/")
    browser(house.neighbor.user).get("/notices/")
    one, other = Credential.objects.filter(user=house.artist.user)
    foreign = Credential.objects.get(user=house.neighbor.user)
    client = browser(house.staff)
    assert client.post(house.url("place_halt"), {**WHOLE, "target": f"credential:{one.pk}"}).status_code == 302
    assert Halt.objects.covering(house.artist, one).exists()
    assert not Halt.objects.covering(house.artist, other).exists()
    assert client.post(house.url("place_halt"), {**WHOLE, "target": f"credential:{foreign.pk}"}).status_code == 422
    other.end(clock.now())
    assert client.post(house.url("place_halt"), {**WHOLE, "target": f"credential:{other.pk}"}).status_code == 422


def test_somebody_of_another_program_cannot_be_chosen(house: House) -> None:
    for target in (f"artist:{house.neighbor.user_id}", f"cohort:{house.neighbor.cohort_id}", "", "planet"):
        page = browser(house.staff).post(house.url("place_halt"), {**WHOLE, "target": target})
        assert page.status_code == 422
        assert "A frame went wrong." in page.text
    foreign = halting.halt(house.next_door, program=house.next_door, by=None, reason="Theirs")
    assert browser(house.staff).post(house.url("lift_halt", foreign.pk)).status_code == 404
    assert Halt.objects.open().get() == foreign


def test_the_artist_reads_the_halt_on_every_page(house: House) -> None:
    halting.halt(house.program, program=house.program, by=None, reason="A frame went wrong.")
    for name in ("terms", "agreements"):
        page = browser(house.artist.user).get(house.url(name), follow=True)
        assert "A frame went wrong." in page.text
    assert "A frame went wrong." not in browser(house.neighbor.user).get("/notices/").text


# --- nothing breaks them ----------------------------------------------------------------------------------------------

SOME = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.integers().map(str),
    st.sampled_from(["", "\x00", "a\x00b", "9" * 30, "9" * 5000, "-1", "1e9", "٣", "²", "null", "artist:", "cohort:0"]),
    st.uuids().map(str),
)
QUICK = hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def survives(client: Client, url: str, data: dict[str, Any]) -> None:
    answer = client.post(url, data)
    assert answer.status_code < 500, (url, data)


@QUICK
@given(token=SOME.filter(lambda text: "/" not in text and text not in {"", ".", ".."}))
def test_any_token_is_answered(token: str) -> None:
    url = reverse("invitation", args=[token])
    for method in ("get", "post"):
        assert getattr(Client(), method)(url).status_code == 404


@pytest.mark.parametrize("raw", ["%00", "%ff", "%ED%A0%80", "a" * 4000, "%E2%80%AE"])
def test_raw_bytes_in_the_path_are_answered(raw: str, house: House) -> None:
    for url in (f"/invitations/{raw}/", f"/p/{raw}/terms/", f"/media/{raw}/"):
        assert browser(house.artist.user).get(url).status_code in {404, 400}


@QUICK
@given(version=SOME, sha256=SOME)
def test_any_signature_is_answered(version: str, sha256: str, house: House) -> None:
    client = browser(house.newcomer.user)
    survives(client, house.url("agreements"), {"version": version, "sha256": sha256})
    survives(client, house.url("agreements"), {"version": house.version.pk, "sha256": sha256})
    assert not Signature.objects.filter(enrollment=house.newcomer).exists()


@QUICK
@given(purpose=SOME, granted=SOME)
def test_any_consent_is_answered(purpose: str, granted: str, house: House) -> None:
    client = browser(house.artist.user)
    survives(client, house.url("terms"), {"purpose": purpose, "granted": granted})
    survives(client, house.url("terms"), {"purpose": "training", "granted": granted})
    assert not Consent.objects.granted(house.artist.user, "training")


@QUICK
@given(email=SOME, name=SOME, cohort=SOME, target=SOME, reason=SOME)
def test_any_desk_form_is_answered(email: str, name: str, cohort: str, target: str, reason: str, house: House) -> None:
    client = browser(house.staff)
    survives(client, house.url("send_invitation"), {"email": email, "name": name, "cohort": cohort})
    survives(client, house.url("send_invitation"), {"email": "a@b.org", "name": name, "cohort": house.cohort.pk})
    survives(client, house.url("place_halt"), {"target": target, "reason": reason})
    survives(client, house.url("place_halt"), {"target": f"artist:{house.artist.user_id}", "reason": reason})


@QUICK
@given(unknown=st.uuids())
def test_any_id_is_answered(unknown: uuid.UUID, house: House) -> None:
    assert browser(house.staff).post(house.url("lift_halt", unknown)).status_code == 404
    assert browser(house.artist.user).get(reverse("media", args=[unknown])).status_code == 404


def test_nothing_sent_at_all_is_answered(house: House) -> None:
    survives(browser(house.newcomer.user), house.url("agreements"), {})
    survives(browser(house.artist.user), house.url("terms"), {})
    survives(browser(house.staff), house.url("send_invitation"), {})
    survives(browser(house.staff), house.url("place_halt"), {})
    survives(browser(house.artist.user), reverse("notices"), {})


def test_a_look_at_the_head_is_answered(house: House) -> None:
    """What monitors and link previews send."""
    for client, url in ((browser(None), "/"), (browser(None), "/healthz"), (browser(house.staff), house.url("staff"))):
        answer = client.head(url)
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Tokyo", "4 May, 21:00 JST"),
        ("", "4 May, 12:00 UTC"),
        ("Nowhere/Land", "4 May, 12:00 UTC"),
        ("Europe", "4 May, 12:00 UTC"),  # a folder of zones
        ("../../etc/passwd", "4 May, 12:00 UTC"),
    ],
)
def test_times_are_in_the_viewers_zone_which_is_named(zone: str, shown: str, house: House) -> None:
    user = house.artist.user
    user.person.time_zone = zone
    user.person.save()
    telling.tell(user, "k", "Read me", at=datetime(2026, 5, 4, 12, 0, tzinfo=UTC))
    # Somebody else's zone, asked for just before, does not stay behind.
    other = house.reviewer
    other.person.time_zone = "America/New_York"
    other.person.save()
    browser(other).get("/notices/")
    assert shown in browser(user).get("/notices/").text


def test_pages_carry_the_policy_of_the_house(house: House) -> None:
    page = browser(house.artist.user).get(house.url("terms"))
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script>" not in page.text and " style=" not in page.text and " onclick=" not in page.text


def test_the_paper_of_one_program_is_not_shown_in_another() -> None:
    one, two = make.program(), make.program()
    make.agreement(program=one, text="The paper of one")
    make.agreement(program=two, text="The paper of two")
    artist = make.artist(program=one, signed=False)
    page = browser(artist.user).get(reverse("agreements", args=[one.slug])).text
    assert "The paper of one" in page and "The paper of two" not in page


def test_the_desk_can_stop_a_single_sign_in_and_nothing_else_of_its_artist(client: Client) -> None:
    program = make.program()
    artist = make.artist(program=program)
    held, other = (
        Credential.objects.create(user=artist.user, kind="session", created_at=clock.now()) for _ in range(2)
    )
    client.force_login(make.staff(program=program))
    asked = {"target": f"credential:{held.pk}", "reason": "It was passed on."}
    client.post(reverse("place_halt", args=[program.slug]), asked)
    assert Halt.objects.covering(artist, held).exists()
    assert not Halt.objects.covering(artist, other).exists()
