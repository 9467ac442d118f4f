"""Statements of our own, where the ORM's detour costs more than the database's work.

On PostgreSQL they are prepared by psycopg on the connection that Django holds, in its transaction: parsed and planned
once, not each time. On SQLite the same statements run through Django's cursor.
"""

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from typing import Any

from django.db import connection, models

Row = tuple[Any, ...]


def run(statement: str, **values: Any) -> list[Row]:
    """The rows of a query, or of what a statement returns."""
    with closing(_executed(statement, values)) as cursor:
        return list(cursor.fetchall())


def change(statement: str, **values: Any) -> int:
    """How many rows a statement changed."""
    with closing(_executed(statement, values)) as cursor:
        return int(cursor.rowcount)


def _executed(statement: str, values: dict[str, Any]) -> Any:
    if connection.vendor != "postgresql":
        cursor = connection.cursor()
        cursor.execute(statement, {name: _as_text(value) for name, value in values.items()})
        return cursor
    connection.ensure_connection()
    told = {name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in values.items()}
    with connection.wrap_database_errors:
        return _prepared(connection.connection).execute(statement, told, prepare=True)


def _prepared(raw: Any) -> Any:
    """A cursor that binds on the server, as a prepared statement needs; Django's own binds on the client."""
    import psycopg  # not there where the embedded database is all there is

    return psycopg.Cursor(raw)


def _as_text(value: Any) -> Any:
    """A value as SQLite stores it."""
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, list | dict):
        return json.dumps(value)
    if isinstance(value, dt.datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def as_uuid(value: Any) -> uuid.UUID:
    """A key as a statement returned it: SQLite has texts."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def insert(*rows: models.Model, unless_there: bool = False) -> int:
    """Insert rows of one model, as ``save(force_insert=True)`` does; how many went in.

    Args:
        unless_there: leave out a row that a constraint keeps out, instead of raising.

    Raises:
        IntegrityError: the schema refuses a row. On PostgreSQL the transaction is over then, unless in a savepoint.
    """
    model = type(rows[0])
    fields = _fields(model)
    statement = _insertion(model, unless_there)
    inserted = 0
    for row in rows:
        made = run(statement, **{field.attname: getattr(row, field.attname) for field in fields})
        inserted += len(made)
        if made:
            row.pk, row._state.adding = made[0][0] if row.pk is None else row.pk, False
    return inserted


@cache
def _fields(model: type[models.Model]) -> Sequence[models.Field]:
    """The columns that a statement fills; the database counts an automatic key itself."""
    return [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]


@cache
def _insertion(model: type[models.Model], unless_there: bool) -> str:
    fields = _fields(model)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(f"%({field.attname})s" for field in fields)
    end, key = " ON CONFLICT DO NOTHING" if unless_there else "", model._meta.pk.column
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({values}){end} RETURNING "{key}"'  # noqa: S608  our own names


def locking(*tables: str) -> str:
    """The end of a SELECT that locks rows of these tables; SQLite's transactions already let one writer in alone.

    NO KEY UPDATE leaves those alone who only insert rows that point to the locked one.
    """
    return f" FOR NO KEY UPDATE OF {', '.join(tables)}" if connection.vendor == "postgresql" else ""
