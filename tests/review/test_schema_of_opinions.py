"""What the schema itself refuses of opinions, decisions, appeals and questions, whatever Python thinks of it."""

from typing import Any

import pytest
from django.db import transaction

from access import clock
from review import appeals, escalating, moderation
from review.models import (
    Appeal,
    Claim,
    Critique,
    Decision,
    Escalation,
    Look,
    Note,
    Opinion,
    RiskRule,
    Submission,
)
from tests import make
from tests.review.cast import At, Cast
from tests.review.rows import another, copy, decision, drop, no, opinion, refused


@pytest.mark.parametrize("facts", [{"look": None}, {"kind": "second"}, {"reviewer": None}])
def test_an_opinion_is_given_on_a_look_by_whoever_claimed_it(cast: Cast, facts: dict[str, Any]) -> None:
    held = cast.claim(cast.submission())
    with refused("opinion_is_of_its_look"):
        opinion(held, **{**facts, **({"reviewer": cast.rival} if "reviewer" in facts else {})})


def test_a_yes_says_how_the_clip_was_looked_at(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    with transaction.atomic(), refused("approval_attests_a_look"):
        opinion(held, attested={})
    assert opinion(held, attested={}, **no(cast))


@pytest.mark.parametrize("kind", ["appeal", "qa"])
@pytest.mark.parametrize("part", ["judged", "advised"])
def test_whoever_had_part_neither_settles_an_appeal_nor_checks_the_quality(cast: Cast, kind: str, part: str) -> None:
    first = cast.claim(cast.submission())
    opinion(first, **no(cast))
    if part == "advised":
        facts = {"question": "?", "asked_by": cast.reviewer, "asked_at": clock.now(), "answer": "!"}
        first.look.escalations.create(**facts, answered_by=cast.rival, answered_at=clock.now())
    Claim.objects.filter(pk=first.pk).update(released_at=clock.now())
    again = another(first, kind, cast.reviewer if part == "judged" else cast.rival)
    with refused("appeal_goes_to_somebody_else|one_opinion_of_a_reviewer|UNIQUE"):
        opinion(again)


def test_somebody_new_settles_an_appeal(cast: Cast) -> None:
    first = cast.claim(cast.submission())
    opinion(first, **no(cast))
    assert opinion(another(first, "appeal", cast.rival))


def test_a_note_lies_within_its_clip_and_its_region_within_the_picture(cast: Cast) -> None:
    said = opinion(cast.claim(cast.submission()))
    longest = moderation.duration_ms(said.submission)
    note = {"opinion": said, "from_ms": 0, "words": "here"}
    with transaction.atomic(), refused("note_lies_within_its_clip"):
        Note.objects.create(**note, to_ms=longest + 2)
    with transaction.atomic(), refused("note_ends_after_it_begins"):
        Note.objects.create(**{**note, "from_ms": 9}, to_ms=3)
    for region in (
        {"x": 0.5},
        {"x": 0.6, "y": 0, "width": 0.5, "height": 1},
        {"x": 0, "y": 0, "width": 0, "height": 1},
    ):
        with transaction.atomic(), refused("note_region_within_the_picture"):
            Note.objects.create(**note, to_ms=9, **region)
    assert Note.objects.create(**note, to_ms=longest, x=0.5, y=0, width=0.5, height=1)


def test_a_decision_cites_opinions_of_its_own_round(cast: Cast) -> None:
    held, elsewhere = cast.claim(cast.submission()), cast.claim(cast.submission(), by=cast.rival)
    with transaction.atomic(), refused("decision_cites_its_round"):
        decision(held, opinion(elsewhere))
    said = opinion(held)
    with refused("decision_cites_its_round"):
        decision(held, said, round=2)


def test_a_decision_has_the_verdict_of_its_last_opinion(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    said = opinion(held)
    with transaction.atomic(), refused("decision_says_what_was_said"):
        decision(held, said, **no(cast))
    assert decision(held, said)


def two_opinions(cast: Cast, *verdicts: dict[str, Any]) -> tuple[Claim, list[Opinion]]:
    """The opinions of different people on one submission, in the order of their kinds."""
    held = cast.claim(cast.submission())
    said = [opinion(held, **verdicts[0])]
    for kind, facts in zip(("second", "tie_break"), verdicts[1:], strict=False):
        Claim.objects.filter(look__submission=held.submission).update(released_at=clock.now())
        Look.objects.filter(submission=held.submission).update(state="done")
        said.append(opinion(another(held, kind, make.reviewer(program=cast.program)), **facts))
    return held, said


def test_where_two_are_needed_one_does_not_decide(cast: Cast) -> None:
    held, (first, second) = two_opinions(cast, {}, {})
    Submission.objects.filter(pk=held.submission_id).update(people=2)
    with transaction.atomic(), refused("two_people_decide_together"):
        decision(held, first)
    assert decision(held, first, second)


def test_one_person_does_not_reject_critique(cast: Cast) -> None:
    held, (first, second) = two_opinions(cast, no(cast), no(cast))
    Critique.objects.create(submission=held.submission, said_at=clock.now())
    with transaction.atomic(), refused("two_people_decide_together"):
        decision(held, first, **no(cast))
    assert decision(held, first, second, **no(cast))


def test_one_person_approves_critique(cast: Cast) -> None:
    held = cast.claim(cast.submission(is_critique=True))
    assert decision(held)


def test_two_are_two_people(cast: Cast) -> None:
    held, (first, _second) = two_opinions(cast, {}, {})
    drop("decision_cites_each_in_its_place", "review_decision")
    with refused("two_people_decide_together"):
        decision(held, first, first)


def test_where_two_disagree_a_third_decides(cast: Cast) -> None:
    held, (first, second, third) = two_opinions(cast, no(cast), {}, {})
    with transaction.atomic(), refused("two_people_decide_together"):
        decision(held, first, second)
    assert decision(held, first, second, third)


def test_whoever_had_part_does_not_overturn(cast: Cast, at: At) -> None:
    rejected = cast.rejection(at)
    held = rejected.first.claim
    said = opinion(another(held, "appeal", cast.rival))
    with transaction.atomic(), refused("overturned_by_somebody_else"):
        decision(held, said, overturns=rejected, decided_by=cast.reviewer)
    assert decision(held, said, overturns=rejected, decided_by=cast.rival)


# --- appeals and questions -----------------------------------------------------------------------------------------


def appeal_look(against: Decision) -> Look:
    return copy(against.first.look, kind="appeal", state="waiting")  # type: ignore[return-value]  # a copy of a look


def test_an_appeal_is_against_a_no_that_is_in_effect(cast: Cast, at: At) -> None:
    yes = cast.approval()
    at(yes.effective_at)
    with transaction.atomic(), refused("appeal_against_an_effective_no"):
        Appeal.objects.create(decision=yes, look=appeal_look(yes), words="?", opened_at=clock.now())
    rejected = cast.rejection(at)
    facts, first_look = {"decision": rejected, "words": "?"}, rejected.first.look
    assert first_look
    with transaction.atomic(), refused("appeal_against_an_effective_no"):
        Appeal.objects.create(**facts, look=appeal_look(rejected), opened_at=rejected.decided_at)
    with transaction.atomic(), refused("appeal_against_an_effective_no"):
        Appeal.objects.create(**facts, look=first_look, opened_at=clock.now())
    assert Appeal.objects.create(**facts, look=appeal_look(rejected), opened_at=clock.now())


def test_an_appeal_is_settled_once_and_with_an_answer(cast: Cast, at: At) -> None:
    rejected = cast.rejection(at)
    made = appeals.open_appeal(rejected, by=cast.artist.user, words="Look again.")
    one = Appeal.objects.filter(pk=made.pk)
    with transaction.atomic(), refused("appeal_settled_with_an_answer"):
        one.update(state="upheld")
    with transaction.atomic(), refused("appeal_ends_for_good"):
        one.update(words="I never said that.")
    cast.reject(cast.claim(rejected.submission, by=cast.rival))
    drop("appeal_is_settled_by_its_look", "review_appeal")
    with refused("appeal_ends_for_good"):
        one.update(state="overturned")


def test_one_appeal_against_a_decision(cast: Cast, at: At) -> None:
    rejected = cast.rejection(at)
    made = appeals.open_appeal(rejected, by=cast.artist.user, words="Look again.")
    Look.objects.filter(pk=made.look_id).update(state="done")
    facts = {"decision": rejected, "words": "?", "opened_at": clock.now()}
    with transaction.atomic(), refused("one_appeal_against_a_decision|UNIQUE"):
        Appeal.objects.create(**facts, look=appeal_look(rejected))
    assert Appeal.objects.create(**facts, look=appeal_look(rejected), is_critique=True)


def test_a_question_is_answered_once(cast: Cast) -> None:
    asked = escalating.escalate(cast.claim(cast.submission()), question="Is it?")
    one = Escalation.objects.filter(pk=asked.pk)
    with transaction.atomic(), refused("escalation_keeps_its_question"):
        one.update(question="Is it not?")
    with transaction.atomic(), refused("escalation_answered_by_somebody"):
        one.update(answered_at=clock.now())
    one.update(answered_at=clock.now(), answered_by=make.lead(program=cast.program), answer="It is.")
    with refused("escalation_keeps_its_question"):
        one.update(answer="It is not.")


def test_one_open_question_about_a_look(cast: Cast) -> None:
    asked = escalating.escalate(cast.claim(cast.submission()), question="Is it?")
    with refused("one_open_escalation_of_a_look|UNIQUE"):
        copy(asked)


def test_a_rule_is_tried_before_it_is_switched_on(cast: Cast) -> None:
    facts = {"program": cast.program, "name": "Knives", "words": "knife", "category": "violence"}
    with transaction.atomic(), refused("risk_rule_is_tried_first"):
        RiskRule.objects.create(**facts, made_at=clock.now(), switched_on_at=clock.now())
    now = clock.now()
    assert RiskRule.objects.create(**facts, made_at=now, tried_at=now, switched_on_at=now)
