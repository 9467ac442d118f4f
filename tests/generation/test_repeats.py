"""What an artist already has, bit for bit, is not rendered again."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from access import clock
from access.models import Enrollment, Program
from access.refusals import NotAllowed
from generation import jobs, quota, remaking, rendering, repeats, worker
from generation.claiming import claim
from generation.encoding import encode
from generation.models import Brief, FirstFrame, Job, Output, Pipeline, QuotaEntry
from generation.refusals import NotAgain, NothingToRetry, OutOfBounds, QuotaUsedUp, RepeatsUsedUp
from tests import make
from tests.generation.conftest import Clock, DrawnEngine

pytestmark = pytest.mark.django_db


@pytest.fixture
def first(artist: Enrollment, engine: DrawnEngine) -> Job:
    """A finished job of seed 7."""
    worker.warm_up()  # the registry then knows what decides pixels
    job = make.job(enrollment=artist, seed=7)
    worker.drain()
    job.refresh_from_db()
    assert job.output.repeat_key
    return job


def repeat(job: Job, **changes: Any) -> Job:
    wish = jobs.wish_of(job, lineage=Brief.Lineage.REPEAT, **changes)
    brief = jobs.submit(wish, enrollment=job.enrollment, pipeline=make.pipeline(), credential=None, key=uuid.uuid4())
    return brief.jobs.get(number=1)


def test_a_repeat_ends_at_once_with_the_output_that_is_there(first: Job, engine: DrawnEngine) -> None:
    left = quota.quota_left(first.enrollment, clock.now())
    again = repeat(first)
    assert (again.state, again.repeat_of) == ("finished", first.output)
    assert (again.step, again.ended_at, again.attempt) == (again.steps, again.queued_at, 0)
    assert not QuotaEntry.objects.filter(job=again).exists()
    assert quota.quota_left(first.enrollment, clock.now()) == left
    assert worker.drain() == 0 and Output.objects.count() == 1
    assert (again.brief.parent, again.brief.lineage) == (first, "repeat")


@pytest.mark.parametrize(
    "changes",
    [{"seed": 8}, {"prompt": "a blue star"}, {"negative_prompt": "red"}, {"steps": 21}, {"guidance": 3.5}],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_changes_the_pixels_is_rendered(first: Job, changes: dict[str, Any]) -> None:
    assert repeat(first, **changes).state == "queued"


@pytest.mark.parametrize(
    "found", [{"device": "cuda"}, {"versions": {"torch": "3"}}, {"dtypes": {"vae": "float32"}}, {"class": "Another"}]
)
def test_other_software_or_hardware_is_another_clip(first: Job, found: dict[str, Any]) -> None:
    Pipeline.objects.update(loaded={**make.pipeline().loaded, **found})
    assert repeat(first).state == "queued"


@pytest.mark.parametrize("setting", [{"cache": "first_block"}, {"dtype": "bfloat16"}, {"vae_tiling": True}])
def test_a_changed_registry_counts_before_it_is_loaded(first: Job, setting: dict[str, Any]) -> None:
    Pipeline.objects.update(**setting)
    assert repeat(first).state == "queued"


def test_other_weights_are_another_clip(first: Job) -> None:
    Pipeline.objects.update(manifest_sha256="0" * 64)
    assert repeat(first).state == "queued"


def test_what_somebody_else_has_is_not_given_away(first: Job, program: Program) -> None:
    other = make.artist(program=program)
    assert make.job(enrollment=other, seed=7).state == "queued"


def test_a_brief_renders_only_the_variations_that_are_new(first: Job) -> None:
    brief = make.brief(enrollment=first.enrollment, seed=6, variations=3)
    assert [job.state for job in brief.jobs.order_by("number")] == ["queued", "finished", "queued"]
    assert QuotaEntry.objects.filter(job__brief=brief, kind="spend").count() == 2


def test_a_repeat_needs_no_quota(first: Job) -> None:
    cohort = first.enrollment.cohort
    cohort.daily_quota = 1
    cohort.save()
    assert repeat(first).state == "finished"


def test_asking_for_ever_is_refused_in_words_and_passes_by(
    first: Job, monkeypatch: pytest.MonkeyPatch, at: Clock
) -> None:
    monkeypatch.setattr(repeats, "PER_HOUR", 2)
    repeat(first)
    repeat(first)
    with pytest.raises(RepeatsUsedUp):
        repeat(first)
    at(clock.now() + make.HOUR)
    assert repeat(first).state == "finished"


def test_the_same_brief_twice_in_the_line_is_rendered_once(artist: Enrollment, engine: DrawnEngine) -> None:
    worker.warm_up()
    left = quota.quota_left(artist, clock.now())
    one, two, other = (make.job(enrollment=artist, seed=seed) for seed in (3, 3, 4))
    assert worker.drain() == 2
    for job in (one, two, other):
        job.refresh_from_db()
    assert (two.state, two.repeat_of, two.attempt) == ("finished", one.output, 0)
    assert other.state == "finished" and Output.objects.count() == 2
    assert quota.quota_left(artist, clock.now()) == left - 2
    assert artist.user.notices.filter(kind="clip_ready", url__contains=str(two.pk)).count() == 1


@pytest.mark.parametrize("is_known", [True, False], ids=["loaded before", "never loaded"])
def test_what_is_being_rendered_is_not_begun_again_by_another_worker(artist: Enrollment, *, is_known: bool) -> None:
    make.pipeline()
    Pipeline.objects.update(loaded={"class": "LTXPipeline"} if is_known else {}, batch_limit=4)
    one, two, other = (make.job(enrollment=artist, seed=seed) for seed in (3, 3, 4))
    assert claim("first") == [one, other], "a batch does not hold the same clip twice"
    assert claim("second") == []
    Pipeline.objects.update(loaded={"class": "LTXPipeline"})
    rendering.finish(Job.objects.get(pk=one.pk), encode(make.clip(), width=96))
    assert claim("second") == []
    two.refresh_from_db()
    assert (two.state, two.repeat_of) == ("finished", one.output) and Output.objects.count() == 1


def test_what_waited_for_a_render_that_failed_is_rendered_itself(artist: Enrollment) -> None:
    one, two = make.job(enrollment=artist, seed=3), make.job(enrollment=artist, seed=3)
    assert claim("first") == [one]
    rendering.fail(Job.objects.get(pk=one.pk), "It broke.", is_final=True)
    assert claim("second") == [two]


def test_before_any_worker_loaded_the_model_nothing_is_a_repeat(artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    assert repeats.repeat_key(job.brief, job.seed) == ""


# --- the schema says it too ------------------------------------------------------------------------------------------
def copied(job: Job, **changes: Any) -> None:
    facts = {field.attname: getattr(job, field.attname) for field in Job._meta.concrete_fields}
    with transaction.atomic():
        Job.objects.create(**{**facts, "id": uuid.uuid4(), "number": 9, **changes})
        if connection.vendor == "postgresql":
            connection.check_constraints()


def test_a_repeat_of_somebody_elses_output_is_refused(first: Job, program: Program) -> None:
    other = make.artist(program=program)
    with pytest.raises(IntegrityError, match="repeat_is_of_ones_own"):
        copied(make.job(enrollment=other), state="finished", repeat_of_id=first.output.pk)


def test_a_waiting_job_is_no_repeat(first: Job) -> None:
    with pytest.raises(IntegrityError, match="repeat_is_finished"):
        copied(first, state="queued", repeat_of_id=first.output.pk)


def test_what_was_rendered_does_not_become_a_repeat(first: Job) -> None:
    with pytest.raises(IntegrityError, match="repeat_is_known_before_a_render"):
        Job.objects.filter(pk=first.pk).update(repeat_of=first.output)


def test_a_queued_job_does_not_become_a_repeat_of_somebody_elses_output(first: Job, program: Program) -> None:
    job = make.job(enrollment=make.artist(program=program))
    with pytest.raises(IntegrityError, match="repeat_is_known_before_a_render"):
        Job.objects.filter(pk=job.pk).update(repeat_of=first.output, state="finished")


def test_a_brief_descends_from_ones_own_work_only(first: Job, program: Program) -> None:
    other = make.artist(program=program)
    with pytest.raises(OutOfBounds):
        make.brief(enrollment=other, parent=first, lineage="remix")
    brief = make.brief(enrollment=other)
    facts = {field.attname: getattr(brief, field.attname) for field in Brief._meta.concrete_fields}
    unlike = {"id": uuid.uuid4(), "idempotency_key": uuid.uuid4(), "parent_id": first.pk, "lineage": "remix"}
    with pytest.raises(IntegrityError, match="brief_descends_from_ones_own"), transaction.atomic():
        Brief.objects.create(**{**facts, **unlike})


# --- again -----------------------------------------------------------------------------------------------------------
def test_what_was_made_or_brought_in_one_program_stays_in_it(first: Job) -> None:
    """Also where the artist is the same."""
    elsewhere = make.artist(program=make.program(), email=first.enrollment.user.email)
    brief = make.brief(enrollment=elsewhere)
    facts = {field.attname: getattr(brief, field.attname) for field in Brief._meta.concrete_fields}
    picture = FirstFrame.objects.create(
        enrollment=first.enrollment, file=first.output.master, width=48, height=32, created_at=clock.now()
    )
    for rule, unlike in (
        ("brief_descends_from_ones_own", {"parent_id": first.pk, "lineage": "remix"}),
        ("brief_begins_with_ones_own", {"first_frame_id": picture.pk}),
    ):
        with pytest.raises(IntegrityError, match=rule), transaction.atomic():
            Brief.objects.create(**{**facts, "id": uuid.uuid4(), "idempotency_key": uuid.uuid4(), **unlike})


def test_no_brief_is_hidden_from_the_search(artist: Enrollment) -> None:
    brief = make.brief(enrollment=artist, prompt="Étoile")
    assert brief.prompt_folded == "étoile"
    with pytest.raises(IntegrityError, match="brief_can_be_found"), transaction.atomic():
        Brief.objects.update(prompt_folded="")
    Brief.objects.update(prompt="", prompt_folded="")  # as whoever erases the words does


def retry(job: Job, artist: Enrollment) -> Brief:
    return remaking.retry(job, enrollment=artist, credential=None, key=uuid.uuid4())


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_failed_or_cancelled_job_is_tried_again_with_its_seed(artist: Enrollment, state: str) -> None:
    job = make.job(enrollment=artist, seed=11, steps=12)
    Job.objects.filter(pk=job.pk).update(state=state, reason="It broke.")
    job.refresh_from_db()
    again = retry(job, artist).jobs.get()
    assert (again.state, again.seed, again.steps) == ("queued", 11, 12)
    assert (again.brief.parent, again.brief.lineage) == (job, "retry")


def test_what_is_not_offered_any_more_is_not_tried_again(artist: Enrollment) -> None:
    job = jobs.cancel(make.job(enrollment=artist, steps=30), by=artist.user)
    artist.cohort.max_steps = 20
    artist.cohort.save()
    with pytest.raises(NotAgain):
        retry(Job.objects.get(pk=job.pk), artist)


def test_what_waits_is_not_tried_again(artist: Enrollment) -> None:
    with pytest.raises(NothingToRetry):
        retry(make.job(enrollment=artist), artist)


def test_nobody_tries_somebody_elses_job_again(artist: Enrollment, program: Program) -> None:
    with pytest.raises(NotAllowed):
        retry(make.job(enrollment=artist), make.artist(program=program))


def test_what_was_made_in_one_program_is_not_made_again_in_another(artist: Enrollment) -> None:
    job = jobs.cancel(make.job(enrollment=artist), by=artist.user)
    elsewhere = make.artist(program=make.program(), email=artist.user.email)
    for verb in (remaking.retry, remaking.repeat, remaking.vary):
        with pytest.raises(NotAllowed):
            verb(job, enrollment=elsewhere, credential=None, key=uuid.uuid4())
    with pytest.raises(OutOfBounds):
        make.brief(enrollment=elsewhere, parent=job, lineage="remix")


def test_after_a_move_to_another_cohort_it_is_tried_again_there(artist: Enrollment, program: Program) -> None:
    job = jobs.cancel(make.job(enrollment=artist, seed=11), by=artist.user)
    Enrollment.objects.filter(pk=artist.pk).update(ended_at=clock.now())
    moved = make.artist(program=program, cohort=make.cohort(program=program), email=artist.user.email)
    for verb in (remaking.retry, remaking.repeat, remaking.vary):
        brief = verb(job, enrollment=moved, credential=None, key=uuid.uuid4())
        assert (brief.enrollment, brief.parent) == (moved, job)


@pytest.mark.parametrize("verb", [remaking.retry, remaking.repeat, remaking.vary])
def test_of_a_model_that_is_away_it_is_said_that_others_are_not(artist: Enrollment, verb: Callable[..., Brief]) -> None:
    job = jobs.cancel(make.job(enrollment=artist), by=artist.user)
    make.pipeline(slug="another")
    Pipeline.objects.filter(pk=job.pipeline_id).update(is_active=False)
    with pytest.raises(NotAgain, match="Remix the clip"):
        verb(job, enrollment=artist, credential=None, key=uuid.uuid4())


@pytest.mark.parametrize("verb", [remaking.retry, remaking.repeat, remaking.vary])
def test_without_a_clip_left_nothing_is_said_of_a_draft(artist: Enrollment, verb: Callable[..., Brief]) -> None:
    job = make.job(enrollment=artist)
    Job.objects.filter(pk=job.pk).update(state="failed", reason="It broke.")
    job.refresh_from_db()
    artist.cohort.daily_quota = 1
    artist.cohort.save()
    with pytest.raises(QuotaUsedUp) as refused:
        verb(job, enrollment=artist, credential=None, key=uuid.uuid4())
    assert "draft" not in str(refused.value.sentence) and "midnight" in str(refused.value.sentence)
