"""Signing in and out: by code, by password, never by signing up; each session is a credential that can be ended."""

import re
from collections.abc import Iterator

import pytest
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from access import clock, enrollment
from access.models import Credential, Program, User
from tests import make

pytestmark = pytest.mark.django_db
PASSWORD = "a long test password"


@pytest.fixture(autouse=True)
def no_rate_of_the_last_test() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada() -> User:
    return make.artist(program=make.program(), email="ada@example.org").user


def who(client: Client) -> str:
    return str(client.session.get("_auth_user_id", ""))


def log_in(client: Client, email: str, password: str = PASSWORD) -> HttpResponse:
    return client.post(reverse("account_login"), {"login": email, "password": password})


def code_for(client: Client, email: str) -> str:
    client.post(reverse("account_request_login_code"), {"email": email})
    found = re.search(r"^([A-Z0-9]{3,}-?[A-Z0-9]+)$", str(mail.outbox[-1].body), re.MULTILINE) if mail.outbox else None
    return found.group(1) if found else ""


# --- getting in -------------------------------------------------------------------------------------------------------


def test_sign_up_is_closed_and_says_how_one_gets_in(client: Client) -> None:
    page = client.get(reverse("account_signup"))
    assert page.status_code == 200
    assert "invit" in page.text.lower()
    client.post(reverse("account_signup"), {"email": "stranger@example.org"})
    assert not User.objects.exists()
    assert mail.outbox == []


def test_a_code_by_mail_signs_in(client: Client, ada: User) -> None:
    code = code_for(client, "ada@example.org")
    assert code
    assert mail.outbox[-1].to == ["ada@example.org"]
    assert who(client) == ""
    answer = client.post(reverse("account_confirm_login_code"), {"code": code})
    assert answer.status_code == 302
    assert who(client) == str(ada.pk)


def test_a_code_works_once_and_only_in_the_browser_that_asked(client: Client, ada: User) -> None:
    code = code_for(client, "ada@example.org")
    elsewhere = Client()
    elsewhere.post(reverse("account_confirm_login_code"), {"code": code})
    assert who(elsewhere) == ""
    client.post(reverse("account_confirm_login_code"), {"code": code})
    assert who(client) == str(ada.pk)
    client.logout()
    client.post(reverse("account_confirm_login_code"), {"code": code})
    assert who(client) == ""


def test_wrong_codes_end_the_attempt(client: Client, ada: User) -> None:
    code = code_for(client, "ada@example.org")
    for _ in range(3):
        client.post(reverse("account_confirm_login_code"), {"code": "WRONG1"})
    client.post(reverse("account_confirm_login_code"), {"code": code})
    assert who(client) == ""


