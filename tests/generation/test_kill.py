"""kill -9 with the real broker, the real worker and real processes, at the worst points. Only the engine is drawn.

After each death a fresh child or worker finishes the job exactly once, nothing is spent twice, no file is torn. Site
and judge are the drill's; what the drill does with a real model takes minutes, this one second of rendering a job.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from generation.drill import checker
from generation.drill.looking import is_alive
from generation.drill.servers import end_group, wait_for
from generation.drill.site import Site, Worker, open_site

PATIENCE = 60.0  # seconds; a busy machine imports slowly


@pytest.fixture(scope="module")
def house() -> Iterator[Site]:
    with open_site(database="sqlite", broker="file", batch=1, staging="tests.generation.drawn_worker") as site:
        yield site


@pytest.fixture
def worker(house: Site) -> Worker:
    """A worker that lives: the one of the test before, or a new one."""
    alive = [worker for worker in house.workers if worker.is_alive]
    return alive[0] if alive else house.start_renderer()


def submit_to_stop_at(house: Site, point: str) -> tuple[str, int]:
    """A job, and the child that came to the point with it."""
    house.stop_at(point)
    (job,) = house.submit(1)
    return job, house.wait_until_stopped()[0]


def look(house: Site, job: str) -> tuple[str, int, int]:
    """State, attempt and failures."""
    (rows,) = checker.select(house.database.place, "SELECT id, state, attempt, failures FROM generation_job")
    return next((state, attempt, failures) for pk, state, attempt, failures in rows if checker.name(pk) == job)


def wait_until(house: Site, condition: Callable[[], object], what: str) -> None:
    """Sweep as the default worker does, until something has come true."""
    wait_for(lambda: house.ask("sweep") and condition(), what, within=PATIENCE, every=0.5)


def assert_made_once(house: Site, job: str, *, attempt: int = 2, failures: int = 1) -> None:
    """Finished, all of its files are there, and the judge has nothing to say but that a dead process left its own."""
    wait_until(house, lambda: not house.unended([job]), "the end of the job")
    assert look(house, job) == ("finished", attempt, failures)
    # A file may just be on its way from the store to its row, or follow its clip; what stays like that fails.
    wait_until(house, lambda: not findings(house), "a healthy site")


def findings(house: Site) -> list[checker.Finding]:
    found = checker.judge(house.database.place, house.media, submitted=house.submitted)
    return [finding for finding in found if finding.kind != "leftover"]


def said_by(worker: Worker, since: int = 0) -> str:
    return worker.log.read_text(errors="replace")[since:]


def test_the_child_dies_while_it_denoises(house: Site, worker: Worker) -> None:
    job, child = submit_to_stop_at(house, "denoise")
    assert child != worker.process.pid
    os.kill(child, signal.SIGKILL)
    assert_made_once(house, job)
    assert worker.is_alive  # the parent started another child


def test_a_child_whose_hand_hangs_ends(house: Site, worker: Worker) -> None:
    job, child = submit_to_stop_at(house, "denoise")
    assert_made_once(house, job)
    assert not is_alive(child) and worker.is_alive  # by itself or by its parent, who comes first


def test_a_child_that_hangs_is_killed_by_its_parent(house: Site, worker: Worker) -> None:
    job, child = submit_to_stop_at(house, "denoise")
    os.kill(child, signal.SIGSTOP)
    assert_made_once(house, job)
    assert not is_alive(child) and worker.is_alive
    assert f"child {child} outlived its lease" in said_by(worker)


def test_parent_and_child_die_while_the_clip_is_encoded(house: Site, worker: Worker) -> None:
    job, child = submit_to_stop_at(house, "encode")
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    wait_for(lambda: not is_alive(child), "the end of a child without a parent")
    house.start_renderer()
    assert_made_once(house, job)


def test_all_die_when_the_files_are_stored_and_nothing_is_committed(house: Site, worker: Worker) -> None:
    job, _ = submit_to_stop_at(house, "commit")
    end_group(worker.process)
    assert look(house, job)[0] == "running"
    stored = files_of(house)
    house.start_renderer()
    assert_made_once(house, job)
    assert len(files_of(house) - stored) == 2  # the very same files again; contact sheet and making follow them


def files_of(house: Site) -> set[Path]:
    return set(house.media.glob("??/*"))


def test_a_warm_shutdown_hands_the_running_job_back(house: Site, worker: Worker) -> None:
    job, _ = submit_to_stop_at(house, "denoise")
    (waiting,) = house.submit(1)  # behind it, and not begun by a worker that closes
    said = worker.log.stat().st_size
    worker.process.terminate()
    wait_for(lambda: "Warm shutdown" in said_by(worker, said), "a warm shutdown")
    house.go()
    assert worker.process.wait(15) == 0
    assert look(house, job) == ("queued", 1, 0)
    assert look(house, waiting) == ("queued", 0, 0)
    house.start_renderer()
    assert_made_once(house, job, attempt=2, failures=0)
    assert_made_once(house, waiting, attempt=1, failures=0)


def test_an_idle_worker_closes_quietly(house: Site, worker: Worker) -> None:
    jobs = house.submit(1)
    house.wait_until_idle(jobs)
    said = worker.log.stat().st_size
    worker.process.terminate()
    assert worker.process.wait(PATIENCE) == 0
    assert "ERROR" not in said_by(worker, said) and "Traceback" not in said_by(worker, said)
