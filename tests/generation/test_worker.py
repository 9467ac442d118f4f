"""What a worker does between jobs."""

from pathlib import Path

import pytest

from generation import worker
from tests import make

pytestmark = pytest.mark.django_db


class Shelf:
    """An engine that only counts how often it was loaded."""

    def __init__(self) -> None:
        self.loads = 0

    def load(self) -> None:
        self.loads += 1


def test_an_idle_worker_loads_the_model_once_before_anybody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    make.pipeline()
    shelf = Shelf()
    monkeypatch.setattr(worker, "_engines", {})
    monkeypatch.setattr(worker, "make_engine", lambda pipeline: shelf)
    worker.serve()
    worker.serve()
    assert shelf.loads == 1


def test_a_folder_that_cannot_be_loaded_is_told_of_before_anybody_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipeline = make.pipeline(slug="broken", folder=str(tmp_path))
    monkeypatch.setattr(worker, "_engines", {})
    worker.serve()
    pipeline.refresh_from_db()
    assert "model_index.json" in pipeline.trouble
    assert worker._engines == {}
