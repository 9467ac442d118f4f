"""Two at once, on PostgreSQL: exactly one wins. Beside each, the same race with its guard taken away: both win.

The controls are what makes the other half worth reading: they show that the threads do meet.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from access import clock
from review import claiming, moderation, sharing, submitting
from review.models import Claim, Decision, Look, Opinion, Share, Submission
from review.refusals import (
    ClaimLost,
    ClaimOver,
    DecidedAlready,
    HeldByAnother,
    NoLongerWaiting,
    SharedAlready,
    SubmissionWithdrawn,
    UndoneAlready,
    UndoTooLate,
)
from tests import make
from tests.review.cast import At, Cast, make_cast, stack
from tests.review.racing import PATIENCE, lost, meet_after, race, without, without_one_to_one, without_rule, won

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


# --- verdicts ------------------------------------------------------------------------------------------------------


def two_tabs(cast: Cast) -> list[Any]:
    held = cast.claim(cast.submission())
    copies = [Claim.objects.get(pk=held.pk) for _ in range(2)]
    return race(lambda: cast.approve(copies[0]), lambda: cast.reject(copies[1]))


def test_two_verdicts_one_decision(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    meet_after(monkeypatch, moderation, "check_bytes")  # the last stop before the locks
    for _ in range(3):
        ends = two_tabs(cast)
        assert len(won(ends)) == 1 and lost(ends) == [DecidedAlready]
        assert str(next(end for end in ends if isinstance(end, DecidedAlready)).sentence).startswith("Your verdict, ")
    assert Decision.objects.count() == Opinion.objects.count() == 3


def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same verb as a check followed by an act: no row lock, no guarded UPDATE, no fence."""
    monkeypatch.setattr(moderation, "locking", lambda *tables: "")
    monkeypatch.setattr(moderation, "_DECIDED", moderation._DECIDED.replace("AND state = 'waiting'", ""))
    monkeypatch.setattr(moderation, "_close", lambda *args: None)
    meet_after(monkeypatch, moderation, "_meet")


