"""Consent: no word is no, the newest word counts, each purpose for itself."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from access.consenting import give_consent
from access.models import Consent, Enrollment, Entry
from tests import make

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PURPOSES = ["training", "showcase", "named_credit", "quote", "research"]


@pytest.fixture
def ada() -> Enrollment:
    return make.artist(program=make.program())


def say(ada: Enrollment, purpose: str, granted: bool, about: uuid.UUID | None = None) -> Consent:
    return give_consent(ada.user, purpose, program=ada.program, granted=granted, about=about)


def granted(ada: Enrollment, purpose: str, about: uuid.UUID | None = None) -> bool:
    return Consent.objects.granted(ada.user, purpose, about=about)


def test_signing_and_joining_grant_nothing() -> None:
    program = make.program()
    make.agreement(program=program)
    ada = make.artist(program=program)
    assert [granted(ada, purpose) for purpose in PURPOSES] == [False] * 5


def test_each_purpose_is_granted_for_itself_and_for_one_person(ada: Enrollment) -> None:
    say(ada, "training", True)
    assert [granted(ada, purpose) for purpose in PURPOSES] == [True, False, False, False, False]
    assert not Consent.objects.granted(make.user(), "training")


def test_the_newest_word_counts_and_the_old_ones_stay(ada: Enrollment, at: Callable[[datetime], None]) -> None:
    for minute, word in enumerate((True, False, True, False)):
        at(NOON + timedelta(minutes=minute))
        say(ada, "showcase", word)
        assert granted(ada, "showcase") is word
    assert Consent.objects.count() == 4


def test_of_two_words_at_one_instant_the_later_counts(ada: Enrollment, at: Callable[[datetime], None]) -> None:
    at(NOON)
    say(ada, "quote", True)
    say(ada, "quote", False)
    assert not granted(ada, "quote")


def test_a_word_about_one_output_says_nothing_about_the_rest(ada: Enrollment) -> None:
    output = uuid.uuid4()
    say(ada, "showcase", True, output)
    assert granted(ada, "showcase", output)
    assert not granted(ada, "showcase")
    assert not granted(ada, "showcase", uuid.uuid4())


def test_a_consent_is_on_record(ada: Enrollment) -> None:
    consent = say(ada, "training", True)
    entry = Entry.objects.get(act="consent")
    assert entry.subject == f"consent:{consent.pk}"
    assert entry.facts == '{"about":null,"granted":true,"purpose":"training"}'
    assert entry.actor == str(ada.user.pk)


def test_the_schema_knows_the_purposes_and_keeps_each_word(ada: Enrollment) -> None:
    entries = Entry.objects.count()
    with pytest.raises(IntegrityError), transaction.atomic():
        say(ada, "resale", True)
    assert Entry.objects.count() == entries
    consent = say(ada, "training", False)
    with pytest.raises(IntegrityError, match="access_consent_never_changes"), transaction.atomic():
        Consent.objects.filter(pk=consent.pk).update(granted=True)
    with pytest.raises(IntegrityError, match="access_consent_never_goes"), transaction.atomic():
        consent.delete()
