"""The only clock of the house. A verb asks once, after it has its locks, and passes the instant on."""

from datetime import UTC, datetime

from django.db import connection

from access.sql import run


def now() -> datetime:
    """The present instant in UTC: the database's own where it has one, so that all processes agree."""
    if connection.vendor == "postgresql":
        instant: datetime = run("SELECT clock_timestamp()")[0][0]
        return instant.astimezone(UTC)
    return datetime.now(UTC)