def test_an_unknown_address_gets_no_code_and_the_page_does_not_tell(client: Client, ada: User) -> None:
    known = client.post(reverse("account_request_login_code"), {"email": "ada@example.org"})
    codes = len(mail.outbox)
    unknown = Client().post(reverse("account_request_login_code"), {"email": "nobody@example.org"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert codes == 1
    assert not any(re.search(r"^[A-Z0-9]{3,}-?[A-Z0-9]+$", str(m.body), re.MULTILINE) for m in mail.outbox[1:])
    assert not User.objects.filter(email="nobody@example.org").exists()


def test_a_password_signs_in_and_a_wrong_one_does_not(client: Client) -> None:
    user = make.user("staff@example.org")
    assert log_in(client, "staff@example.org", "another password").status_code == 200
    assert who(client) == ""
    assert log_in(client, "Staff@Example.org").status_code == 302
    assert who(client) == str(user.pk)


def test_who_was_invited_has_no_password_to_guess(client: Client, ada: User) -> None:
    log_in(client, "ada@example.org", "")
    log_in(client, "ada@example.org", "!")
    assert who(client) == ""


def test_an_inactive_user_stays_outside(client: Client) -> None:
    make.user("left@example.org", is_active=False)
    log_in(client, "left@example.org")
    assert client.get(reverse("notices")).status_code == 302


def test_signing_out_takes_a_post(client: Client, ada: User) -> None:
    client.force_login(ada)
    client.get(reverse("account_logout"))
    assert who(client) == str(ada.pk)
    client.post(reverse("account_logout"))
    assert who(client) == ""


@pytest.mark.parametrize(
    "name",
    [
        "account_login",
        "account_signup",
        "account_inactive",
        "account_email_verification_sent",
        "account_request_login_code",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key_done",
    ],
)
def test_allauths_pages_for_strangers_open_in_our_frame(name: str, client: Client) -> None:
    page = client.get(reverse(name))
    assert page.status_code == 200
    assert 'class="masthead"' in page.text


@pytest.mark.parametrize(
    "name", ["account_logout", "account_email", "account_change_password", "account_reauthenticate"]
)
def test_allauths_pages_for_members_open_in_our_frame(name: str, client: Client) -> None:
    user = make.user()
    log_in(client, user.email)
    page = client.get(reverse(name))
    assert page.status_code == 200
    assert 'class="masthead"' in page.text


# --- the admin --------------------------------------------------------------------------------------------------------


def test_the_admins_door_is_the_ordinary_sign_in(client: Client) -> None:
    answer = client.get(reverse("admin:login"))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_login"))
    client.post(reverse("admin:login"), {"username": make.user(is_staff=True).email, "password": PASSWORD})
    assert who(client) == ""


def test_the_admin_sends_strangers_to_sign_in_and_refuses_artists(client: Client, ada: User) -> None:
    answer = client.get(reverse("admin:index"), follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))
    client.force_login(ada)
    assert client.get(reverse("admin:index"), follow=True).status_code == 403


def test_the_admin_opens_for_those_who_may(client: Client) -> None:
    client.force_login(make.user(is_staff=True, is_superuser=True))
    assert client.get(reverse("admin:index")).status_code == 200


# --- credentials ------------------------------------------------------------------------------------------------------


def test_each_session_is_one_credential_of_its_own(ada: User) -> None:
    first, second = Client(headers={"User-Agent": "Laptop"}), Client(headers={"User-Agent": "Phone"})
    for browser in (first, second):
        browser.force_login(ada)
        for _ in range(3):
            browser.get(reverse("notices"))
    credentials = Credential.objects.filter(user=ada).order_by("created_at")
    assert [(c.kind, c.label, c.ended_at) for c in credentials] == [
        ("session", "Laptop", None),
        ("session", "Phone", None),
    ]


def test_strangers_have_no_credential(client: Client) -> None:
    client.get(reverse("home"))
    assert not Credential.objects.exists()


def test_an_ended_credential_ends_its_session_and_no_other(ada: User) -> None:
    first, second = Client(), Client()
    for browser in (first, second):
        browser.force_login(ada)
        assert browser.get(reverse("notices")).status_code == 200
    one, _two = Credential.objects.order_by("created_at")
    assert one.end(clock.now())
    assert not one.end(clock.now()), "it ends once"
    answer = first.get(reverse("notices"))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_login"))
    assert (who(first), who(second)) == ("", str(ada.pk))
    assert second.get(reverse("notices")).status_code == 200


def test_signing_in_again_is_another_credential(client: Client, ada: User) -> None:
    for _ in range(2):
        client.force_login(ada)
        client.get(reverse("notices"))
        client.logout()
    assert Credential.objects.filter(user=ada).count() == 2


def test_nobody_works_under_somebody_elses_credential(client: Client, ada: User) -> None:
    ben = make.user()
    client.force_login(ada)
    client.get(reverse("notices"))
    session = client.session
    borrowed = session["credential"]
    client.force_login(ben)
    session = client.session
    session["credential"] = borrowed
    session.save()
    client.get(reverse("notices"))
    assert client.session["credential"] != borrowed
    assert Credential.objects.get(pk=client.session["credential"]).user == ben


# --- accepting signs in -----------------------------------------------------------------------------------------------


def test_accepting_signs_the_invited_person_in_and_the_other_one_out(client: Client) -> None:
    program: Program = make.program()
    other = make.user()
    client.force_login(other)
    made = enrollment.invite("ada@example.org", cohort=make.cohort(program=program), by=None)
    url = reverse("invitation", args=[made.token])
    assert other.name in client.get(url).text
    answer = client.post(url)
    assert answer.headers["Location"] == reverse("agreements", args=[program.slug])
    assert who(client) == str(User.objects.get(email="ada@example.org").pk)
    assert len(mail.outbox) == 0, "no second mail to prove the address"


def test_signing_out_ends_the_credential_of_that_session(client: Client) -> None:
    user = make.user()
    client.force_login(user)
    client.get(reverse("home"))
    credential = Credential.objects.get(user=user)
    client.post(reverse("account_logout"))
    credential.refresh_from_db()
    assert credential.ended_at is not None
