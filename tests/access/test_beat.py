"""A worker whose clock died ends; one that closes, or whose clock lives, does not."""

import os
import threading

import pytest

from access import beat


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
