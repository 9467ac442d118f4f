"""What the schema itself refuses of the parts of a verdict: for whom it holds, what it cites, who is asked."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from access import clock
from access.models import Conflict, User
from review import appeals, escalating, moderation
from review.models import Appeal, Claim, Clause, Escalation, Look, Opinion
from tests import make
from tests.review.cast import At, Cast
from tests.review.rows import another, copy, decision, drop, no, opinion, refused
from tests.review.test_schema_of_opinions import appeal_look, two_opinions

DAY = timedelta(days=1)


# --- for whom, and where -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [{"audience": "link"}, {"embargo_until": "2030-01-01T00:00Z"}])
def test_a_no_holds_for_nobody(cast: Cast, scope: dict[str, Any]) -> None:
    held = cast.claim(cast.submission())
    with transaction.atomic(), refused("opinion_says_for_whom"):
        opinion(held, **no(cast), **scope)
    said = opinion(held, **no(cast))
    with refused("decision_is_as_narrow_as_its_opinions"):
        decision(held, said, **no(cast), **scope)


@pytest.mark.parametrize("audience", [None, "few"])
def test_a_yes_says_for_whom(cast: Cast, audience: str | None) -> None:
    held = cast.claim(cast.submission())
    with refused("opinion_says_for_whom"):
        opinion(held, audience=audience)


def test_a_decision_is_no_wider_than_any_approval_that_it_cites(cast: Cast) -> None:
    until = clock.now() + DAY
    held, (first, second) = two_opinions(cast, {"audience": "link", "embargo_until": until}, {})
    for wider in (
        {"embargo_until": until},
        {"audience": "link"},
        {"audience": "link", "embargo_until": until - timedelta(seconds=1)},
    ):
        with transaction.atomic(), refused("decision_is_as_narrow_as_its_opinions"):
            decision(held, first, second, **wider)
    assert decision(held, first, second, audience="link", embargo_until=until)


def test_a_range_beyond_the_end_of_the_clip(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    longest = moderation.duration_ms(held.submission)
    with transaction.atomic(), refused("opinion_range_lies_within_its_clip"):
        opinion(held, **no(cast, to_ms=longest + 2))
    said = opinion(held, **no(cast, to_ms=longest))
    drop("decision_repeats_its_reasons", "review_decision")
    with refused("decision_range_lies_within_its_clip"):
        decision(held, said, **no(cast, to_ms=longest + 2))


@pytest.mark.parametrize("other", [{"clause": "another"}, {"words": "else"}, {"from_ms": 1}, {"to_ms": 6}])
def test_a_no_says_what_its_last_opinion_says(cast: Cast, other: dict[str, Any]) -> None:
    """To the letter: the clause, the words and the range are what the artist is told and may appeal."""
    held, (first, second, third) = two_opinions(cast, no(cast, words="first"), {}, no(cast, words="third"))
    if "clause" in other:
        other = {"clause": Clause.objects.create(policy=cast.clause.policy, code="Z9", title="Another", text="Text.")}
    with transaction.atomic(), refused("decision_repeats_its_reasons"):
        decision(held, first, second, third, **no(cast, **{"words": "third", **other}))
    with transaction.atomic(), refused("decision_repeats_its_reasons"):
        decision(held, first, second, third, **no(cast, words="first"))
    assert decision(held, first, second, third, **no(cast, words="third"))


# --- what a decision cites -----------------------------------------------------------------------------------------


def test_a_decision_cites_each_opinion_in_its_place(cast: Cast) -> None:
    held, (first, second, third) = two_opinions(cast, no(cast), {}, {})
    for cited in ([second], [first, third], [first, second, second], [second, first, third]):
        with transaction.atomic(), refused("decision_cites_each_in_its_place"):
            decision(held, *cited)
    assert decision(held, first, second, third)


@pytest.mark.parametrize("kind", ["qa", "golden", "appeal"])
def test_what_checks_or_settles_decides_nothing(cast: Cast, kind: str) -> None:
    first = cast.claim(cast.submission())
    reserved = {"reserved_for": cast.rival} if kind == "golden" else {}
    Look.objects.filter(pk=first.look_id).update(state="done")
    look = copy(first.look, kind=kind, state="waiting", fence=1, **reserved)
    held = copy(first, look=look, fence=1, reviewer=cast.rival, is_ahead=False)
    with refused("decision_cites_each_in_its_place"):
        decision(held, opinion(held))  # type: ignore[arg-type]  # a copy of a claim


def test_the_third_is_neither_of_the_two(cast: Cast) -> None:
    held, (_first, second) = two_opinions(cast, no(cast), {})
    Claim.objects.filter(look__submission=held.submission).update(released_at=clock.now())
    Look.objects.filter(submission=held.submission).update(state="done")
    with refused("one_opinion_of_a_reviewer|UNIQUE"):
        opinion(another(held, "tie_break", second.reviewer))


def test_a_decision_overturns_one_on_the_same_submission(cast: Cast, at: At) -> None:
    elsewhere, rejected = cast.rejection(at), cast.rejection(at)
    held = rejected.first.claim
    said = opinion(another(held, "appeal", cast.rival))
    facts = {"decided_by": cast.rival}
    with transaction.atomic(), refused("decision_overturns_one_of_its_round"):
        decision(held, said, overturns=elsewhere, **facts)
    assert decision(held, said, overturns=rejected, **facts)


# --- appeals -------------------------------------------------------------------------------------------------------


def appealed(cast: Cast, at: At) -> tuple[Appeal, Claim]:
    rejected = cast.rejection(at)
    made = appeals.open_appeal(rejected, by=cast.artist.user, words="Look again.")
    return made, cast.claim(rejected.submission, by=cast.rival)


def settle(made: Appeal, said: Opinion, state: str) -> int:
    facts = {"state": state, "opinion": said, "answer": "So it is.", "settled_at": clock.now()}
    return Appeal.objects.filter(pk=made.pk).update(**facts)


def test_an_appeal_is_settled_by_the_opinion_on_its_look_as_that_says(cast: Cast, at: At) -> None:
    made, held = appealed(cast, at)
    before = made.decision.first
    said = opinion(held)
    for other, state in ((before, "upheld"), (said, "upheld")):
        with transaction.atomic(), refused("appeal_is_settled_by_its_look"):
            settle(made, other, state)
    assert settle(made, said, "overturned") == 1


def test_an_appeal_begins_open(cast: Cast, at: At) -> None:
    rejected = cast.rejection(at)
    facts = {"decision": rejected, "words": "?", "opened_at": clock.now(), "look": appeal_look(rejected)}
    said = {"opinion": rejected.first, "answer": "No.", "settled_at": clock.now()}
    with refused("appeal_begins_open"):
        Appeal.objects.create(**facts, **said, state="upheld")


def test_changes_are_no_answer_to_an_appeal(cast: Cast, at: At) -> None:
    _made, held = appealed(cast, at)
    with refused("appeal_is_answered_with_yes_or_no"):
        opinion(held, **no(cast, verdict="changes"))


# --- leads ---------------------------------------------------------------------------------------------------------


def answer(asked: Escalation, by: User) -> int:
    facts = {"answered_by": by, "answered_at": clock.now(), "answer": "It is."}
    return Escalation.objects.filter(pk=asked.pk).update(**facts)


def test_no_party_answers_a_question(cast: Cast) -> None:
    asked = escalating.escalate(cast.claim(cast.submission()), question="Is it?")
    friend = make.lead(program=cast.program)
    against = {"program": cast.program, "artist": cast.artist.user, "judge": friend}
    Conflict.objects.create(**against, reason="a friend", declared_at=clock.now())
    for party in (cast.artist.user, friend):
        with transaction.atomic(), refused("question_is_answered_by_somebody_else"):
            answer(asked, party)
    assert answer(asked, make.lead(program=cast.program)) == 1


def test_whoever_judged_first_does_not_tell_the_second(cast: Cast) -> None:
    held, (first, _second) = two_opinions(cast, {}, {})
    look = Look.objects.get(submission=held.submission, kind="second")
    asked = look.escalations.create(asked_by=cast.rival, question="?", asked_at=clock.now())
    with refused("question_is_answered_by_somebody_else"):
        answer(asked, first.reviewer)


def test_an_artist_breaks_no_claim_on_their_own_clip(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    with refused("claim_is_broken_by_somebody_else"):
        Claim.objects.filter(pk=held.pk).update(broken_by=cast.artist.user)


@pytest.mark.parametrize("ended", [False, True])
def test_whoever_must_not_judge_somebody_breaks_no_claim_on_their_clip(cast: Cast, ended: bool) -> None:
    held, lead, now = cast.claim(cast.submission()), make.lead(program=cast.program), clock.now()
    Conflict.objects.create(
        program=cast.program, judge=lead, artist=cast.artist.user, reason="family", declared_at=now - DAY,
        ends_at=now - timedelta(seconds=1) if ended else None,
    )  # fmt: skip
    mine = Claim.objects.filter(pk=held.pk)
    if ended:
        assert mine.update(broken_by=lead, released_at=now)
        return
    with transaction.atomic(), refused("claim_is_broken_by_somebody_impartial"):
        mine.update(broken_by=lead, released_at=now)
    mine.update(released_at=now)
    with refused("claim_is_broken_by_somebody_impartial"):
        mine.update(broken_by=lead)


def test_a_known_answer_waits_for_one_reviewer(cast: Cast) -> None:
    look = cast.look(cast.submission())
    with transaction.atomic(), refused("golden_look_begins_reserved"):
        copy(look, kind="golden")
    made = copy(look, kind="golden", reserved_for=cast.reviewer)
    with refused("golden_look_stays_reserved"):
        Look.objects.filter(pk=made.pk).update(reserved_for=None)
