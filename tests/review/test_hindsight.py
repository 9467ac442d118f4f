"""What was approved before a machine could look is looked at afterwards, and whoever leads hears what was noticed."""

from datetime import timedelta

import pytest

from access import clock, roles
from access.models import Notice, User
from review import banking, hindsight, matching, scrutiny, signals
from review.models import Decision, Examination
from review.scrutiny import MACHINES_FIRST
from tests import make
from tests.review import clips
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(cast: Cast) -> User:
    return make.lead(program=cast.program)


def approved_unseen(cast: Cast, at: At, frames: clips.Frames, rate: float = clips.RATE) -> Decision:
    """Approved by one person after the ten minutes in which no machine came."""
    asked = cast.submission(clips.output(frames, enrollment=cast.artist, rate=rate))
    at(clock.now() + MACHINES_FIRST)
    decision = cast.approve(cast.claim(asked))
    at(decision.effective_at + timedelta(minutes=1))
    return decision


def looked_at(decision: Decision) -> bool:
    return Examination.objects.filter(output=decision.submission.output, trouble="").exists()


def test_what_was_approved_unseen_is_looked_at_and_told_once(cast: Cast, at: At, lead: User) -> None:
    decision = approved_unseen(cast, at, clips.flashing(5), rate=24.0)
    assert list(hindsight.unseen(clock.now())) == [decision.submission.output]
    for _ in range(2):
        scrutiny.settle()
    told = Notice.objects.get(kind="found_late")
    assert told.user == lead and decision.submission.title in told.text and "Flashing" in told.text
    assert Decision.objects.standing().get() == decision, "nothing is taken back"
    assert not hindsight.unseen(clock.now()).exists()


def test_what_is_harmless_is_told_to_nobody(cast: Cast, at: At, lead: User) -> None:
    decision = approved_unseen(cast, at, clips.plain(0))
    scrutiny.settle()
    assert looked_at(decision) and not Notice.objects.filter(kind="found_late").exists()


def test_what_is_noticed_while_it_waits_is_for_its_reviewer(cast: Cast, lead: User) -> None:
    cast.submission(clips.output(clips.flashing(5), enrollment=cast.artist, rate=24.0))
    assert scrutiny.settle() == 1
    assert not Notice.objects.filter(kind="found_late").exists()


def test_a_likeness_found_later_counts_as_well(cast: Cast, at: At, lead: User) -> None:
    """Of a clip that was rejected after the approval."""
    matching.bank_index.cache_clear()
    decision = approved_unseen(cast, at, clips.moving(1))
    other = make.artist(program=cast.program)
    rejected = cast.rejection(at, cast.submission(clips.output(clips.moving(1), enrollment=other)))
    signals.look_over(rejected.submission.output)
    banking.settle()
    scrutiny.settle()
    told = Notice.objects.filter(kind="found_late", user=lead)
    assert told.count() == 1 and decision.submission.title in told.get().text
    matching.bank_index.cache_clear()


def test_a_lead_who_made_it_is_not_told_and_the_staff_are_where_none_is_left(cast: Cast, at: At) -> None:
    roles.grant_role(cast.artist.user, "lead", program=cast.program, by=None)
    staff = make.staff(program=cast.program)
    approved_unseen(cast, at, clips.flashing(5), rate=24.0)
    scrutiny.settle()
    assert Notice.objects.get(kind="found_late").user == staff


def test_a_no_and_what_is_long_past_are_left_alone(cast: Cast, at: At) -> None:
    no = cast.rejection(at, cast.submission(clips.output(clips.plain(0), enrollment=cast.artist)))
    assert not hindsight.unseen(clock.now()).exists()
    yes = approved_unseen(cast, at, clips.moving(1))
    at(yes.effective_at + hindsight.FAR_BACK + timedelta(minutes=1))
    assert not hindsight.unseen(clock.now()).exists() and no.verdict == "rejected"
