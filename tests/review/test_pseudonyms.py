"""The name of a reviewer before artists: nobody has another's, and it stays."""

import hashlib
import uuid
from typing import Any

import pytest

from access import clock
from access.models import Role, User
from review import claiming, pseudonyms, story
from tests import make
from tests.review.cast import Cast

pytestmark = pytest.mark.django_db


def same_digits(monkeypatch: pytest.MonkeyPatch, alike: int) -> None:
    """All reviewers begin with the same digits, and differ after them."""

    def digits(reviewer: uuid.UUID, _program: object) -> str:
        return "7f3a0000"[:alike] + hashlib.sha256(reviewer.bytes).hexdigest()

    monkeypatch.setattr(pseudonyms, "_digits", digits)


@pytest.mark.parametrize("alike", [4, 6])
def test_two_with_the_same_digits_have_two_marks_and_the_first_keeps_theirs(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, alike: int
) -> None:
    same_digits(monkeypatch, alike)
    first, second = (pseudonyms.mark(reviewer, cast.program) for reviewer in (cast.reviewer, cast.rival))
    assert first == "7f3a" and second.startswith("7f3a") and first != second
    third = make.reviewer(program=cast.program)
    marks = [pseudonyms.mark(reviewer, cast.program) for reviewer in (cast.reviewer, cast.rival, third)]
    assert marks[:2] == [first, second] and len(set(marks)) == 3


def test_a_mark_stays_when_roles_change(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    same_digits(monkeypatch, 4)
    before = [pseudonyms.mark(reviewer, cast.program) for reviewer in (cast.reviewer, cast.rival)]
    now = clock.now()
    Role.objects.filter(user=cast.reviewer).update(revoked_at=now)
    Role.objects.create(program=cast.program, user=cast.reviewer, kind="lead", granted_at=now)
    assert [pseudonyms.mark(reviewer, cast.program) for reviewer in (cast.reviewer, cast.rival)] == before


def test_the_mark_is_the_same_in_a_program_and_another_elsewhere(cast: Cast) -> None:
    here = pseudonyms.mark(cast.reviewer, cast.program)
    assert here == pseudonyms.mark(cast.reviewer, cast.program) != pseudonyms.mark(cast.rival, cast.program)
    assert here != pseudonyms.mark(cast.reviewer, make.program()) and here != cast.reviewer.pseudonym


def test_in_which_role_somebody_looked(cast: Cast) -> None:
    now = clock.now()
    role = Role.objects.create(program=cast.program, user=cast.reviewer, kind="lead", granted_at=now)
    assert pseudonyms.name(cast.reviewer, cast.program, now).startswith("lead ")
    Role.objects.filter(pk=role.pk).update(revoked_at=now)
    assert pseudonyms.name(cast.reviewer, cast.program, now).startswith("reviewer ")
    assert pseudonyms.name(make.user(), cast.program, now).startswith("reviewer "), "also of who never had a role"


def test_who_looked_costs_the_same_however_many_did(cast: Cast, django_assert_num_queries: Any) -> None:
    submission = cast.submission()
    people: list[User] = [cast.reviewer, cast.rival, *(make.reviewer(program=cast.program) for _ in range(4))]
    for reviewer in people:
        claiming.release(cast.claim(submission, by=reviewer))
    with django_assert_num_queries(2):
        found = story.openings(submission)
    assert len(found) == 6 == len({opening.by for opening in found})
