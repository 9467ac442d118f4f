"""What the schema itself refuses, with every line of Python out of the way."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from access import clock
from access.models import Cohort, User
from review import appeals, claiming, escalating, moderation, publishing, submitting
from review.models import (
    Appeal,
    Claim,
    Clause,
    Critique,
    Decision,
    Escalation,
    Look,
    Note,
    Opinion,
    Policy,
    ReviewTerms,
    RiskRule,
    Share,
    Skip,
    Submission,
    Withdrawal,
)
from tests import make
from tests.review.cast import At, Cast


def opinion(held: Claim, **facts: Any) -> Opinion:
    output = held.submission.output
    given = {
        "submission": held.submission,
        "look": held.look,
        "round": held.round,
        "kind": held.look.kind,
        "reviewer": held.reviewer,
        "claim": held,
        "verdict": "approved",
        "attested": {"by": "played"},
        "master_sha256": output.master_sha256,
        "shown_sha256": held.shown.sha256,
        "given_at": clock.now(),
    }
    return Opinion.objects.create(**{**given, **facts})


def decision(held: Claim, *cited: Opinion, **facts: Any) -> Decision:
    """What these opinions decide; of the claim's reviewer alone if none is named, in the decision's own words."""
    said = {name: facts[name] for name in ("verdict", "clause", "words", "from_ms", "to_ms") if name in facts}
    first, second, tie_break = (*(cited or [opinion(held, **said)]), None, None)[:3]
    given = {
        "submission": held.submission,
        "round": held.round,
        "verdict": "approved",
        "first": first,
        "second": second,
        "tie_break": tie_break,
        "artist": held.submission.enrollment.user,
        "decided_by": held.reviewer,
        "master_sha256": held.submission.output.master_sha256,
        "shown_sha256": held.shown.sha256,
        "recipes": [],
        "decided_at": clock.now(),
        "effective_at": clock.now() + timedelta(seconds=30),
    }
    return Decision.objects.create(**{**given, **facts})


def another(held: Claim, kind: str, by: User) -> Claim:
    """A claim by somebody on another look at the same submission, past every verb."""
    Look.objects.filter(pk=held.look_id).update(state="done")
    look = copy(held.look, kind=kind, state="waiting", fence=1)
    return copy(held, look=look, fence=1, reviewer=by)  # type: ignore[return-value]  # a copy of a claim


def drop(rule: str, table: str) -> None:
    """Take one rule away until the test is over, to see the one behind it."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {rule}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))


def refused(name: str) -> Any:
    return pytest.raises(IntegrityError, match=name)


def no(cast: Cast, **facts: Any) -> dict[str, Any]:
    return {"verdict": "rejected", "clause": cast.clause, "words": "why", "from_ms": 0, "to_ms": 5, **facts}


@pytest.mark.parametrize(
    "missing", [{"clause": None}, {"words": ""}, {"from_ms": None}, {"to_ms": None}, {"from_ms": 6}]
)
def test_a_no_without_clause_words_and_range(cast: Cast, missing: dict[str, Any]) -> None:
    held = cast.claim(cast.submission())
    with transaction.atomic(), refused("a_no_has_clause_words_and_range"):
        opinion(held, **no(cast, **missing))


@pytest.mark.parametrize(
    "missing", [{"clause": None}, {"words": ""}, {"from_ms": None}, {"to_ms": None}, {"from_ms": 6}]
)
def test_a_decided_no_without_clause_words_and_range(cast: Cast, missing: dict[str, Any]) -> None:
    held = cast.claim(cast.submission())
    said = opinion(held, **no(cast))
    with refused("a_decided_no_has_clause_words_and_range"):
        decision(held, said, **no(cast, **missing))


