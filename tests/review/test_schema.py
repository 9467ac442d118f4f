"""What the schema itself refuses, with every line of Python out of the way."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction

from access import clock
from access.models import Cohort
from review.models import Claim, Clause, Decision, Opinion, Policy, Share, Submission, Withdrawal
from tests import make
from tests.review.cast import At, Cast


def opinion(held: Claim, **facts: Any) -> Opinion:
    output = held.submission.output
    given = {
        "submission": held.submission,
        "round": held.round,
        "reviewer": held.reviewer,
        "claim": held,
        "verdict": "approved",
        "master_sha256": output.master_sha256,
        "shown_sha256": held.shown.sha256,
        "given_at": clock.now(),
    }
    return Opinion.objects.create(**{**given, **facts})


def decision(held: Claim, **facts: Any) -> Decision:
    output = held.submission.output
    given = {
        "submission": held.submission,
        "round": held.round,
        "verdict": "approved",
        "artist": held.submission.enrollment.user,
        "decided_by": held.reviewer,
        "master_sha256": output.master_sha256,
        "shown_sha256": held.shown.sha256,
        "recipes": [],
        "decided_at": clock.now(),
        "effective_at": clock.now() + timedelta(seconds=30),
    }
    first = facts.pop("first", None) or opinion(held)
    return Decision.objects.create(**{**given, "first": first, **facts})


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
    with refused("a_decided_no_has_clause_words_and_range"):
        decision(held, **no(cast, **missing))


def test_an_opinion_on_ones_own_output(cast: Cast) -> None:
    held = cast.claim(cast.submission())
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
    with refused("decision_is_under_the_policy"):
        decision(held, **no(cast, clause=foreign))


def test_a_second_root_decision_of_a_round(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    made = decision(held)
    with refused("one_root_decision_of_a_round|UNIQUE"):
        decision(held, first=made.first)


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


def test_what_is_withdrawn_stays_withdrawn(cast: Cast) -> None:
    submission = cast.submission()
    Submission.objects.filter(pk=submission.pk).update(state="withdrawn")
    with refused("submission_moves_forward"):
        Submission.objects.filter(pk=submission.pk).update(state="waiting")


def test_two_open_claims(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    with transaction.atomic(), refused("one_claim_at_a_time|UNIQUE"):
        copy(held, fence=9, reviewer=cast.rival)
    with refused("one_claim_of_a_reviewer|UNIQUE"):
        copy(held, fence=9, submission=cast.submission())


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
    Opinion: lambda cast: cast.approval().first,
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
