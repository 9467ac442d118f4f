"""Sending a brief: bounds, quota, once per key, and what stops it."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from kombu.exceptions import KombuError

from access import audit, clock, enrollment, halting
from access.models import Chain, Enrollment, Program
from access.refusals import AgreementUnsigned, Halted, NotAllowed
from generation import jobs, offering, quota, upkeep
from generation.jobs import Wish
from generation.models import Brief, Job, Lane, QuotaEntry
from generation.policies import may_use
from generation.refusals import JobEnded, ModelAway, OutOfBounds, QuotaUsedUp
from tests import make
from tests.generation.artists import moved

WISH = Wish("a red circle moving left")


def submit(wish: Wish, enrollment: Enrollment, key: uuid.UUID | None = None) -> Brief:
    return jobs.submit(wish, enrollment=enrollment, pipeline=make.pipeline(), credential=None, key=key or uuid.uuid4())


def test_a_brief_makes_one_queued_job_per_variation_and_spends_each(artist: Enrollment) -> None:
    brief = submit(replace(WISH, seed=2**32 - 1, variations=3), artist)
    assert [(job.number, job.seed, job.state) for job in brief.jobs.order_by("number")] == [
        (1, 2**32 - 1, "queued"),
        (2, 0, "queued"),
        (3, 1, "queued"),
    ]
    assert quota.quota_left(artist, clock.now()) == artist.cohort.daily_quota - 3
    chain = Chain.objects.get(program=artist.program)
    assert audit.verify(chain) is None
    assert "red circle" not in "".join(chain.entries.values_list("facts", flat=True))  # the prompt is a personal word


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": "  \n"},
        {"prompt": "x" * 1001},
        {"negative_prompt": "x" * 1001},
        {"steps": 7},
        {"steps": 41},
        {"guidance": 0.9},
        {"guidance": 8.5},
        {"guidance": float("nan")},
        {"variations": 0},
        {"variations": 5},
        {"seed": -1},
        {"seed": 2**32},
    ],
    ids=str,
)
def test_outside_the_bounds_nothing_is_written(artist: Enrollment, wrong: dict[str, object]) -> None:
    with pytest.raises(OutOfBounds):
        submit(replace(WISH, **wrong), artist)
    assert not Brief.objects.exists() and not QuotaEntry.objects.exists()


def test_the_bounds_themselves_are_allowed(artist: Enrollment) -> None:
    submit(Wish("x" * 1000, steps=8, guidance=1.0, seed=0, variations=4), artist)
    submit(Wish("x", steps=40, guidance=8.0, seed=2**32 - 1), artist)
    assert Job.objects.count() == 5


def test_a_cohort_may_allow_fewer_steps_than_the_model(program: Program) -> None:
    artist = make.artist(program=program, cohort=make.cohort(program=program, max_steps=10))
    with pytest.raises(OutOfBounds):
        submit(replace(WISH, steps=11), artist)


def test_a_model_that_needs_more_steps_than_the_cohort_has_is_not_open_to_it(program: Program) -> None:
    pipeline = make.pipeline()
    artist = make.artist(program=program, cohort=make.cohort(program=program, max_steps=7))
    assert offering.open_models(artist) == [] and not may_use(artist, pipeline)
    with pytest.raises(ModelAway):
        submit(replace(WISH, steps=7), artist)
    assert offering.open_models(make.artist(program=program, cohort=make.cohort(program=program))) == [pipeline]


@pytest.mark.parametrize(
    ("most", "declared", "proposed"),
    [
        (10, {"steps": 20, "guidance": 3.0}, {"steps": 10, "guidance": 3.0}),
        (40, {"steps": 2, "guidance": 0.5}, {"steps": 8, "guidance": 1.0}),
        (40, {"guidance": 99.0}, {"steps": 8, "guidance": 8.0}),
    ],
)
def test_what_is_proposed_can_be_sent(
    program: Program, most: int, declared: dict[str, float], proposed: dict[str, float]
) -> None:
    pipeline = make.pipeline()
    pipeline.overrides = {"defaults": declared}
    pipeline.save()
    artist = make.artist(program=program, cohort=make.cohort(program=program, max_steps=most))
    defaults = offering.offer(pipeline, artist).defaults
    assert {name: defaults[name] for name in proposed} == proposed
    submit(Wish("x", steps=defaults["steps"], guidance=defaults["guidance"]), artist)


# --- after a move to another cohort ----------------------------------------------------------------------------------
def test_who_moved_while_paused_has_paused_and_goes_on_with_all(artist: Enrollment) -> None:
    submit(WISH, artist)
    jobs.pause(artist, by=artist.user)
    anew = moved(artist)
    submit(WISH, anew)
    assert make.claimed() is None
    assert jobs.pause(anew, by=anew.user).paused_at == Lane.objects.get(enrollment=artist).paused_at
    jobs.resume(anew, by=anew.user)
    assert not Lane.objects.exclude(paused_at=None).exists()
    assert {job.enrollment for job in (make.claimed(), make.claimed()) if job} == {artist, anew}


def test_who_moved_pauses_what_waits_from_before(artist: Enrollment) -> None:
    submit(WISH, artist)
    anew = moved(artist)
    jobs.pause(anew, by=anew.user)
    assert make.claimed() is None


def test_who_moved_cancels_what_waits_from_before(artist: Enrollment) -> None:
    submit(WISH, artist)
    anew = moved(artist)
    submit(WISH, anew)
    assert jobs.cancel_all_queued(anew, by=anew.user) == 2
    assert quota.quota_left(artist, clock.now()) == artist.cohort.daily_quota == quota.quota_left(anew, clock.now())


def test_what_waits_is_rendered_although_its_artist_moved(artist: Enrollment) -> None:
    job = submit(WISH, artist).jobs.get()
    moved(artist)
    assert make.claimed() == job


# --- once per key ----------------------------------------------------------------------------------------------------
def test_the_same_key_is_the_same_brief(artist: Enrollment) -> None:
    key = uuid.uuid4()
    first = submit(WISH, artist, key)
    assert submit(replace(WISH, prompt="another"), artist, key) == first
    assert (Brief.objects.count(), Job.objects.count(), QuotaEntry.objects.count()) == (1, 1, 1)


def test_somebody_elses_key_is_another_brief(artist: Enrollment, program: Program) -> None:
    key = uuid.uuid4()
    assert submit(WISH, artist, key) != submit(WISH, make.artist(program=program), key)


def test_a_repeated_key_is_answered_even_when_the_quota_is_gone_and_work_is_halted(artist: Enrollment) -> None:
    key = uuid.uuid4()
    first = submit(WISH, artist, key)
    halting.halt(artist.user, program=artist.program, by=None, reason="A look at something.")
    assert submit(WISH, artist, key) == first


def test_the_quota_refuses_the_whole_brief(program: Program) -> None:
    artist = make.artist(program=program, cohort=make.cohort(program=program, daily_quota=3))
    submit(replace(WISH, variations=2), artist)
    with pytest.raises(QuotaUsedUp):
        submit(replace(WISH, variations=2), artist)
    submit(WISH, artist)
    assert quota.quota_left(artist, clock.now()) == 0


def test_cancelling_a_queued_job_gives_its_clip_back(program: Program) -> None:
    artist = make.artist(program=program, cohort=make.cohort(program=program, daily_quota=1))
    jobs.cancel(make.job(enrollment=artist), by=artist.user)
    assert quota.quota_left(artist, clock.now()) == 1
    submit(WISH, artist)


def test_unsigned_means_refused(program: Program) -> None:
    artist = make.artist(program=program)
    version = make.agreement(program=program)
    with pytest.raises(AgreementUnsigned):
        submit(WISH, artist)
    enrollment.sign(version, enrollment=artist, credential=None, seen_sha256=version.sha256)
    submit(WISH, artist)


def test_who_has_left_is_refused_even_with_an_old_page(artist: Enrollment) -> None:
    Enrollment.objects.filter(pk=artist.pk).update(ended_at=clock.now())
    assert artist.is_live()  # as the page loaded it
    with pytest.raises(AgreementUnsigned):
        submit(WISH, artist)


def test_halted_means_refused_until_the_lift(artist: Enrollment) -> None:
    placed = halting.halt(artist.cohort, program=artist.program, by=None, reason="A look at something.")
    with pytest.raises(Halted):
        submit(WISH, artist)
    assert not QuotaEntry.objects.exists()
    halting.lift(placed, by=None)
    submit(WISH, artist)


def test_a_model_that_is_away_is_refused(artist: Enrollment) -> None:
    away = make.pipeline(slug="away", is_active=False)
    with pytest.raises(ModelAway):
        jobs.submit(WISH, enrollment=artist, pipeline=away, credential=None, key=uuid.uuid4())


# --- the quota's day ------------------------------------------------------------------------------------------------
Clock = Callable[[datetime], None]


def paris_artist(quota: int = 1) -> Enrollment:
    program = make.program(time_zone="Europe/Paris")
    return make.artist(program=program, cohort=make.cohort(program=program, daily_quota=quota))


@pytest.mark.django_db
def test_the_quota_renews_at_midnight_of_the_program(at: Clock) -> None:
    make.pipeline()
    artist = paris_artist()
    at(datetime(2026, 11, 1, 22, 59, 59, tzinfo=UTC))  # a second before midnight in Paris, 23:59:59 of the 1st
    submit(WISH, artist)
    with pytest.raises(QuotaUsedUp):
        submit(WISH, artist)
    at(datetime(2026, 11, 1, 23, 0, tzinfo=UTC))  # 00:00 of the 2nd in Paris, still the 1st in UTC
    submit(WISH, artist)
    days = QuotaEntry.objects.order_by("created_at").values_list("day_on", flat=True)
    assert [day.isoformat() for day in days] == ["2026-11-01", "2026-11-02"]


@pytest.mark.parametrize(
    ("instant", "renews"),
    [
        # 29 March 2026 has 23 hours in Paris, 25 October has 25.
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),  # 2:30 a second time
    ],
)
@pytest.mark.django_db
def test_days_of_23_and_25_hours(at: Clock, instant: datetime, renews: datetime) -> None:
    make.pipeline()
    artist = paris_artist()
    assert quota.quota_renews_at(artist, instant).astimezone(UTC) == renews
    at(instant)
    submit(WISH, artist)
    at(renews - timedelta(microseconds=1))
    with pytest.raises(QuotaUsedUp):
        submit(WISH, artist)
    at(renews)
    submit(WISH, artist)


@pytest.mark.django_db
def test_a_refund_after_midnight_belongs_to_the_day_it_was_spent(at: Clock) -> None:
    make.pipeline()
    artist = paris_artist(quota=2)
    at(datetime(2026, 11, 1, 22, 0, tzinfo=UTC))
    job = submit(WISH, artist).jobs.get()
    at(datetime(2026, 11, 2, 8, 0, tzinfo=UTC))
    jobs.cancel(job, by=artist.user)
    assert quota.quota_left(artist, clock.now()) == 2  # not three
    assert quota.quota_left(artist, datetime(2026, 11, 1, 22, 0, tzinfo=UTC)) == 2


# --- cancelling -----------------------------------------------------------------------------------------------------
def test_nobody_cancels_the_job_of_another(artist: Enrollment, program: Program) -> None:
    job = make.job(enrollment=artist)
    with pytest.raises(NotAllowed):
        jobs.cancel(job, by=make.artist(program=program).user)
    job.refresh_from_db()
    assert job.state == "queued"


def test_cancelling_twice(artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    jobs.cancel(job, by=artist.user)
    with pytest.raises(JobEnded):
        jobs.cancel(job, by=artist.user)
    assert QuotaEntry.objects.filter(kind="refund").count() == 1


def test_cancelling_a_running_job_twice_asks_once(artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    make.claimed("w")
    asked = jobs.cancel(job, by=artist.user).cancel_asked_at
    assert jobs.cancel(job, by=artist.user).cancel_asked_at == asked
    chain = Chain.objects.get(program=artist.program)
    assert chain.entries.filter(act="cancel_job").count() == 1


def test_cancelling_all_that_is_queued_gives_back_each_and_leaves_what_runs(program: Program) -> None:
    artist = make.artist(program=program, cohort=make.cohort(program=program, daily_quota=4))
    submit(replace(WISH, variations=4), artist)
    running = make.claimed()
    assert running
    assert jobs.cancel_all_queued(artist, by=artist.user) == 3
    assert quota.quota_left(artist, clock.now()) == 3
    assert list(Job.objects.filter(state="cancelled").values_list("cancel_asked_at", flat=True)).count(None) == 0
    running.refresh_from_db()
    assert (running.state, running.cancel_asked_at) == ("running", None)
    assert jobs.cancel_all_queued(artist, by=artist.user) == 0
    chain = Chain.objects.get(program=program)
    assert chain.entries.filter(act="cancel_job").count() == 3 and audit.verify(chain) is None


def test_nobody_cancels_all_of_another(artist: Enrollment, program: Program) -> None:
    make.job(enrollment=artist)
    with pytest.raises(NotAllowed):
        jobs.cancel_all_queued(artist, by=make.artist(program=program).user)
    assert Job.objects.queued().count() == 1


def test_a_lane_is_made_once(artist: Enrollment) -> None:
    submit(WISH, artist)
    submit(WISH, artist)
    assert Lane.objects.get(enrollment=artist).program == artist.program


# --- the doorbell ---------------------------------------------------------------------------------------------------
Commit = Callable[..., AbstractContextManager[list[Callable[[], None]]]]


def test_workers_are_rung_once_per_job_and_only_after_the_commit(
    artist: Enrollment, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Commit
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **kwargs: rung.append(kwargs["queue"]))
    with django_capture_on_commit_callbacks(execute=True):
        submit(replace(WISH, variations=3), artist)
        assert rung == []
    assert rung == ["render"] * 3


@pytest.mark.parametrize("trouble", [ConnectionRefusedError("no"), KombuError("no"), RuntimeError("not foreseen")])
def test_a_broken_bell_costs_one_try_and_no_job(
    artist: Enrollment,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Commit,
    trouble: Exception,
) -> None:
    tries: list[str] = []

    def broken(name: str, **kwargs: object) -> None:
        tries.append(name)
        raise trouble

    monkeypatch.setattr(current_app, "send_task", broken)
    with django_capture_on_commit_callbacks(execute=True):
        submit(replace(WISH, variations=4), artist)
    assert len(tries) == 1
    assert Job.objects.queued().count() == 4


def test_the_sweep_rings_for_what_waits(
    artist: Enrollment, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Commit
) -> None:
    """So that a lost message costs seconds."""
    rung: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **kwargs: rung.append(name))
    with django_capture_on_commit_callbacks(execute=True):
        upkeep.sweep()
    assert rung == []
    make.job(enrollment=artist)
    with django_capture_on_commit_callbacks(execute=True):
        upkeep.sweep()
    assert rung == ["generation.render"]
