"""Somebody new looks again: because the artist asks, or because a no of one person turns out to be to critique."""

from datetime import timedelta

import pytest

from access import clock
from access.models import Notice
from access.refusals import NotAllowed, WordsMissing
from review import appeals, claiming, escalating, moderation, publishing, sharing, submitting
from review.models import Appeal, Decision, Look, Share, Submission
from review.refusals import (
    AppealClosed,
    AppealedAlready,
    AppealOpen,
    AppealSettled,
    AppealWantsVerdict,
    ChangesSpent,
    CritiqueSaidAlready,
    HadPart,
    NothingToAppeal,
    NotSentBack,
)
from review.verdict_form import VerdictForm
from tests import make
from tests.review.cast import At, Cast


def appeal(cast: Cast, decision: Decision) -> Appeal:
    return appeals.open_appeal(decision, by=cast.artist.user, words="The knife is a brush.")


def test_an_appeal_asks_for_a_look_with_a_deadline_of_its_own(cast: Cast, at: At) -> None:
    made = appeal(cast, cast.rejection(at))
    assert (made.look.kind, made.look.state) == ("appeal", "waiting")
    assert made.look.due_at - made.opened_at == timedelta(hours=48)
    assert "brush" in made.words


def test_only_the_artist_with_words_against_a_no_in_effect(cast: Cast, at: At) -> None:
    decision = cast.reject(cast.claim(cast.submission()))
    with pytest.raises(NothingToAppeal):
        appeal(cast, decision)
    at(decision.effective_at)
    with pytest.raises(NotAllowed):
        appeals.open_appeal(decision, by=cast.rival, words="I disagree.")
    with pytest.raises(WordsMissing):
        appeals.open_appeal(decision, by=cast.artist.user, words=" \n")
    assert appeal(cast, decision)
    with pytest.raises(AppealedAlready):
        appeal(cast, decision)


def test_within_the_days_that_the_program_gives(cast: Cast, at: At) -> None:
    publishing.publish_terms(cast.program, by=None, appeal_days=3)
    decision = cast.rejection(at)
    at(decision.effective_at + timedelta(days=3, microseconds=1))
    with pytest.raises(AppealClosed):
        appeal(cast, decision)
    at(appeals.closes_at(decision))
    assert appeal(cast, decision)


def test_the_days_are_those_of_the_terms_under_which_it_was_sent(cast: Cast, at: At) -> None:
    publishing.publish_terms(cast.program, by=None, appeal_days=20)
    decision = cast.rejection(at)
    publishing.publish_terms(cast.program, by=None, appeal_days=1)
    assert appeals.closes_at(decision) == decision.effective_at + timedelta(days=20)
    at(decision.effective_at + timedelta(days=19))
    assert appeals.open_appeal(decision, by=cast.artist.user, words="Look again.")


def test_overturned_it_is_approved_at_once_and_can_be_shared(cast: Cast, at: At) -> None:
    decision = cast.rejection(at)
    made = cast.overturn(decision)
    assert (made.overturns, made.decided_by, made.effective_at) == (decision, cast.rival, made.decided_at)
    assert list(Decision.objects.effective(clock.now())) == [made]
    assert Appeal.objects.get().state == "overturned"
    assert sharing.share(made, by=cast.artist.user)


def test_upheld_the_decision_stands_and_the_artist_has_an_answer(cast: Cast, at: At) -> None:
    decision = cast.rejection(at)
    appeal(cast, decision)
    given = cast.give(cast.claim(decision.submission, by=cast.rival), "rejected", words="I see it too.")
    found = Appeal.objects.get()
    assert given.decision is None
    assert (found.state, found.answer, found.opinion.reviewer) == ("upheld", "I see it too.", cast.rival)
    assert list(Decision.objects.standing()) == [decision]
    assert Notice.objects.filter(user=cast.artist.user, kind="appeal_upheld").count() == 1


def test_changes_are_no_answer_to_an_appeal(cast: Cast, at: At) -> None:
    decision = cast.rejection(at)
    appeal(cast, decision)
    held = cast.claim(decision.submission, by=cast.rival)
    with pytest.raises(AppealWantsVerdict):
        cast.send_back(held)
    assert Appeal.objects.get().state == "open"
    assert ("changes", "Changes") not in VerdictForm(look=held.look).fields["verdict"].choices


