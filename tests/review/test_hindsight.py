"""What a machine notices in a clip that is approved already: leads and staff hear of it, and nothing is taken back."""

from datetime import timedelta

import pytest

from access import clock, roles
from access.models import Notice, User
from review import banking, matching, scrutiny, signals
from review.models import Decision
from review.scrutiny import MACHINES_FIRST
from tests import make
from tests.review import clips
from tests.review.cast import At, Cast
from tests.review.screens import signed_in

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


def told() -> list[Notice]:
    return list(Notice.objects.filter(kind="found_late").select_related("user"))


def test_what_was_approved_unseen_is_looked_at_and_told_once(cast: Cast, at: At, lead: User) -> None:
    decision = approved_unseen(cast, at, clips.flashing(5), rate=24.0)
    assert [banking.settle(), banking.settle()] == [1, 0]
    (notice,) = told()
    assert notice.user == lead and decision.submission.title in notice.text and "Flashing" in notice.text
    assert "before a machine noticed this" in signed_in(lead).get("/notices/").content.decode()
    assert Decision.objects.standing().get() == decision, "nothing is taken back"


def test_what_is_harmless_is_told_to_nobody(cast: Cast, at: At, lead: User) -> None:
    decision = approved_unseen(cast, at, clips.plain(0))
    banking.settle()
    assert signals.examination(decision.submission.output) and not told()


def test_what_is_noticed_while_it_waits_is_for_its_reviewer(cast: Cast, lead: User) -> None:
    cast.submission(clips.output(clips.flashing(5), enrollment=cast.artist, rate=24.0))
    assert scrutiny.settle() == 1
    assert not told()


def test_a_likeness_that_came_into_the_bank_after_the_approval_counts_as_well(cast: Cast, at: At, lead: User) -> None:
    matching.bank_index.cache_clear()
    decision = approved_unseen(cast, at, clips.moving(1))
    signals.look_over(decision.submission.output)
    other = make.artist(program=cast.program)
    no = cast.rejection(at, cast.submission(clips.output(clips.moving(1), enrollment=other)))
    assert banking.bank(no) and not told()
    signals.look_over(decision.submission.output)
    assert [notice.user for notice in told()] == [lead]
    matching.bank_index.cache_clear()


def test_staff_are_told_where_they_can_halt_and_a_lead_who_made_it_is_not_told(cast: Cast, at: At, lead: User) -> None:
    roles.grant_role(cast.artist.user, "lead", program=cast.program, by=None)
    staff, both = make.staff(program=cast.program), make.staff(program=cast.program)
    roles.grant_role(both, "lead", program=cast.program, by=None)
    approved_unseen(cast, at, clips.flashing(5), rate=24.0)
    banking.settle()
    desk = f"/p/{cast.program.slug}/staff/"
    assert {notice.user: notice.url for notice in told()} == {lead: "", staff: desk, both: desk} and len(told()) == 3
    assert signed_in(staff).get(desk).status_code == 200
