"""A reviewer who does not know asks the leads; a lead advises, or decides it."""

from datetime import timedelta

import pytest

from access import clock
from access.models import Conflict, Entry, Role
from access.refusals import NotAllowed, WordsMissing
from review import claiming, escalating, submitting
from review.models import Escalation, Look, Submission
from review.refusals import ClaimLost, ConflictDeclared, HadPart, HeldByAnother, OwnOutput, QuestionAnswered
from tests import make
from tests.review.cast import At, Cast


def ask(cast: Cast, asked: Submission | None = None) -> Escalation:
    return escalating.escalate(cast.claim(asked or cast.submission()), question="Is this a real person?")


def test_it_leaves_ones_hands_and_waits_for_a_lead(cast: Cast) -> None:
    made, lead = ask(cast), make.lead(program=cast.program)
    assert claiming.claim_next(cast.rival, program=cast.program) is None
    assert claiming.claim_next(lead, program=cast.program).look == made.look
    assert "person" not in Entry.objects.get(act="escalate").facts


def test_the_clock_goes_on(cast: Cast) -> None:
    asked = cast.submission()
    assert ask(cast, asked).look.due_at == asked.due_at


def test_a_question_needs_words_and_a_live_claim(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    with pytest.raises(WordsMissing):
        escalating.escalate(held, question=" ")
    claiming.release(held)
    with pytest.raises(ClaimLost):
        escalating.escalate(held, question="Is it?")


def test_it_goes_back_to_whoever_asked_with_the_advice(cast: Cast, at: At) -> None:
    made, lead = ask(cast), make.lead(program=cast.program)
    escalating.advise(made, by=lead, answer="It is a doll.")
    look = Look.objects.get()
    assert (look.for_leads, look.reserved_for) == (False, cast.reviewer)
    with pytest.raises(HeldByAnother):
        cast.claim(made.look.submission, by=cast.rival)
    at(clock.now() + claiming.LONGEST + timedelta(seconds=1))
    assert cast.claim(made.look.submission, by=cast.rival)


def test_only_another_lead_with_words_and_once(cast: Cast) -> None:
    made, lead = ask(cast), make.lead(program=cast.program)
    for nobody in (cast.rival, make.staff(program=cast.program), make.lead(program=make.program())):
        with pytest.raises(NotAllowed):
            escalating.advise(made, by=nobody, answer="It is.")
    with pytest.raises(WordsMissing):
        escalating.advise(made, by=lead, answer="")
    escalating.advise(made, by=lead, answer="It is.")
    with pytest.raises(QuestionAnswered):
        escalating.advise(made, by=make.lead(program=cast.program), answer="It is not.")


def test_a_lead_does_not_answer_their_own_question(cast: Cast) -> None:
    lead = make.lead(program=cast.program)
    made = escalating.escalate(cast.claim(cast.submission(), by=lead), question="Is it?")
    with pytest.raises(NotAllowed):
        escalating.advise(made, by=lead, answer="It is.")


def test_no_party_advises(cast: Cast) -> None:
    made, friend, author = ask(cast), make.lead(program=cast.program), cast.artist.user
    Role.objects.create(program=cast.program, user=author, kind="lead", granted_at=clock.now())
    against = {"program": cast.program, "artist": author, "judge": friend}
    Conflict.objects.create(**against, reason="a friend", declared_at=clock.now())
    for party, refusal in ((author, OwnOutput), (friend, ConflictDeclared)):
        with pytest.raises(refusal):
            escalating.advise(made, by=party, answer="It is.")
    assert escalating.advise(made, by=make.lead(program=cast.program), answer="It is.")


def test_whoever_judged_first_does_not_tell_the_second_how_to(cast: Cast) -> None:
    asked, lead = cast.submission(), make.lead(program=cast.program)
    Submission.objects.update(people=2)
    cast.approve(cast.claim(asked, by=lead))
    made = ask(cast, asked)
    with pytest.raises(HadPart):
        escalating.advise(made, by=lead, answer="It is.")


def test_whoever_advised_the_first_does_not_advise_the_second_but_the_same_one_again(cast: Cast) -> None:
    asked, lead = cast.submission(), make.lead(program=cast.program)
    Submission.objects.update(people=2)
    for _again in range(2):
        escalating.advise(ask(cast, asked), by=lead, answer="Look closer.")
    cast.approve(cast.claim(asked))
    made = escalating.escalate(cast.claim(asked, by=cast.rival), question="Is it?")
    with pytest.raises(HadPart):
        escalating.advise(made, by=lead, answer="It is.")
    other = make.lead(program=cast.program)
    escalating.advise(made, by=other, answer="It is.")
    again = escalating.escalate(cast.claim(asked, by=cast.rival), question="Is it really?")
    assert escalating.advise(again, by=other, answer="It is.")


def test_a_lead_who_decides_it_has_answered(cast: Cast) -> None:
    made, lead = ask(cast), make.lead(program=cast.program)
    decision = cast.reject(cast.claim(made.look.submission, by=lead))
    made.refresh_from_db()
    assert decision.decided_by == made.answered_by == lead and made.answer


def test_what_was_kept_for_the_asker_is_free_for_the_leads(cast: Cast, at: At) -> None:
    asked = cast.submission()
    decision = cast.send_back(cast.claim(asked))
    at(decision.effective_at)
    submitting.answer(asked, by=cast.artist.user, words="A brush.")
    ask(cast, asked)
    assert claiming.claim_next(make.lead(program=cast.program), program=cast.program)


def test_who_advised_is_not_the_second_person(cast: Cast) -> None:
    asked, lead = cast.submission(), make.lead(program=cast.program)
    Submission.objects.update(people=2)
    escalating.advise(ask(cast, asked), by=lead, answer="Approve it.")
    assert cast.approve(cast.claim(asked)) is None
    assert claiming.claim_next(lead, program=cast.program) is None
    with pytest.raises(HadPart):
        cast.claim(asked, by=lead)
    assert cast.approve(cast.claim(asked, by=cast.rival))


def test_a_clip_taken_back_leaves_the_leads(cast: Cast) -> None:
    made = ask(cast)
    submitting.withdraw(made.look.submission, by=cast.artist.user)
    assert claiming.claim_next(make.lead(program=cast.program), program=cast.program) is None
