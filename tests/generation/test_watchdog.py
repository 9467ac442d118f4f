"""Which children the parent ends. That it does is in test_kill.py."""

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import connection

from access.models import Enrollment
from generation import rendering, upkeep
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


@pytest.mark.parametrize("worker", [f"elsewhere:{CHILD}", f"{socket.gethostname()}:4000002"])
def test_the_children_of_others_are_not_ours_to_end(artist: Enrollment, dog: Watchdog, at: Clock, worker: str) -> None:
    lease = lease_of(artist, worker)
    dog.overdue()
    at(lease + timedelta(hours=1))
    assert dog.overdue() == []


def test_the_parent_is_never_its_own_child() -> None:
    assert pool_pids(SimpleNamespace(info={"processes": [os.getpid()]})) == set()
    assert pool_pids(SimpleNamespace(info={})) == set()
