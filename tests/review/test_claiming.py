"""One submission in hand, in the published order, never one's own, fenced."""

import uuid
from datetime import timedelta
from random import Random

import pytest

from access import clock, halting
from access.models import Conflict, Entry, Role, User
from access.refusals import NotAllowed, WordsMissing
from review import claiming, moderation, queueing, submitting
from review.models import Claim, Exposure, Flag, Look, OptOut, Skip
from review.refusals import (
    ClaimInHand,
    ClaimLost,
    ClaimOver,
    ConflictDeclared,
    ForLeads,
    HeldByAnother,
    OptedOut,
    OwnOutput,
    SkippedAlready,
)
from tests import make
from tests.review.cast import At, Cast


def handed_out(cast: Cast, by: User | None = None) -> list[uuid.UUID]:
    """The looks that a reviewer is handed one after the other, each taken out of the queue as it comes."""
    given = []
    for _ in range(Look.objects.waiting().count()):
        if held := claiming.claim_next(by or cast.reviewer, program=cast.program):
            given.append(held.look_id)
            claiming.release(held)
            Look.objects.filter(pk=held.look_id).update(state="dropped")
    return given


def test_the_published_order_is_overdue_then_risk_then_deadline_then_age(cast: Cast) -> None:
    usual, urgent, risky, late = (cast.look(cast.submission()) for _ in range(4))
    Look.objects.filter(pk=urgent.pk).update(due_at=usual.due_at - timedelta(hours=1))
    Look.objects.filter(pk=risky.pk).update(rank=1)
    Look.objects.filter(pk=late.pk).update(rank=Look.OVERDUE)
    assert handed_out(cast) == [late.pk, risky.pk, urgent.pk, usual.pk]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_handed_out_is_in_the_published_order_whatever_waits(cast: Cast, seed: int) -> None:
    """Ties, kinds, exclusions of every sort: those that are left come in the order of ``in_order``."""
    random, looks = Random(seed), [cast.look(cast.submission()) for _ in range(9)]
    now = clock.now()
    for look in looks:
        due, asked = (now + timedelta(hours=random.choice((30, 30, 31))) for _ in range(2))
        rank = random.choice((0, 0, 2, Look.OVERDUE))
        Look.objects.filter(pk=look.pk).update(rank=rank, due_at=due, asked_at=asked)
    skipped, leads, reserved = random.sample(looks, 3)
    Skip.objects.create(look=skipped, reviewer=cast.reviewer, reason="a friend", skipped_at=now)
    Look.objects.filter(pk=leads.pk).update(for_leads=True)
    Look.objects.filter(pk=reserved.pk).update(reserved_for=cast.rival, reserved_until=now + timedelta(hours=1))
    may_not = [skipped.pk, leads.pk, reserved.pk]
    expected = list(Look.objects.waiting().exclude(pk__in=may_not).in_order().values_list("pk", flat=True))
    assert handed_out(cast) == expected and len(expected) == 6


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
        cast.claim(submission, by=cast.artist.user)


def test_a_declared_conflict_keeps_it_away(cast: Cast) -> None:
    submission = cast.submission()
    facts = {"program": cast.program, "judge": cast.reviewer, "artist": cast.artist.user, "declared_at": clock.now()}
    conflict = Conflict.objects.create(**facts, reason="they share a studio")
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    with pytest.raises(ConflictDeclared):
        cast.claim(submission)
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
        cast.claim(submission, by=person)
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


# --- who never gets it ---------------------------------------------------------------------------------------------


def test_what_one_opted_out_of_comes_to_others(cast: Cast) -> None:
    asked = cast.submission()
    Flag.objects.create(submission=asked, category="violence", said_by="rule Knives", raised_at=clock.now())
    OptOut.objects.create(reviewer=cast.reviewer, category="violence", since=clock.now())
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    with pytest.raises(OptedOut):
        cast.claim(asked)
    assert cast.claim(asked, by=cast.rival)


def test_a_look_for_the_leads_comes_to_leads(cast: Cast) -> None:
    asked = cast.submission()
    Look.objects.update(for_leads=True)
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    with pytest.raises(ForLeads):
        cast.claim(asked)
    assert claiming.claim_next(make.lead(program=cast.program), program=cast.program)


def test_a_reserved_look_comes_to_others_when_the_time_is_over(cast: Cast, at: At) -> None:
    asked = cast.submission()
    until = clock.now() + timedelta(hours=1)
    Look.objects.update(reserved_for=cast.rival, reserved_until=until)
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    with pytest.raises(HeldByAnother):
        cast.claim(asked)
    at(until)
    assert claiming.claim_next(cast.reviewer, program=cast.program)


# --- handing back, breaking, passing by ----------------------------------------------------------------------------


