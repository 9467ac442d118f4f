"""A worker that cannot work: the reason is said, jobs wait in their places, and repair needs no restart."""

import errno
import os
import shutil
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import OperationalError

from access import clock
from access.models import Enrollment
from generation import claiming, encoding, ending, engines, quota, registry, rendering, watch, worker
from generation.models import Job, Output, Pipeline, QuotaEntry
from generation.refusals import DeviceLost, OutOfMemory
from tests import make
from tests.generation.conftest import DrawnEngine

Clock = Callable[[datetime], None]


@pytest.fixture
def folder(tmp_path: Path, settings: LazySettings) -> Path:
    return Path(shutil.copytree(settings.POCKET_FOLDER, tmp_path / "pocket"))


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is in memory yet."""
    monkeypatch.setattr(engines, "_resident", OrderedDict())


def overwrite_weights(folder: Path) -> None:
    weights = next((folder / "transformer").glob("*.safetensors"))
    weights.write_bytes(b"\xff" * 1000)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (shutil.rmtree, "not there"),
    "no index": (lambda folder: (folder / "model_index.json").unlink(), "model_index.json"),
    "code inside": (lambda folder: (folder / "transformer/evil.py").write_text("1/0"), "evil.py"),
    "pickle inside": (lambda folder: (folder / "vae/pytorch_model.bin").write_bytes(b"x"), "pytorch_model.bin"),
    "corrupt weights": (overwrite_weights, "not the one that was pinned"),
    "corrupt index": (lambda folder: (folder / "model_index.json").write_text("{"), "cannot be read"),
    "crafted shards": (
        lambda folder: (folder / "text_encoder/model.safetensors.index.json").write_text(
            '{"weight_map": {"a": ["x"]}}'
        ),
        "does not say which files",
    ),
    "another studio": (lambda folder: (folder / "studio.json").write_text("{}"), "studio.json differ"),
}


@pytest.mark.ml
@pytest.mark.django_db
@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_folder_makes_jobs_wait_until_it_is_repaired(folder: Path, at: Clock, damage: str) -> None:
    make.pipeline(folder=str(folder))
    artist = make.artist(program=make.program())
    job, start = make.job(enrollment=artist, steps=8), clock.now()
    sound = folder.with_name("sound")
    shutil.copytree(folder, sound)
    break_it, words = DAMAGES[damage]
    break_it(folder)
    at(start)
    assert worker.drain() == 1  # tried once, not again and again
    row, pipeline = Job.objects.get(pk=job.pk), Pipeline.objects.get()
    assert words in pipeline.trouble and pipeline.trouble_at == start
    assert (row.state, row.failures, row.queued_at) == ("queued", 0, job.queued_at)
    assert not QuotaEntry.objects.filter(kind="refund").exists()
    assert worker.drain() == 0  # it rests

    shutil.rmtree(folder, ignore_errors=True)
    sound.rename(folder)
    if damage in ("missing", "corrupt weights"):  # the rest is the same from here on
        at(start + 2 * claiming.TROUBLE_REST)
        assert worker.drain() == 1
        row.refresh_from_db()
        assert (row.state, row.failures, row.attempt) == ("finished", 0, 2)
        assert Pipeline.objects.get().trouble == ""


@pytest.mark.ml
@pytest.mark.django_db
@pytest.mark.usefixtures("fresh")
def test_what_was_pinned_broken_is_not_guessed_at(folder: Path) -> None:
    overwrite_weights(folder)
    make.pipeline(folder=str(folder))
    job = make.job(enrollment=make.artist(program=make.program()), steps=8)
    assert worker.drain() == 1
    assert "cannot be loaded" in Pipeline.objects.get().trouble
    assert_it_waits(job)
    pinned = registry.pin(Pipeline.objects.get(), by=None)
    assert pinned.trouble == ""
    worker.warm_up()  # a worker that starts says so before anybody waits for it
    pinned.refresh_from_db()
    assert "cannot be loaded" in pinned.trouble


@pytest.mark.ml
@pytest.mark.usefixtures("fresh")
def test_the_real_pipeline_from_brief_to_output(artist: Enrollment, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[tuple[str, int, int]] = []
    report = rendering.report

    def listen(job: Job, *, phase: str, step: int, jpeg: bytes = b"") -> None:
        looks.append((phase, step, len(jpeg)))
        report(job, phase=phase, step=step, jpeg=jpeg)

    monkeypatch.setattr(rendering, "report", listen)
    monkeypatch.setattr(watch, "REPORT_EVERY", 0.0)
    first = make.job(enrollment=artist, steps=8, seed=7)
    again = make.job(enrollment=make.artist(program=artist.program), steps=8, seed=7)  # one's own would be a repeat
    assert worker.drain() == 2
    one, two = Output.objects.get(job=first), Output.objects.get(job=again)
    assert (one.width, one.height, one.frames, one.frame_rate) == (96, 64, 17, 8.0)
    assert one.master_sha256 == two.master_sha256  # the same seed is the same clip
    assert one.provenance["call"]["num_inference_steps"] == 8 and one.provenance["versions"]["torch"]
    assert {r.recipe for r in one.renditions.all()} == {"playable", "poster", "contact_sheet", "proxy", "making"}
    assert [phase for phase, _, _ in looks][:1] == ["denoise"]
    assert [step for phase, step, jpeg in looks if phase == "denoise" and jpeg] == list(range(1, 9)) * 2
    phases = [phase for phase, _ in groupby(phase for phase, _, _ in looks)]
    assert phases == ["denoise", "decode", "encode"] * 2
    pipeline = Pipeline.objects.get()
    assert pipeline.seconds_per_step > 0 and pipeline.seconds_around > 0
    assert (pipeline.loaded["class"], pipeline.loaded["from_image"]) == ("LTXPipeline", True)


# --- trouble outside the folder -------------------------------------------------------------------------------------
def assert_it_waits(job: Job) -> None:
    row = Job.objects.get(pk=job.pk)
    assert (row.state, row.failures, row.worker, row.lease_until) == ("queued", 0, "", None)
    assert not Output.objects.exists() and not QuotaEntry.objects.filter(kind="refund").exists()


def test_without_ffmpeg_jobs_wait(artist: Enrollment, engine: DrawnEngine, at: Clock, settings: LazySettings) -> None:
    at(clock.now())
    first = make.job(enrollment=artist, steps=8)
    make.job(enrollment=artist, steps=8)
    settings.FFMPEG_BINARY = "/nowhere/ffmpeg"
    assert worker.drain() == 1
    assert "FFMPEG_BINARY" in Pipeline.objects.get().trouble
    assert_it_waits(first)
    settings.FFMPEG_BINARY = ""
    assert worker.drain() == 0
    at(clock.now() + 2 * claiming.TROUBLE_REST)
    assert worker.drain() == 2
    assert Pipeline.objects.get().trouble == ""


def test_the_trouble_stands_until_a_clip_is_finished(
    artist: Enrollment, engine: DrawnEngine, at: Clock, settings: LazySettings
) -> None:
    """A model that loads proves nothing about the encoder."""
    at(clock.now())
    make.job(enrollment=artist, steps=8)
    settings.FFMPEG_BINARY = "/nowhere/ffmpeg"
    worker.drain()
    seen: list[str] = []
    engine.at_step[5] = lambda: seen.append(Pipeline.objects.get().trouble)
    at(clock.now() + 2 * claiming.TROUBLE_REST)
    worker.drain()
    assert len(seen) == 1 and "FFMPEG_BINARY" in seen[0]


def test_a_full_disk_sends_the_job_back(
    artist: Enrollment, engine: DrawnEngine, at: Clock, monkeypatch: pytest.MonkeyPatch, media_dir: Path
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    at(clock.now())
    job = make.job(enrollment=artist, steps=8)
    with monkeypatch.context() as patched:
        patched.setattr("access.storing.os.fsync", full)
        assert worker.drain() == 1
    assert_it_waits(job)
    assert "No space left on device" in Pipeline.objects.get().trouble
    assert not [path for path in media_dir.rglob("*") if path.is_file()]
    at(clock.now() + 2 * claiming.TROUBLE_REST)
    assert worker.drain() == 1
    assert Output.objects.get().job == job


def test_a_database_that_is_locked_is_nobodys_fault(
    artist: Enrollment, engine: DrawnEngine, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*args: object, **named: object) -> None:
        raise OperationalError("database is locked")

    at(clock.now())
    Pipeline.objects.update(leases={"denoise": 0.5})  # as long as it is waited for
    job = make.job(enrollment=artist, steps=8)
    with monkeypatch.context() as patched:
        patched.setattr(rendering, "finish", locked)
        assert worker.drain() == 1
    assert_it_waits(job)
    assert "database" in Pipeline.objects.get().trouble


# --- jobs that do harm ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "words", "tries"),
    [(RuntimeError("boom"), "with an error", 3), (OutOfMemory("boom"), "ran out of memory", 1)],
)
def test_a_poison_job_fails_after_a_few_tries_and_the_others_go_on(
    artist: Enrollment, engine: DrawnEngine, error: Exception, words: str, tries: int
) -> None:
    poison, sound = make.job(enrollment=artist, steps=8, seed=1), make.job(enrollment=artist, steps=8, seed=2)

    def sometimes() -> None:
        if engine.orders[-1].seed == 1:
            raise error

    engine.at_step[4] = sometimes
    assert worker.drain() == tries + 1
    poison.refresh_from_db()
    sound.refresh_from_db()
    assert (poison.state, poison.attempt, sound.state) == ("failed", tries, "finished")
    assert words in poison.reason and "boom" not in poison.reason
    assert QuotaEntry.objects.filter(kind="refund").get().job == poison
    assert quota.quota_left(artist, clock.now()) == artist.cohort.daily_quota - 1


def test_after_an_error_the_model_is_loaded_anew(
    artist: Enrollment, engine: DrawnEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[DrawnEngine] = []

    def make_engine(pipeline: Pipeline) -> DrawnEngine:
        made.append(DrawnEngine())
        if len(made) == 1:
            made[0].at_step[2] = lambda: 1 / 0
        return made[-1]

    monkeypatch.setattr(engines, "make_engine", make_engine)
    make.job(enrollment=artist, steps=8)
    make.job(enrollment=artist, steps=8)
    worker.drain()
    assert len(made) == 2  # one for the failure, one for everything after it
    assert set(Job.objects.values_list("state", flat=True)) == {"finished"}


def test_a_child_that_lost_its_device_counts_a_failure_and_takes_nothing_more(
    artist: Enrollment, engine: DrawnEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "_asked_at", None)
    monkeypatch.setattr(ending, "_broken", False)
    left: list[bool] = []
    monkeypatch.setattr(worker, "leave", lambda: left.append(True))
    job = make.job(enrollment=artist, steps=8)

    def lose() -> None:
        raise DeviceLost("CUDA error: an illegal memory access was encountered")

    engine.at_step[3] = lose
    assert worker.drain() == 1
    row = Job.objects.get(pk=job.pk)
    assert (row.state, row.failures) == ("queued", 1)
    assert left == [True] and not engine.is_freed, "nothing can be given back to a lost device"


def test_a_database_that_goes_while_a_job_fails_is_not_the_end_of_the_worker(
    artist: Enrollment, engine: DrawnEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make.job(enrollment=artist, steps=8)
    engine.at_step[2] = lambda: 1 / 0

    def locked(*args: object, **named: object) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(rendering, "fail", locked)
        assert worker.drain() == 1
    assert engine.is_freed and Job.objects.get(pk=job.pk).state == "running", "its lease will tell"


def test_asked_to_end_the_worker_hands_its_job_back(
    artist: Enrollment, engine: DrawnEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM in the middle, by a real signal; what the parent adds is in test_kill.py."""
    import signal

    monkeypatch.setattr(ending, "_asked_at", None)
    before = signal.getsignal(signal.SIGTERM)
    job = make.job(enrollment=artist, steps=8)
    make.job(enrollment=artist, steps=8)
    engine.at_step[3] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    assert worker.drain() == 1
    assert_it_waits(job)
    assert worker.drain() == 0  # its parent closes
    assert signal.getsignal(signal.SIGTERM) is before
    monkeypatch.setattr(ending, "_asked_at", -1e9)
    with pytest.raises(SystemExit):  # nobody closed: another child is better than one that never works again
        worker.drain()


def test_the_encoder_is_found() -> None:
    assert Path(encoding.ffmpeg_binary()).exists()
