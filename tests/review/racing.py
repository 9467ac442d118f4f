"""How tests let verbs of review meet, and how they take a rule of the schema away to see what it was for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, models

PATIENCE = 20  # seconds at a meeting point; longer means that somebody waits for ever


def race(*runners: Callable[[], Any], patience: float = PATIENCE * 2) -> list[Any]:
    """Start all at once, each in a thread with a connection of its own; what each returned, or its exception."""
    start = threading.Barrier(len(runners))
    ends: list[Any] = [None] * len(runners)

    def run(lane: int, runner: Callable[[], Any]) -> None:
        try:
            start.wait(PATIENCE)
            ends[lane] = runner()
        except Exception as lost:  # noqa: BLE001  a deadlock too is an end that the test must see
            ends[lane] = lost
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience)
    return ends


def won(ends: list[Any]) -> list[Any]:
    return [end for end in ends if not isinstance(end, Exception)]


def lost(ends: list[Any]) -> list[type]:
    return [type(end) for end in ends if isinstance(end, Exception)]


@contextmanager
def without(model: type[models.Model], *names: str) -> Iterator[None]:
    """The schema without these constraints, inside the test's own database."""
    dropped = [constraint for constraint in model._meta.constraints if constraint.name in names]
    assert len(dropped) == len(names)
    with connection.schema_editor() as editor:
        for constraint in dropped:
            editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        with connection.cursor() as cursor:  # the doubles must go before the constraint can come back
            cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")
        with connection.schema_editor() as editor:
            for constraint in dropped:
                editor.add_constraint(model, constraint)


def meet_after(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let both threads pass this function before either goes on."""
    meeting, original = threading.Barrier(2), getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        found = original(*args, **kwargs)
        meeting.wait(PATIENCE)
        return found

    monkeypatch.setattr(module, name, wrapped)


@contextmanager
def without_rule(name: str, table: str) -> Iterator[None]:
    """The schema without this trigger."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {name}")


@contextmanager
def without_one_to_one(model: type[models.Model], name: str) -> Iterator[None]:
    """The schema without the uniqueness of a one-to-one column."""
    table, column = model._meta.db_table, model._meta.get_field(name).column
    find = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'u' AND conname LIKE %s"
    with connection.cursor() as cursor:
        cursor.execute(find, [table, f"%{column}%"])
        constraint = cursor.fetchone()[0]
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} UNIQUE ({column})")
