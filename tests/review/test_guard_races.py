"""What each guard of a verdict's neighbors is for: the race that it decides, and the same one without it."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from access import clock
from review import appeals, moderation, sharing, submitting
from review.models import Critique, Decision, Look, Submission, Withdrawal
from review.refusals import AppealOpen, NothingToAppeal, UndoneAlready
from tests.generation.racing import without_locks
from tests.review.cast import At, Cast, make_cast
from tests.review.racing import PATIENCE, lost, meet_after, race, without, without_rule, won

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


# --- undo against undo ---------------------------------------------


def two_undos(cast: Cast) -> list[Any]:
    decision = cast.approval()
    return race(*[lambda: moderation.undo(decision, by=cast.reviewer)] * 2)


def test_control_without_the_lock_one_withdrawal_of_a_decision_is_all_there_can_be(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch)
    meet_after(monkeypatch, moderation, "_locked")
    assert lost(two_undos(cast)) == [UndoneAlready]
    assert (Withdrawal.objects.count(), Submission.objects.get().round) == (1, 2)


def naive_undo(decision: Decision, meeting: threading.Barrier) -> int:
    """See that it stands, then take it back: without lock, guarded UPDATE and record."""
    with transaction.atomic():
        submission = decision.submission
        assert not Withdrawal.objects.filter(decision=decision).exists()
        meeting.wait(PATIENCE)
        moderation.ask_again(submission, round_=decision.round + 1)
        return Submission.objects.filter(pk=submission.pk).update(state="waiting", round=F("round") + 1)


def naive_undos(cast: Cast) -> list[Any]:
    decision, meeting = cast.approval(), threading.Barrier(2)
    return race(*[lambda: naive_undo(decision, meeting)] * 2)


def test_control_a_naive_undo_is_refused_by_the_schema(cast: Cast) -> None:
    ends = naive_undos(cast)
    assert won(ends) == [1] and lost(ends) == [IntegrityError]


def test_control_without_the_constraints_it_is_undone_twice(cast: Cast) -> None:
    with without(Look, "one_binding_look_at_a_time", "one_look_of_a_kind_and_round"):
        assert won(naive_undos(cast)) == [1, 1]
        assert Submission.objects.get().round == 3


# --- undo against what follows at its end ---------------------------------------------


def undo_into_its_last_moment(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch, *, meanwhile: float
) -> Decision:
    """An undo that begins in time and is not over when the decision takes effect; the beat settles in that moment."""
    settings.UNDO_SECONDS = 2
    decision = cast.approval(cast.submission(publish_on_approval=True))
    begun, settled, withdraw = threading.Event(), threading.Event(), moderation._withdraw

    def slowly(*args: Any) -> Withdrawal:
        made = withdraw(*args)
        begun.set()
        settled.wait(meanwhile)
        return made

    def settle_in_between() -> Any:
        assert begun.wait(PATIENCE)
        time.sleep(max(0.0, (decision.effective_at - clock.now()).total_seconds()) + 0.1)
        found = sharing.settle()
        settled.set()
        return found

    monkeypatch.setattr(moderation, "_withdraw", slowly)
    assert lost(race(lambda: moderation.undo(decision, by=cast.reviewer), settle_in_between)) == []
    return decision


def test_a_link_waits_for_an_undo_that_began_in_time(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = undo_into_its_last_moment(cast, settings, monkeypatch, meanwhile=3.5)
    assert Withdrawal.objects.filter(decision=decision).exists() and not decision.shares.exists()


def test_control_without_the_lock_it_opens_on_what_is_undone(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch)
    decision = undo_into_its_last_moment(cast, settings, monkeypatch, meanwhile=PATIENCE)
    assert Withdrawal.objects.filter(decision=decision).exists() and decision.shares.exists()


# --- an appeal against an answer ---------------------------------------------


def appeal_and_answer(cast: Cast, at: At) -> list[Any]:
    decision = cast.send_back(cast.claim(cast.submission()))
    at(decision.effective_at + timedelta(seconds=1))
    return race(
        lambda: appeals.open_appeal(decision, by=cast.artist.user, words="Look again."),
        lambda: submitting.answer(decision.submission, by=cast.artist.user, words="A brush."),
    )


def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have asked whether somebody looks before either goes on."""
    without_locks(monkeypatch)
    meet_after(monkeypatch, appeals, "check_nobody_looks")


def test_one_of_appeal_and_answer(cast: Cast, at: At) -> None:
    ends = appeal_and_answer(cast, at)
    assert len(won(ends)) == 1 and lost(ends)[0] in (NothingToAppeal, AppealOpen)


def test_control_without_the_lock_the_schema_lets_one_look_wait(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlocked(monkeypatch)
    assert len(won(appeal_and_answer(cast, at))) == 1
    assert Look.objects.waiting().count() == 1


def test_control_without_the_constraint_both_go_on(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    unlocked(monkeypatch)
    with without(Look, "one_binding_look_at_a_time"):
        assert lost(appeal_and_answer(cast, at)) == []
        assert Look.objects.waiting().count() == 2


# --- critique against the verdict ---------------------------------------------


def critique_within_a_no(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The artist says it just after the verdict has read that nobody did."""
    held, meet = cast.claim(cast.submission()), moderation._meet
    monkeypatch.setattr(moderation, "locking", lambda *tables: "")

    def and_then_it_is_said(*args: Any) -> moderation.Stage:
        found = meet(*args)
        race(lambda: Critique.objects.create(submission=held.submission, said_at=clock.now()))
        return found

    monkeypatch.setattr(moderation, "_meet", and_then_it_is_said)
    return race(lambda: cast.reject(held))


def test_control_without_the_lock_the_schema_still_wants_two_for_critique(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lost(critique_within_a_no(cast, monkeypatch)) == [IntegrityError]
    assert not Decision.objects.exists()


def test_control_without_lock_and_rule_one_person_rejects_critique(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with without_rule("two_people_decide_together", "review_decision"):
        decision = won(critique_within_a_no(cast, monkeypatch))[0]
    assert decision.second is None and Critique.objects.filter(submission=decision.submission).exists()
