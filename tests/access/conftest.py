from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from access import storing
from access.models import StoredFile


@pytest.fixture
def store(settings: Settings, tmp_path: Path) -> Path:
    """A store of the test's own."""
    settings.MEDIA_DIR = tmp_path / "media"
    return settings.MEDIA_DIR


@pytest.fixture
def kept(store: Path) -> Callable[..., StoredFile]:
    """Keep bytes in that store, by the product's own verbs: ``kept(b"...")``."""

    def keep(content: bytes, content_type: str = "video/mp4") -> StoredFile:
        with storing.workspace() as folder:
            path = folder / "made"
            path.write_bytes(content)
            kept = storing.keep(path, content_type)
        return storing.file_row(kept)

    return keep
