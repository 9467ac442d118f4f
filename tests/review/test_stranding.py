"""What nobody may take: it is found for every reason there is, and nothing else is."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access import clock, roles
from access.models import Conflict, Role, User
from review import appeals, claiming, escalating, moderation, stranding
from review.models import Flag, Look, OptOut, Submission
from tests import make
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db


def found(cast: Cast) -> dict[str, set[tuple[User, str]]]:
    return {case.look.submission.title: set(case.shut_out) for case in stranding.find(cast.program)}


def conflict(cast: Cast, *judges: User) -> None:
    facts = {"program": cast.program, "artist": cast.artist.user, "reason": "Cousins.", "declared_at": clock.now()}
    for judge in judges:
        Conflict.objects.create(judge=judge, **facts)


def opt_out(*people: User, category: str = "violence") -> None:
    for who in people:
        OptOut.objects.create(reviewer=who, category=category, since=clock.now())


def flag(submission: Submission, category: str = "violence") -> None:
    Flag.objects.create(submission=submission, category=category, said_by="rule Knives", raised_at=clock.now())


def is_said(cast: Cast, submission: Submission) -> bool:
    """Whether the lead's page and the artist's say it; they never differ."""
    to_artist = bool(stranding.why_stranded(submission))
    assert to_artist == (submission.pk in {case.look.submission_id for case in stranding.find(cast.program)})
    return to_artist


def test_an_ordinary_one_is_not_stranded(cast: Cast) -> None:
    asked = cast.submission()
    assert not is_said(cast, asked)
    held = cast.claim(asked)
    assert not is_said(cast, asked), "what somebody holds is in good hands"
    claiming.skip(held, reason="Not for me.")
    assert not is_said(cast, asked), "there is another reviewer"


def test_conflicts_with_all_strand_it(cast: Cast, at: At) -> None:
    asked = cast.submission()
    conflict(cast, cast.reviewer)
    assert not is_said(cast, asked)
    conflict(cast, cast.rival)
    assert is_said(cast, asked)
    assert found(cast) == {"Tide": {(cast.reviewer, "conflict"), (cast.rival, "conflict")}}
    Conflict.objects.filter(judge=cast.rival).update(ends_at=clock.now() + timedelta(hours=1))
    at(clock.now() + timedelta(hours=2))
    assert not is_said(cast, asked), "a conflict that is over shuts out nobody"


def test_skips_and_an_own_clip_strand_it_together(cast: Cast) -> None:
    roles.grant_role(cast.artist.user, Role.Kind.REVIEWER, program=cast.program, by=None)
    asked = cast.submission()
    for who in (cast.reviewer, cast.rival):
        assert not is_said(cast, asked)
        claiming.skip(cast.claim(asked, by=who), reason="Not for me.")
    assert is_said(cast, asked)
    assert found(cast)["Tide"] == {
        (cast.artist.user, "own"), (cast.reviewer, "skipped"), (cast.rival, "skipped"),
    }  # fmt: skip


def test_what_somebody_chose_not_to_see_is_told_to_no_lead(cast: Cast) -> None:
    asked = cast.submission()
    flag(asked)
    opt_out(cast.reviewer)
    conflict(cast, cast.rival)
    [case] = stranding.find(cast.program)
    assert {str(why) for _who, why in case.reasons} == {"must not get this one"}


def test_opting_out_strands_it_only_if_everybody_does(cast: Cast) -> None:
    asked = cast.submission()
    flag(asked)
    opt_out(cast.reviewer)
    assert not is_said(cast, asked)
    opt_out(cast.rival, category="hate")
    assert not is_said(cast, asked), "the rival opted out of something else"
    flag(asked, "hate")
    assert is_said(cast, asked)
    assert found(cast)["Tide"] == {(cast.reviewer, "opted_out"), (cast.rival, "opted_out")}


def test_a_question_without_a_lead_strands_it(cast: Cast) -> None:
    asked = cast.submission()
    escalating.escalate(cast.claim(asked), question="Is this a knife?")
    assert is_said(cast, asked)
    assert found(cast)["Tide"] == {(cast.reviewer, "for_leads"), (cast.rival, "for_leads")}
    lead = make.lead(program=cast.program)
    assert not is_said(cast, asked)
    conflict(cast, lead)
    assert is_said(cast, asked)
    assert "answers the question" in stranding.find(cast.program)[0].freed_by


def test_an_appeal_without_a_third_person_strands_it(cast: Cast, at: At) -> None:
    asked = cast.submission()
    Submission.objects.filter(pk=asked.pk).update(people=2)
    assert cast.approve(cast.claim(asked)) is None
    assert cast.reject(cast.claim(asked, by=cast.rival)) is None
    assert is_said(cast, asked), "the tie-break needs a third"
    third = make.reviewer(program=cast.program)
    assert not is_said(cast, asked)
    no = cast.reject(cast.claim(asked, by=third))
    at(no.effective_at + timedelta(minutes=1))
    appeals.open_appeal(no, by=cast.artist.user, words="Look again.")
    assert is_said(cast, asked), "all three had part"
    assert {cause for _who, cause in found(cast)["Tide"]} == {"had_part"}
    assert "making somebody a reviewer" in stranding.find(cast.program)[0].freed_by
    make.reviewer(program=cast.program)
    assert not is_said(cast, asked)


def test_a_program_without_reviewers_strands_all_of_it(cast: Cast) -> None:
    cast.submission(title="One")
    asked = cast.submission(title="Two")
    Role.objects.update(revoked_at=clock.now())
    assert set(found(cast)) == {"One", "Two"} and stranding.why_stranded(asked)
    assert not stranding.has_reviewers(cast.program)


def test_a_new_round_of_what_was_passed_by_is_stranded_too(cast: Cast) -> None:
    asked = cast.submission()
    claiming.skip(cast.claim(asked, by=cast.rival), reason="No.")
    moderation.undo(cast.reject(cast.claim(asked)), by=cast.reviewer)
    conflict(cast, cast.reviewer)
    assert is_said(cast, asked)
    assert found(cast) == {"Tide": {(cast.reviewer, "conflict"), (cast.rival, "skipped")}}


def test_people_who_may_not_sign_in_review_nothing(cast: Cast) -> None:
    asked = cast.submission()
    User.objects.filter(pk__in=[cast.reviewer.pk, cast.rival.pk]).update(is_active=False)
    assert is_said(cast, asked)


def test_another_program_frees_nothing(cast: Cast) -> None:
    elsewhere = make.program()
    make.reviewer(program=elsewhere)
    asked = cast.submission()
    conflict(cast, cast.reviewer, cast.rival)
    assert is_said(cast, asked) and stranding.find(elsewhere) == []


def test_what_is_kept_for_somebody_who_left_is_stranded(cast: Cast) -> None:
    asked = cast.submission()
    gone = make.user()
    asked.looks.update(reserved_for=gone, reserved_until=clock.now() + timedelta(hours=1))
    assert not is_said(cast, asked), "it is free after an hour"
    asked.looks.update(reserved_until=None)
    assert is_said(cast, asked)


def test_checks_of_quality_keep_no_artist_waiting(cast: Cast, at: At) -> None:
    no = cast.rejection(at)
    conflict(cast, cast.rival)
    facts = {"program": cast.program, "artist": cast.artist.user, "round": 1, "kind": "qa", "asked_at": clock.now()}
    Look.objects.create(submission=no.submission, due_at=clock.now() + timedelta(days=1), **facts)
    assert not is_said(cast, no.submission)


def test_whoever_is_said_to_be_shut_out_is_handed_nothing(cast: Cast) -> None:
    """The same exclusions as the queue's: what is stranded is picked by nobody."""
    asked = cast.submission()
    conflict(cast, cast.reviewer)
    claiming.skip(cast.claim(asked, by=cast.rival), reason="No.")
    assert is_said(cast, asked)
    assert all(claiming.claim_next(who, program=cast.program) is None for who in (cast.reviewer, cast.rival))


def test_the_artist_reads_no_name(cast: Cast) -> None:
    asked = cast.submission()
    conflict(cast, cast.reviewer, cast.rival)
    words = stranding.why_stranded(asked)
    for who in (cast.reviewer, cast.rival):
        assert who.name not in words and who.pseudonym not in words


def test_the_page_asks_as_many_questions_for_many_as_for_one(cast: Cast) -> None:
    conflict(cast, cast.reviewer, cast.rival)
    counted = []
    for _ in range(2):
        cast.submission()
        with CaptureQueriesContext(connection) as asked:
            stranding.find(cast.program)
        counted.append(len(asked))
    assert counted[0] == counted[1]
