"""What an artist is told, and what their next request keeps of the one before."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from access import clock
from access.models import Notice, Outbox
from review import appeals, clocks, moderation, publishing, sharing, submitting
from review.models import Critique, Submission
from review.verdicts import Scope
from tests.review import stages
from tests.review.cast import At, Cast
from tests.review.screens import artists_page, path, signed_in

pytestmark = pytest.mark.django_db


# --- the next request keeps the words of the one before ---------------------------------------------------------------


def test_that_it_is_critique_goes_on_with_the_next_clip(cast: Cast, at: At) -> None:
    before = cast.submission(is_critique=True, statement="What I mean by it.")
    assert cast.send_back(cast.claim(before)) is None, "it needs two people"
    stages.later(cast.send_back(cast.claim(before, by=cast.rival)), at)
    address = path("submit", cast, cast.output().pk)
    form = signed_in(cast.artist.user).get(address, {"answers": before.pk}).context["form"]
    assert form["is_critique"].value() is True and form["statement"].value() == "What I mean by it."
    signed_in(cast.artist.user).post(address, {"answers": before.pk, "title": "Tide", "is_critique": "on"})
    assert Critique.objects.filter(submission__answers=before).exists()


def test_what_was_not_critique_does_not_become_it(cast: Cast, at: At) -> None:
    before = cast.submission()
    stages.later(cast.send_back(cast.claim(before)), at)
    asked = path("submit", cast, cast.output().pk)
    form = signed_in(cast.artist.user).get(asked, {"answers": before.pk}).context["form"]
    assert not form["is_critique"].value()


def test_asking_again_after_taking_it_back_begins_with_the_same_words(cast: Cast) -> None:
    before = cast.submission(title="My own words", credit="Me", publish_on_approval=True, is_critique=True)
    submitting.withdraw(before, by=cast.artist.user)
    form = signed_in(cast.artist.user).get(path("submit", cast, before.output_id)).context["form"]
    kept = {name: form[name].value() for name in ("title", "credit", "publish_on_approval", "is_critique")}
    assert kept == {"title": "My own words", "credit": "Me", "publish_on_approval": "on", "is_critique": True}


# --- an approval with a day -------------------------------------------------------------------------------------------


def test_the_letter_says_until_when_there_is_an_embargo_and_what_follows(cast: Cast) -> None:
    until = clock.now() + timedelta(days=2)
    said = {}
    for opens in (False, True):
        asked = cast.submission(title=f"Opens {opens}", publish_on_approval=opens)
        cast.approve(cast.claim(asked), scope=Scope(audience="link", embargo_until=until))
        said[opens] = Outbox.objects.get(subject=f"Approved: Opens {opens}").body
        assert f"from {until:%Y-%m-%d %H:%M} UTC on, not before" in said[opens]
        assert "for whoever has the link" in said[opens]
        assert f"from {until:%Y-%m-%d %H:%M} UTC on" in Notice.objects.get(text__contains=f"Opens {opens}").text
    assert "share it now" not in said[False] + said[True]
    assert "by itself, as you asked" in said[True] and "by itself" not in said[False]


def test_an_approval_without_one_says_nothing_of_it(cast: Cast) -> None:
    cast.approval()
    body = Outbox.objects.get(subject__startswith="Approved").body
    assert "embargo" not in body and "You may share it now" in body and "whoever has the link" not in body


def test_at_the_end_of_an_embargo_the_link_opens_by_itself(cast: Cast, at: At) -> None:
    until = clock.now() + timedelta(days=2)
    asked = cast.submission(publish_on_approval=True)
    decision = cast.approve(cast.claim(asked), scope=Scope(embargo_until=until))
    for instant in (decision.effective_at, until - timedelta(microseconds=1)):
        at(instant)
        assert sharing.settle() == []
    assert "Yours then opens by itself" in artists_page(cast, asked)
    at(until)
    (opened,) = sharing.settle()
    assert Client().get(f"/s/{opened.token}/").status_code == 200 and sharing.settle() == []


# --- what is late -----------------------------------------------------------------------------------------------------


def test_what_was_answered_in_time_is_never_called_late(cast: Cast, at: At) -> None:
    """The verdict is in time and in effect after the deadline: until then the page says what it would say anyway."""
    answered, waiting = cast.submission(title="Answered"), cast.submission(title="Waiting")
    due = max(answered.due_at, waiting.due_at)
    Submission.objects.update(due_at=due)
    answered.looks.update(due_at=due)
    at(due - timedelta(seconds=1))
    decision = cast.reject(cast.claim(answered))
    for seconds in range(0, settings.UNDO_SECONDS - 1, 7):
        at(due + timedelta(seconds=seconds))
        clocks.find_breaches()
        assert "Promise not kept" not in artists_page(cast, answered)
        assert "Promise not kept" not in artists_page(cast, waiting)
        assert "Late" not in artists_page(cast, answered)
        assert " late" not in artists_page(cast, answered)
    at(decision.effective_at)
    assert "Promise not kept" not in artists_page(cast, answered)
    at(due + timedelta(seconds=settings.UNDO_SECONDS))
    assert "Promise not kept" in artists_page(cast, waiting)


def test_a_verdict_that_came_late_changes_nothing_before_it_is_in_effect(cast: Cast, at: At) -> None:
    submission = cast.submission()
    at(submission.due_at + timedelta(minutes=5))
    before = artists_page(cast, submission)
    decision = cast.reject(cast.claim(submission))
    assert "Promise not kept" in before and "Promise not kept" in artists_page(cast, submission)
    moderation.undo(decision, by=cast.reviewer)
    assert "Promise not kept" in artists_page(cast, submission)


# --- the days to appeal -----------------------------------------------------------------------------------------------


def test_every_page_names_the_last_day_to_appeal_of_the_terms_at_the_time(cast: Cast, at: At) -> None:
    publishing.publish_terms(cast.program, by=None, appeal_days=9)
    decision = stages.no(cast, at, cast.submission())
    until = appeals.closes_at(decision)
    publishing.publish_terms(cast.program, by=None, appeal_days=1)
    assert until == decision.effective_at + timedelta(days=9)
    assert f"Once, until {until.day} {until:%B %Y}" in artists_page(cast, decision.submission)
    proof = signed_in(cast.artist.user).get(reverse("decision_proof", args=[decision.pk])).json()
    assert proof["says"][0]["appeal_until"] == until.isoformat()
    at(until + timedelta(seconds=1))
    assert "The time to appeal ended on" in artists_page(cast, decision.submission)
