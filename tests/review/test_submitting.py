"""Asking to share: who may, with which files, under which policy, until when."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from access import clock, halting, storing
from access.models import Credential, Enrollment, Entry, Role
from access.refusals import AgreementUnsigned, Halted, NotAllowed, WordsMissing
from generation.models import Output, Rendition
from review import clocks, publishing, sharing, submitting
from review.models import Submission
from review.refusals import (
    BytesChanged,
    NotSentBack,
    PolicyMissing,
    RedTeamNeverShared,
    RenditionsMissing,
    SubmittedAlready,
)
from tests import make
from tests.review.cast import At, Cast, flip_a_byte
from tests.review.rows import refused


def test_the_deadline_is_what_the_program_promised(cast: Cast) -> None:
    publishing.publish_terms(cast.program, by=None, hours_low=5)
    submission = cast.submission()
    assert submission.due_at - submission.submitted_at == timedelta(hours=5)
    assert submission.policy == cast.policy


def test_a_submission_keeps_the_policy_of_its_day(cast: Cast) -> None:
    first = cast.submission()
    newer = make.policy(cast.program)
    assert cast.submission().policy == newer
    first.refresh_from_db()
    assert first.policy == cast.policy


def test_without_a_policy_nothing_can_be_judged(cast: Cast) -> None:
    bare = make.artist(program=make.program())
    with pytest.raises(PolicyMissing):
        cast.submission(make.output(enrollment=bare))


def test_the_output_of_another_artist_is_refused(cast: Cast) -> None:
    other = make.artist(program=cast.program)
    with pytest.raises(NotAllowed):
        submitting.submit(cast.output(), enrollment=other, wish=submitting.Wish("x"))


def test_an_unsigned_agreement_is_refused(cast: Cast) -> None:
    output = cast.output()
    make.agreement(program=cast.program)
    with pytest.raises(AgreementUnsigned):
        cast.submission(output)


def test_a_red_team_shares_nothing(cast: Cast) -> None:
    cohort = make.cohort(program=cast.program, kind="red_team")
    tester = make.artist(program=cast.program, cohort=cohort)
    with pytest.raises(RedTeamNeverShared):
        cast.submission(make.output(enrollment=tester))


@pytest.mark.parametrize("scope", ["program", "cohort", "artist"])
def test_a_halt_over_the_artist_refuses(cast: Cast, scope: str) -> None:
    output = cast.output()
    targets = {"program": cast.program, "cohort": cast.artist.cohort, "artist": cast.artist.user}
    halting.halt(targets[scope], program=cast.program, by=None, reason="a test")
    with pytest.raises(Halted):
        cast.submission(output)
    assert not Submission.objects.exists()


def test_the_halt_of_another_artist_does_not(cast: Cast) -> None:
    other = make.artist(program=cast.program)
    halting.halt(other.user, program=cast.program, by=None, reason="a test")
    assert cast.submission().state == "waiting"


def test_a_hold_on_the_credential_refuses_what_comes_with_it(cast: Cast) -> None:
    output = cast.output()
    taken, own = (
        Credential.objects.create(user=cast.artist.user, kind="session", created_at=clock.now()) for _ in range(2)
    )
    halting.halt(taken, program=cast.program, by=None, reason="it was seen elsewhere")
    with pytest.raises(Halted):
        submitting.submit(output, enrollment=cast.artist, wish=submitting.Wish("x"), credential=taken)
    own_wish = {"enrollment": cast.artist, "wish": submitting.Wish("x"), "credential": own}
    assert submitting.submit(output, **own_wish).state == "waiting"


@pytest.mark.parametrize("recipe", submitting.NEEDED)
def test_a_missing_rendition_is_refused(cast: Cast, recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Output.rendition
    monkeypatch.setattr(Output, "rendition", lambda self, asked: None if asked == recipe else whole(self, asked))
    with pytest.raises(RenditionsMissing):
        cast.submission()


@pytest.mark.parametrize("recipe", ["", *submitting.NEEDED])
def test_a_changed_file_is_refused(cast: Cast, recipe: str) -> None:
    output = cast.output()
    file = Rendition.objects.get(output=output, recipe=recipe).file if recipe else output.master
    flip_a_byte(file.path)
    assert not storing.is_intact(file)
    with pytest.raises(BytesChanged):
        cast.submission(output)


def test_one_submission_of_an_output(cast: Cast) -> None:
    output = cast.output()
    cast.submission(output)
    with pytest.raises(SubmittedAlready):
        cast.submission(output)


def test_withdrawn_it_can_be_submitted_anew_with_a_new_deadline(cast: Cast, at: At) -> None:
    first = cast.submission()
    submitting.withdraw(first, by=cast.artist.user)
    at(first.submitted_at + timedelta(days=3))
    again = cast.submission(first.output)
    assert again.pk != first.pk and again.due_at > first.due_at


def test_withdrawing_takes_it_out_of_the_reviewers_hands(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    submitting.withdraw(held.submission, by=cast.artist.user)
    held.refresh_from_db()
    assert held.released_at is not None
    assert cast.claim(cast.submission()).reviewer == cast.reviewer  # whose hands are free again


def test_the_record_holds_hashes_and_no_words(cast: Cast) -> None:
    submission = cast.submission(title="A secret title")
    entry = Entry.objects.get(act="submit", subject=f"submission:{submission.pk}")
    assert submission.output.master_sha256 in entry.facts
    assert "secret" not in entry.facts and "secret" in entry.private.text


# --- going on after changes were asked for ---------------------------------------------------------------------------


def sent_back(cast: Cast, at: At) -> Submission:
    decision = cast.send_back(cast.claim(cast.submission()))
    at(decision.effective_at)
    return Submission.objects.get(pk=decision.submission_id)


def test_an_answer_with_words_is_the_next_round_of_the_same_clip(cast: Cast, at: At) -> None:
    asked = sent_back(cast, at)
    found = submitting.answer(asked, by=cast.artist.user, words="The knife is a brush.")
    assert (found.state, found.round, found.changes_made) == ("waiting", 2, 1)
    assert cast.look(found).reserved_for == cast.reviewer
    assert found.given_answers.get().words == "The knife is a brush."


def test_an_answer_with_another_output_goes_on_in_its_place(cast: Cast, at: At) -> None:
    asked = sent_back(cast, at)
    Submission.objects.filter(pk=asked.pk).update(risk_band=2, people=2)
    following = cast.submission(answers=asked)
    asked.refresh_from_db()
    assert asked.state == "answered" and following.answers == asked
    assert (following.changes_made, following.risk_band, following.people) == (1, 2, 2)
    assert cast.look(following).reserved_for == cast.reviewer


def test_an_answer_needs_words_and_is_its_artists(cast: Cast, at: At) -> None:
    asked = sent_back(cast, at)
    with pytest.raises(WordsMissing):
        submitting.answer(asked, by=cast.artist.user, words=" ")
    with pytest.raises(NotAllowed):
        submitting.answer(asked, by=cast.reviewer, words="x")
    other = make.artist(program=cast.program)
    with pytest.raises(NotAllowed):
        cast.submission(make.output(enrollment=other), answers=asked)
    asked.refresh_from_db()
    assert asked.state == "decided"


def test_nothing_can_be_answered_before_it_is_in_effect_nor_twice(cast: Cast, at: At) -> None:
    decision = cast.send_back(cast.claim(cast.submission()))
    with pytest.raises(NotSentBack):
        submitting.answer(decision.submission, by=cast.artist.user, words="x")
    at(decision.effective_at)
    submitting.answer(decision.submission, by=cast.artist.user, words="x")
    with pytest.raises(NotSentBack):
        cast.submission(answers=decision.submission)


def test_it_is_kept_for_the_same_reviewer_half_the_time_that_is_left(cast: Cast, at: At) -> None:
    publishing.publish_terms(cast.program, by=None, hours_low=8)
    asked = submitting.answer(sent_back(cast, at), by=cast.artist.user, words="x")
    look, now = cast.look(asked), clock.now()
    assert look.reserved_until == now + (look.due_at - now) / 2
    at(look.reserved_until)
    assert cast.claim(asked, by=cast.rival)


def test_it_is_kept_for_nobody_who_reviews_here_no_longer(cast: Cast, at: At) -> None:
    asked = sent_back(cast, at)
    Role.objects.filter(user=cast.reviewer).update(revoked_at=clock.now())
    submitting.answer(asked, by=cast.artist.user, words="x")
    assert cast.claim(asked, by=cast.rival)


def test_who_left_the_program_submits_nothing_more_and_nothing_of_theirs_is_published(cast: Cast, at: At) -> None:
    waits, asked = cast.submission(publish_on_approval=True), sent_back(cast, at)
    other = cast.output()
    Enrollment.objects.filter(pk=cast.artist.pk).update(ended_at=clock.now())
    other = Output.objects.get(pk=other.pk)
    with pytest.raises(NotAllowed):
        cast.submission(other)
    with pytest.raises(NotAllowed):
        cast.submission(other, answers=asked)
    decision = cast.approval(waits)
    at(decision.effective_at)
    assert sharing.settle() == []


def test_only_a_second_submission_is_called_one(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another rule of the schema refuses is our fault, and is not told as if the artist had sent it twice."""
    monkeypatch.setattr(clocks, "deadline", lambda _terms, _band, at: at)
    with pytest.raises(IntegrityError, match="submission_has_a_deadline"):
        cast.submission()


