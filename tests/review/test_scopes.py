"""For whom an approval holds and from when on: what all who approved allow, also after an undo."""

from datetime import datetime, timedelta

import pytest
from django.utils.timezone import localtime

from access import clock
from review import appeals, drafting, moderation
from review.models import Submission
from review.verdict_form import VerdictForm
from review.verdicts import EVERYBODY, Scope
from tests import make
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def soon() -> datetime:
    return clock.now() + timedelta(days=1)


@pytest.fixture
def later() -> datetime:
    return clock.now() + timedelta(days=2)


def test_a_wider_second_approval_widens_nothing(cast: Cast, later: datetime) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    assert cast.approve(cast.claim(asked), scope=Scope("link", later)) is None
    decision = cast.approve(cast.claim(asked, by=cast.rival), scope=EVERYBODY)
    assert (decision.audience, decision.embargo_until) == ("link", later)


def test_each_is_the_narrowest_that_any_of_them_said(cast: Cast, soon: datetime, later: datetime) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    cast.approve(cast.claim(asked), scope=Scope("public", later))
    decision = cast.approve(cast.claim(asked, by=cast.rival), scope=Scope("link", soon))
    assert (decision.audience, decision.embargo_until) == ("link", later)


def test_of_a_no_in_between_nothing_is_kept(cast: Cast, soon: datetime) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    cast.approve(cast.claim(asked), scope=Scope("link"))
    cast.reject(cast.claim(asked, by=cast.rival), scope=Scope("public", soon))
    decision = cast.approve(cast.claim(asked, by=make.reviewer(program=cast.program)))
    assert (decision.audience, decision.embargo_until) == ("link", None)


def test_a_no_holds_for_nobody_whatever_its_form_says(cast: Cast) -> None:
    yesterday = clock.now() - timedelta(days=1)
    decision = cast.reject(cast.claim(cast.submission()), scope=Scope("link", yesterday))
    assert (decision.audience, decision.embargo_until) == ("public", None)
    assert (decision.first.audience, decision.first.embargo_until) == (None, None)


def test_whoever_overturns_says_for_whom(cast: Cast, at: At, later: datetime) -> None:
    decision = cast.rejection(at)
    appeals.open_appeal(decision, by=cast.artist.user, words="Look again, please.")
    held = cast.claim(decision.submission, by=cast.rival)
    made = cast.approve(held, words="It is fine.", scope=Scope("link", later))
    assert (made.audience, made.embargo_until) == ("link", later)


def test_an_undo_gives_the_scope_back_to_the_form(cast: Cast, later: datetime) -> None:
    decision = cast.approve(cast.claim(cast.submission()), scope=Scope("link", later))
    moderation.undo(decision, by=cast.reviewer)
    look = cast.look(decision.submission)
    form = VerdictForm(look=look, initial=drafting.restore(look, cast.reviewer))
    assert form["audience"].value() == "link"
    assert f'value="{localtime(later):%Y-%m-%dT%H:%M}"' in str(form["embargo_until"])
