"""What machines noticed raises the scrutiny of what waits, once, and decides nothing."""

from datetime import timedelta

import pytest
from django.db import transaction

from access import clock
from generation.models import Output
from review import banking, matching, scrutiny, signals, submitting
from review.models import BankEntry, Category, Claim, Examination, Flag, Signal, Submission
from review.refusals import MachinesFirst
from tests import make
from tests.review import clips
from tests.review.cast import At, Cast
from tests.review.rows import decision, opinion, refused

pytestmark = pytest.mark.django_db


def test_a_flashing_clip_goes_up_a_band_and_says_why(cast: Cast) -> None:
    asked = cast.submission(clips.output(clips.flashing(5), enrollment=cast.artist, rate=24.0))
    assert scrutiny.settle() == 1
    found = Submission.objects.get()
    assert (found.state, found.risk_band, found.people) == ("waiting", 1, 1)
    assert cast.look(asked).rank == 1
    flag = Flag.objects.get()
    assert flag.category == Category.FLASHING and flag.said_by.startswith("signal ")
    assert scrutiny.settle() == 0


def test_what_resembles_a_rejected_clip_is_looked_at_sooner_and_by_as_many_as_before(cast: Cast, at: At) -> None:
    matching.bank_index.cache_clear()
    no = cast.rejection(at, cast.submission(clips.output(clips.moving(1), enrollment=cast.artist)))
    assert scrutiny.settle() == 0 and banking.settle() == 1
    other = make.artist(program=cast.program)
    cast.submission(clips.output(clips.moving(1), enrollment=other))
    assert scrutiny.settle() == 1
    raised = Submission.objects.exclude(pk=no.submission_id).get()
    assert (raised.risk_band, raised.people, raised.state) == (2, 1, "waiting")
    matching.bank_index.cache_clear()


def noticed(output: Output, kind: str) -> Signal:
    """What a machine says of an output, as ``findings`` writes it; the hash is of an imported list."""
    now = clock.now()
    label = f"a list {BankEntry.objects.count()}"
    entry = BankEntry.objects.create(origin="imported", pdq="0" * 64, label=label, entered_at=now)
    seen = {"version": 1, "bank_upto": entry.pk, "examined_at": now}
    facts = {"recipe": "pdq", "version": 1, "threshold": 31, "measured": 4, "raised_at": now}
    examined = Examination.objects.create(output=output, **seen)
    return Signal.objects.create(output=output, examination=examined, kind=kind, entry=entry, theirs=output, **facts)


def test_a_known_bad_match_counts_after_a_likeness_that_the_same_recipe_found(cast: Cast) -> None:
    asked = cast.submission()
    noticed(asked.output, "like_rejected")
    assert scrutiny.settle() == 1
    noticed(asked.output, "known_bad")
    assert scrutiny.settle() == 1
    found = Submission.objects.get()
    assert (found.risk_band, found.people) == (3, 2)
    assert set(Flag.objects.values_list("category", flat=True)) == {Category.OTHER, Category.KNOWN_BAD}
    assert scrutiny.settle() == 0


def test_what_resembled_a_clip_that_left_the_bank_is_raised_no_more(cast: Cast, at: At) -> None:
    matching.bank_index.cache_clear()
    no = cast.rejection(at, cast.submission(clips.output(clips.moving(1), enrollment=cast.artist)))
    assert banking.settle() == 1
    asked = cast.submission(clips.output(clips.moving(1), enrollment=make.artist(program=cast.program)))
    assert signals.look_over(asked.output)
    cast.overturn(no)
    assert banking.drop_fallen() == 1
    assert scrutiny.settle() == 0
    asked.refresh_from_db()
    assert asked.risk_band == 0 and not Flag.objects.exists()
    matching.bank_index.cache_clear()


def test_what_was_noticed_before_counts_from_the_moment_it_is_sent(cast: Cast) -> None:
    output = cast.output()
    noticed(output, "known_bad")
    asked = cast.submission(output)
    assert (asked.risk_band, asked.people, cast.look(asked).rank) == (3, 2, 3)
    assert scrutiny.settle() == 0, "nothing is drawn twice"


def test_bytes_that_were_taken_back_and_sent_again_are_weighed_as_before(cast: Cast) -> None:
    asked = cast.submission()
    noticed(asked.output, "known_bad")
    submitting.withdraw(asked, by=cast.artist.user)
    again = cast.submission(asked.output)
    assert (again.risk_band, again.people) == (3, 2)


def test_a_match_needs_two_people_before_anybody_has_drawn_the_consequence(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    noticed(held.submission.output, "known_bad")
    assert cast.approve(held) is None
    assert cast.look(held.submission).kind == "second"


def test_the_schema_too_wants_two_for_a_match(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    noticed(held.submission.output, "known_bad")
    with transaction.atomic(), refused("known_bad_is_decided_by_two"):
        decision(held)
    BankEntry.objects.update(removed_at=clock.now())
    assert decision(held), "what left the bank says nothing any more"


def unseen(cast: Cast) -> Claim:
    """In hand before any machine has looked."""
    return cast.claim(cast.submission(clips.output(clips.moving(1), enrollment=cast.artist)))


def test_nobody_approves_alone_what_no_machine_has_looked_at(cast: Cast) -> None:
    held = unseen(cast)
    with pytest.raises(MachinesFirst):
        cast.approve(held)
    assert signals.look_over(held.submission.output) == []
    assert cast.approve(held)


def test_a_no_and_the_approval_of_two_wait_for_no_machine(cast: Cast) -> None:
    assert cast.reject(unseen(cast))
    held = unseen(cast)
    Submission.objects.filter(pk=held.submission_id).update(people=2)
    assert cast.approve(held) is None
    assert cast.approve(cast.claim(held.submission, by=cast.rival))


def test_a_machine_that_is_broken_keeps_nobody_waiting(cast: Cast, at: At) -> None:
    asked = unseen(cast).submission
    Examination.objects.create(output=asked.output, version=1, trouble="No ffmpeg.", examined_at=clock.now())
    at(asked.submitted_at + scrutiny.MACHINES_FIRST - timedelta(seconds=1))
    held = cast.claim(asked)
    with pytest.raises(MachinesFirst):
        cast.approve(held)
    at(asked.submitted_at + scrutiny.MACHINES_FIRST)
    assert cast.approve(held)


def test_the_schema_too_waits_for_machines_and_no_longer_than_said(cast: Cast) -> None:
    held = unseen(cast)
    sent, said = held.submission.submitted_at, opinion(held)
    with transaction.atomic(), refused("machines_look_before_one_approves"):
        decision(held, said, decided_at=sent + timedelta(minutes=9), effective_at=sent + timedelta(minutes=10))
    assert decision(held, said, decided_at=sent + timedelta(minutes=10), effective_at=sent + timedelta(minutes=11))
