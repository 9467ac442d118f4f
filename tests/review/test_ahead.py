"""What is loaded ahead of the verdict, and the variants of one brief that are looked at together."""

from datetime import timedelta

import pytest

from access import clock
from access.models import Role, User
from review import claiming, moderation, submitting
from review.models import Claim, Flag, OptOut
from review.refusals import (
    ClaimInHand,
    ClaimLost,
    NotRevealed,
)
from tests import make
from tests.review.cast import At, Cast, stack


def ahead(cast: Cast, by: User | None = None) -> Claim | None:
    return claiming.claim_next(by or cast.reviewer, program=cast.program, ahead=True)


def test_ahead_of_nothing_there_is_nothing(cast: Cast) -> None:
    cast.submission()
    assert ahead(cast) is None and not Claim.objects.exists()


def test_one_is_ahead_and_no_more(cast: Cast) -> None:
    held, second, _third = cast.claim(cast.submission()), cast.submission(), cast.submission()
    following = ahead(cast)
    assert following and following.submission == second and following.is_ahead
    assert ahead(cast) == following
    assert claiming.claim_next(cast.reviewer, program=cast.program) == held
    assert following.leased_until - following.claimed_at == claiming.AHEAD


def test_what_is_ahead_is_neither_revealed_nor_decided(cast: Cast) -> None:
    cast.claim(cast.submission()), cast.submission()
    following = ahead(cast)
    assert following
    with pytest.raises(ClaimLost):
        claiming.reveal(following)
    with pytest.raises(NotRevealed):
        cast.approve(following)
    following.refresh_from_db()
    assert following.released_at is None


def test_what_is_ahead_comes_into_hand_after_the_verdict(cast: Cast) -> None:
    held, _second, third = cast.claim(cast.submission()), cast.submission(), cast.submission()
    following = ahead(cast)
    cast.approve(held)
    now_in_hand = claiming.claim_next(cast.reviewer, program=cast.program)
    assert following and now_in_hand == following and not now_in_hand.is_ahead
    assert now_in_hand.leased_until - now_in_hand.claimed_at == claiming.LEASE
    assert cast.approve(claiming.reveal(now_in_hand))
    assert claiming.claim_next(cast.reviewer, program=cast.program).submission == third


def test_what_is_ahead_outlives_a_lease_that_ran_out(cast: Cast, at: At) -> None:
    held, second = cast.claim(cast.submission()), cast.submission()
    at(held.leased_until - timedelta(seconds=30))
    assert ahead(cast)
    at(held.leased_until + timedelta(seconds=30))
    now_in_hand = claiming.claim_next(cast.reviewer, program=cast.program)
    assert now_in_hand and now_in_hand.submission == second


def test_what_is_ahead_is_free_again_after_two_minutes(cast: Cast, at: At) -> None:
    cast.claim(cast.submission()), cast.submission()
    following = ahead(cast)
    assert following and claiming.claim_next(cast.rival, program=cast.program) is None
    at(following.leased_until)
    assert claiming.end_expired() == 1
    assert claiming.claim_next(cast.rival, program=cast.program).look_id == following.look_id


def test_what_is_ahead_and_no_longer_for_its_reviewer_goes_to_others(cast: Cast) -> None:
    held, second, third = cast.claim(cast.submission()), cast.submission(), cast.submission()
    assert ahead(cast).submission == second
    OptOut.objects.create(reviewer=cast.reviewer, category="minors", since=clock.now())
    Flag.objects.create(submission=second, category="minors", said_by="signal", raised_at=clock.now())
    cast.approve(held)
    assert claiming.claim_next(cast.reviewer, program=cast.program).submission == third
    assert claiming.claim_next(cast.rival, program=cast.program).submission == second


def test_a_clip_taken_back_while_ahead_is_passed_by(cast: Cast) -> None:
    held, second, third = cast.claim(cast.submission()), cast.submission(), cast.submission()
    ahead(cast)
    submitting.withdraw(second, by=cast.artist.user)
    cast.approve(held)
    assert claiming.claim_next(cast.reviewer, program=cast.program).submission == third


def test_ahead_belongs_to_its_program(cast: Cast) -> None:
    cast.claim(cast.submission()), cast.submission()
    assert ahead(cast)
    elsewhere = make.program()
    Role.objects.create(program=elsewhere, user=cast.reviewer, kind="reviewer", granted_at=clock.now())
    assert claiming.claim_next(cast.reviewer, program=elsewhere, ahead=True) is None
    with pytest.raises(ClaimInHand):
        claiming.claim_next(cast.reviewer, program=elsewhere)


