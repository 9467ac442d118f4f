"""A claim that ends while its holder waits for a lock: what they do then is refused. With controls, on PostgreSQL."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from access import clock
from review import claiming, escalating, moderation, submitting
from review.models import Claim, Decision, Escalation, Look, Skip
from review.refusals import ClaimLost
from tests import make
from tests.review.cast import Cast, make_cast, seen
from tests.review.racing import PATIENCE, lost, race, won

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

SHORT = timedelta(seconds=0.6)

WAYS_OUT: dict[str, Callable[[Claim], Any]] = {
    "escalate": lambda held: escalating.escalate(held, question="Is it?"),
    "skip": lambda held: claiming.skip(held, reason="a friend"),
    "decide": lambda held: moderation.decide(held, reviewer=held.reviewer, verdict="approved", seen=seen(held)),
}


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


def behind_a_lock(held: Claim, verb: Callable[[Claim], Any]) -> list[Any]:
    """The verb waits for the look, which a rival lets go of only when the lease is over."""
    Claim.objects.filter(pk=held.pk).update(leased_until=clock.now() + SHORT)
    locked, over = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Look.objects.select_for_update().get(pk=held.look_id)
            locked.set()
            over.wait(2 * SHORT.total_seconds())

    def try_it() -> Any:
        assert locked.wait(PATIENCE)
        return verb(held)

    return race(hold, try_it)[1:]


@pytest.mark.parametrize("name", WAYS_OUT)
def test_a_lease_that_ran_out_behind_the_lock_is_no_claim(cast: Cast, name: str) -> None:
    held = cast.claim(cast.submission())
    assert lost(behind_a_lock(held, WAYS_OUT[name])) == [ClaimLost]
    assert not Escalation.objects.exists() and not Skip.objects.exists() and not Decision.objects.exists()


@pytest.mark.parametrize("name", WAYS_OUT)
def test_control_with_the_time_of_before_the_lock_it_is_one(
    cast: Cast, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, before = cast.claim(cast.submission()), clock.now()
    ahead_of_the_lock = type("clock", (), {"now": staticmethod(lambda: before)})
    for module in (escalating, claiming, moderation):
        monkeypatch.setattr(module, "clock", ahead_of_the_lock)
    assert len(won(behind_a_lock(held, WAYS_OUT[name]))) == 1
    assert Escalation.objects.count() + Skip.objects.count() + Decision.objects.count() == 1


# --- one claim ends before the next begins, by the clock too ----------------------------------------------------------

ENDS: dict[str, Callable[[Claim, Cast], Any]] = {
    "release": lambda held, _cast: claiming.release(held),
    "break": lambda held, cast: claiming.break_claim(held, by=make.lead(program=cast.program), reason="asleep"),
    "withdraw": lambda held, cast: submitting.withdraw(held.submission, by=cast.artist.user),
}


def ended_beside_a_pick(
    cast: Cast, end: Callable[[Claim, Cast], Any], *, meanwhile: float = SHORT.total_seconds()
) -> tuple[datetime, datetime]:
    """When the claim ended, and when a rival let go of its look, who had picked it a moment before."""
    held = cast.claim(cast.submission())
    picked, over, left = threading.Event(), threading.Event(), list[datetime]()

    def pick() -> None:
        with transaction.atomic():
            Look.objects.select_for_update(no_key=True).get(pk=held.look_id)
            picked.set()
            over.wait(meanwhile)
            left.append(clock.now())

    def end_it() -> None:
        assert picked.wait(PATIENCE)
        end(held, cast)
        over.set()

    assert race(pick, end_it) == [None, None]
    held.refresh_from_db()
    assert held.released_at is not None
    return held.released_at, left[0]


@pytest.mark.parametrize("name", ENDS)
def test_a_claim_ends_behind_whoever_has_just_picked_its_look(cast: Cast, name: str) -> None:
    """Or the rival's own, made at an instant read before, would begin before this one had ended."""
    ended, left = ended_beside_a_pick(cast, ENDS[name])
    assert ended >= left


@pytest.mark.parametrize("name", ["release", "break"])
def test_control_without_the_lock_of_the_look_it_ends_in_between(
    cast: Cast, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "_locked_behind_looks", claiming._locked)
    ended, left = ended_beside_a_pick(cast, ENDS[name], meanwhile=PATIENCE)
    assert ended < left
