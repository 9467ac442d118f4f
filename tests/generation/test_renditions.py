"""Renditions that did not follow their master are made from it later."""

from datetime import timedelta

import numpy as np
import pytest

from access import clock
from access.models import Enrollment
from generation import rendering, renditions
from generation.encoding import encode
from generation.engine import Clip
from generation.models import Output, Pipeline
from generation.refusals import OutOfMemory
from tests import make
from tests.generation.conftest import Clock

pytestmark = pytest.mark.django_db


def left(artist: Enrollment, *, rows: int = 32) -> Output:
    """As a worker leaves it that was killed right after the clip could be played."""
    make.job(enrollment=artist)
    frames = np.random.default_rng(make.number()).integers(0, 255, (3, rows, 48, 3), dtype=np.uint8)
    return rendering.finish(make.claimed(), encode(Clip(frames, 8.0), width=96))


@pytest.fixture
def output(artist: Enrollment) -> Output:
    return left(artist)


def spoil(output: Output) -> None:
    output.master.path.chmod(0o644)
    output.master.path.write_bytes(b"something else")


def recipes(output: Output) -> set[str]:
    return set(output.renditions.values_list("recipe", flat=True))


def test_what_is_missing_is_made_from_the_master(output: Output, at: Clock) -> None:
    at(clock.now() + timedelta(minutes=2))
    assert renditions.complete_all() == 1
    assert recipes(output) == {"playable", "poster", "contact_sheet", "proxy"}
    assert renditions.complete_all() == 0


def test_a_worker_has_a_minute_to_make_them_itself(output: Output) -> None:
    assert renditions.complete_all() == 0


def test_what_is_there_stays(output: Output, at: Clock) -> None:
    renditions.complete(output)
    before = dict(output.renditions.values_list("recipe", "sha256"))
    renditions.complete(output)
    assert dict(output.renditions.values_list("recipe", "sha256")) == before


def test_a_damaged_master_makes_nothing(output: Output, at: Clock) -> None:
    spoil(output)
    at(clock.now() + timedelta(minutes=2))
    assert renditions.complete_all() == 0 and recipes(output) == {"playable", "poster", "proxy"}


def test_many_that_are_past_repair_do_not_starve_the_others(
    artist: Enrollment, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renditions, "AT_ONCE", 1)
    outputs = [left(artist) for _ in range(4)]
    for output in (*outputs[:1], *outputs[2:]):
        spoil(output)
    at(clock.now() + timedelta(minutes=2))
    assert any(renditions.complete_all() for _ in range(200))  # that it takes more has a chance of 1 to 10^25
    assert "contact_sheet" in recipes(outputs[1])


@pytest.mark.parametrize("error", [OutOfMemory("can't start new thread"), ValueError("cannot reshape"), MemoryError()])
def test_an_error_of_one_output_does_not_end_the_run(
    artist: Enrollment, at: Clock, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    broken, *sound = [left(artist) for _ in range(3)]
    complete = renditions.complete

    def sometimes(output: Output) -> None:
        if output == broken:
            raise error
        complete(output)

    monkeypatch.setattr(renditions, "complete", sometimes)
    at(clock.now() + timedelta(minutes=2))
    assert renditions.complete_all() == 2
    assert all("contact_sheet" in recipes(output) for output in sound)


def test_a_proxy_is_made_though_the_model_declares_another_width_by_now(artist: Enrollment, at: Clock) -> None:
    """The playable of its day was no proxy, today's would be one."""
    tall = left(artist, rows=300)
    assert "proxy" not in recipes(tall)
    Pipeline.objects.update(overrides={"deliver_width": 16})
    at(clock.now() + timedelta(minutes=2))
    assert renditions.complete_all() == 1 and "proxy" in recipes(tall)
    assert renditions.complete_all() == 0
