"""One submission in hand, in the published order, never one's own, fenced."""

from datetime import timedelta

import pytest

from access import clock, halting
from access.models import Conflict, Role
from access.refusals import NotAllowed
from review import claiming
from review.models import Claim, Submission
from review.refusals import ClaimInHand, ClaimLost, ConflictDeclared, OwnOutput
from tests import make
from tests.review.cast import At, Cast


def test_the_published_order_is_risk_then_deadline_then_age(cast: Cast) -> None:
    usual, urgent, risky = (cast.submission() for _ in range(3))
    Submission.objects.filter(pk=urgent.pk).update(due_at=usual.due_at - timedelta(hours=1))
    Submission.objects.filter(pk=risky.pk).update(risk_band=1)
    given = []
    while held := claiming.claim_next(cast.reviewer, program=cast.program):
        given.append(held.submission_id)
        Submission.objects.filter(pk=held.submission_id).update(state="withdrawn")
        claiming.release(held)
    assert given == [risky.pk, urgent.pk, usual.pk]


def test_two_reviewers_get_two_submissions(cast: Cast) -> None:
    first, second = cast.submission(), cast.submission()
    one = claiming.claim_next(cast.reviewer, program=cast.program)
    two = claiming.claim_next(cast.rival, program=cast.program)
    assert one and two and [one.submission, two.submission] == [first, second]


def test_asking_again_gives_what_is_in_hand(cast: Cast) -> None:
    cast.submission(), cast.submission()
    one = claiming.claim_next(cast.reviewer, program=cast.program)
    assert claiming.claim_next(cast.reviewer, program=cast.program) == one


def test_nothing_waits(cast: Cast) -> None:
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None


def test_a_second_claim_says_what_is_in_hand(cast: Cast) -> None:
    first, second = cast.submission(title="Ebb"), cast.submission()
    held = cast.claim(first)
    with pytest.raises(ClaimInHand, match="Ebb") as refused:
        cast.claim(second)
    assert refused.value.facts["claim"] == held


def test_an_expired_claim_ends_when_the_next_one_begins(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    at(held.leased_until)
    taken = cast.claim(held.submission, by=cast.rival)
    held.refresh_from_db()
    assert held.released_at == held.leased_until and taken.fence == held.fence + 1
    with pytest.raises(ClaimLost):
        claiming.renew(held)


def test_an_open_page_keeps_it_for_half_an_hour_and_no_longer(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    for minutes in (9, 18, 27):
        at(held.claimed_at + timedelta(minutes=minutes))
        claiming.renew(held)
    assert held.leased_until == held.claimed_at + claiming.LONGEST
    at(held.leased_until)
    with pytest.raises(ClaimLost):
        claiming.renew(held)


def test_ones_own_output_is_nobodys_to_judge(cast: Cast) -> None:
    Role.objects.create(program=cast.program, user=cast.artist.user, kind="lead", granted_at=clock.now())
    submission = cast.submission()
    assert claiming.claim_next(cast.artist.user, program=cast.program) is None
    with pytest.raises(OwnOutput):
        claiming.claim(submission, reviewer=cast.artist.user)


def test_a_declared_conflict_keeps_it_away(cast: Cast) -> None:
    submission = cast.submission()
    facts = {"program": cast.program, "judge": cast.reviewer, "artist": cast.artist.user, "declared_at": clock.now()}
    conflict = Conflict.objects.create(**facts, reason="they share a studio")
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    with pytest.raises(ConflictDeclared):
        claiming.claim(submission, reviewer=cast.reviewer)
    conflict.ends_at = clock.now()
    conflict.save()
    assert claiming.claim_next(cast.reviewer, program=cast.program)


def test_a_conflict_declared_while_in_hand_stops_the_verdict(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    facts = {"program": cast.program, "judge": cast.reviewer, "artist": cast.artist.user, "declared_at": clock.now()}
    Conflict.objects.create(**facts, reason="they met")
    with pytest.raises(ConflictDeclared):
        cast.approve(held)


@pytest.mark.parametrize("role", ["staff", "artist", "reviewer elsewhere"])
def test_others_take_nothing(cast: Cast, role: str) -> None:
    submission = cast.submission()
    people = {
        "staff": lambda: make.staff(program=cast.program),
        "artist": lambda: make.artist(program=cast.program).user,
        "reviewer elsewhere": lambda: make.reviewer(program=make.program()),
    }
    person = people[role]()
    with pytest.raises(NotAllowed):
        claiming.claim(submission, reviewer=person)
    with pytest.raises(NotAllowed):
        claiming.claim_next(person, program=cast.program)
    assert not Claim.objects.exists()


def test_a_revoked_role_stops_the_verdict(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    Role.objects.filter(user=cast.reviewer).update(revoked_at=clock.now())
    with pytest.raises(NotAllowed):
        cast.approve(held)


def test_reviewing_goes_on_under_a_halt(cast: Cast) -> None:
    submission = cast.submission()
    halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    assert cast.approval(submission).is_approval