def test_control_without_the_guards_the_schema_still_refuses(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    unguarded(monkeypatch)
    ends = two_tabs(cast)
    assert len(won(ends)) == 1 and lost(ends) == [IntegrityError]


def test_control_without_guards_and_constraints_both_decide(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    unguarded(monkeypatch)
    with (
        without(Opinion, "one_opinion_of_a_reviewer"),
        without_one_to_one(Opinion, "look"),
        without(Decision, "one_root_decision_of_a_round"),
    ):
        ends = two_tabs(cast)
        assert len(won(ends)) == 2
        assert sorted(Decision.objects.values_list("verdict", flat=True)) == ["approved", "rejected"]


def test_a_verdict_against_a_withdrawal(cast: Cast) -> None:
    for _ in range(3):
        held = cast.claim(cast.submission())
        ends = race(lambda: cast.approve(held), lambda: submitting.withdraw(held.submission, by=cast.artist.user))  # noqa: B023
        assert len(won(ends)) == 1 and lost(ends)[0] in (SubmissionWithdrawn, NoLongerWaiting)
        found = Submission.objects.get(pk=held.submission_id)
        assert (found.state == "decided") == found.decisions.exists()


def test_control_without_the_lock_what_is_withdrawn_is_still_not_decided(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guarded UPDATE is the second line: it finds nothing that waits."""
    monkeypatch.setattr(moderation, "locking", lambda *tables: "")
    monkeypatch.setattr(moderation, "_close", lambda *args: None)
    held = cast.claim(cast.submission())
    withdraw_after(monkeypatch, "_meet", held, cast)
    assert lost(race(lambda: cast.approve(held))) == [ClaimLost]
    assert not Decision.objects.exists()


def test_control_without_any_guard_the_schema_keeps_it_withdrawn(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moderation, "locking", lambda *tables: "")
    monkeypatch.setattr(moderation, "_DECIDED", moderation._DECIDED.replace("AND state = 'waiting'", ""))
    monkeypatch.setattr(moderation, "_close", lambda *args: None)
    held = cast.claim(cast.submission())
    withdraw_after(monkeypatch, "_meet", held, cast)
    with without_rule("submission_moves_forward", "review_submission"):
        assert len(won(race(lambda: cast.approve(held)))) == 1, "a withdrawn clip is approved"
    again = cast.claim(cast.submission(), by=cast.rival)
    withdraw_after(monkeypatch, "_meet", again, cast)
    assert lost(race(lambda: cast.approve(again))) == [IntegrityError]


def withdraw_after(monkeypatch: pytest.MonkeyPatch, name: str, held: Claim, cast: Cast) -> None:
    """The artist takes the clip back just after this step of the verdict, from a connection of their own."""
    original = getattr(moderation, name)
    original = getattr(original, "original", original)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        found = original(*args, **kwargs)
        race(lambda: submitting.withdraw(held.submission, by=cast.artist.user))
        return found

    wrapped.original = original  # type: ignore[attr-defined]  # for the next one
    monkeypatch.setattr(moderation, name, wrapped)


def test_a_verdict_against_a_lead_who_breaks_the_claim(cast: Cast) -> None:
    lead = make.lead(program=cast.program)
    for _ in range(3):
        held = cast.claim(cast.submission())
        ends = race(lambda: cast.approve(held), lambda: claiming.break_claim(held, by=lead, reason="gone"))  # noqa: B023
        is_broken = Claim.objects.get(pk=held.pk).broken_by_id is not None
        assert lost(ends) == [ClaimLost if is_broken else ClaimOver]
        assert held.submission.decisions.exists() != is_broken


def test_control_a_verdict_that_does_not_close_its_claim_outlives_the_break(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, lead = cast.claim(cast.submission()), make.lead(program=cast.program)
    monkeypatch.setattr(moderation, "_close", lambda *args: None)
    claiming.break_claim(held, by=lead, reason="gone")
    assert cast.approve(held), "without the guard a broken claim decides"


def test_a_verdict_against_whoever_takes_what_has_lapsed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease runs out between the click and the lock; a rival takes the look in that very moment."""
    for _ in range(3):
        held = cast.claim(cast.submission())
        Claim.objects.filter(pk=held.pk).update(leased_until=clock.now() + timedelta(milliseconds=1))
        ends = race(lambda: cast.approve(held), lambda: cast.claim(held.submission, by=cast.rival))  # noqa: B023
        decided = held.submission.decisions.exists()
        assert decided == isinstance(ends[0], Decision)
        if not decided:
            assert isinstance(ends[0], ClaimLost)
            claiming.release(won(ends)[0])
            submitting.withdraw(held.submission, by=cast.artist.user)


def test_first_and_second_opinion_at_once_cannot_both_decide(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    first = cast.claim(asked)
    ends = race(*[lambda: cast.approve(Claim.objects.get(pk=first.pk))] * 2)
    assert [end for end in ends if isinstance(end, Decision)] == []
    assert lost(ends) == [DecidedAlready] and Opinion.objects.count() == 1
    second = cast.claim(asked, by=cast.rival)
    ends = race(*[lambda: cast.approve(Claim.objects.get(pk=second.pk))] * 2)
    assert len(won(ends)) == 1 and lost(ends) == [DecidedAlready]
    assert (Opinion.objects.count(), Decision.objects.count()) == (2, 1)


def test_control_without_the_rule_one_of_two_decides_alone(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    monkeypatch.setattr(moderation, "_who_else", lambda stage, cited: "")
    with pytest.raises(IntegrityError, match="two_people_decide_together"):
        cast.approve(cast.claim(asked))
    with without_rule("two_people_decide_together", "review_decision"):
        assert cast.approve(Claim.objects.live(clock.now()).get())


def test_two_undos_one_withdrawal(cast: Cast) -> None:
    decision = cast.approval()
    ends = race(*[lambda: moderation.undo(decision, by=cast.reviewer)] * 2)
    assert len(won(ends)) == 1 and lost(ends) == [UndoneAlready]
    assert Submission.objects.get().round == 2 and Look.objects.waiting().count() == 1


def test_an_undo_against_the_link_it_would_end(cast: Cast, at: At) -> None:
    """Whoever is first: a link of an undone approval never opens, and an approval with a link is never undone."""
    for late in (False, True):
        decision = cast.approval(cast.submission(publish_on_approval=True))
        if late:
            at(decision.effective_at)
        ends = race(lambda: moderation.undo(decision, by=cast.reviewer), sharing.settle)  # noqa: B023
        assert lost(ends) == ([UndoTooLate] if late else [])
        assert decision.shares.exists() == late


# --- claims --------------------------------------------------------------------------------------------------------


def both(cast: Cast, verb: Callable[[Any], Any]) -> list[Any]:
    return race(*[lambda who=who: verb(who) for who in (cast.reviewer, cast.rival)])


def test_two_reviewers_one_submission(cast: Cast) -> None:
    for _ in range(3):
        asked = cast.submission()
        ends = both(cast, lambda who: claiming.claim(cast.look(asked), reviewer=who))  # noqa: B023
        assert len(won(ends)) == 1 and lost(ends) == [HeldByAnother]
        claiming.release(won(ends)[0])
        submitting.withdraw(asked, by=cast.artist.user)


def test_next_gives_one_submission_to_one_reviewer(cast: Cast) -> None:
    cast.submission()
    ends = both(cast, lambda who: claiming.claim_next(who, program=cast.program))
    assert sorted(end is None for end in ends) == [False, True]


def test_next_gives_two_submissions_to_two_reviewers(cast: Cast) -> None:
    cast.submission(), cast.submission()
    ends = both(cast, lambda who: claiming.claim_next(who, program=cast.program))
    assert len({end.submission_id for end in ends}) == 2


def test_of_two_stacks_nobody_gets_what_another_has(cast: Cast) -> None:
    """Who asks in the same moment may share a stack, each with variants of one brief; no look goes to both."""
    for _ in range(2):
        stack(cast, 3)
    ends = both(cast, lambda who: claiming.claim_next(who, program=cast.program))
    assert lost(ends) == []
    looks = list(Claim.objects.values_list("look", flat=True))
    assert len(set(looks)) == len(looks) >= 3
    for held in won(ends):
        mine = Claim.objects.filter(reviewer=held.reviewer)
        assert mine.values("look__brief").distinct().count() == 1


def test_two_tabs_of_one_reviewer_hold_one_submission(cast: Cast) -> None:
    cast.submission(), cast.submission()
    ends = race(*[lambda: claiming.claim_next(cast.reviewer, program=cast.program)] * 2)
    assert lost(ends) == [] and ends[0] == ends[1]
    assert Claim.objects.count() == 1


def naive_claim(look: Look, who: Any, meeting: threading.Barrier) -> Claim:
    """Look whether it is free, then take it: what the verb would be without its guards."""
    now = clock.now()
    with transaction.atomic():
        if look.claims.filter(released_at=None).exists():
            raise HeldByAnother
        meeting.wait(PATIENCE)
        facts = {"round": 1, "fence": 1, "claimed_at": now, "leased_until": now + claiming.LEASE}
        shown = look.submission.output.rendition("playable")
        assert shown
        return Claim.objects.create(look=look, submission=look.submission, reviewer=who, shown=shown, **facts)


def naive_claims(cast: Cast) -> list[Any]:
    look, meeting = cast.look(cast.submission()), threading.Barrier(2)
    return both(cast, lambda who: naive_claim(look, who, meeting))


def test_control_a_naive_claim_is_refused_by_the_schema(cast: Cast) -> None:
    ends = naive_claims(cast)
    assert len(won(ends)) == 1 and lost(ends) == [IntegrityError]


def test_control_without_the_constraints_both_hold_it(cast: Cast) -> None:
    with without(Claim, "one_claim_at_a_time", "one_claim_per_fence"):
        assert len(won(naive_claims(cast))) == 2
        assert Claim.objects.live(clock.now()).count() == 2


# --- two beats settling ------------------------------------------------------------------------------------------


def two_beats(cast: Cast, at: At) -> list[Any]:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    at(decision.effective_at)
    return race(sharing.settle, sharing.settle)


def both_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both beats have read that a link is due before either opens it."""
    due = sharing.to_publish
    monkeypatch.setattr(sharing, "to_publish", lambda now: list(due(now)))
    meet_after(monkeypatch, sharing, "to_publish")


def test_two_beats_one_link(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    both_read(monkeypatch)
    ends = two_beats(cast, at)
    assert sorted(len(opened) for opened in ends) == [0, 1]
    assert Share.objects.count() == 1


def test_control_without_the_constraints_there_are_two_links(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_read(monkeypatch)
    with without(Share, "one_open_share_of_an_output", "one_share_on_approval"):
        ends = two_beats(cast, at)
        assert [len(opened) for opened in ends] == [1, 1]
        assert Share.objects.count() == 2


def test_the_artist_against_the_beat(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    at(decision.effective_at)
    ends = race(lambda: sharing.share(decision, by=cast.artist.user), sharing.settle)
    assert set(lost(ends)) <= {SharedAlready}
    assert Share.objects.filter(revoked_at=None).count() == 1
