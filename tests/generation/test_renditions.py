"""Renditions that did not follow their master are made from it later."""

from datetime import timedelta

import pytest

from access import clock
from access.models import Enrollment
from generation import rendering, renditions
from generation.encoding import encode
from generation.models import Output
from tests import make
from tests.generation.conftest import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def output(artist: Enrollment) -> Output:
    """As a worker leaves it that was killed right after the clip could be played."""
    make.job(enrollment=artist)
    return rendering.finish(make.claimed(), encode(make.clip(), width=96))


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
    output.master.path.chmod(0o644)
    output.master.path.write_bytes(b"something else")
    at(clock.now() + timedelta(minutes=2))
    assert renditions.complete_all() == 0 and recipes(output) == {"playable", "poster", "proxy"}