def test_a_look_that_a_rule_asks_for_takes_any_verdict_so_that_nothing_tells_why_it_came(cast: Cast, at: At) -> None:
    decision = cast.rejection(at)
    submitting.say_critique(decision.submission, by=cast.artist.user)
    held = cast.claim(decision.submission, by=cast.rival)
    assert ("changes", "Changes") in VerdictForm(look=held.look).fields["verdict"].choices
    assert cast.send_back(held) is None
    assert Appeal.objects.get().state == "upheld"


def test_a_yes_to_an_appeal_needs_words_too(cast: Cast, at: At) -> None:
    decision = cast.rejection(at)
    appeal(cast, decision)
    held = cast.claim(decision.submission, by=cast.rival)
    with pytest.raises(WordsMissing):
        cast.approve(held)
    assert cast.approve(held, words="I was told what it is.")
    with pytest.raises(AppealSettled):
        cast.approve(held, words="Again.")


@pytest.mark.parametrize("part", ["decided", "second", "advised", "checked"])
def test_whoever_had_part_is_passed_by(cast: Cast, at: At, part: str) -> None:
    asked, lead = cast.submission(), make.lead(program=cast.program)
    who = {"decided": cast.reviewer, "second": cast.rival, "advised": lead, "checked": lead}[part]
    held = cast.claim(asked)
    if part == "second":
        Submission.objects.update(people=2)
        cast.reject(held)
        held = cast.claim(asked, by=cast.rival)
    if part == "advised":
        escalating.advise(escalating.escalate(held, question="Is it?"), by=lead, answer="Reject it.")
        held = cast.claim(asked)
    decision = cast.reject(held)
    at(decision.effective_at)
    if part == "checked":
        facts = {"program": cast.program, "artist": cast.artist.user, "round": 1, "kind": "qa"}
        look = Look.objects.create(submission=asked, **facts, due_at=asked.due_at, asked_at=clock.now())
        cast.reject(claiming.reveal(claiming.claim(look, reviewer=lead)))
    made = appeal(cast, decision)
    assert claiming.claim_next(who, program=cast.program) is None
    with pytest.raises(HadPart):
        claiming.claim(made.look, reviewer=who)
    assert claiming.claim_next(make.reviewer(program=cast.program), program=cast.program).look == made.look


def test_a_request_for_changes_can_be_appealed_or_answered_and_not_both_at_once(cast: Cast, at: At) -> None:
    asked, other = cast.submission(), cast.output()
    decision = cast.send_back(cast.claim(asked))
    at(decision.effective_at)
    appeal(cast, decision)
    with pytest.raises(AppealOpen):
        submitting.answer(asked, by=cast.artist.user, words="A brush.")
    with pytest.raises(AppealOpen):
        cast.submission(other, answers=asked)
    cast.reject(cast.claim(asked, by=cast.rival))
    assert submitting.answer(asked, by=cast.artist.user, words="A brush then.")


def test_an_appeal_that_overturns_ends_the_request_for_changes(cast: Cast, at: At) -> None:
    decision = cast.send_back(cast.claim(cast.submission()))
    at(decision.effective_at)
    cast.overturn(decision)
    with pytest.raises(NotSentBack):
        submitting.answer(decision.submission, by=cast.artist.user, words="A brush.")


# --- critique ------------------------------------------------------------------------------------------------------


def say(cast: Cast, asked: Submission) -> None:
    submitting.say_critique(asked, by=cast.artist.user)


def test_said_before_the_verdict_a_no_needs_two_and_a_yes_one(cast: Cast) -> None:
    for verdict in ("rejected", "changes"):
        asked = cast.submission()
        held = cast.claim(asked)
        say(cast, asked)
        assert cast.give(held, verdict).decision is None
        assert cast.give(cast.claim(asked, by=cast.rival), verdict).decision.second
    assert cast.approval(cast.submission(is_critique=True)).second is None


def test_two_who_disagree_about_critique_need_a_third(cast: Cast) -> None:
    asked = cast.submission(is_critique=True)
    assert cast.reject(cast.claim(asked)) is None
    assert cast.approve(cast.claim(asked, by=cast.rival)) is None
    decision = cast.approve(cast.claim(asked, by=make.reviewer(program=cast.program)))
    assert decision.is_approval and len(decision.opinions) == 3