def test_who_saw_it_stays_on_record_and_counts_for_the_day(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    assert held.revealed_at
    at(held.revealed_at + timedelta(minutes=2))
    claiming.release(held)
    assert Entry.objects.filter(act="see", actor=str(cast.reviewer.pk)).count() == 1
    assert Exposure.objects.get().ms == 120_000


def test_who_saw_a_clip_that_was_taken_back_stays_on_record(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    assert held.revealed_at
    at(held.revealed_at + timedelta(minutes=2))
    submitting.withdraw(held.submission, by=cast.artist.user)
    assert Entry.objects.filter(act="see", actor=str(cast.reviewer.pk)).count() == 1
    assert Exposure.objects.get().ms == 120_000


def test_a_lead_breaks_a_claim_with_a_reason(cast: Cast) -> None:
    held, lead = cast.claim(cast.submission()), make.lead(program=cast.program)
    with pytest.raises(NotAllowed):
        claiming.break_claim(held, by=cast.rival, reason="I want it")
    with pytest.raises(WordsMissing):
        claiming.break_claim(held, by=lead, reason=" ")
    claiming.break_claim(held, by=lead, reason="left for the day")
    held.refresh_from_db()
    assert held.broken_by == lead and held.released_at
    with pytest.raises(ClaimOver):
        claiming.break_claim(held, by=lead, reason="again")
    with pytest.raises(ClaimLost):
        cast.approve(held)
    assert "left for" not in Entry.objects.get(act="break_claim").facts
    assert cast.claim(held.submission, by=cast.rival)


def test_a_lead_breaks_no_claim_on_a_clip_of_their_own_or_of_a_friend(cast: Cast) -> None:
    held, friend, author = cast.claim(cast.submission()), make.lead(program=cast.program), cast.artist.user
    Role.objects.create(program=cast.program, user=author, kind="lead", granted_at=clock.now())
    against = {"program": cast.program, "artist": author, "judge": friend}
    Conflict.objects.create(**against, reason="a friend", declared_at=clock.now())
    for party, refusal in ((author, OwnOutput), (friend, ConflictDeclared)):
        with pytest.raises(refusal):
            claiming.break_claim(held, by=party, reason="I want it elsewhere")
    assert cast.approve(held)


def test_a_skip_needs_a_reason_and_holds_for_good(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission(), revealed=False)
    with pytest.raises(WordsMissing):
        claiming.skip(held, reason="\n")
    claiming.skip(held, reason="I know the place")
    with pytest.raises(ClaimLost):
        claiming.skip(held, reason="again")
    with pytest.raises(SkippedAlready):
        cast.claim(held.submission)
    at(clock.now() + timedelta(days=9))
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    decision = cast.approve(cast.claim(held.submission, by=cast.rival))
    moderation.undo(decision, by=cast.rival)
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None, "nor the next round of it"
    assert claiming.claim_next(cast.rival, program=cast.program)


def test_skipped_by_three_it_goes_to_the_leads(cast: Cast) -> None:
    asked = cast.submission()
    for number in range(Skip.TO_THE_LEAD):
        assert not cast.look(asked).for_leads, number
        held = cast.claim(asked, by=make.reviewer(program=cast.program), revealed=False)
        claiming.skip(held, reason="not for me")
    assert cast.look(asked).for_leads
    assert claiming.claim_next(make.lead(program=cast.program), program=cast.program)


def test_what_was_kept_for_somebody_who_skips_it_is_kept_no_longer(cast: Cast, at: At) -> None:
    asked = cast.submission()
    decision = cast.send_back(cast.claim(asked))
    at(decision.effective_at)
    submitting.answer(asked, by=cast.artist.user, words="It is a brush.")
    claiming.skip(cast.claim(asked, revealed=False), reason="once was enough")
    assert cast.claim(asked, by=cast.rival)


# --- enough for a day ----------------------------------------------------------------------------------------------


def test_two_tabs_of_one_reviewer_hold_the_same(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The insert of the other tab came between: what it took is what this one gets."""
    cast.submission(), cast.submission()
    asker = queueing.ask(cast.reviewer, cast.program)
    taken = claiming.claim_next(cast.reviewer, program=cast.program)
    assert claiming._first_free(asker, ahead=False) == taken
    assert Claim.objects.count() == 1


def test_the_verdict_of_an_undone_decision_is_not_in_hand(cast: Cast) -> None:
    decision = cast.approval()
    moderation.undo(decision, by=cast.reviewer)
    assert claiming.claim_next(cast.rival, program=cast.program).round == 2


# --- checks of quality -----------------------------------------------------------------------------------------------


def check_of_quality(cast: Cast) -> Look:
    """A second blind look at what the rival decided, as the draw asks for one; in front of everything."""
    decision = cast.approve(cast.claim(cast.submission(), by=cast.rival))
    facts = {"program": cast.program, "artist": cast.artist.user, "round": 1, "kind": "qa", "rank": Look.OVERDUE}
    now = clock.now()
    return Look.objects.create(submission=decision.submission, **facts, due_at=now, asked_at=now)


@pytest.mark.parametrize(("minutes", "first"), [(-5, "binding"), (59, "binding"), (61, "check")])
def test_no_check_of_quality_while_an_answer_is_due_within_the_hour(cast: Cast, minutes: int, first: str) -> None:
    check, waits = check_of_quality(cast), cast.look(cast.submission())
    Look.objects.filter(pk=waits.pk).update(due_at=clock.now() + timedelta(minutes=minutes))
    given = claiming.claim_next(cast.reviewer, program=cast.program)
    assert given and given.look == {"binding": waits, "check": check}[first]


def test_a_check_of_quality_is_not_taken_by_its_name_either(cast: Cast, at: At) -> None:
    """Also where the answer that is due is in somebody else's hands."""
    check, asked = check_of_quality(cast), cast.submission()
    at(asked.due_at - timedelta(minutes=30))
    cast.claim(asked, by=cast.rival)
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    with pytest.raises(HeldByAnother):
        claiming.claim(check, reviewer=cast.reviewer)
