"""Jobs rendered together: who is among them, who leaves, and what happens when a batch breaks."""

from collections.abc import Callable

import pytest

from access import halting
from access.models import Enrollment, Program
from generation import jobs, quota, rendering, upkeep, worker
from generation.claiming import claim
from generation.models import Job, Output, Pipeline, Preview, Rendition
from generation.refusals import OutOfMemory
from tests import make
from tests.generation.conftest import DrawnEngine

pytestmark = pytest.mark.django_db


@pytest.fixture
def artist(program: Program) -> Enrollment:
    Pipeline.objects.update(batch_limit=4)
    return make.artist(program=program, cohort=make.cohort(program=program, concurrency=8))


def states(artist: Enrollment) -> list[str]:
    return list(Job.objects.filter(enrollment=artist).order_by("number").values_list("state", flat=True))


# --- who is among them ----------------------------------------------------------------------------------------------
def test_variations_render_as_one_batch(artist: Enrollment, engine: DrawnEngine) -> None:
    brief = make.brief(enrollment=artist, variations=4)
    assert worker.drain() == 4
    assert engine.batches == [4] and states(artist) == ["finished"] * 4
    outputs = Output.objects.filter(job__brief=brief)
    assert len({output.master_sha256 for output in outputs}) == 4
    batches = [output.provenance["batch"] for output in outputs.order_by("job__number")]
    assert [(batch["size"], batch["place"]) for batch in batches] == [(4, 0), (4, 1), (4, 2), (4, 3)]
    assert len({batch["id"] for batch in batches}) == 1
    assert all(output.is_of_a_batch for output in outputs)


def test_a_job_alone_is_no_batch(artist: Enrollment, engine: DrawnEngine) -> None:
    make.job(enrollment=artist)
    worker.drain()
    assert not Output.objects.get().is_of_a_batch


def test_the_limit_of_the_pipeline_holds(artist: Enrollment, engine: DrawnEngine) -> None:
    Pipeline.objects.update(batch_limit=3)
    make.brief(enrollment=artist, variations=4)
    worker.drain()
    assert engine.batches == [3, 1]


def test_a_cache_that_weighs_the_whole_batch_renders_clips_one_by_one(artist: Enrollment, engine: DrawnEngine) -> None:
    Pipeline.objects.update(batch_limit=4, cache="first_block")
    make.brief(enrollment=artist, variations=2)
    worker.drain()
    assert engine.batches == [1, 1]


def test_the_concurrency_of_the_cohort_holds(artist: Enrollment) -> None:
    artist.cohort.concurrency = 2
    artist.cohort.save()
    make.brief(enrollment=artist, variations=4)
    assert len(claim("worker")) == 2


def test_artists_of_a_program_share_a_batch_and_take_turns(artist: Enrollment, program: Program) -> None:
    other = make.artist(program=program, cohort=artist.cohort)
    make.brief(enrollment=artist, variations=4)
    make.brief(enrollment=other, variations=4)
    first, second, third, fourth = (job.enrollment_id for job in claim("worker"))
    assert {first, second} == {artist.pk, other.pk} and (third, fourth) == (first, second)


@pytest.mark.parametrize("differs", [{"steps": 21}, {"guidance": 4.0}])
def test_other_settings_wait_for_another_batch(artist: Enrollment, differs: dict[str, float]) -> None:
    make.job(enrollment=artist)
    make.job(enrollment=artist, **differs)
    assert len(claim("worker")) == 1


def test_other_prompts_and_seeds_do_not(artist: Enrollment) -> None:
    make.job(enrollment=artist, seed=1)
    make.brief(enrollment=artist, prompt="a blue star", negative_prompt="red", seed=2)
    assert len(claim("worker")) == 2


def test_another_program_is_never_in_the_same_batch(artist: Enrollment) -> None:
    other = make.artist(program=make.program())
    make.job(enrollment=artist)
    make.job(enrollment=other)
    assert len(claim("worker")) == 1


def test_what_failed_before_is_tried_alone(artist: Enrollment) -> None:
    make.brief(enrollment=artist, variations=3)
    Job.objects.filter(number=2).update(failures=1)
    assert [job.number for job in claim("worker")] == [1, 3]
    assert [job.number for job in claim("worker")] == [2]


# --- who leaves -----------------------------------------------------------------------------------------------------
def cancel(artist: Enrollment, number: int) -> Callable[[], object]:
    return lambda: jobs.cancel(Job.objects.get(enrollment=artist, number=number), by=artist.user)


