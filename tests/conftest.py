import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.db import connection

from access import clock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say of each test what it needs and this run does not have."""
    has_postgres = "postgresql" in settings.DATABASES["default"]["ENGINE"]
    has_chromium = bool(shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"))
    for item in items:
        if item.get_closest_marker("postgres") and not has_postgres:
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL: set DATABASE_URL"))
        if item.get_closest_marker("browser") and not has_chromium:
            item.add_marker(pytest.mark.skip(reason="needs Chromium"))


@pytest.fixture(scope="module")
def leave_the_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """For modules with a live server: end at last what its threads keep open, so that the database can be dropped.

    The pool goes with them, or the next module would be given connections that are dead.
    """
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # of PostgreSQL's wrapper


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    """Set the clock: ``at(instant)``; it stands still from then on."""
    with mock.patch.object(clock, "now", wraps=clock.now) as now:

        def set_clock(instant: datetime) -> None:
            now.side_effect = lambda: instant

        yield set_clock
