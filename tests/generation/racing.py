"""How tests let verbs meet: each in a thread and connection of its own, with a window that is held open."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, models

from access.models import Chain

Verb = Callable[[], Any]
PATIENCE = 20.0


class Window(threading.Event):
    """Set once somebody is inside, who is held there until the rival is inside too or done, or time is up.

    A control holds with ``PATIENCE``, so that the two surely meet however busy the machine is; where a lock keeps the
    rival out, time has to run up.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.met = threading.Event()
        self._inside: set[int] = set()

    def hold(self) -> None:
        self._inside.add(threading.get_ident())
        if len(self._inside) > 1:
            self.met.set()
        self.set()
        self.met.wait(self.seconds)


def together(*verbs: Verb) -> list[Any]:
    """Run the verbs at once, each in a thread and connection of its own; what each gave or raised."""
    results: list[Any] = [None] * len(verbs)
    barrier = threading.Barrier(len(verbs))

    def run(place: int, verb: Verb) -> None:
        barrier.wait(PATIENCE)
        try:
            results[place] = verb()
        except Exception as error:  # noqa: BLE001  whatever it is, the test looks at it
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(verbs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), "a deadlock"
    return results


def after(window: Window, verb: Verb) -> Verb:
    """The verb, once somebody is inside, who is let go when it is done."""

    def wait_first() -> Any:
        assert window.wait(PATIENCE)
        try:
            return verb()
        finally:
            window.met.set()

    return wait_first


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row is locked but the heads of the chains: a race must not be saved by where the audit is written."""
    lock = models.QuerySet.select_for_update

    def lock_chains_only(self: Any, **kwargs: Any) -> Any:
        return lock(self, **kwargs) if self.model is Chain else self.all()

    monkeypatch.setattr(models.QuerySet, "select_for_update", lock_chains_only)
