"""What a worker does between jobs, and with several batches at hand."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from generation import ending, engines, registry, worker
from generation.models import Pipeline
from generation.refusals import DeviceLost, Trouble
from tests import make
from tests.generation.conftest import DrawnEngine

pytestmark = pytest.mark.django_db


def test_an_idle_worker_loads_the_model_once_before_anybody_asks(engine: DrawnEngine) -> None:
    make.pipeline()
    worker.serve()
    worker.serve()
    assert engine.loads == 1


def test_what_was_found_is_noted_on_the_pipeline(engine: DrawnEngine) -> None:
    pipeline = make.pipeline()
    worker.serve()
    pipeline.refresh_from_db()
    assert pipeline.loaded == engine.found and pipeline.loaded_at


def test_a_folder_that_cannot_be_loaded_is_told_of_before_anybody_waits(engine: DrawnEngine) -> None:
    pipeline = make.pipeline()
    engine.trouble = "It is broken."
    worker.serve()
    pipeline.refresh_from_db()
    assert pipeline.trouble == "It is broken."
    assert not engines.are_any()


def test_a_pipeline_of_another_queue_is_left_to_its_own_workers(engine: DrawnEngine) -> None:
    Pipeline.objects.filter(pk=make.pipeline().pk).update(queue="big")
    worker.serve()
    assert engine.loads == 0


def test_a_bounded_number_of_models_is_resident(
    monkeypatch: pytest.MonkeyPatch, settings: pytest.FixtureRequest, engine: DrawnEngine
) -> None:
    settings.RENDER_RESIDENT = 2
    made: dict[str, DrawnEngine] = {}
    monkeypatch.setattr(engines, "make_engine", lambda pipeline: made.setdefault(pipeline.slug, DrawnEngine()))
    first, second, third = (make.pipeline(slug=slug) for slug in ("first", "second", "third"))
    for pipeline in (first, second, first, third):
        engines.loaded(pipeline)
    assert made["second"].is_freed and not made["first"].is_freed and not made["third"].is_freed


def test_a_broken_model_sends_no_other_away(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings, engine: DrawnEngine
) -> None:
    settings.RENDER_RESIDENT = 1
    broken = DrawnEngine()

    def check() -> None:
        raise Trouble("It is broken.")

    monkeypatch.setattr(broken, "check", check)
    monkeypatch.setattr(engines, "make_engine", lambda pipeline: broken if pipeline.slug == "broken" else engine)
    engines.loaded(make.pipeline(slug="sound"))
    with pytest.raises(Trouble):
        engines.loaded(make.pipeline(slug="broken"))
    assert not engine.is_freed


def test_a_child_whose_device_is_lost_at_the_start_says_so_and_goes(
    monkeypatch: pytest.MonkeyPatch, engine: DrawnEngine
) -> None:
    left: list[bool] = []

    def load() -> dict[str, Any]:
        raise DeviceLost("CUDA error: no kernel image is available")

    monkeypatch.setattr(engine, "load", load)
    monkeypatch.setattr(worker, "leave", lambda: left.append(True))
    pipeline = make.pipeline()
    worker.warm_up()
    pipeline.refresh_from_db()
    assert left == [True] and "no kernel image" in pipeline.trouble


def test_a_changed_row_is_loaded_anew(engine: DrawnEngine) -> None:
    pipeline = make.pipeline()
    engines.loaded(pipeline)
    pipeline.cache = "first_block"
    assert not engines.is_resident(pipeline)
    engines.loaded(pipeline)
    assert engine.is_freed


def test_a_repinned_folder_is_loaded_anew(engine: DrawnEngine, tmp_path: Path) -> None:
    pipeline = make.pipeline()
    engines.loaded(pipeline)
    copy = shutil.copytree(pipeline.path, tmp_path / "copy")
    (copy / "notes.md").write_text("One file more.")
    Pipeline.objects.filter(pk=pipeline.pk).update(folder=str(copy))
    pipeline.refresh_from_db()
    assert not engines.is_resident(registry.pin(pipeline, by=None))


def test_asked_to_end_it_takes_nothing_more(engine: DrawnEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    artist = make.artist(program=make.program())
    make.pipeline()
    make.job(enrollment=artist)
    monkeypatch.setattr(ending, "_asked_at", 0.0)
    monkeypatch.setattr(ending, "is_forgotten", lambda: False)
    assert worker.drain() == 0
