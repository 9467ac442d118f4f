"""Measurements are taken one by one: one that this machine cannot take, or that misses, keeps no other back."""

import json
import threading

import pytest

from bench import __main__ as bench
from bench.figures import Figure
from bench.together import together
from generation.drill.servers import Missing


def missing() -> Figure:
    raise Missing("there is no PostgreSQL")


def test_what_needs_a_server_that_is_not_there_is_left_out_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ONLY", raising=False)
    monkeypatch.setattr(bench, "BENCHMARKS", {"first": missing, "second": lambda: Figure("second", 1, "s", 2)})
    assert bench.main() == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"name": "first", "value": None, "not_taken": "there is no PostgreSQL"}
    assert second["ok"] is True


def test_a_figure_is_right_if_it_reaches_its_target_and_all_else_holds() -> None:
    def ok(value: float, **facts: bool) -> object:
        return Figure("name", value, "s", 2, **facts).as_line()["ok"]

    assert ok(2) and not ok(3) and ok(3, at_least=True) and not ok(1, at_least=True)
    assert not ok(1, holds=False)


def test_hands_begin_when_all_stand_ready() -> None:
    ready: list[int] = []

    def work() -> None:
        assert len(ready) == 4

    assert together([work] * 4, ready=[lambda: ready.append(threading.get_ident())] * 4) >= 0


def test_what_goes_wrong_with_one_hand_is_told_by_its_name() -> None:
    def fail() -> None:
        raise ValueError("the floor's queue is empty")

    with pytest.raises(ValueError, match="queue is empty"):
        together([fail, lambda: None])
    with pytest.raises(ValueError, match="queue is empty"):
        together([lambda: None] * 3, ready=[fail] * 3)
