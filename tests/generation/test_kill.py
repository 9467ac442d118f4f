"""kill -9 with the real broker, the real worker and real processes, at the worst points. Only the engine is drawn.

After each death a fresh child or worker finishes the job exactly once, nothing is spent twice, no file is torn.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site

PATIENCE = 60.0  # seconds; a busy machine imports slowly
WORKER = [
    *(sys.executable, "-m", "celery", "-A", "tests.generation.slow_worker", "--quiet", "worker", "--pool", "prefork"),
    *("-c", "1", "-Q", "render", "--loglevel", "INFO", "--prefetch-multiplier", "1"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
]


class Site:
    """A site of its own under ``var``: database, broker folder, media. Every process of it is ended by its own id."""

    def __init__(self, var: Path) -> None:
        self.var = var
        dropped = ("DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE", "MEDIA_DIR")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        self.environment = {**kept, "VAR_DIR": str(var), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        self.workers: list[subprocess.Popen[bytes]] = []
        with (var / "driver.log").open("w") as log:
            self.driver = subprocess.Popen(
                [sys.executable, "-m", "tests.generation.site_driver"],
                cwd=site.BASE_DIR,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def ask(self, *words: object) -> Any:
        assert self.driver.stdin and self.driver.stdout
        self.driver.stdin.write(" ".join(map(str, words)) + "\n")
        self.driver.stdin.flush()
        answer = self.driver.stdout.readline()
        assert answer, (self.var / "driver.log").read_text()
        return json.loads(answer)

    def start_worker(self) -> subprocess.Popen[bytes]:
        with (self.var / "worker.log").open("a") as log:
            worker = subprocess.Popen(
                WORKER, cwd=site.BASE_DIR, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.workers.append(worker)
        return worker

    def submit_to_stop_at(self, point: str, seed: int) -> str:
        for name in ("stopped", "go"):
            (self.var / name).unlink(missing_ok=True)
        (self.var / "stop_at").write_text(point)
        return str(self.ask("submit", seed))

    def wait_until_stopped(self) -> int:
        """The child that came to the point; whoever comes there from now on passes."""
        stopped = self.var / "stopped"
        self.wait_for(stopped.exists)
        (self.var / "stop_at").unlink()
        return int(stopped.read_text())

    def wait_until_finished(self, job: str) -> dict[str, Any]:
        """Sweep as the default worker does, until the job has ended and all of its renditions followed."""
        self.wait_for(lambda: self.ask("sweep") == -1 or self.ask("look", job)["renditions"] == 5, every=0.5)
        return dict(self.ask("look", job))

    def wait_for(self, condition: Any, every: float = 0.05) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, (self.var / "worker.log").read_text()[-6000:]
            time.sleep(every)

    def close(self) -> None:
        for process in (*self.workers, self.driver):
            kill_group(process)
        for pipe in (self.driver.stdin, self.driver.stdout):
            if pipe:
                pipe.close()


def kill_group(process: subprocess.Popen[Any]) -> None:
    """SIGKILL to a worker and its children, which are a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        assert made.ask("open_site") == "open"
        yield made
    finally:
        made.close()


@pytest.fixture
def worker(house: Site) -> subprocess.Popen[bytes]:
    """A worker that lives: the one of the test before, or a new one."""
    alive = [worker for worker in house.workers if worker.poll() is None]
    return alive[0] if alive else house.start_worker()


def assert_made_once(house: Site, job: str, *, attempt: int = 2, failures: int = 1) -> None:
    seen = house.wait_until_finished(job)
    seen.pop("worker")
    assert seen == {
        "state": "finished",
        "attempt": attempt,
        "failures": failures,
        "outputs": 1,
        "renditions": 5,
        "quota": ["spend"],
        "notices": 1,
    }
    # Another clip may just be on its way from the store to its row; what stays without one fails.
    house.wait_for(lambda: house.ask("faults") == [], every=0.5)


def test_the_child_dies_while_it_denoises(house: Site, worker: subprocess.Popen[bytes]) -> None:
    job = house.submit_to_stop_at("denoise", seed=1)
    child = house.wait_until_stopped()
    assert child != worker.pid
    os.kill(child, signal.SIGKILL)
    assert_made_once(house, job)
    assert worker.poll() is None  # the parent started another child


def test_a_child_that_hangs_is_killed_by_its_parent(house: Site, worker: subprocess.Popen[bytes]) -> None:
    job = house.submit_to_stop_at("denoise", seed=2)
    child = house.wait_until_stopped()
    assert_made_once(house, job)
    assert not is_alive(child) and worker.poll() is None
    assert f"child {child} outlived its lease" in (house.var / "worker.log").read_text()


def test_parent_and_child_die_while_the_clip_is_encoded(house: Site, worker: subprocess.Popen[bytes]) -> None:
    job = house.submit_to_stop_at("encode", seed=3)
    child = house.wait_until_stopped()
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    house.wait_for(lambda: not is_alive(child))  # it does not outlive its parent
    house.start_worker()
    assert_made_once(house, job)


def test_all_die_when_the_files_are_stored_and_nothing_is_committed(
    house: Site, worker: subprocess.Popen[bytes]
) -> None:
    job = house.submit_to_stop_at("commit", seed=4)
    house.wait_until_stopped()
    kill_group(worker)
    assert house.ask("look", job)["outputs"] == 0
    stored = set((house.var / "media").glob("??/*"))
    house.start_worker()
    assert_made_once(house, job)
    new = set((house.var / "media").glob("??/*")) - stored
    assert len(new) == 2  # the second attempt made the very same files; contact sheet and making follow them


def test_a_warm_shutdown_hands_the_running_job_back(house: Site, worker: subprocess.Popen[bytes]) -> None:
    job, log = house.submit_to_stop_at("denoise", seed=5), house.var / "worker.log"
    house.wait_until_stopped()
    waiting = house.ask("submit", 6)  # behind it, and not begun by a worker that closes
    begun, said = time.monotonic(), log.stat().st_size
    worker.terminate()
    house.wait_for(lambda: "Warm shutdown" in log.read_text()[said:])
    (house.var / "go").touch()
    assert worker.wait(PATIENCE) == 0
    assert time.monotonic() - begun < 15
    seen = house.ask("look", job)
    assert (seen["state"], seen["attempt"], seen["failures"], seen["quota"]) == ("queued", 1, 0, ["spend"])
    assert house.ask("look", waiting)["attempt"] == 0
    house.start_worker()
    assert_made_once(house, job, attempt=2, failures=0)
    assert_made_once(house, waiting, attempt=1, failures=0)


def all_done(log: str) -> bool:
    """Whether every task that was received has ended, those of before among them."""
    return log.count(" received") <= log.count(" succeeded") + log.count(" raised")


def test_an_idle_worker_closes_quietly(house: Site, worker: subprocess.Popen[bytes]) -> None:
    log = house.var / "worker.log"
    begun = log.stat().st_size
    job = str(house.ask("submit", 8))
    house.wait_until_finished(job)
    house.wait_for(lambda: all_done(log.read_text()[begun:]), every=0.5)
    said = log.stat().st_size
    worker.terminate()
    assert worker.wait(PATIENCE) == 0
    assert "ERROR" not in log.read_text()[said:] and "Traceback" not in log.read_text()[said:]
