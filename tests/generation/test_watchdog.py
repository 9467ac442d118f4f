"""Which children the parent ends. That it does is in test_kill.py."""

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection

from access.models import Enrollment
from generation import rendering, upkeep, watchdog
from generation.watchdog import GRACE, Watchdog, pool_pids
from tests import make

Clock = Callable[[datetime], None]
CHILD = 4_000_001
ME = f"{socket.gethostname()}:{CHILD}"


@pytest.fixture
def dog(monkeypatch: pytest.MonkeyPatch) -> Watchdog:
    monkeypatch.setattr(type(connection._connections["default"]), "close", lambda self: None)  # the test's own
    return Watchdog(SimpleNamespace(info={"processes": [CHILD, os.getpid()]}))


def lease_of(artist: Enrollment, worker: str) -> datetime:
    make.job(enrollment=artist)
    job = make.claimed(worker)
    assert job and job.lease_until
    return job.lease_until


def test_a_child_within_its_lease_and_grace_lives(artist: Enrollment, dog: Watchdog, at: Clock) -> None:
    lease = lease_of(artist, ME)
    assert dog.overdue() == []
    at(lease + GRACE)
    assert dog.overdue() == []
    at(lease + GRACE + timedelta(seconds=1))
    assert dog.overdue() == [CHILD]


def test_a_child_whose_job_was_swept_away_is_ended_all_the_same(artist: Enrollment, dog: Watchdog, at: Clock) -> None:
    lease = lease_of(artist, ME)
    dog.overdue()
    at(lease + timedelta(seconds=1))
    upkeep.sweep()
    assert dog.overdue() == []
    at(lease + GRACE + timedelta(seconds=1))
    assert dog.overdue() == [CHILD]


def test_a_child_that_went_on_to_another_job_lives(artist: Enrollment, dog: Watchdog, at: Clock) -> None:
    lease = lease_of(artist, ME)
    dog.overdue()
    at(lease + GRACE + timedelta(seconds=1))
    upkeep.sweep()
    assert make.claimed(ME)
    assert dog.overdue() == []


def test_a_child_that_ended_its_job_lives(artist: Enrollment, dog: Watchdog, at: Clock) -> None:
    make.job(enrollment=artist)
    job = make.claimed(ME)
    assert job and job.lease_until
    dog.overdue()
    rendering.put_back(job)
    assert dog.overdue() == []
    at(job.lease_until + timedelta(hours=1))
    assert dog.overdue() == []


def test_what_a_dead_child_had_in_hand_is_given_back_as_soon_as_it_is_missed(
    artist: Enrollment, dog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Celery has replaced it already; its lease has minutes to go."""
    rung: list[str] = []
    monkeypatch.setattr(watchdog, "ring", lambda *, queue: rung.append(queue))
    dog.greet()
    assert rung == ["render"] and dog.known == {CHILD}
    make.job(enrollment=artist)
    job = make.claimed(ME)
    dog.greet()
    assert rung == ["render"], "nothing is new"
    dog.pool.info["processes"] = [CHILD + 1, None, os.getpid()]
    dog.greet()
    job.refresh_from_db()
    assert (job.state, job.failures) == ("queued", 1)
    assert rung == ["render", "render"] and dog.known == {CHILD + 1}


def test_a_database_that_is_away_while_a_child_is_missed_is_asked_again(
    artist: Enrollment, dog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.job(enrollment=artist)
    job = make.claimed(ME)
    dog.known = {CHILD}
    dog.pool.info["processes"] = [CHILD + 1]

    def away(worker: str) -> int:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(upkeep, "give_up", away)
        dog.greet()
    job.refresh_from_db()
    assert job.state == "running" and dog.known == {CHILD}
    dog.greet()
    job.refresh_from_db()
    assert job.state == "queued"


@pytest.mark.parametrize("worker", [f"elsewhere:{CHILD}", f"{socket.gethostname()}:4000002"])
def test_the_children_of_others_are_not_ours_to_end(artist: Enrollment, dog: Watchdog, at: Clock, worker: str) -> None:
    lease = lease_of(artist, worker)
    dog.overdue()
    at(lease + timedelta(hours=1))
    assert dog.overdue() == []


def test_the_parent_is_never_its_own_child() -> None:
    assert pool_pids(SimpleNamespace(info={"processes": [os.getpid()]})) == set()
    assert pool_pids(SimpleNamespace(info={})) == set()