# --- variants of one brief -----------------------------------------------------------------------------------------


def test_variants_come_together_led_by_the_first(cast: Cast) -> None:
    variants = stack(cast)
    leader = claiming.claim_next(cast.reviewer, program=cast.program)
    assert leader and leader.submission == variants[0]
    assert [held.submission for held in leader.variants.order_by("submission__submitted_at")] == variants[1:]
    assert claiming.claim_next(cast.rival, program=cast.program) is None


def test_each_variant_has_a_verdict_of_its_own(cast: Cast) -> None:
    variants = stack(cast)
    leader = claiming.claim_next(cast.reviewer, program=cast.program)
    assert leader
    for held in [leader, *leader.variants.all()]:
        assert cast.approve(claiming.reveal(held))
    assert {asked.decisions.count() for asked in variants} == {1}


def test_renewing_one_renews_the_stack(cast: Cast, at: At) -> None:
    stack(cast)
    leader = claiming.claim_next(cast.reviewer, program=cast.program)
    at(leader.claimed_at + timedelta(minutes=5))
    claiming.renew(leader.variants.first())
    assert {held.leased_until for held in Claim.objects.all()} == {leader.claimed_at + timedelta(minutes=15)}
    cast.approve(claiming.reveal(leader))
    with pytest.raises(ClaimLost):
        claiming.renew(leader)


def test_handing_back_one_hands_back_the_stack_also_after_its_leader_is_decided(cast: Cast) -> None:
    stack(cast)
    leader = claiming.claim_next(cast.reviewer, program=cast.program)
    cast.approve(claiming.reveal(leader))
    claiming.release(leader.variants.first())
    assert not Claim.objects.filter(released_at=None).exists()
    assert claiming.claim_next(cast.rival, program=cast.program)


def test_taking_back_one_clip_leaves_the_others_in_hand(cast: Cast) -> None:
    variants = stack(cast)
    leader = claiming.claim_next(cast.reviewer, program=cast.program)
    submitting.withdraw(variants[0], by=cast.artist.user)
    live = Claim.objects.live(clock.now())
    assert {held.submission for held in live.select_related("submission")} == set(variants[1:])
    leader.refresh_from_db()
    assert leader.released_at


def test_a_stack_that_is_ahead_comes_into_hand_as_a_whole(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    stack(cast)
    following = ahead(cast)
    assert following and {one.is_ahead for one in following.variants.all()} == {True}
    cast.approve(held)
    leader = claiming.claim_next(cast.reviewer, program=cast.program)
    assert leader == following
    at(leader.claimed_at + claiming.AHEAD + timedelta(minutes=1))
    for variant in leader.variants.select_related("look", "submission", "shown", "reviewer"):
        assert not variant.is_ahead and cast.approve(claiming.reveal(variant))


def test_what_is_left_of_a_stack_is_in_hand(cast: Cast) -> None:
    """Nothing else is handed out before it is decided or handed back, so that none of it waits for its lease to end."""
    variants, other = stack(cast), cast.submission()
    leader = claiming.claim_next(cast.reviewer, program=cast.program)
    assert leader and ahead(cast).submission == other
    cast.approve(claiming.reveal(leader))
    with pytest.raises(ClaimInHand):
        cast.claim(cast.submission())
    for variant in variants[1:]:
        held = claiming.claim_next(cast.reviewer, program=cast.program)
        assert held and held.submission == variant
        cast.approve(claiming.reveal(held))
    assert claiming.claim_next(cast.reviewer, program=cast.program).submission == other


def test_a_clip_of_the_same_brief_may_join_what_is_left_of_it(cast: Cast) -> None:
    """The verdict on the first of a stack is undone: it is in hand again beside the others."""
    first, second = stack(cast, 2)
    decision = cast.approve(claiming.reveal(claiming.claim_next(cast.reviewer, program=cast.program)))
    moderation.undo(decision, by=cast.reviewer)
    cast.approve(cast.claim(first))
    assert claiming.claim_next(cast.reviewer, program=cast.program).submission == second


def test_what_is_left_of_a_stack_goes_when_its_lease_is_over(cast: Cast, at: At) -> None:
    stack(cast)
    leader = claiming.claim_next(cast.reviewer, program=cast.program)
    cast.approve(claiming.reveal(leader))
    at(leader.leased_until + timedelta(seconds=1))
    held = claiming.claim_next(cast.reviewer, program=cast.program)
    assert held and held.with_claim_id is None and held.variants.count() == 1
