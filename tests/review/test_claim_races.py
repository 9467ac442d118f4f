"""A claim that ends while its holder waits for a lock: what they do then is refused. With controls, on PostgreSQL."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from access import clock
from review import claiming, escalating, moderation
from review.models import Claim, Decision, Escalation, Look, Skip
from review.refusals import ClaimLost
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