def test_an_opinion_on_ones_own_output(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    with transaction.atomic(), refused("claim_is_of_its_look"):
        copy(held, fence=9, released_at=clock.now(), reviewer=cast.artist.user)
    with transaction.atomic(), refused("nobody_judges_their_own_output|opinion_is_of_its_look"):
        opinion(held, reviewer=cast.artist.user)
    drop("opinion_is_of_its_look", "review_opinion")
    with refused("nobody_judges_their_own_output"):
        opinion(held, reviewer=cast.artist.user)


def test_a_decision_on_ones_own_output(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    with refused("nobody_decides_on_their_own_output"):
        decision(held, decided_by=cast.artist.user)


def test_a_decision_that_names_another_artist(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    with refused("decision_is_on_the_bytes"):
        decision(held, artist=cast.rival)


@pytest.mark.parametrize("which", ["master_sha256", "shown_sha256"])
def test_an_opinion_on_other_bytes(cast: Cast, which: str) -> None:
    held = cast.claim(cast.submission())
    with refused("opinion_is_on_the_bytes"):
        opinion(held, **{which: "0" * 64})


def test_a_clause_of_another_policy(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    foreign = make.policy(cast.program).clauses.first()
    with transaction.atomic(), refused("opinion_is_under_the_policy"):
        opinion(held, **no(cast, clause=foreign))
    said = opinion(held, **no(cast))
    with transaction.atomic(), refused("decision_is_under_the_policy"):
        decision(held, said, **no(cast, clause=foreign))
    assert decision(held, said, **no(cast))


def test_a_second_root_decision_of_a_round(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    made = decision(held)
    with refused("one_root_decision_of_a_round|UNIQUE"):
        decision(held, made.first)


def test_an_undo_of_what_is_in_effect(cast: Cast) -> None:
    made = cast.approval()
    with refused("undo_before_it_takes_effect"):
        Withdrawal.objects.create(decision=made, by=cast.reviewer, withdrawn_at=made.effective_at)


def test_a_submission_of_somebody_elses_output(cast: Cast) -> None:
    known, other = cast.submission(), make.artist(program=cast.program)
    known.state = "withdrawn"
    known.save()
    with refused("submission_is_by_the_artist"):
        copy(known, enrollment=other, state="waiting")


def copy(row: models.Model, **facts: Any) -> models.Model:
    same = {field.name: getattr(row, field.name) for field in row._meta.fields if not field.primary_key}
    return type(row)._default_manager.create(**{**same, **facts})


@pytest.mark.parametrize("over", ["withdrawn", "answered"])
def test_what_is_over_stays_over(cast: Cast, over: str) -> None:
    submission = cast.submission()
    Submission.objects.filter(pk=submission.pk).update(state=over)
    with refused("submission_moves_forward"):
        Submission.objects.filter(pk=submission.pk).update(state="waiting")


@pytest.mark.parametrize("facts", [{"people": 1}, {"risk_band": 1}, {"round": 1}, {"changes_made": 0}])
def test_the_scrutiny_of_a_submission_never_falls(cast: Cast, facts: dict[str, int]) -> None:
    submission = cast.submission()
    raised = {"people": 2, "risk_band": 2, "round": 2, "changes_made": 1}
    Submission.objects.filter(pk=submission.pk).update(**raised)
    with refused("submission_moves_forward"):
        Submission.objects.filter(pk=submission.pk).update(**facts)


def test_a_submission_keeps_its_output_and_its_policy(cast: Cast) -> None:
    submission, output, policy = cast.submission(), cast.output(), make.policy(cast.program)
    for facts in ({"output": output}, {"policy": policy}):
        with transaction.atomic(), refused("submission_moves_forward"):
            Submission.objects.filter(pk=submission.pk).update(**facts)


def test_an_answer_follows_ones_own_and_counts_its_changes(cast: Cast) -> None:
    mine, theirs = cast.submission(), cast.submission(make.output(enrollment=make.artist(program=cast.program)))
    facts = {"output": cast.output(), "changes_made": 1}
    with transaction.atomic(), refused("submission_answers_its_own"):
        copy(mine, **facts, answers=theirs)
    with transaction.atomic(), refused("submission_answers_its_own"):
        copy(mine, **{**facts, "changes_made": 0}, answers=mine)
    assert copy(mine, **facts, answers=mine)


def test_a_look_names_the_program_and_artist_of_its_submission(cast: Cast) -> None:
    look = cast.look(cast.submission())
    Look.objects.filter(pk=look.pk).update(state="dropped")
    for facts in ({"artist": cast.rival}, {"program": make.program()}):
        with transaction.atomic(), refused("look_is_of_its_submission"):
            copy(look, **facts)
    assert copy(look)


@pytest.mark.parametrize("facts", [{"kind": "qa"}, {"round": 3}, {"fence": 0}, {"state": "waiting"}])
def test_a_look_stays_what_it_is(cast: Cast, facts: dict[str, Any]) -> None:
    held = cast.claim(cast.submission())
    cast.approve(held)
    with refused("look_moves_forward"):
        Look.objects.filter(pk=held.look_id).update(**facts)


def test_one_binding_look_at_a_time(cast: Cast) -> None:
    look = cast.look(cast.submission())
    with transaction.atomic(), refused("one_binding_look_at_a_time|UNIQUE"):
        copy(look, kind="second")
    with transaction.atomic(), refused("one_look_of_a_kind_and_round|UNIQUE"):
        copy(look, state="done")
    assert copy(look, kind="qa")


def test_two_open_claims(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    other = cast.look(cast.submission())
    elsewhere = {"look": other, "submission": other.submission, "fence": 9}
    with transaction.atomic(), refused("one_claim_at_a_time|UNIQUE"):
        copy(held, fence=9, reviewer=cast.rival)
    with transaction.atomic(), refused("one_claim_in_hand_and_one_ahead|UNIQUE"):
        copy(held, **elsewhere)
    with transaction.atomic(), refused("what_is_ahead_is_not_revealed"):
        copy(held, **elsewhere, is_ahead=True)
    assert copy(held, **elsewhere, is_ahead=True, revealed_at=None)


@pytest.mark.parametrize("facts", [{"round": 2}, {"submission": None}, {"reviewer": None}])
def test_a_claim_is_of_its_look(cast: Cast, facts: dict[str, Any]) -> None:
    held = cast.claim(cast.submission())
    Claim.objects.filter(pk=held.pk).update(released_at=clock.now())
    others = {"submission": cast.submission(), "reviewer": cast.artist.user, "round": 2}
    with refused("claim_is_of_its_look"):
        copy(held, fence=9, **{name: others[name] for name in facts})


# --- opinions and what they decide ---------------------------------------------------------------------------------


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
    facts = {"decision": rejected, "words": "?"}
    with transaction.atomic(), refused("appeal_against_an_effective_no"):
        Appeal.objects.create(**facts, look=appeal_look(rejected), opened_at=rejected.decided_at)
    with transaction.atomic(), refused("appeal_against_an_effective_no"):
        Appeal.objects.create(**facts, look=rejected.first.look, opened_at=clock.now())
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


def test_a_share_without_an_approval_of_these_bytes(cast: Cast, at: At) -> None:
    rejected = cast.reject(cast.claim(cast.submission()))
    facts = {"output": rejected.submission.output, "master_sha256": rejected.master_sha256, "title": "x"}
    with refused("share_binds_to_an_approval"):
        Share.objects.create(**facts, decision=rejected, token="t", created_at=clock.now())


@pytest.mark.parametrize("facts", [{"master_sha256": "0" * 64}, {"token": "another"}, {"revoked_at": None}])
def test_a_share_that_changes_what_it_is(cast: Cast, at: At, facts: dict[str, Any]) -> None:
    share = cast.share(at)
    Share.objects.filter(pk=share.pk).update(revoked_at=clock.now())
    with refused("share_never_swaps_its_bytes"):
        Share.objects.filter(pk=share.pk).update(**facts)


def test_a_share_of_a_red_teams_output(cast: Cast) -> None:
    made = cast.approval()
    Cohort.objects.filter(pk=cast.artist.cohort_id).update(kind="red_team")
    facts = {"output": made.submission.output, "master_sha256": made.master_sha256, "title": "x", "token": "t"}
    with refused("red_team_outputs_are_never_shared"):
        Share.objects.create(**facts, decision=made, created_at=clock.now())


def test_two_open_links_of_an_output(cast: Cast, at: At) -> None:
    share = cast.share(at)
    with refused("one_open_share_of_an_output|UNIQUE"):
        copy(share, token="another")


FIXED: dict[type[models.Model], Callable[[Cast], models.Model]] = {
    Policy: lambda cast: cast.policy,
    Clause: lambda cast: cast.clause,
    ReviewTerms: lambda cast: publishing.publish_terms(cast.program, by=None, hours_low=5),
    Opinion: lambda cast: cast.approval().first,
    Critique: lambda cast: submitting.say_critique(cast.submission(), by=cast.artist.user),
    Skip: lambda cast: claiming.skip(cast.claim(cast.submission()), reason="a friend"),
    Decision: lambda cast: cast.approval(),
}


@pytest.mark.parametrize("kind", FIXED, ids=lambda kind: kind.__name__)
def test_rows_that_are_written_once(cast: Cast, kind: type[models.Model]) -> None:
    row = FIXED[kind](cast)
    with transaction.atomic(), refused("never_changes"):
        kind._default_manager.filter(pk=row.pk).update(
            **{row._meta.fields[1].name: getattr(row, row._meta.fields[1].name)}
        )
    with refused("never_goes"):
        kind._default_manager.filter(pk=row.pk)._raw_delete("default")  # type: ignore[attr-defined]  # past Django's own checks
