"""The halt lock of a program: claims share it, a halt takes it alone.

In a study before this code (six claiming workers against 20 halts) a ``NOT EXISTS(halt)`` in the claim alone let
claims commit after the halt, a row lock starved the halt for seconds, and the advisory lock did neither; our own race
tests hold the first and the last. It must be a statement of its own,
before the halts are read, or the claim reads a snapshot from before its lock. SQLite's IMMEDIATE transactions already
let only one writer in.
"""

from django.db import connection

from access.models import Program

CLASS = 7262  # our name space of advisory locks


def share_halt_lock(program: Program) -> None:
    """Taken by whatever a halt must stop, until the end of its transaction."""
    _lock("pg_advisory_xact_lock_shared", program)


def take_halt_lock(program: Program) -> None:
    """Taken by the halt: waits for running claims to commit, keeps new ones waiting."""
    _lock("pg_advisory_xact_lock", program)


def _lock(function: str, program: Program) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s, %s)", [CLASS, program.pk])
