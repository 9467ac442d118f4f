"""Two at once around the verdict: artists, leads, staff and the beat. Each with its control, without the guard."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from access import clock, halting
from access.models import Entry
from review import appeals, claiming, clocks, escalating, opening, submitting
from review.models import Answer, Appeal, Critique, Escalation, Look, Pause, Skip, Submission
from review.refusals import (
    AppealedAlready,
    ClaimLost,
    CritiqueSaidAlready,
    NothingToAppeal,
    NotSentBack,
    QuestionAnswered,
    QuestionOpen,
)
from tests import make
from tests.generation.racing import without_locks
from tests.review.cast import At, Cast, make_cast
from tests.review.racing import lost, meet_after, race, without, won

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


# --- the artist ------------------------------------------------------------------------------------------------------


def sent_back(cast: Cast, at: At) -> Submission:
    decision = cast.send_back(cast.claim(cast.submission()))
    at(decision.effective_at + timedelta(seconds=1))
    return decision.submission


def two_answers(cast: Cast, asked: Submission) -> list[Any]:
    return race(*[lambda: submitting.answer(asked, by=cast.artist.user, words="A brush.")] * 2)


def test_two_answers_one_round(cast: Cast, at: At) -> None:
    asked = sent_back(cast, at)
    ends = two_answers(cast, asked)
    assert len(won(ends)) == 1 and lost(ends) == [NotSentBack]
    asked.refresh_from_db()
    assert (asked.round, asked.changes_made, Answer.objects.count()) == (2, 1, 1)


def test_control_without_the_lock_the_schema_still_refuses(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = sent_back(cast, at)
    without_locks(monkeypatch)
    meet_after(monkeypatch, submitting, "sent_back")
    ends = two_answers(cast, asked)
    assert len(won(ends)) == 1 and lost(ends) == [IntegrityError]


def test_control_without_lock_and_constraints_there_are_two(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = sent_back(cast, at)
    without_locks(monkeypatch)
    meet_after(monkeypatch, submitting, "sent_back")
    with without(Look, "one_binding_look_at_a_time"):
        assert len(won(two_answers(cast, asked))) == 2
        assert Submission.objects.get(pk=asked.pk).changes_made == 2


def test_two_other_outputs_one_answer(cast: Cast, at: At) -> None:
    asked = sent_back(cast, at)
    outputs = [cast.output(), cast.output()]
    ends = race(*[lambda made=made: cast.submission(made, answers=asked) for made in outputs])
    assert len(won(ends)) == 1 and lost(ends) == [NotSentBack]
    assert Submission.objects.filter(answers=asked).count() == 1


def test_words_against_another_output(cast: Cast, at: At) -> None:
    asked, other = sent_back(cast, at), cast.output()
    ends = race(
        lambda: submitting.answer(asked, by=cast.artist.user, words="A brush."),
        lambda: cast.submission(other, answers=asked),
    )
    assert len(won(ends)) == 1 and lost(ends) == [NotSentBack]
    assert Look.objects.waiting().count() == 1


def two_appeals(cast: Cast, at: At) -> list[Any]:
    rejected = cast.rejection(at)
    return race(*[lambda: appeals.open_appeal(rejected, by=cast.artist.user, words="Look again.")] * 2)


def test_two_appeals_one_look(cast: Cast, at: At) -> None:
    ends = two_appeals(cast, at)
    assert len(won(ends)) == 1 and lost(ends) == [AppealedAlready]
    assert Look.objects.filter(kind="appeal").count() == 1


def appeals_that_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks(monkeypatch)
    meet_after(monkeypatch, appeals, "check_nobody_looks")


def test_control_without_the_lock_the_constraints_refuse_the_second_appeal(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    appeals_that_meet(monkeypatch)
    ends = two_appeals(cast, at)
    assert len(won(ends)) == 1 and lost(ends) == [AppealedAlready]


def test_control_without_lock_and_constraints_there_are_two_appeals(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    appeals_that_meet(monkeypatch)
    with without(Appeal, "one_appeal_against_a_decision"), without(Look, "one_binding_look_at_a_time"):
        assert len(won(two_appeals(cast, at))) == 2


def test_an_appeal_against_an_answer(cast: Cast, at: At) -> None:
    asked = sent_back(cast, at)
    decision = asked.decisions.get()
    ends = race(
        lambda: appeals.open_appeal(decision, by=cast.artist.user, words="Look again."),
        lambda: submitting.answer(asked, by=cast.artist.user, words="A brush."),
    )
    assert len(won(ends)) == 1 and lost(ends)[0].__name__ in (NothingToAppeal.__name__, "AppealOpen")
    assert Look.objects.waiting().count() == 1


def test_critique_against_the_verdict(cast: Cast, at: At) -> None:
    """Whichever is first: a no to critique never stands with one person alone."""
    for _ in range(3):
        held = cast.claim(cast.submission())
        verdict, said = race(
            lambda: cast.reject(held),  # noqa: B023
            lambda: submitting.say_critique(held.submission, by=cast.artist.user),  # noqa: B023
        )
        assert isinstance(said, Critique)
        if verdict is not None:
            at(verdict.effective_at)
            assert appeals.ask_due_seconds() == 1
        assert Look.objects.waiting().get(submission=held.submission).kind in ("second", "appeal")


def test_critique_said_twice(cast: Cast) -> None:
    asked = cast.submission()
    ends = race(*[lambda: submitting.say_critique(asked, by=cast.artist.user)] * 2)
    assert len(won(ends)) == 1 and lost(ends) == [CritiqueSaidAlready]


# --- reviewers and leads -------------------------------------------------------------------------------------------


def test_two_leads_advise(cast: Cast) -> None:
    asked = escalating.escalate(cast.claim(cast.submission()), question="Is it?")
    leads = [make.lead(program=cast.program) for _ in range(2)]
    ends = race(*[lambda who=who: escalating.advise(asked, by=who, answer=f"Says {who.pk}.") for who in leads])
    assert len(won(ends)) == 1 and lost(ends) == [QuestionAnswered]
    winner = won(ends)[0]
    assert winner.answer == f"Says {winner.answered_by_id}."


def test_control_a_naive_answer_is_refused_by_the_schema(cast: Cast) -> None:
    asked = escalating.escalate(cast.claim(cast.submission()), question="Is it?")
    facts = {"answered_by": make.lead(program=cast.program), "answered_at": clock.now()}
    one = Escalation.objects.filter(pk=asked.pk)
    ends = race(*[lambda text=text: one.all().update(**facts, answer=text) for text in ("It is.", "It is not.")])
    assert len(won(ends)) == 1 and lost(ends) == [IntegrityError]


def test_one_question_of_two_tabs(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    ends = race(*[lambda: escalating.escalate(held, question="Is it?")] * 2)
    assert len(won(ends)) == 1 and lost(ends)[0] in (ClaimLost, QuestionOpen)
    assert Escalation.objects.count() == 1


def test_control_without_the_constraint_there_are_two_questions(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    held, ended = cast.claim(cast.submission()), claiming.end
    monkeypatch.setattr(claiming, "end", lambda *args: None)
    without_locks(monkeypatch)
    with without(Escalation, "one_open_escalation_of_a_look"):
        assert len(won(race(*[lambda: escalating.escalate(held, question="Is it?")] * 2))) == 2
    monkeypatch.setattr(claiming, "end", ended)
    assert len(won(race(*[lambda: escalating.escalate(held, question="Is it?")] * 2))) == 1


def test_skipped_thrice_at_once_is_skipped_once(cast: Cast) -> None:
    held = cast.claim(cast.submission(), revealed=False)
    ends = race(*[lambda: claiming.skip(held, reason="a friend")] * 3)
    assert len(won(ends)) == 1 and Skip.objects.count() == 1
    assert not Look.objects.get().for_leads


def test_control_without_the_constraint_one_person_makes_three(cast: Cast) -> None:
    facts = {"look": cast.look(cast.submission()), "reviewer": cast.reviewer, "skipped_at": clock.now()}
    naive = [lambda: Skip.objects.create(**facts, reason="a friend")] * 3
    assert len(won(race(*naive))) == 1, "the schema counts a person once"
    with without(Skip, "one_skip_of_a_reviewer"):
        assert len(won(race(*naive))) == 3


# --- staff and the beat --------------------------------------------------------------------------------------------


def test_two_open_the_program(cast: Cast) -> None:
    program = make.program(opened_at=None)
    make.policy(program)
    for _ in range(3):
        make.reviewer(program=program)
    make.lead(program=program)
    staff = [make.staff(program=program) for _ in range(2)]
    ends = race(*[lambda who=who: opening.open_program(program, by=who) for who in staff])
    assert lost(ends) == [] and ends[0].opened_at == ends[1].opened_at
    assert Entry.objects.filter(act="open_program").count() == 1


def test_control_without_the_lock_it_is_opened_twice(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    program = make.program(opened_at=None)
    make.policy(program)
    for _ in range(3):
        make.reviewer(program=program)
    make.lead(program=program)
    without_locks(monkeypatch)
    meet_after(monkeypatch, opening, "need_of")
    race(*[lambda: opening.open_program(program, by=None)] * 2)
    assert Entry.objects.filter(act="open_program").count() == 2


def halted_for_five_hours(cast: Cast, at: At) -> Submission:
    asked, begin = cast.submission(), clock.now()
    at(begin)
    placed = halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    at(begin + timedelta(hours=5))
    halting.lift(placed, by=None)
    return asked


def test_two_beats_move_the_clocks_once(cast: Cast, at: At) -> None:
    asked = halted_for_five_hours(cast, at)
    assert lost(race(clocks.apply_pauses, clocks.apply_pauses)) == []
    assert Submission.objects.get().due_at == asked.due_at + timedelta(hours=5)
    assert Pause.objects.count() == 1


def test_control_without_the_lock_the_schema_refuses_the_second_pause(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = halted_for_five_hours(cast, at)
    without_locks(monkeypatch)
    meet_after(monkeypatch, clocks, "_began")
    assert lost(race(clocks.apply_pauses, clocks.apply_pauses)) == [IntegrityError]
    assert Submission.objects.get().due_at == asked.due_at + timedelta(hours=5)


def test_control_without_lock_and_key_the_clocks_move_twice(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = halted_for_five_hours(cast, at)
    monkeypatch.setattr(clocks.Pause.objects, "create", lambda **facts: Pause(**facts))
    assert [clocks.apply_pauses() for _ in range(2)] == [1, 1]
    assert Submission.objects.get().due_at == asked.due_at + timedelta(hours=10)


def test_two_beats_tell_of_a_missed_deadline_once(cast: Cast, at: At) -> None:
    asked = cast.submission()
    at(asked.due_at)
    ends = race(clocks.find_breaches, clocks.find_breaches)
    assert sorted(ends) == [0, 1]
    assert Entry.objects.filter(act="breach").count() == 1
    assert cast.artist.user.notices.filter(kind="deadline_missed").count() == 1