def test_an_answer_that_is_taken_back_leaves_room_for_another(cast: Cast, at: At) -> None:
    """With another output, with the same once more, and with words."""
    asked = cast.submission()
    decision = cast.send_back(cast.claim(asked))
    at(decision.effective_at)
    other = cast.output()
    for output in (other, cast.output(), other):
        found = cast.submission(output, answers=asked)
        assert (found.answers, found.changes_made) == (asked, 1)
        submitting.withdraw(found, by=cast.artist.user)
        found.refresh_from_db()
        asked.refresh_from_db()
        assert (found.state, found.answers, asked.state) == ("withdrawn", None, "decided")
    answered = submitting.answer(asked, by=cast.artist.user, words="A brush.")
    assert (answered.state, answered.round, answered.changes_made) == ("waiting", 2, 1)


def test_the_schema_opens_only_what_lost_its_answer(cast: Cast, at: At) -> None:
    asked, other = cast.submission(), cast.submission()
    decision = cast.send_back(cast.claim(asked))
    at(decision.effective_at)
    found = cast.submission(cast.output(), answers=asked)
    for row, change in [
        (asked, {"state": "decided"}),
        (found, {"answers": None}),
        (found, {"answers": other}),
        (other, {"answers": asked}),
    ]:
        with transaction.atomic(), refused("submission_moves_forward"):
            Submission.objects.filter(pk=row.pk).update(**change)
    submitting.withdraw(found, by=cast.artist.user)
    with transaction.atomic(), refused("submission_moves_forward"):
        Submission.objects.filter(pk=found.pk).update(state="waiting")
