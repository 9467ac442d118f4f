import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from unittest import mock

import pytest
from django.conf import settings

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


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    """Set the clock: ``at(instant)``; it stands still from then on."""
    with mock.patch.object(clock, "now", wraps=clock.now) as now:

        def set_clock(instant: datetime) -> None:
            now.side_effect = lambda: instant

        yield set_clock
