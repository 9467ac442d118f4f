"""How the site speaks with PostgreSQL."""

import pytest

from access.sql import run

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


def test_no_statement_is_compiled_before_it_runs() -> None:
    """What walks the queue looks dear and is quick: compiling it made a claim of 100,000 that wait take seconds."""
    assert run("SHOW jit") == [("off",)]
