"""How many pictures are drawn anew at once, and how often: what a stranger sends may cost a core for seconds."""

import contextlib
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from access import clock
from access.models import Enrollment, Program
from generation import pacing, uploading
from generation.refusals import PictureUnusable
from tests import make
from tests.generation.artists import moved
from tests.generation.conftest import Clock
from tests.generation.pictures import SVG, drawn, keep, raw
from tests.generation.racing import together

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "sent",
    [raw(drawn(32, 32)), raw(drawn(480, 320), "JPEG")[:9000], SVG],
    ids=["the same one", "damaged", "no picture"],
)
def test_whatever_becomes_of_them_many_within_an_hour_are_enough(
    artist: Enrollment, program: Program, monkeypatch: pytest.MonkeyPatch, at: Clock, sent: bytes
) -> None:
    monkeypatch.setattr(pacing, "PER_HOUR", 2)
    for _ in range(2):
        with contextlib.suppress(PictureUnusable):
            keep(artist, sent)
    with pytest.raises(PictureUnusable, match="very many"):
        keep(artist, raw(drawn(34, 34)))
    keep(make.artist(program=program), raw(drawn(34, 34)))
    at(clock.now() + make.HOUR)
    keep(artist, raw(drawn(34, 34)))


def test_many_are_counted_also_after_a_move_to_another_cohort(
    artist: Enrollment, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "PER_HOUR", 1)
    keep(artist, raw(drawn(32, 32)))
    with pytest.raises(PictureUnusable, match="very many"):
        keep(moved(artist), raw(drawn(33, 33)))


def test_one_artist_has_one_picture_drawn_at_a_time(
    artist: Enrollment, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "PATIENCE", 0.1)
    with pacing.turn(artist.user_id):
        with pytest.raises(PictureUnusable, match="Wait a little"):
            keep(artist, raw(drawn()))
        keep(make.artist(program=program), raw(drawn()))
    keep(artist, raw(drawn()))


def test_a_machine_draws_few_pictures_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "PATIENCE", 30.0)
    inside, most, guard = 0, 0, threading.Lock()

    def draw() -> None:
        nonlocal inside, most
        with pacing.turn(uuid.uuid4()):
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with guard:
                inside -= 1

    together(*[draw] * 12)
    assert most == pacing.AT_ONCE


def test_a_turn_ends_with_its_holder(artist: Enrollment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when that was killed: the system lets go of a file's lock."""
    monkeypatch.setattr(pacing, "PATIENCE", 0.1)
    door = Path(uploading.settings.VAR_DIR) / "turns" / f"artist-{artist.user_id.int % pacing.DOORS}"
    keep(artist, raw(drawn()))
    hold = (
        f"import fcntl; held = open({str(door)!r}, 'ab'); fcntl.flock(held, fcntl.LOCK_EX); print(flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline()
        with pytest.raises(PictureUnusable, match="Wait a little"):
            keep(artist, raw(drawn()))
        holder.kill()
    assert keep(artist, raw(drawn()))
