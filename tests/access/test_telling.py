"""What people are told: once, in time, and also after a mail server was away."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected
from typing import ClassVar

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.test import Client, RequestFactory
from pytest_django import Settings

from access import telling
from access.context import Shell
from access.models import Notice, Outbox, Program
from tests import make

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Clock = Callable[[datetime], None]


def put(key: str = "key", to: str = "ada@example.org", not_before: datetime | None = None) -> Outbox:
    telling.mail(to, "Subject", "Words", key=key, at=NOON, not_before=not_before)
    return Outbox.objects.get(dedupe_key=key)


class Away(EmailBackend):
    """A mail server that is away for the first ``left`` calls."""

    left: ClassVar[int] = 0

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        if Away.left:
            Away.left -= 1
            raise SMTPServerDisconnected("please come back later")
        return super().send_messages(messages)


class Rival(EmailBackend):
    """While this mail is on its way out, a second deliverer looks into the same outbox."""

    found: ClassVar[list[int]] = []

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        Rival.found.append(telling.deliver())
        return super().send_messages(messages)


@pytest.fixture
def server(settings: Settings) -> Callable[[type[EmailBackend]], None]:
    def choose(backend: type[EmailBackend]) -> None:
        settings.EMAIL_BACKEND = f"{backend.__module__}.{backend.__qualname__}"

    return choose


def test_a_mail_is_sent_once(at: Clock) -> None:
    at(NOON)
    row = put()
    assert telling.deliver() == 1
    at(NOON + timedelta(days=1))
    assert telling.deliver() == 0
    assert len(mail.outbox) == 1
    assert (mail.outbox[0].subject, mail.outbox[0].body, mail.outbox[0].to) == ("Subject", "Words", ["ada@example.org"])
    row.refresh_from_db()
    assert (row.sent_at, row.attempts, row.trouble) == (NOON, 1, "")


def test_the_same_key_is_the_same_mail() -> None:
    first, second = put("one"), put("one", to="somebody.else@example.org")
    assert first == second
    assert Outbox.objects.get().to == "ada@example.org"
    put("two")
    assert telling.deliver() == 2


def test_a_mail_of_a_rolled_back_verb_is_never_sent() -> None:
    with transaction.atomic():
        put()
        transaction.set_rollback(True)
    assert telling.deliver() == 0


def test_two_deliverers_send_a_mail_once(at: Clock, server: Callable[[type[EmailBackend]], None]) -> None:
    at(NOON)
    server(Rival)
    Rival.found.clear()
    put()
    assert telling.deliver() == 1
    assert Rival.found == [0], "the second deliverer took the row that the first one was sending"
    assert len(mail.outbox) == 1


def test_a_server_that_is_away_is_tried_again_later(at: Clock, server: Callable[[type[EmailBackend]], None]) -> None:
    server(Away)
    Away.left = 2
    at(NOON)
    row = put()
    assert telling.deliver() == 0
    row.refresh_from_db()
    assert (row.sent_at, row.attempts, row.trouble) == (None, 1, "please come back later")
    at(NOON + MINUTE - timedelta(seconds=1))
    assert telling.deliver() == 0
    assert Away.left == 1, "it was tried too early"
    at(NOON + MINUTE)
    assert telling.deliver() == 0  # away once more; the next pause is longer
    at(NOON + 2 * MINUTE)
    assert telling.deliver() == 0
    at(NOON + 3 * MINUTE)
    assert telling.deliver() == 1
    row.refresh_from_db()
    assert (row.sent_at, row.attempts, row.trouble) == (NOON + 3 * MINUTE, 3, "")
    assert len(mail.outbox) == 1


def test_trouble_with_one_mail_does_not_hold_up_the_next(at: Clock) -> None:
    at(NOON)
    bad = put("bad", to="two\nlines@example.org")
    put("good")
    assert telling.deliver() == 1
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]
    bad.refresh_from_db()
    assert bad.trouble


def test_it_gives_up_after_the_tenth_attempt(at: Clock, server: Callable[[type[EmailBackend]], None]) -> None:
    server(Away)
    Away.left = 1000
    row = put()
    for day in range(20):
        at(NOON + timedelta(days=day))
        telling.deliver()
    row.refresh_from_db()
    assert (row.attempts, row.sent_at) == (Outbox.MAX_ATTEMPTS, None)
    Away.left = 0


def test_a_mail_waits_for_its_instant(at: Clock) -> None:
    put(not_before=NOON + timedelta(seconds=30))
    at(NOON + timedelta(seconds=29))
    assert telling.deliver() == 0
    at(NOON + timedelta(seconds=30))
    assert telling.deliver() == 1


def test_a_withdrawn_mail_is_never_sent(at: Clock) -> None:
    row = put(not_before=NOON + timedelta(seconds=30))
    Outbox.objects.filter(pk=row.pk).update(withdrawn_at=NOON)
    at(NOON + timedelta(days=1))
    assert telling.deliver() == 0
    assert mail.outbox == []


# --- notices ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def program() -> Program:
    return make.program()


def test_a_notice_is_shown_from_its_instant_on(program: Program, client: Client, at: Clock) -> None:
    user = make.artist(program=program).user
    client.force_login(user)
    telling.tell(user, "k", "Now to be read", at=NOON, program=program)
    telling.tell(user, "k", "Not yet", at=NOON, program=program, not_before=NOON + MINUTE)
    telling.tell(make.user(), "k", "Somebody else's", at=NOON)
    at(NOON)
    page = client.get("/notices/").text
    assert ("Now to be read" in page, "Not yet" in page, "Somebody else's" in page) == (True, False, False)
    at(NOON + MINUTE)
    assert "Not yet" in client.get("/notices/").text


def test_reading_marks_what_was_shown_and_leaves_the_future_unread(
    program: Program, client: Client, at: Clock, rf: RequestFactory
) -> None:
    user, other = make.artist(program=program).user, make.user()
    client.force_login(user)
    shown = telling.tell(user, "k", "Now", at=NOON)
    later = telling.tell(user, "k", "Later", at=NOON, not_before=NOON + MINUTE)
    foreign = telling.tell(other, "k", "Somebody else's", at=NOON)
    at(NOON)
    assert client.post("/notices/").status_code == 302
    assert set(Notice.objects.unread()) == {later, foreign}
    shown.refresh_from_db()
    assert shown.read_at == NOON
    request = rf.get("/")
    request.user = user
    assert Shell(request).unread == 0
    at(NOON + MINUTE)
    assert Shell(request).unread == 1
