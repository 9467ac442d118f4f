"""A form's key stands for what was sent with it: again it is the same answer, with anything else a refusal."""

import uuid
from dataclasses import replace

import pytest

from access.models import User
from review import balloting, claiming
from review.balloting import Verdict
from review.models import Claim, Opinion
from review.refusals import FormSpent
from review.verdicts import Given, Reasons
from tests.review.cast import Cast, seen, stack

YES = Verdict("approved")


def send(held: Claim, key: uuid.UUID, said: Verdict = YES, by: User | None = None) -> Given:
    return balloting.cast(held, reviewer=by or held.reviewer, key=key, said=said, seen=seen(held))


def no(cast: Cast) -> Verdict:
    return Verdict("rejected", Reasons(cast.clause, "The knife.", 0, 100))


def test_the_same_again_is_the_same_answer(cast: Cast) -> None:
    for said in (YES, no(cast)):
        held, key = cast.claim(cast.submission()), uuid.uuid4()
        assert send(held, key, said) == send(held, key, said)


@pytest.mark.parametrize("change", [{"words": "Another."}, {"from_ms": 50}, {"to_ms": 90}, {"clause": None}])
def test_other_reasons_with_the_same_key_are_refused(cast: Cast, change: dict[str, object]) -> None:
    held, key, said = cast.claim(cast.submission()), uuid.uuid4(), no(cast)
    send(held, key, said)
    with pytest.raises(FormSpent):
        send(held, key, replace(said, reasons=replace(said.reasons, **change)))  # type: ignore[arg-type]  # any of them
    with pytest.raises(FormSpent):
        send(held, key, YES)
    assert Opinion.objects.count() == 1


def test_a_key_is_of_one_clip_and_one_person(cast: Cast) -> None:
    held, key = cast.claim(cast.submission()), uuid.uuid4()
    send(held, key)
    for by in (cast.reviewer, cast.rival):
        other = cast.claim(cast.submission(), by=by)
        with pytest.raises(FormSpent):
            send(other, key)
        assert not other.submission.opinions.exists()
        claiming.release(other)


def test_of_a_stack_the_key_is_refused_for_each_it_was_spent_on(cast: Cast) -> None:
    stack(cast, 2)
    assert claiming.claim_next(cast.reviewer, program=cast.program)
    claims = [claiming.reveal(held) for held in Claim.objects.select_related("look__program", "submission", "shown")]
    key, every = uuid.uuid4(), [(held, seen(held)) for held in claims]
    first = balloting.cast_on_all(every[:1], reviewer=cast.reviewer, key=key, said=YES)
    then = balloting.cast_on_all(every, reviewer=cast.reviewer, key=key, said=no(cast))
    assert [type(end.refusal) for end in first + then] == [type(None), FormSpent, type(None)]
