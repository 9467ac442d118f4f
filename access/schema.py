"""Rules that the schema says by trigger, the same on both databases. For use in migrations.

SQLite drops a table's triggers when Django rebuilds the table: a later migration that alters one of these tables must
name the rule again, and a test reads the catalogs after ``migrate`` for every rule by name.
"""

import re
from collections.abc import Callable

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import StateApps


def rule(name: str, table: str, when: str, refuse_if: str, says: str) -> migrations.RunPython:
    """A trigger that refuses a write.

    Args:
        name: the rule's name in the catalogs.
        when: ``BEFORE INSERT`` or the like.
        refuse_if: an SQL condition over ``NEW`` and ``OLD``, understood by both databases. ``SECONDS(a, b)`` in it
            are those from one column of instants to another; SQLite counts them from days, to a thousandth.
        says: the database's own words when it refuses.
    """

    def add(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in _statements(editor.connection.vendor, name, table, when, refuse_if, says):
            editor.execute(statement, params=None)

    def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        on = f" ON {table}" if editor.connection.vendor == "postgresql" else ""
        editor.execute(f"DROP TRIGGER IF EXISTS {name}{on}", params=None)

    return migrations.RunPython(add, drop)


def _statements(vendor: str, name: str, table: str, when: str, refuse_if: str, says: str) -> list[str]:
    says, refuse_if = says.replace("'", "''"), _SECONDS.sub(_COUNTED[vendor], refuse_if)
    if vendor == "sqlite":
        return [
            f"DROP TRIGGER IF EXISTS {name}",
            f"CREATE TRIGGER {name} {when} ON {table} WHEN {refuse_if} "
            f"BEGIN SELECT RAISE(ABORT, '{name}: {says}'); END",
        ]
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {refuse_if} THEN RAISE EXCEPTION '{name}: {says}' USING ERRCODE = 'integrity_constraint_violation'; "
        "END IF; "
        "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$",
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
        f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


_SECONDS = re.compile(r"SECONDS\((\S+), (\S+)\)")
_COUNTED = {
    "sqlite": r"((julianday(\2) - julianday(\1)) * 86400)",
    "postgresql": r"EXTRACT(EPOCH FROM \2 - \1)",
}


def append_only(table: str) -> list[migrations.RunPython]:
    """Rows of the table are written once and never changed or deleted."""
    return [
        rule(f"{table}_never_changes", table, "BEFORE UPDATE", _ALWAYS, "rows are append-only"),
        rule(f"{table}_never_goes", table, "BEFORE DELETE", _ALWAYS, "rows are append-only"),
    ]


_ALWAYS = "1 = 1"


def together(*rules: migrations.RunPython) -> migrations.RunPython:
    """Many rules as one operation: between any two, Django would copy its whole picture of all models."""

    def add(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for each in rules:
            each.code(apps, editor)

    def drop(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for each in reversed(rules):
            if each.reverse_code is not None:
                each.reverse_code(apps, editor)

    return migrations.RunPython(add, drop)


def rebuilding(*operations: Operation) -> list[Operation]:
    """Operations that make Django rebuild tables on SQLite, although triggers of other tables name these.

    SQLite refuses the rename at the end of a rebuild while such a trigger exists, unless told to rename as it did
    before 3.26 (https://www.sqlite.org/lang_altertable.html#alter_table_rename).
    """
    return [
        migrations.RunPython(_legacy("ON"), _legacy("OFF")),
        *operations,
        migrations.RunPython(_legacy("OFF"), _legacy("ON")),
    ]


def _legacy(value: str) -> Callable[[StateApps, BaseDatabaseSchemaEditor], None]:
    def switch(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor == "sqlite":
            editor.execute(f"PRAGMA legacy_alter_table={value}", params=None)

    return switch