def test_it_moves_neither_order_nor_clock_and_no_look_shows_it(cast: Cast) -> None:
    plain, said = cast.submission(), cast.submission(is_critique=True)
    assert list(Look.objects.waiting().in_order()) == [cast.look(plain), cast.look(said)]
    assert said.due_at - said.submitted_at == plain.due_at - plain.submitted_at
    assert (said.risk_band, said.people) == (plain.risk_band, plain.people)


def test_said_after_a_no_a_second_person_is_asked(cast: Cast, at: At) -> None:
    decision = cast.rejection(at)
    say(cast, decision.submission)
    asked = Appeal.objects.get()
    assert asked.is_critique and asked.look.kind == "appeal"
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    assert cast.approve(cast.claim(decision.submission, by=cast.rival), words="It is critique.").is_approval


def test_said_while_the_undo_still_runs_the_beat_asks_the_second(cast: Cast, at: At) -> None:
    decision = cast.reject(cast.claim(cast.submission()))
    say(cast, decision.submission)
    assert appeals.ask_due_seconds() == 0 and not Appeal.objects.exists()
    at(decision.effective_at)
    assert [appeals.ask_due_seconds() for _ in range(2)] == [1, 0]
    assert Appeal.objects.get().is_critique


def test_said_while_the_undo_still_runs_and_undone_two_decide(cast: Cast, at: At) -> None:
    decision = cast.reject(cast.claim(cast.submission()))
    say(cast, decision.submission)
    moderation.undo(decision, by=cast.reviewer)
    at(decision.effective_at)
    assert appeals.ask_due_seconds() == 0
    assert cast.reject(cast.claim(decision.submission)) is None


def test_said_of_what_two_rejected_nobody_else_is_asked(cast: Cast, at: At) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    cast.reject(cast.claim(asked))
    decision = cast.reject(cast.claim(asked, by=cast.rival))
    at(decision.effective_at)
    say(cast, asked)
    assert not Appeal.objects.exists() and appeals.ask_due_seconds() == 0


@pytest.mark.parametrize("settled", [False, True])
def test_said_during_or_after_an_appeal_that_one_is_the_second(cast: Cast, at: At, settled: bool) -> None:
    decision = cast.rejection(at)
    appeal(cast, decision)
    if settled:
        cast.reject(cast.claim(decision.submission, by=cast.rival))
    say(cast, decision.submission)
    assert Appeal.objects.count() == 1 and appeals.ask_due_seconds() == 0


def test_the_artist_can_still_appeal_after_the_second_said_no(cast: Cast, at: At) -> None:
    decision = cast.rejection(at)
    say(cast, decision.submission)
    with pytest.raises(AppealOpen):
        appeal(cast, decision)
    cast.reject(cast.claim(decision.submission, by=cast.rival))
    made, third = appeal(cast, decision), make.reviewer(program=cast.program)
    with pytest.raises(HadPart):
        claiming.claim(made.look, reviewer=cast.rival)
    assert cast.approve(cast.claim(decision.submission, by=third), words="It is critique.").is_approval


def test_said_after_a_yes_or_twice_nothing_follows(cast: Cast, at: At) -> None:
    decision = cast.approval()
    at(decision.effective_at)
    say(cast, decision.submission)
    assert not Appeal.objects.exists() and appeals.ask_due_seconds() == 0
    with pytest.raises(CritiqueSaidAlready):
        say(cast, decision.submission)
    with pytest.raises(NotAllowed):
        submitting.say_critique(cast.submission(), by=cast.reviewer)


def test_said_of_what_was_answered_with_another_output_nothing_follows(cast: Cast, at: At) -> None:
    decision = cast.send_back(cast.claim(cast.submission()))
    at(decision.effective_at)
    cast.submission(answers=decision.submission)
    say(cast, decision.submission)
    assert not Appeal.objects.exists() and appeals.ask_due_seconds() == 0


# --- changes, twice at most ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_words", [True, False])
def test_changes_are_asked_for_twice_and_then_there_is_a_verdict(cast: Cast, at: At, with_words: bool) -> None:
    asked = cast.submission()
    for count in (1, 2):
        decision = cast.send_back(cast.claim(asked))
        at(decision.effective_at)
        if with_words:
            submitting.answer(asked, by=cast.artist.user, words="A brush.")
        else:
            asked = cast.submission(answers=asked)
        assert Submission.objects.get(pk=asked.pk).changes_made == count
    held = cast.claim(asked)
    with pytest.raises(ChangesSpent):
        cast.send_back(held)
    assert cast.approve(held)
    assert not Share.objects.exists()
