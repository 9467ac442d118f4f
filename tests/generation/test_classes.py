"""The whole path, from the brief to files in the store, for pipeline classes that are not ours."""

import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import LazySettings

from access.models import Enrollment, Program
from generation import engines, jobs, worker
from generation.encoding import frames_of
from generation.jobs import Wish
from generation.models import Job, Output, Pipeline, Preview
from tests import make
from tests.generation import tiny

pytestmark = [
    pytest.mark.ml,
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:In CPU autocast:UserWarning"),  # Mochi asks for what only a GPU has
]
CLASSES = ("LTXPipeline", "WanPipeline", "CogVideoXPipeline", "MochiPipeline")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: tiny.build(name, tmp_path_factory.mktemp(name)) for name in CLASSES}


@pytest.fixture
def program() -> Program:
    return make.program()


def served(name: str, folders: dict[str, Path]) -> Pipeline:
    return make.pipeline(slug=name.lower(), name=name, folder=str(folders[name]), batch_limit=2)


def submit(artist: Enrollment, pipeline: Pipeline, **wish: object) -> list[Job]:
    wanted = Wish("a red circle moving left", steps=4, **wish)
    brief = jobs.submit(wanted, enrollment=artist, pipeline=pipeline, credential=None, key=make.key())
    return list(brief.jobs.order_by("number"))


@pytest.mark.parametrize("name", CLASSES)
def test_from_brief_to_output(artist: Enrollment, folders: dict[str, Path], name: str) -> None:
    pipeline = served(name, folders)
    pair = submit(artist, pipeline, variations=2, seed=5)
    assert worker.drain() == 2
    assert Pipeline.objects.get(pk=pipeline.pk).trouble == ""
    outputs = [Output.objects.get(job=job) for job in pair]
    assert outputs[0].master_sha256 != outputs[1].master_sha256
    for output in outputs:
        assert output.provenance["class"] == name and output.is_of_a_batch
        assert output.provenance["manifest_sha256"] == pipeline.manifest_sha256
        frames = frames_of(output.master.path, width=output.width, height=output.height)
        assert frames.shape == (output.frames, output.height, output.width, 3) and frames.std() > 0
        recipes = set(output.renditions.values_list("recipe", flat=True))
        assert recipes == {"playable", "poster", "contact_sheet", "proxy", "making"}
    assert not Preview.objects.exists()


@pytest.mark.parametrize("name", CLASSES)
def test_a_batch_looks_like_its_members_alone(artist: Enrollment, folders: dict[str, Path], name: str) -> None:
    pipeline = served(name, folders)
    submit(artist, pipeline, variations=2, seed=5)
    worker.drain()
    together = Output.objects.get(job__seed=6)
    Pipeline.objects.filter(pk=pipeline.pk).update(batch_limit=1, loaded={})
    (job,) = submit(artist, pipeline, seed=6)
    worker.drain()
    alone = Output.objects.get(job=job)
    pictures = [frames_of(one.master.path, width=one.width, height=one.height) for one in (together, alone)]
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() <= 2


def test_one_worker_serves_several_models_in_turn_and_holds_one(
    artist: Enrollment, folders: dict[str, Path], settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from generation.diffusers_engine import loading

    settings.RENDER_RESIDENT = 1
    opened, open_pipeline = list[tuple[str, weakref.ref[Any]]](), loading.open_pipeline

    def opening(row: Pipeline, *rest: Any) -> Any:
        assert alive() == [], "another model is in memory still"
        pipeline = open_pipeline(row, *rest)
        opened.append((row.name, weakref.ref(pipeline.transformer)))
        return pipeline

    def alive() -> list[str]:
        return [name for name, transformer in opened if transformer() is not None]

    monkeypatch.setattr(engines, "_resident", OrderedDict())
    monkeypatch.setattr(loading, "open_pipeline", opening)
    for name in (*CLASSES[:3], CLASSES[0]):
        submit(artist, served(name, folders), seed=len(opened))
        assert worker.drain() == 1
        assert alive() == [name]
    assert [name for name, _ in opened] == [*CLASSES[:3], CLASSES[0]]
    assert [output.provenance["class"] for output in Output.objects.order_by("created_at")] == [
        *CLASSES[:3],
        CLASSES[0],
    ]
