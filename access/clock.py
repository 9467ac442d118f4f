"""The only clock of the house. A verb asks once, after it has its locks, and passes the instant on."""

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """The present instant in UTC: the database's own where it has one, so that all processes agree."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0].astimezone(UTC)
    return datetime.now(UTC)
