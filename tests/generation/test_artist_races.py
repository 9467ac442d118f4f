"""Races between an artist and the house, each with a negative control: without its guard, the harm is done."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError

from access import clock
from access.models import Enrollment, Program
from generation import jobs, uploading
from generation.models import Brief, FirstFrame, Job, Lane, Pipeline, QuotaEntry
from generation.refusals import PictureUnusable
from tests import make
from tests.generation.artists import moved
from tests.generation.conftest import Clock
from tests.generation.pictures import drawn, keep, raw, sent_with
from tests.generation.racing import Window, after, together, without_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
Slowed = Callable[..., Window]


@pytest.fixture
def program() -> Program:
    made = make.program()
    make.pipeline()
    return made


# --- cancel all that is queued ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("locks", [True, False], ids=["as it is", "CONTROL: no locks"])
def test_a_worker_claims_while_all_that_is_queued_is_cancelled(
    program: Program, slowed: Slowed, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    """The list is read, and a worker comes before it is cancelled."""
    artist = make.artist(program=program)
    make.brief(enrollment=artist, variations=3)
    inside = slowed(jobs, "_cancel_these", meeting=not locks)
    if not locks:
        without_locks(monkeypatch)
    cancelled, claimed = together(
        lambda: jobs.cancel_all_queued(artist, by=artist.user), after(inside, lambda: make.claimed("worker"))
    )
    refunds = QuotaEntry.objects.filter(kind="refund")
    if locks:
        assert (cancelled, claimed, refunds.count()) == (3, None, 3)
        assert Job.objects.filter(state="cancelled").count() == 3
    else:  # a clip that is being rendered was given back
        assert isinstance(claimed, Job) and refunds.filter(job=claimed).exists()


def test_cancelling_all_against_workers_by_the_dozen(program: Program) -> None:
    """However they meet: what is cancelled is given back, what runs is not, and nothing else becomes of any."""
    artist = make.artist(program=program, cohort=make.cohort(program=program, concurrency=9, daily_quota=99))
    for _ in range(8):
        make.brief(enrollment=artist, variations=4)
        cancelled, *_ = together(
            lambda: jobs.cancel_all_queued(artist, by=artist.user),
            lambda: make.claimed("one"),
            lambda: make.claimed("two"),
            lambda: jobs.cancel_all_queued(artist, by=artist.user),
        )
        assert isinstance(cancelled, int)
        jobs.cancel_all_queued(artist, by=artist.user)
        given_back = set(QuotaEntry.objects.filter(kind="refund").values_list("job", flat=True))
        assert given_back == set(Job.objects.filter(state="cancelled").values_list("pk", flat=True))
        assert not Job.objects.running().exclude(cancel_asked_at=None).exists()
        Job.objects.running().update(state="finished", lease_until=None)


# --- a picture that is about to go -----------------------------------------------------------------------------------
@pytest.fixture
def picture(program: Program, at: Clock) -> FirstFrame:
    """Brought a day ago and never used."""
    Pipeline.objects.update(loaded={"class": "LTXPipeline", "from_image": True})
    frame = keep(make.artist(program=program), raw(drawn()))
    at(clock.now() + make.HOUR * 25)
    return frame


@pytest.mark.parametrize("locks", [True, False], ids=["as it is", "CONTROL: no locks"])
@pytest.mark.parametrize("has_moved", [False, True], ids=["in its cohort", "after a move"])
def test_a_picture_is_sent_while_it_is_cleared(
    picture: FirstFrame, slowed: Slowed, monkeypatch: pytest.MonkeyPatch, locks: bool, has_moved: bool
) -> None:
    """The sweep has found it unused, and a brief comes before it is deleted."""
    artist = ready(picture.enrollment, has_moved=has_moved)
    inside = slowed(uploading.storing, "forget", meeting=not locks)  # behind the delete, before the commit
    if not locks:
        without_locks(monkeypatch)
        brief = jobs._brief  # whoever is there has found the picture, and can but wait for the row that is going

        def met(*args: Any, **kwargs: Any) -> Any:
            inside.met.set()
            return brief(*args, **kwargs)

        monkeypatch.setattr(jobs, "_brief", met)
    cleared, sent = together(uploading.clear_unused, after(inside, lambda: sent_with(picture, artist)))
    if locks:
        assert cleared == 1 and isinstance(sent, PictureUnusable)
    else:
        assert an_error_page(sent, cleared)


@pytest.mark.parametrize("locks", [True, False], ids=["as it is", "CONTROL: no locks"])
@pytest.mark.parametrize("has_moved", [False, True], ids=["in its cohort", "after a move"])
def test_a_picture_is_cleared_while_it_is_sent(
    picture: FirstFrame, slowed: Slowed, monkeypatch: pytest.MonkeyPatch, locks: bool, has_moved: bool
) -> None:
    """The brief has found it there, and the sweep comes before it is written."""
    artist = ready(picture.enrollment, has_moved=has_moved)
    inside = slowed(jobs, "_brief", meeting=not locks)
    if not locks:
        without_locks(monkeypatch)
    sent, cleared = together(lambda: sent_with(picture, artist), after(inside, uploading.clear_unused))
    if locks:
        assert isinstance(sent, Brief) and sent.first_frame == picture and cleared == 0
    else:
        assert an_error_page(sent, cleared)


def ready(artist: Enrollment, *, has_moved: bool) -> Enrollment:
    """Who sends the picture, with a lane: making it would already be a meeting of the two."""
    sender = moved(artist) if has_moved else artist
    Lane.objects.get_or_create(enrollment=sender, defaults={"program": sender.program})
    return sender


def an_error_page(*results: Any) -> bool:
    """A key that leads nowhere at the commit, or two who wait for each other: nothing that words were made for."""
    return any(isinstance(result, DatabaseError) for result in results)
