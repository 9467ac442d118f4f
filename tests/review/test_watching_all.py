"""Where a person watches every clip: what was promised before it was made, once, and nothing else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from access import clock, halting
from access.models import Enrollment, Entry, Outbox, Program
from generation import rendering
from generation.encoding import encode, encode_rest
from generation.models import Output
from review import claiming, clocks, publishing, sharing, submitting, watching_all
from review.models import Submission
from tests import make
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db

LATER = timedelta(minutes=11)


@pytest.fixture
def watched(cast: Cast) -> Cast:
    """The program says that every clip is watched."""
    publishing.publish_terms(cast.program, by=None, every_output=True)
    return cast


def sweep(at: At) -> int:
    at(clock.now() + LATER)
    return watching_all.settle()


def test_what_nobody_asked_to_share_comes_into_the_queue_once(watched: Cast, at: At) -> None:
    output = make.output(enrollment=watched.artist, prompt="a  red circle\nmoving left")
    assert watching_all.settle() == 0, "the artist can ask first, in words of their own"
    assert sweep(at) == 1 and sweep(at) == 0
    found = Submission.objects.get()
    assert (found.output, found.asked, found.title) == (output, False, "a red circle moving left")
    assert Entry.objects.get(act="submit").actor == ""
    held = claiming.claim_next(watched.reviewer, program=watched.program)
    assert held and held.submission_id == found.pk


def test_an_approval_of_it_can_be_shared(watched: Cast, at: At) -> None:
    watched.output()
    sweep(at)
    decision = watched.approval(Submission.objects.get())
    at(decision.effective_at + timedelta(minutes=1))
    assert not sharing.settle(), "nobody asked for a link, so none opens by itself"
    assert "You gave this clip no title: its page will say" in read(watched, "submission", decision.submission_id)
    assert sharing.share(decision, by=watched.artist.user)


def test_an_artist_who_asks_first_is_not_asked_twice(watched: Cast, at: At) -> None:
    mine = watched.submission(title="My own words")
    assert sweep(at) == 0 and Submission.objects.get() == mine and mine.asked


def test_without_the_promise_nobody_looks(cast: Cast, at: At) -> None:
    cast.output()
    assert sweep(at) == 0
    publishing.publish_terms(cast.program, by=None, every_output=True)
    assert sweep(at) == 0, "this clip was made before it was said"
    cast.output()
    publishing.publish_terms(cast.program, by=None, every_output=False)
    assert sweep(at) == 0, "and the terms in force do not say it any more"
    publishing.publish_terms(cast.program, by=None, every_output=True)
    assert sweep(at) == 0


def test_a_later_version_keeps_the_promise(watched: Cast, at: At) -> None:
    watched.output()
    publishing.publish_terms(watched.program, by=None, hours_low=12)
    assert sweep(at) == 1


def test_a_red_team_stays_inside(watched: Cast, at: At) -> None:
    team = make.artist(program=watched.program, cohort=make.cohort(program=watched.program, kind="red_team"))
    make.output(enrollment=team)
    assert sweep(at) == 0


def test_a_clip_that_cannot_be_shown_yet_waits(watched: Cast, at: At) -> None:
    wanted = make.job(enrollment=watched.artist)
    taken, drawn = make.claimed("worker"), make.clip()
    assert taken and taken.pk == wanted.pk
    made = rendering.finish(taken, encode(drawn, width=96), seconds=1.0)
    assert sweep(at) == 0, "its contact sheet is still being made"
    rendering.add_renditions(made, encode_rest(drawn, width=96))
    assert sweep(at) == 1


def test_under_a_halt_nothing_comes_in(watched: Cast, at: At) -> None:
    watched.output()
    placed = halting.halt(watched.artist.user, program=watched.program, by=None, reason="A moment, please.")
    assert sweep(at) == 0
    halting.lift(placed, by=None)
    assert sweep(at) == 1


def test_nothing_comes_in_before_the_program_opens(watched: Cast, at: At) -> None:
    watched.output()
    Program.objects.update(opened_at=None)
    assert sweep(at) == 0


def test_of_two_sweeps_and_an_artist_one_is_first(watched: Cast, at: At) -> None:
    output = watched.output()
    at(clock.now() + LATER)
    (due,) = watching_all.unwatched(watched.program, clock.now())
    submitting.submit(output, enrollment=watched.artist, wish=submitting.Wish("Mine"))
    assert not watching_all._enter(due), "a sweep that read before the artist asked"
    assert Submission.objects.get().title == "Mine" and Output.objects.count() == 1


def moved_to(watched: Cast, **cohort: object) -> Enrollment:
    """The artist into another cohort, where they are from now on."""
    Enrollment.objects.filter(pk=watched.artist.pk).update(ended_at=clock.now())
    other = make.cohort(program=watched.program, **cohort)
    return Enrollment.objects.create(
        user=watched.artist.user, cohort=other, program=watched.program, joined_at=clock.now()
    )


def test_what_was_made_in_an_earlier_cohort_comes_in_once(watched: Cast, at: At) -> None:
    seen, open_ = watched.output(), watched.output()
    at(clock.now() + LATER)
    watching_all._enter(seen)
    now_in = moved_to(watched)
    assert sweep(at) == 1 and sweep(at) == 0
    assert {(found.output, found.enrollment) for found in Submission.objects.all()} == {
        (seen, watched.artist),
        (open_, now_in),
    }


def test_a_stop_of_the_cohort_that_the_artist_is_in_now_counts(watched: Cast, at: At) -> None:
    watched.output()
    before, now_in = watched.artist.cohort, moved_to(watched)
    placed = halting.halt(now_in.cohort, program=watched.program, by=None, reason="A moment, please.")
    assert sweep(at) == 0
    halting.lift(placed, by=None)
    halting.halt(before, program=watched.program, by=None, reason="A moment, please.")
    assert sweep(at) == 1


def test_nothing_of_those_who_left_or_went_to_a_red_team(watched: Cast, at: At) -> None:
    watched.output()
    moved_to(watched, kind="red_team")
    assert sweep(at) == 0
    Enrollment.objects.update(ended_at=clock.now())
    assert sweep(at) == 0


def test_what_its_artist_took_back_stays_out_until_they_ask(watched: Cast, at: At) -> None:
    output = watched.output()
    sweep(at)
    submitting.withdraw(Submission.objects.get(), by=watched.artist.user)
    assert sweep(at) == 0
    assert watched.submission(output).asked and sweep(at) == 0


# --- what its artist reads --------------------------------------------------------------------------------------------


def read(cast: Cast, name: str, *args: object, **query: str) -> str:
    client = Client()
    client.force_login(cast.artist.user)
    answer = client.get(reverse(name, args=[cast.program.slug, *args]), query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_nothing_calls_it_asked_for(watched: Cast, at: At) -> None:
    output = make.output(enrollment=watched.artist, prompt="a red circle")
    sweep(at)
    found = Submission.objects.get()
    shown = read(watched, "submission", found.pk)
    assert "You did not ask to share this" in shown and "Publishing" not in shown and "Submitted" not in shown
    assert "Asked to share" not in read(watched, "library") and "To be watched" in read(watched, "library")
    assert "You asked to share this" not in read(watched, "job", output.job_id)
    at(found.due_at + timedelta(minutes=1))
    clocks.find_breaches()
    shown = read(watched, "submission", found.pk)
    assert "Promise not kept" in shown and "public figures" not in shown
    assert "published figures" not in Outbox.objects.get(subject__startswith="Not answered in time").body


def test_taken_out_of_the_queue_it_can_be_asked_for_and_was_not(watched: Cast, at: At) -> None:
    watched.output()
    sweep(at)
    found = Submission.objects.get()
    submitting.withdraw(found, by=watched.artist.user)
    shown = read(watched, "submission", found.pk)
    assert "Ask to share" in shown and "Ask again" not in shown and "You took it back" not in shown
    assert "You asked to share this" not in read(watched, "job", found.output.job_id)


def test_the_list_of_what_was_asked_for_has_it_apart(watched: Cast, at: At) -> None:
    make.output(enrollment=watched.artist, prompt="a red circle")
    sweep(at)
    assert "a red circle" not in read(watched, "submissions"), "of nothing that was asked for there is nothing"
    watched.submission(title="My own words")
    everything = read(watched, "submissions")
    assert "My own words" in everything and "a red circle" not in everything
    assert 'Waiting <span class="soft figures">1</span>' in everything
    apart = read(watched, "submissions", state="watched")
    assert "a red circle" in apart and "My own words" not in apart and "did not ask to share" in apart
    assert "a red circle" not in read(watched, "submissions", state="waiting")
