"""A worker that was taken for dead comes back: nothing it says counts."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from access import clock
from access.models import Enrollment
from generation import rendering, upkeep
from generation.encoding import encode
from generation.models import Job, Output, QuotaEntry
from generation.refusals import LeaseLost
from tests import make


@pytest.fixture
def zombie_and_heir(artist: Enrollment, at: Callable[[datetime], None]) -> tuple[Job, Job]:
    make.job(enrollment=artist)
    zombie = make.claimed("zombie")
    at(clock.now() + timedelta(hours=1))
    upkeep.sweep()
    heir = make.claimed("heir")
    assert zombie and heir and zombie.pk == heir.pk and (zombie.attempt, heir.attempt) == (1, 2)
    return zombie, heir


VERBS: list[Callable[[Job], object]] = [
    rendering.check,
    lambda job: rendering.report(job, phase="denoise", step=1, jpeg=b"late"),
    lambda job: rendering.finish(job, encode(make.clip(), width=96)),
]


@pytest.mark.parametrize("verb", VERBS)
def test_what_a_zombie_wants_to_write_is_refused(
    zombie_and_heir: tuple[Job, Job], verb: Callable[[Job], object]
) -> None:
    zombie, heir = zombie_and_heir
    with pytest.raises(LeaseLost):
        verb(zombie)
    assert not Output.objects.exists()
    assert not hasattr(Job.objects.get(pk=heir.pk), "preview")


@pytest.mark.parametrize(
    "verb", [rendering.put_back, rendering.end_cancelled, lambda job: rendering.fail(job, "It broke.")]
)
def test_what_a_zombie_ends_goes_on(zombie_and_heir: tuple[Job, Job], verb: Callable[[Job], object]) -> None:
    zombie, heir = zombie_and_heir
    rendering.report(heir, phase="denoise", step=2, jpeg=b"fresh")
    verb(zombie)
    row = Job.objects.get(pk=heir.pk)
    assert (row.state, row.attempt, row.failures, row.worker, row.step) == ("running", 2, 1, "heir", 2)
    assert bytes(row.preview.jpeg) == b"fresh"
    assert not QuotaEntry.objects.filter(kind="refund").exists()


def test_one_output_whoever_comes_first(zombie_and_heir: tuple[Job, Job]) -> None:
    zombie, heir = zombie_and_heir
    made = rendering.finish(heir, encode(make.clip(), width=96))
    with pytest.raises(LeaseLost):
        rendering.finish(zombie, encode(make.clip(), width=96))
    assert Output.objects.get() == made


def test_a_late_finish_within_the_sweeps_rhythm_is_refused(artist: Enrollment, at: Callable[[datetime], None]) -> None:
    """The lease ran out and nobody has swept yet: the attempt is over all the same."""
    make.job(enrollment=artist)
    late = make.claimed("late")
    assert late
    at(clock.now() + timedelta(hours=1))
    with pytest.raises(LeaseLost):
        rendering.finish(late, encode(make.clip(), width=96))
    assert not Output.objects.exists()
