"""Asking to share: who may, with which files, under which policy, until when."""

from datetime import timedelta

import pytest

from access import clock, halting, storing
from access.models import Credential, Entry
from access.refusals import AgreementUnsigned, Halted, NotAllowed
from generation.models import Output, Rendition
from review import submitting
from review.models import Submission
from review.refusals import BytesChanged, PolicyMissing, RedTeamNeverShared, RenditionsMissing, SubmittedAlready
from tests import make
from tests.review.cast import At, Cast, flip_a_byte


def test_the_deadline_is_what_the_program_promised(cast: Cast) -> None:
    cast.program.review_hours = 5
    cast.program.save()
    cast.artist.refresh_from_db()
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
        submit(cast.output(), other)


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
        cast.submission(output, credential=taken)
    assert cast.submission(output, credential=own).state == "waiting"


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


def submit(output: Output, enrollment: object) -> Submission:
    facts = {"title": "x", "credit": "", "statement": "", "publish_on_approval": False}
    return submitting.submit(output, enrollment=enrollment, **facts)  # type: ignore[arg-type]  # as given
