"""The only clock of the house. A verb asks once, after it has its locks, and passes the instant on."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from django.db import connection

from access.sql import run

One = TypeVar("One")


def now() -> datetime:
    """The present instant in UTC: the database's own where it has one, so that all processes agree."""
    if connection.vendor == "postgresql":
        instant: datetime = run("SELECT clock_timestamp()")[0][0]
        return instant.astimezone(UTC)
    return datetime.now(UTC)


def within(seconds: float, those: Iterable[One]) -> Iterator[One]:
    """The first of them, and whatever others can be begun within so many seconds.

    For what takes long in a worker with one pair of hands: the sweep of the queue and the mail wait meanwhile.
    """
    until = time.monotonic() + seconds
    for one in those:
        yield one
        if time.monotonic() > until:
            return
