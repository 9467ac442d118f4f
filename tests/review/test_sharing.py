"""Links are opened by their artist, or by themselves as asked, and closed for ever."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from access import clock, halting
from access.models import Notice
from access.refusals import Halted, NotAllowed
from review import moderation, sharing
from review.models import Share
from review.refusals import BytesChanged, ExpiryPassed, NotApproved, SharedAlready
from tests import make
from tests.review.cast import At, Cast, flip_a_byte


def page(share: Share) -> Any:
    return Client().get(f"/s/{share.token}/")


def test_not_before_it_is_in_effect(cast: Cast, at: At) -> None:
    decision = cast.approval()
    at(decision.effective_at - timedelta(microseconds=1))
    with pytest.raises(NotApproved):
        sharing.share(decision, by=cast.artist.user)


def test_not_with_changed_bytes_nor_under_a_halt_nor_by_others(cast: Cast, at: At) -> None:
    decision = cast.approval()
    at(decision.effective_at)
    with pytest.raises(NotAllowed):
        sharing.share(decision, by=make.artist(program=cast.program).user)
    with pytest.raises(ExpiryPassed):
        sharing.share(decision, by=cast.artist.user, expires_at=decision.effective_at)
    halt = halting.halt(cast.artist.user, program=cast.program, by=None, reason="a test")
    with pytest.raises(Halted):
        sharing.share(decision, by=cast.artist.user)
    halting.lift(halt, by=None)
    flip_a_byte(decision.submission.output.master.path)
    with pytest.raises(BytesChanged):
        sharing.share(decision, by=cast.artist.user)
    assert not Share.objects.exists()


def test_an_expired_link_does_not_stand_in_the_way(cast: Cast, at: At) -> None:
    old = cast.share(at, expires_at=clock.now() + timedelta(days=7))
    with pytest.raises(SharedAlready):
        sharing.share(old.decision, by=cast.artist.user)
    at(clock.now() + timedelta(days=8))
    new = sharing.share(old.decision, by=cast.artist.user)
    assert new.token != old.token and len(new.token) == 43
    assert page(old).status_code == 404 and page(new).status_code == 200


# --- by itself, as asked -----------------------------------------------------------------------------------------


def test_settle_opens_what_was_asked_for_once(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    assert sharing.settle() == []
    at(decision.effective_at)
    [opened] = sharing.settle()
    assert sharing.settle() == []
    assert page(opened).status_code == 200
    assert Notice.objects.filter(user=cast.artist.user, kind="share_opened").count() == 1


def test_settle_opens_nothing_that_was_not_asked_for(cast: Cast, at: At) -> None:
    asked_but_rejected = cast.reject(cast.claim(cast.submission(publish_on_approval=True)))
    approved_but_not_asked = cast.approval()
    at(max(asked_but_rejected.effective_at, approved_but_not_asked.effective_at))
    assert sharing.settle() == []


def test_what_its_artist_closed_does_not_open_again(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    at(decision.effective_at)
    [opened] = sharing.settle()
    sharing.revoke(opened, by=cast.artist.user)
    assert sharing.settle() == []
    assert sharing.publish(decision) is None, "not even by a late rival"


def test_an_undone_approval_opens_nothing(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    moderation.undo(decision, by=cast.reviewer)
    at(decision.effective_at)
    assert sharing.settle() == []


def test_settle_waits_for_the_lift(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    halt = halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    at(decision.effective_at)
    assert sharing.settle() == []
    halting.lift(halt, by=None)
    assert len(sharing.settle()) == 1


def test_one_damaged_clip_does_not_hold_up_the_others(cast: Cast, at: At) -> None:
    damaged, sound = (cast.approval(cast.submission(publish_on_approval=True)) for _ in range(2))
    flip_a_byte(damaged.submission.output.master.path)
    at(sound.effective_at)
    assert [opened.decision for opened in sharing.settle()] == [sound]
