"""Two at once at a stack, on PostgreSQL: nobody waits for the other for ever; and the control without the order."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import Q

from access import clock
from access.models import User
from review import claiming, exposure
from review.models import Claim, Exposure
from review.refusals import ClaimLost, ClaimOver
from tests import make
from tests.review.cast import At, Cast, make_cast, stack
from tests.review.racing import PATIENCE, lost, race, won

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each who counts a day takes a while, so that the other comes in between."""
    original = exposure.add

    def slowly(*args: Any) -> None:
        time.sleep(0.2)
        original(*args)

    monkeypatch.setattr(exposure, "add", slowly)


def in_hand(cast: Cast, by: User) -> list[Claim]:
    """A stack in somebody's hands, all of it revealed, in the order of its keys."""
    stack(cast)
    held = claiming.claim_next(by, program=cast.program)
    assert held
    mine = Claim.objects.filter(claiming.family(held)).select_related("look__program", "submission", "reviewer")
    return sorted((claiming.reveal(claim) for claim in mine), key=lambda claim: claim.pk)


def later(work: Callable[[], Any]) -> Callable[[], Any]:
    """A moment later than the rival, who has begun by then."""

    def run() -> Any:
        time.sleep(0.1)
        return work()

    return run


def test_breaking_one_while_the_stack_is_handed_back(cast: Cast) -> None:
    lead = make.lead(program=cast.program)
    claims = in_hand(cast, cast.reviewer)
    ends = race(
        lambda: claiming.release(claims[0]), later(lambda: claiming.break_claim(claims[-1], by=lead, reason="gone"))
    )
    assert lost(ends) == [ClaimOver]
    assert not Claim.objects.filter(released_at=None).exists()


def test_keeping_a_stack_while_it_is_broken(cast: Cast) -> None:
    lead = make.lead(program=cast.program)
    claims = in_hand(cast, cast.reviewer)
    leader = next(claim for claim in claims if not claim.with_claim_id)
    others = [claim for claim in claims if claim.with_claim_id]
    ends = race(
        lambda: claiming.break_claim(leader, by=lead, reason="gone"), *[later(lambda: claiming.renew(others[-1]))] * 2
    )
    assert lost(ends) == [ClaimLost] * 2


def test_two_beats_end_the_stacks_of_two_reviewers(cast: Cast, at: At) -> None:
    begin = clock.now()
    at(begin)
    for who in (cast.reviewer, cast.rival):
        in_hand(cast, who)
    at(begin + timedelta(hours=1))
    ends = race(
        claiming.end_expired, claiming.end_expired, lambda: claiming.claim_next(cast.rival, program=cast.program)
    )
    assert lost(ends) == []
    assert Claim.objects.filter(released_at=None, leased_until__lte=clock.now()).count() == 0
    assert set(Exposure.objects.values_list("ms", flat=True)) == {600_000}, "each stack once, and for its lease"


def test_control_without_the_order_they_wait_for_one_another(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, taken = threading.Event(), threading.Event()
    monkeypatch.setattr(claiming, "_end", one_by_one(counted, taken))
    for name in ("_locked", "_locked_behind_looks"):
        monkeypatch.setattr(claiming, name, as_they_are)
    lead = make.lead(program=cast.program)
    first, *others = in_hand(cast, cast.reviewer)
    last = [claim for claim in others if claim.with_claim_id][-1]  # a variant: to break it takes no other along

    def break_the_last() -> None:
        assert counted.wait(PATIENCE)
        claiming.break_claim(last, by=lead, reason="gone")

    ends = race(lambda: claiming.release(first), break_the_last)
    assert lost(ends) == [OperationalError] and len(won(ends)) == 1


def as_they_are(which: Q) -> list[Claim]:
    return list(Claim.objects.filter(which, released_at=None).order_by("pk"))


def one_by_one(counted: threading.Event, taken: threading.Event) -> Callable[[list[Claim], datetime], None]:
    """As it was before: each is locked when its turn has come, and the reviewer's day with the first.

    The first goes on from the day it has counted when the rival has taken the claim that it will come to.
    """

    def end(claims: list[Claim], at: datetime) -> None:
        for claim in claims:
            Claim.objects.filter(Q(pk=claim.pk), released_at=None).update(released_at=at)
            if counted.is_set():
                taken.set()
            exposure.add([claim], at)
            counted.set()
            assert taken.wait(PATIENCE)

    return end
