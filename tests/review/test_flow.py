"""The queue's spine, step by step, on whatever database runs."""

from datetime import timedelta

import pytest

from review import claiming, moderation, submitting
from review.models import Decision, Look, Submission
from review.refusals import NotWatched
from tests import make
from tests.review.cast import At, Cast, seen

pytestmark = pytest.mark.django_db


def test_from_submission_to_approval(cast: Cast) -> None:
    asked = cast.submission()
    held = claiming.claim_next(cast.reviewer, program=cast.program)
    assert held and held.submission_id == asked.pk and held.fence == 1
    assert claiming.claim_next(cast.rival, program=cast.program) is None
    claiming.reveal(held)
    with pytest.raises(NotWatched):
        moderation.decide(held, reviewer=cast.reviewer, verdict="approved", seen=seen(held, played=((0, 100),)))
    assert cast.approve(held).is_approval
    assert Look.objects.get().state == "done"


def test_critique_is_rejected_by_two(cast: Cast) -> None:
    asked = cast.submission(is_critique=True)
    assert cast.reject(cast.claim(asked)) is None
    assert cast.reject(cast.claim(asked, by=cast.rival)).second is not None


def test_changes_answer_and_the_same_reviewer_first(cast: Cast, at: At) -> None:
    asked = cast.submission()
    decision = cast.send_back(cast.claim(asked))
    at(decision.effective_at + timedelta(minutes=1))
    submitting.answer(asked, by=cast.artist.user, words="The knife is a brush.")
    assert claiming.claim_next(cast.rival, program=cast.program) is None
    assert cast.approve(cast.claim(Submission.objects.get()))


def test_an_appeal_overturns(cast: Cast, at: At) -> None:
    no = cast.rejection(at)
    assert cast.overturn(no).overturns == no
    assert Decision.objects.standing().get().is_approval


def test_people_who_disagree_need_a_third(cast: Cast) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    assert cast.approve(cast.claim(asked)) is None
    assert cast.reject(cast.claim(asked, by=cast.rival)) is None
    third = make.reviewer(program=cast.program)
    assert cast.approve(cast.claim(asked, by=third)).tie_break is not None