def test_a_cancelled_member_ends_at_the_next_step_and_the_others_go_on(artist: Enrollment, engine: DrawnEngine) -> None:
    make.brief(enrollment=artist, variations=3)
    seen: list[str] = []
    engine.at_step = {5: cancel(artist, 2), 6: lambda: seen.append(Job.objects.get(number=2).state)}
    worker.drain()
    assert seen == ["cancelled"], "its fence is closed while the others still render"
    assert states(artist) == ["finished", "cancelled", "finished"]
    assert not Output.objects.filter(job__number=2).exists()
    assert not Preview.objects.exists()


def test_the_render_stops_when_nobody_is_left(artist: Enrollment, engine: DrawnEngine) -> None:
    make.brief(enrollment=artist, variations=2)
    late: list[str] = []
    engine.at_step = {3: cancel(artist, 1), 5: cancel(artist, 2), 6: lambda: late.append("rendered on")}
    worker.drain()
    assert states(artist) == ["cancelled"] * 2 and late == []


def test_a_halted_member_goes_back_unspent_and_the_others_go_on(
    artist: Enrollment, program: Program, engine: DrawnEngine
) -> None:
    other = make.artist(program=program, cohort=artist.cohort)
    make.job(enrollment=artist)
    make.job(enrollment=other)
    left = quota.quota_left(other, other.joined_at)
    engine.at_step = {4: lambda: halting.halt(other.user, program=program, by=None, reason="A look at something.")}
    worker.drain()
    assert engine.batches == [2]
    assert states(artist) == ["finished"] and states(other) == ["queued"]
    waiting = Job.objects.get(enrollment=other)
    assert (waiting.failures, quota.quota_left(other, other.joined_at)) == (0, left)


def test_a_member_whose_lease_was_lost_is_left_to_its_heir(artist: Enrollment, engine: DrawnEngine) -> None:
    make.brief(enrollment=artist, variations=2)
    engine.at_step = {4: lambda: Job.objects.filter(number=1).update(attempt=7, worker="heir")}
    worker.drain()
    heir = Job.objects.get(number=1)
    assert (heir.state, heir.attempt, heir.worker) == ("running", 7, "heir")
    assert Output.objects.get().job.number == 2


# --- when a batch breaks --------------------------------------------------------------------------------------------
def breaks(engine: DrawnEngine, error: Exception, *, above: int) -> None:
    """Let the engine break when it renders more than so many at once."""

    def break_() -> None:
        if engine.batches[-1] > above:
            raise error

    engine.at_step = {2: break_}


@pytest.mark.parametrize("error", [RuntimeError("broken"), OutOfMemory("too much")])
def test_members_of_a_broken_batch_are_tried_alone(artist: Enrollment, engine: DrawnEngine, error: Exception) -> None:
    make.brief(enrollment=artist, variations=3)
    breaks(engine, error, above=1)
    worker.drain()
    assert engine.batches == [3, 1, 1, 1] and engine.is_freed
    assert states(artist) == ["finished"] * 3


def test_a_job_that_does_not_fit_alone_fails_at_once_in_words(artist: Enrollment, engine: DrawnEngine) -> None:
    left = quota.quota_left(artist, artist.joined_at)
    job = make.job(enrollment=artist)
    breaks(engine, OutOfMemory("too much"), above=0)
    worker.drain()
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("failed", 1)
    assert "memory" in job.reason and "smaller" in job.reason
    assert engine.is_freed and quota.quota_left(artist, artist.joined_at) == left


def test_after_a_crash_members_are_tried_alone(artist: Enrollment, engine: DrawnEngine) -> None:
    make.brief(enrollment=artist, variations=3)
    assert len(claim("killed")) == 3
    Job.objects.update(lease_until=artist.joined_at)
    upkeep.sweep()
    worker.drain()
    assert engine.batches == [1, 1, 1] and states(artist) == ["finished"] * 3


# --- what follows ---------------------------------------------------------------------------------------------------
def test_the_clip_can_be_played_before_the_other_renditions_are_made(
    artist: Enrollment, engine: DrawnEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.job(enrollment=artist)
    there: list[set[str]] = []
    add = rendering.add_renditions

    def look(*args: object) -> None:
        there.append(set(Rendition.objects.values_list("recipe", flat=True)))
        add(*args)

    monkeypatch.setattr(rendering, "add_renditions", look)
    worker.drain()
    assert there == [{"playable", "poster", "proxy"}]
    made = {"playable", "poster", "contact_sheet", "proxy", "making"}
    assert set(Rendition.objects.values_list("recipe", flat=True)) == made
