"""How much a reviewer watches in a day: counted from the reveal to the verdict, and at some point it is enough."""

from datetime import UTC, datetime, timedelta

import pytest

from review import claiming, exposure, publishing, resting
from review.models import Claim, Exposure
from review.refusals import ExposureSpent
from tests import make
from tests.review.cast import At, Cast, stack

NOON = datetime(2027, 3, 3, 12, tzinfo=UTC)


def watch(cast: Cast, at: At, begin: datetime, minutes: float) -> None:
    """Reveal a clip, and give the verdict so many minutes later."""
    at(begin)
    held = cast.claim(cast.submission())
    at(begin + timedelta(minutes=minutes))
    cast.approve(held)


def test_the_time_from_the_reveal_to_the_verdict_counts(cast: Cast, at: At) -> None:
    watch(cast, at, NOON, 3)
    watch(cast, at, NOON + timedelta(hours=1), 4.5)
    assert exposure.today(cast.reviewer, NOON) == timedelta(minutes=7.5)
    assert exposure.today(cast.rival, NOON) == timedelta()


def test_a_veiled_clip_counts_nothing(cast: Cast, at: At) -> None:
    at(NOON)
    held = cast.claim(cast.submission(), revealed=False)
    at(NOON + timedelta(minutes=5))
    claiming.release(held)
    assert not Exposure.objects.exists()


def test_a_lapsed_claim_counts_until_it_lapsed(cast: Cast, at: At) -> None:
    at(NOON)
    held = cast.claim(cast.submission())
    at(NOON + timedelta(hours=2))
    assert [claiming.end_expired() for _ in range(2)] == [1, 0]
    held.refresh_from_db()
    assert exposure.today(cast.reviewer, NOON) == claiming.LEASE


def test_the_next_day_begins_at_nothing(cast: Cast, at: At) -> None:
    watch(cast, at, NOON, 3)
    assert exposure.today(cast.reviewer, NOON + timedelta(days=1)) == timedelta()


def test_enough_is_enough_until_tomorrow(cast: Cast, at: At) -> None:
    publishing.publish_terms(cast.program, by=None, exposure_minutes=10)
    watch(cast, at, NOON, 6)
    watch(cast, at, NOON + timedelta(hours=1), 4)
    asked = cast.submission()
    with pytest.raises(ExposureSpent):
        claiming.claim_next(cast.reviewer, program=cast.program)
    with pytest.raises(ExposureSpent):
        cast.claim(asked)
    assert claiming.claim_next(cast.rival, program=cast.program)
    at(NOON + timedelta(days=1))
    assert cast.claim(cast.submission())


def test_what_is_in_hand_may_be_finished(cast: Cast, at: At) -> None:
    publishing.publish_terms(cast.program, by=None, exposure_minutes=1)
    at(NOON)
    held, other = cast.claim(cast.submission()), cast.submission()
    at(NOON + timedelta(minutes=5))
    assert claiming.claim_next(cast.reviewer, program=cast.program) == held
    assert cast.approve(held)
    with pytest.raises(ExposureSpent):
        cast.claim(other)


def test_the_day_is_one_for_all_programs(cast: Cast, at: At) -> None:
    watch(cast, at, NOON, 8)
    elsewhere = make.program()
    make.policy(elsewhere)
    publishing.publish_terms(elsewhere, by=None, exposure_minutes=5)
    cast.reviewer.roles.create(program=elsewhere, kind="reviewer", granted_at=NOON)
    with pytest.raises(ExposureSpent):
        claiming.claim_next(cast.reviewer, program=elsewhere)


def test_a_budget_of_nothing_is_none(cast: Cast, at: At) -> None:
    publishing.publish_terms(cast.program, by=None, exposure_minutes=0)
    watch(cast, at, NOON, 9)
    assert cast.claim(cast.submission())


def test_clips_that_play_together_count_once(cast: Cast, at: At) -> None:
    """A stack of three, before the reviewer for two, four and five minutes, and one veiled: five minutes."""
    at(NOON)
    stack(cast, 4)
    assert claiming.claim_next(cast.reviewer, program=cast.program)
    claims = list(Claim.objects.select_related("look", "submission", "shown", "reviewer"))
    for held in claims[:3]:
        claiming.reveal(held)
    at(NOON + timedelta(minutes=2))
    cast.approve(claims[0])
    assert resting.watch(cast.reviewer, cast.program, NOON + timedelta(minutes=3)).today == 3
    at(NOON + timedelta(minutes=4))
    cast.approve(claims[1])
    at(NOON + timedelta(minutes=5))
    assert resting.watch(cast.reviewer, cast.program, NOON + timedelta(minutes=5)).since_break == 5
    claiming.release(claims[2])
    assert exposure.today(cast.reviewer, NOON) == timedelta(minutes=5)


def test_a_stack_handed_back_counts_once(cast: Cast, at: At) -> None:
    at(NOON)
    stack(cast)
    leader = claiming.claim_next(cast.reviewer, program=cast.program)
    assert leader
    for held in Claim.objects.all():
        claiming.reveal(held)
    at(NOON + timedelta(minutes=5))
    claiming.release(leader)
    assert exposure.today(cast.reviewer, NOON) == timedelta(minutes=5)
