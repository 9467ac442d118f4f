"""Races of batches and of the hands of one worker, between real transactions on connections of their own."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from django.conf import LazySettings
from django.db import connection

from access.models import Enrollment, Program
from generation import claiming, ending, engines, jobs, rendering, upkeep, watch, worker
from generation.claiming import claim
from generation.encoding import encode, encode_rest
from generation.engine import Clip, Order, Watch
from generation.models import Job, JobQuerySet, Output, Pipeline, Rendition
from generation.refusals import OutOfMemory
from tests import make
from tests.generation.conftest import DrawnEngine
from tests.generation.racing import PATIENCE, after, together, without_locks

T = TypeVar("T")
pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def program() -> Program:
    made = make.program()
    make.pipeline()
    Pipeline.objects.update(batch_limit=4)
    return made


def artist_of(program: Program, *, concurrency: int = 8) -> Enrollment:
    return make.artist(program=program, cohort=make.cohort(program=program, concurrency=concurrency))


# --- claims ----------------------------------------------------------------------------------------------------------
def test_two_workers_share_out_batches_and_no_job_twice(program: Program) -> None:
    for artist in [artist_of(program) for _ in range(4)]:
        make.brief(enrollment=artist, variations=4)
    taken = [job for batch in together(*[lambda: claim("one"), lambda: claim("two")] * 2) for job in batch]
    assert len({job.pk for job in taken}) == len(taken) > 0
    assert Job.objects.running().count() == len(taken)


@pytest.mark.parametrize(("locks", "most"), [(True, 3), (False, 6)], ids=["as it is", "CONTROL: no lane lock"])
def test_batches_keep_to_the_concurrency_of_an_artist(
    program: Program, slowed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, locks: bool, most: int
) -> None:
    artist = artist_of(program, concurrency=3)
    make.brief(enrollment=artist, variations=4)
    make.brief(enrollment=artist, variations=4)
    slowed(claiming, "_start", meeting=not locks)
    if not locks:
        without_locks(monkeypatch)
        turn_about(monkeypatch)
    together(lambda: claim("one"), lambda: claim("two"))
    running = Job.objects.running().count()
    assert running == most if locks else running > 3


def turn_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the second claimer look from the other end, so that the guarded update alone does not save us."""
    claimable, turns = claiming._claimable, iter([1, -1])

    def ordered(program: Program, now: Any) -> JobQuerySet:
        found = claimable(program, now)
        return found if next(turns) == 1 else found.reverse()

    monkeypatch.setattr(claiming, "_claimable", ordered)


@pytest.mark.parametrize(("anew", "taken"), [(True, 0), (False, 1)], ids=["as it is", "CONTROL: read before the lock"])
def test_no_claim_commits_after_a_pause(
    program: Program, slowed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, anew: bool, taken: int
) -> None:
    artist = artist_of(program)
    make.job(enrollment=artist)
    if not anew:
        claimable = claiming._claimable

        def early(program: Program, now: Any) -> JobQuerySet:
            return Job.objects.queued().filter(pk__in=list(claimable(program, now).values_list("pk", flat=True)))

        monkeypatch.setattr(claiming, "_claimable", early)
    inside = slowed(claiming, "_next_lane", meeting=True)
    batch, _ = together(lambda: claim("worker"), after(inside, lambda: jobs.pause(artist, by=artist.user)))
    assert len(batch) == taken


# --- what follows the master -----------------------------------------------------------------------------------------
def test_the_worker_and_the_sweep_make_one_set_of_renditions(program: Program) -> None:
    artist = artist_of(program)
    make.job(enrollment=artist)
    drawn = make.clip()
    output = rendering.finish(make.claimed(), encode(drawn, width=96))
    rest = encode_rest(drawn, width=96)
    assert together(*[lambda: rendering.add_renditions(output, rest)] * 3) == [None] * 3
    assert Rendition.objects.filter(output=output).count() == 5


