"""From the mail in the inbox to the studio: what a person with nothing but an invitation goes through."""

import re
from html import unescape

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from access import audit, enrollment, halting, telling
from access.models import AgreementVersion, Chain, Cohort, Credential, Enrollment, Invitation, Program, Signature, User
from generation.policies import may_generate
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Program:
    make.pipeline()
    program = make.program(name="First light")
    make.cohort(program=program, name="The first nine", seats=9)
    make.agreement(program=program, text="The whole text of the agreement.")
    return program


@pytest.fixture
def invited(program: Program) -> str:
    """The address in the mail that a member of staff has sent through the desk."""
    desk = Client()
    desk.force_login(make.staff(program=program))
    form = {"email": "ada@example.org", "name": "Ada", "cohort": Cohort.objects.get().pk}
    assert desk.post(reverse("send_invitation", args=[program.slug]), form).status_code == 302
    assert telling.deliver() == 1
    (letter,) = mail.outbox
    assert letter.to == ["ada@example.org"]
    (link,) = re.findall(r"https?://\S+", str(letter.body))
    return "/" + link.split("/", 3)[3]


def hidden_fields(page: str) -> dict[str, str]:
    """What the page's form sends along, as a browser would; the person types nothing."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found}


def test_from_the_mail_to_the_studio(client: Client, program: Program, invited: str) -> None:
    browser = Client(enforce_csrf_checks=True, headers={"User-Agent": "Ada's browser"})

    # The mail scanner was there first, and a friend forwarded the preview: nothing happened.
    assert client.get(invited).status_code == 200
    assert Invitation.objects.get().state == "pending"

    # She opens the link.
    page = browser.get(invited)
    assert "First light" in page.text and "An invitation for Ada" in page.text

    # Click: Accept. She is signed in, without a password and without a second mail.
    answer = browser.post(invited, hidden_fields(page.text))
    assert answer.headers["Location"] == reverse("agreements", args=[program.slug])
    ada = User.objects.get(email="ada@example.org")
    assert browser.session["_auth_user_id"] == str(ada.pk)
    assert len(mail.outbox) == 1
    enrolled = Enrollment.objects.get(user=ada)
    assert not may_generate(enrolled)

    # The studio waits for the signature.
    assert browser.get(reverse("studio", args=[program.slug])).headers["Location"] == answer.headers["Location"]

    # She reads; click: Sign.
    page = browser.get(answer.headers["Location"])
    version = AgreementVersion.objects.get()
    assert version.text in page.text and version.summary in page.text
    answer = browser.post(reverse("agreements", args=[program.slug]), hidden_fields(page.text))
    assert answer.headers["Location"] == reverse("studio", args=[program.slug])
    signature = Signature.objects.get(enrollment=enrolled)
    assert signature.text_sha256 == version.sha256
    assert signature.credential == Credential.objects.get(user=ada)
    assert may_generate(enrolled)

    # She is in the studio, and what she signed is on her terms page, with every consent off.
    assert browser.get(answer.headers["Location"]).status_code == 200
    terms = browser.get(reverse("terms", args=[program.slug])).text
    assert version.sha256 in terms and "Take back" not in terms

    # The link is spent, for her and for whoever finds the mail.
    for who in (browser, client):
        assert who.get(invited).status_code == 409
    assert client.post(invited).status_code == 409
    assert "_auth_user_id" not in client.session

    # All of it is on record.
    chain = Chain.objects.get(program=program)
    acts = list(chain.entries.order_by("number").values_list("act", "actor"))
    staff = str(Invitation.objects.get().invited_by_id)
    assert acts == [
        ("publish_agreement", ""),
        ("invite", staff),
        ("accept_invitation", str(ada.pk)),
        ("sign", str(ada.pk)),
    ]
    assert audit.verify(chain) is None


def test_she_comes_back_next_week_with_a_code(program: Program, invited: str) -> None:
    Client().post(invited, follow=True)
    elsewhere = Client()
    elsewhere.post(reverse("account_request_login_code"), {"email": "ada@example.org"})
    (code,) = re.findall(r"^([A-Z0-9]{3,}-?[A-Z0-9]+)$", str(mail.outbox[-1].body), re.MULTILINE)
    answer = elsewhere.post(reverse("account_confirm_login_code"), {"code": code}, follow=True)
    # Home knows the way: into the studio, and from there to what is still unsigned.
    assert [step for step, _ in answer.redirect_chain][-1] == reverse("agreements", args=[program.slug])
    assert Credential.objects.filter(user__email="ada@example.org").count() == 2


def test_a_new_version_is_put_before_her_again(program: Program, invited: str) -> None:
    browser = Client()
    browser.post(invited)
    first = AgreementVersion.objects.get()
    browser.post(reverse("agreements", args=[program.slug]), {"version": first.pk, "sha256": first.sha256})
    studio = reverse("studio", args=[program.slug])
    assert browser.get(studio).status_code == 200
    enrollment.publish_agreement(first.agreement, summary="Shorter.", text="The second text.", by=None)
    assert browser.get(studio).headers["Location"] == reverse("agreements", args=[program.slug])
    assert "The second text." in browser.get(studio, follow=True).text


def test_the_door_is_open_during_a_halt_and_says_so(program: Program, invited: str) -> None:
    halting.halt(program, program=program, by=None, reason="We look at a frame.")
    browser = Client()
    page = browser.post(invited, follow=True)
    assert page.status_code == 200
    assert "We look at a frame." in page.text
    version = AgreementVersion.objects.get()
    browser.post(reverse("agreements", args=[program.slug]), {"version": version.pk, "sha256": version.sha256})
    assert Signature.objects.exists()
