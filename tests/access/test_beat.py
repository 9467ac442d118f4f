"""A worker whose clock died ends; one that closes, or whose clock lives, does not."""

import os
import threading

import pytest
from django.conf import settings

from access import beat, clock


class Clock:
    """Dies when it was asked for its life so often."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def is_alive(self) -> bool:
        self.looks -= 1
        return self.looks >= 0


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(beat, "POLL", 0.01)
    monkeypatch.setattr(beat, "_is_closing", threading.Event())
    return codes


def test_a_worker_whose_clock_died_ends_with_an_error(ended: list[int], caplog: pytest.LogCaptureFixture) -> None:
    beat._end_without(Clock(looks=3))
    assert ended == [1] and "the clock of this worker died" in caplog.text


def test_a_worker_that_closes_lets_its_clock_end_first(ended: list[int]) -> None:
    beat.let_it_end()
    beat._end_without(Clock(looks=0))
    assert ended == []


def test_no_message_of_the_clock_outlives_the_next_one() -> None:
    """Else a worker that was busy, or away, finds a heap of them."""
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["options"]["expires"] <= max(entry["schedule"], 15.0)


def test_nothing_is_begun_after_its_seconds_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter([0.0, 1.0, 2.5])
    monkeypatch.setattr("access.clock.time.monotonic", lambda: next(instants))
    assert list(clock.within(2.0, "abc")) == ["a", "b"]