# --- two hands of one worker -----------------------------------------------------------------------------------------
class SlowToDecode(DrawnEngine):
    """Says when it denoises, and decodes until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.diary: list[str] = []
        self.go = threading.Event()

    def render(self, orders: Sequence[Order], watch: Watch) -> list[Clip | None]:
        self.diary.append(f"denoise {orders[0].seed}")
        clips = super().render(orders, watch)  # tells of the decoding, at its end
        if orders[0].seed == 2:
            self.go.set()
        assert self.go.wait(PATIENCE)
        self.diary.append(f"decode {orders[0].seed}")
        return clips


@pytest.fixture
def slow(engine: DrawnEngine, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> SlowToDecode:
    settings.RENDER_HANDS = 2
    drawn = SlowToDecode()
    monkeypatch.setattr(engines, "make_engine", lambda pipeline: drawn)
    return drawn


def test_the_next_batch_is_denoised_while_one_is_decoded(program: Program, slow: SlowToDecode) -> None:
    Pipeline.objects.update(batch_limit=1)
    artist = artist_of(program)
    for seed in (1, 2):
        make.job(enrollment=artist, seed=seed)
    assert worker.drain() == 2
    assert slow.diary[:2] == ["denoise 1", "denoise 2"]
    assert Output.objects.count() == 2


def drain_while(verb: Callable[[], T]) -> T:
    """Drain here, as a worker does in its main thread, and meanwhile elsewhere do something; what that gave."""
    given: list[T] = []

    def run() -> None:
        given.append(verb())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    worker.drain()
    thread.join(PATIENCE)
    return given[0]


def test_what_is_sent_during_a_decode_is_denoised_at_once(program: Program, slow: SlowToDecode) -> None:
    Pipeline.objects.update(batch_limit=1)
    artist = artist_of(program)
    make.job(enrollment=artist, seed=1)

    def send_later() -> None:
        while "denoise 1" not in slow.diary:
            time.sleep(0.02)
        time.sleep(0.5)  # the worker has looked at the line and found nothing
        make.job(enrollment=artist, seed=2)

    drain_while(send_later)
    assert slow.diary[:2] == ["denoise 1", "denoise 2"]
    assert Output.objects.count() == 2


def test_where_an_engine_does_one_thing_at_a_time_the_next_batch_is_not_claimed(
    program: Program, slow: SlowToDecode
) -> None:
    Pipeline.objects.update(batch_limit=1)
    slow.overlaps = False
    slow.go.set()
    artist = artist_of(program)
    for seed in (1, 2):
        make.job(enrollment=artist, seed=seed)
    assert worker.drain() == 2
    assert slow.diary == ["denoise 1", "decode 1", "denoise 2", "decode 2"]


def test_what_waits_for_the_other_hand_keeps_its_lease_and_can_be_cancelled(
    program: Program, slow: SlowToDecode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed before, so it waits until the other one is decoded; two seconds of decoding outlive its lease."""
    Pipeline.objects.update(batch_limit=1, leases={"load": 1.0})
    monkeypatch.setattr(watch, "REPORT_EVERY", 0.2)
    artist = artist_of(program)
    first, second = make.job(enrollment=artist, seed=1), make.job(enrollment=artist, seed=3)
    Job.objects.filter(pk=second.pk).update(failures=1)

    def later() -> int:
        while Job.objects.get(pk=second.pk).state != "running":
            time.sleep(0.02)
        time.sleep(1.5)
        expired = upkeep.expire()
        jobs.cancel(Job.objects.get(pk=second.pk), by=artist.user)
        time.sleep(0.6)
        slow.go.set()
        return expired

    assert drain_while(later) == 0
    assert slow.diary == ["denoise 1", "decode 1"]
    assert [Job.objects.get(pk=job.pk).state for job in (first, second)] == ["finished", "cancelled"]


@pytest.mark.parametrize("in_company", [True, False])
def test_out_of_memory_in_company_is_tried_again_alone(
    program: Program, slow: SlowToDecode, monkeypatch: pytest.MonkeyPatch, in_company: bool
) -> None:
    Pipeline.objects.update(batch_limit=1)
    artist = artist_of(program)
    seeds = (1, 2) if in_company else (2,)
    for seed in seeds:
        make.job(enrollment=artist, seed=seed)

    def break_the_second() -> None:
        if slow.orders[-1].seed == 2 and slow.batches.count(1) == len(seeds):
            slow.go.set()
            raise OutOfMemory

    slow.at_step[2] = break_the_second
    worker.drain()
    second = Job.objects.get(seed=2)
    assert (second.state, second.attempt) == (("finished", 2) if in_company else ("failed", 1))


def test_a_hand_that_hangs_takes_the_child_with_it_and_the_other_is_handed_back(
    program: Program, slow: SlowToDecode, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pipeline.objects.update(batch_limit=1, leases={"decode": 0.3})
    monkeypatch.setattr(worker, "HANGS_AFTER", 0.3)
    artist = artist_of(program)
    hung, other = (make.job(enrollment=artist, seed=seed) for seed in (1, 3))
    gone: list[list[tuple[str, int]]] = []

    def leave() -> None:
        gone.append([(job.state, job.failures) for job in Job.objects.order_by("seed")])
        slow.go.set()

    monkeypatch.setattr(worker, "leave", leave)
    worker.drain()
    assert gone and gone[0][0] == ("queued", 1), "the one that hangs"
    assert Job.objects.get(pk=other.pk).failures <= 1 and hung.pk != other.pk


def test_what_failed_before_renders_while_nothing_else_does(program: Program, slow: SlowToDecode) -> None:
    Pipeline.objects.update(batch_limit=1)
    artist = artist_of(program)
    for seed in (1, 2):
        make.job(enrollment=artist, seed=seed)
    Job.objects.filter(seed=1).update(failures=1)
    slow.go.set()
    assert worker.drain() == 2
    assert slow.diary == ["denoise 1", "decode 1", "denoise 2", "decode 2"]


def test_asked_to_end_in_a_long_decode_it_hands_back_and_goes(
    program: Program, slow: SlowToDecode, monkeypatch: pytest.MonkeyPatch
) -> None:
    artist = artist_of(program)
    job = make.job(enrollment=artist, seed=1)
    gone: list[str] = []
    monkeypatch.setattr(worker, "HAND_BACK_WITHIN", 0.3)
    monkeypatch.setattr(worker, "leave", lambda: gone.append(Job.objects.get(pk=job.pk).state))
    monkeypatch.setattr(ending, "_asked_at", None)

    def ask_later() -> None:
        while not slow.diary:
            time.sleep(0.05)
        time.sleep(0.5)
        ending._end(15, None)

    asking = threading.Thread(target=ask_later)
    asking.start()
    try:
        worker.drain()
    finally:
        slow.go.set()
        asking.join()
    job.refresh_from_db()
    assert gone == ["queued"]
    assert (job.state, job.failures) == ("queued", 0)
    assert not Output.objects.exists()
