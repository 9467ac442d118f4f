"""Statements of our own, where the ORM's detour costs more than the database's work."""

import uuid
from datetime import datetime
from typing import Any

from django.db import connection


def bind(**values: Any) -> dict[str, Any]:
    """Values as the database in use stores them: instants and UUIDs are texts on SQLite."""
    if connection.vendor == "postgresql":
        return values
    return {name: _as_text(value) for name, value in values.items()}


def _as_text(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return value.hex
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def locking(*tables: str) -> str:
    """The end of a SELECT that locks rows of these tables; SQLite's transactions already let one writer in alone.

    NO KEY UPDATE leaves those alone who only insert rows that point to the locked one.
    """
    return f" FOR NO KEY UPDATE OF {', '.join(tables)}" if connection.vendor == "postgresql" else ""
