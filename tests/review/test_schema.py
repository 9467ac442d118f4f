"""What the schema itself refuses, with every line of Python out of the way."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import models, transaction

from access import clock
from access.models import Cohort
from review import claiming, publishing, submitting
from review.models import (
    Claim,
    Clause,
    Critique,
    Decision,
    Look,
    Opinion,
    Policy,
    ReviewTerms,
    Share,
    Skip,
    Submission,
    Withdrawal,
)
from tests import make
from tests.review.cast import At, Cast
from tests.review.rows import copy, decision, drop, no, opinion, refused


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
    drop("decision_repeats_its_reasons", "review_decision")
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
    drop("decision_repeats_its_reasons", "review_decision")
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
