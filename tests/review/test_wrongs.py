"""The figures that are to be nothing see what is wrong, where something is."""

from datetime import timedelta

import pytest

from access import clock
from access.models import Conflict
from bench.inside import wrongs
from review import claiming
from review.models import Claim, Critique, Flag, OptOut, Skip, Submission
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db


def counted(**found: int) -> bool:
    nothing = {"handed_to_two": 0, "decided_twice": 0, "by_too_few": 0, "lost": 0, "must_not": 0}
    return wrongs.counted() == {**nothing, **found}


def test_nothing_is_wrong_with_what_the_verbs_did(cast: Cast) -> None:
    cast.approval()
    assert counted()
    cast.submission()
    assert counted(lost=1)


@pytest.mark.parametrize("why", ["conflict", "category", "passed by", "said before"])
def test_a_claim_of_somebody_who_must_not_have_it_is_seen(cast: Cast, why: str) -> None:
    asked, now = cast.submission(), clock.now()
    held = cast.claim(asked)
    if why == "conflict":
        who = {"judge": cast.reviewer, "artist": cast.artist.user}
        Conflict.objects.create(program=cast.program, reason="friends", declared_at=now, **who)
    elif why == "category":
        Flag.objects.create(submission=asked, category="hate", said_by="rule x", raised_at=now)
        OptOut.objects.create(reviewer=cast.reviewer, category="hate", since=now)
    elif why == "passed by":
        Skip.objects.create(look=held.look, reviewer=cast.reviewer, reason="-", skipped_at=now - timedelta(hours=1))
    else:
        cast.approve(held)
        again = type(held.look).objects.create(
            submission=asked, program=cast.program, artist=cast.artist.user, round=1, kind="second",
            due_at=asked.due_at, asked_at=asked.submitted_at,
        )  # fmt: skip
        Claim.objects.create(
            look=again, submission=asked, round=1, fence=1, reviewer=cast.reviewer, shown=held.shown,
            claimed_at=now + timedelta(minutes=1), leased_until=now + timedelta(minutes=2),
        )  # fmt: skip
    assert wrongs.must_not() == 1


def test_a_look_in_two_hands_is_seen(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    claiming.release(held)
    Claim.objects.filter(pk=held.pk).update(released_at=held.leased_until)
    cast.claim(held.submission, cast.rival)
    assert wrongs.handed_to_two() == 1


def test_a_decision_of_one_where_two_must_decide_is_seen(cast: Cast, at: At) -> None:
    no, yes = cast.rejection(at), cast.approval()
    assert wrongs.by_too_few() == 0
    Critique.objects.create(submission=no.submission, said_at=clock.now())
    assert wrongs.by_too_few() == 1
    Submission.objects.filter(pk=yes.submission_id).update(people=2)
    assert wrongs.by_too_few() == 2
