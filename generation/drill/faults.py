"""What can go wrong, each from outside: signals, files, limits and servers. One small function for each.

A fault strikes while a child of a render worker stands at a phase (``scene.child``), and leaves everything in order
again: whoever has to mend something in production (a supervisor, a person) is played by the drill.
"""

import contextlib
import json
import os
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from generation.drill import checker
from generation.drill.servers import Broker, Database, Postgres, Sqlite, resize, wait_for
from generation.drill.site import Site, Worker

SWEEP, REST = 10.0, 20.0  # seconds: between two sweeps; a pipeline in trouble is left alone
OUTAGE = 2.0  # seconds that a server is away
SUPERVISOR = 1.0  # seconds until a dead worker is started again
GRACE = 10.0  # seconds that a worker has to close
PHASES = ("load", "denoise", "decode", "encode", "commit")


class Unexpected(Exception):
    """The product did otherwise than it promises; the sentence says what."""


@dataclass
class Scene:
    """One trial under way: who stands where, and what runs."""

    site: Site
    worker: Worker
    phase: str
    jobs: list[str] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)  # the child that stands at the phase, then ffmpeg if it is there
    hit: dict[str, int] = field(default_factory=dict)  # the jobs that run, and the attempt of each
    at: float = 0.0  # seconds since 1970: from here recovery is counted
    notes: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Wait until a child stands at the phase; what runs then will be hit.

        Raises:
            TimeoutError: nobody came.
        """
        self.pids = self.site.wait_until_stopped()
        self.hit = self.site.running()
        self.now()

    @property
    def child(self) -> int:
        return self.pids[0]

    def now(self) -> None:
        """Recovery counts from this moment: the fault strikes, or the outage is over."""
        self.at = time.time()

    def mended(self) -> None:
        """Recovery counts from this moment, for every job that waits: their pipeline is in order again."""
        (rows,) = checker.select(
            self.site.database.place, "SELECT id, attempt FROM generation_job WHERE state = 'queued'"
        )
        self.hit = {checker.name(pk): attempt for pk, attempt in rows}
        self.now()

    def restart(self) -> None:
        """What a supervisor does about a dead worker."""
        time.sleep(SUPERVISOR)
        self.site.start_renderer()


@dataclass(frozen=True)
class Fault:
    """A fault, the phases it strikes in, and what must then be true.

    ``recovers`` is how long the hit jobs may wait until they run again, beside the lease of their phase; ``None`` where
    the jobs wait for a pipeline in trouble instead, which rests for ``REST``. ``may_leave_bytes``: an
    attempt may end between storing its files and recording them. ``may_fail``: a job may end as failed, with a reason.
    """

    name: str
    strike: Callable[[Scene], None]
    phases: tuple[str, ...]
    recovers: float | None = SWEEP
    may_leave_bytes: bool = False
    may_fail: bool = False
    needs: str = ""  # a kind of database or broker


# --- deaths -----------------------------------------------------------------------------------------------------------
def nothing(scene: Scene) -> None:
    """No fault: what the drill itself costs."""
    scene.site.go()


def kill_child(scene: Scene) -> None:
    """kill -9 of the child, as the kernel does when memory runs out; its parent starts another."""
    os.kill(scene.child, signal.SIGKILL)


def kill_parent(scene: Scene) -> None:
    """kill -9 of the worker: its child must not go on alone. A supervisor starts another worker."""
    os.kill(scene.worker.process.pid, signal.SIGKILL)
    scene.worker.process.wait()
    wait_for(lambda: not is_alive(scene.child), "the child went on without its parent", within=10)
    scene.restart()


def kill_tree(scene: Scene) -> None:
    """kill -9 of worker, child and encoder at once, as when the machine loses its power."""
    os.killpg(scene.worker.process.pid, signal.SIGKILL)
    scene.worker.process.wait()
    scene.restart()


def hang(scene: Scene) -> None:
    """The child stops and never goes on: its parent must kill it."""
    os.kill(scene.child, signal.SIGSTOP)
    wait_for(lambda: not is_alive(scene.child), "a hanging child was not killed", within=60)


def zombie_child(scene: Scene) -> None:
    """The child sleeps past its lease, then goes on with what it has: its late result must be discarded."""
    before, said = scene.worker.log.stat().st_size, lambda: scene.worker.log.read_text(errors="replace")[before:]
    os.kill(scene.child, signal.SIGSTOP)
    scene.site.go()
    time.sleep(lease_left(scene) + 1.0)  # its parent kills it three seconds after the lease
    with contextlib.suppress(ProcessLookupError):
        os.kill(scene.child, signal.SIGCONT)
    wait_for(lambda: "is over: result discarded" in said(), "no late result was discarded", within=20)


def zombie_tree(scene: Scene) -> None:
    """Worker and child sleep past the lease while another worker takes over; then they wake and go on."""
    os.killpg(scene.worker.process.pid, signal.SIGSTOP)
    scene.site.go()
    rival = scene.site.start_renderer()
    wait_for(lambda: taken_over(scene), "no other worker took the jobs over", within=60, every=0.2)
    os.killpg(scene.worker.process.pid, signal.SIGCONT)
    wait_for(lambda: not scene.site.unended(scene.jobs), "jobs did not end", within=90, every=0.3)
    close_quietly(rival)


def close(scene: Scene) -> None:
    """SIGTERM, as at every deployment: jobs are handed back at once, and no failure is counted."""
    begun, before = time.monotonic(), failures(scene)
    scene.worker.process.terminate()
    time.sleep(0.3)
    scene.site.go()
    wait_for(lambda: not scene.worker.is_alive, f"the worker did not close within {GRACE:.0f} s", within=GRACE)
    scene.notes.append(f"closed in {time.monotonic() - begun:.1f} s")
    left = set(scene.site.running()) & set(scene.hit)
    if left or failures(scene) != before:
        raise Unexpected(f"{len(left)} jobs not handed back, failures {before} before and {failures(scene)} after")
    scene.restart()


# --- servers ----------------------------------------------------------------------------------------------------------
def restart_database(how: signal.Signals) -> Callable[[Scene], None]:
    def strike(scene: Scene) -> None:
        database = postgres(scene.site.database)
        database.stop(how)
        scene.site.go()
        time.sleep(OUTAGE)
        database.start()
        scene.now()
        scene.jobs += scene.site.submit(2)  # the pages work again, too

    return strike


def lock_database(scene: Scene) -> None:
    """Somebody else writes into the SQLite file for longer than anybody waits for it."""
    database = scene.site.database
    assert isinstance(database, Sqlite)
    scene.site.go()
    database.lock(24.0)  # settings.DATABASES waits 20
    scene.now()
    scene.jobs += scene.site.submit(2)


def empty_broker(scene: Scene) -> None:
    """Every message is lost."""
    scene.site.broker.empty()
    scene.jobs += scene.site.submit(2)
    scene.site.broker.empty()
    scene.site.go()


def break_broker(scene: Scene) -> None:
    """The broker is away, its messages are lost; submitting goes on, and does not wait for it."""
    broker: Broker = scene.site.broker
    broker.break_off()
    answer = scene.site.ask("submit", 2)
    scene.jobs += answer["jobs"]
    scene.site.submitted += answer["jobs"]
    scene.notes.append(f"submitting took {answer['slowest_s']:.1f} s meanwhile")
    scene.site.go()
    time.sleep(OUTAGE)
    broker.start()
    scene.now()
    if answer["slowest_s"] > 2:
        raise Unexpected(f"submitting a clip took {answer['slowest_s']} s without a broker")


# --- the worker's own world -------------------------------------------------------------------------------------------
def fill_disk(scene: Scene) -> None:
    """The disk of the store is full, then there is room again: jobs wait, say why, and go on by themselves."""
    media = scene.site.media
    if scene.site.has_small_disk:
        resize(media, used(media) + 16_384)
        scene.notes.append("a small disk of its own")
    else:
        limit(scene.child, resource.RLIMIT_FSIZE, 4096)
        scene.notes.append("RLIMIT_FSIZE, since this machine mounts nothing for us")
    scene.site.go()
    wait_for(lambda: trouble(scene.site), "the pipeline did not say that the disk is full", within=60, every=0.2)
    scene.notes.append(trouble(scene.site))
    if scene.site.has_small_disk:
        resize(media, 1 << 30)
    elif is_alive(scene.child):
        limit(scene.child, resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
    scene.mended()


def kill_ffmpeg(scene: Scene) -> None:
    """kill -9 of the encoder while it works."""
    ffmpeg = scene.pids[1]
    scene.site.go()
    wait_for(lambda: "ffmpeg" in Path(f"/proc/{ffmpeg}/exe").readlink().name, "ffmpeg did not start", every=0.002)
    os.kill(ffmpeg, signal.SIGKILL)


def spoil_model(scene: Scene) -> None:
    """A byte of the weights changes on the disk, and the child starts anew: nothing is rendered with such a model."""
    weights = max(scene.site.model.rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    flip(weights)
    os.kill(scene.child, signal.SIGKILL)
    wait_for(lambda: trouble(scene.site), "the pipeline did not say that its folder changed", within=120, every=0.2)
    scene.notes.append(trouble(scene.site))
    flip(weights)
    scene.mended()


def starve(scene: Scene) -> None:
    """The child gets no more memory, and whatever asks next fails: torch, a thread, ffmpeg.

    Jobs fail readably or succeed alone, and the others go on.
    """
    limit(scene.child, resource.RLIMIT_AS, size_of(scene.child) + (1 << 20))
    scene.site.go()
    wait_for(lambda: failures(scene) > 0, "nothing failed for want of memory", within=60, every=0.2)
    scene.notes += reasons(scene)
    if is_alive(scene.child):
        limit(scene.child, resource.RLIMIT_AS, resource.RLIM_INFINITY)
    scene.now()


# --- looking ----------------------------------------------------------------------------------------------------------
def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def size_of(pid: int) -> int:
    """The address space of a process, in bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def limit(pid: int, what: int, soft: int) -> None:
    _, hard = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (soft, hard))


def flip(path: Path) -> None:
    """Change one bit in the middle of a file; twice is back again."""
    with path.open("rb+") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def used(folder: Path) -> int:
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


def postgres(database: Database) -> Postgres:
    assert isinstance(database, Postgres)
    return database


def lease_left(scene: Scene) -> float:
    """Seconds until the lease of the jobs that were hit is over."""
    (rows,) = checker.select(scene.site.database.place, "SELECT id, lease_until FROM generation_job")
    until = [checker.seconds(lease) for pk, lease in rows if checker.name(pk) in scene.hit]
    return max(0.0, max((moment for moment in until if moment), default=0.0) - time.time())


def failures(scene: Scene) -> int:
    (rows,) = checker.select(scene.site.database.place, "SELECT id, failures FROM generation_job")
    return sum(count for pk, count in rows if checker.name(pk) in scene.jobs)


def reasons(scene: Scene) -> list[str]:
    """Why jobs of the trial were put back in the line, or failed, by the record."""
    (rows,) = checker.select(
        scene.site.database.place,
        "SELECT subject, facts FROM access_entry WHERE act IN ('requeue_job', 'fail_job') ORDER BY id",
    )
    return [json.loads(facts)["reason"] for subject, facts in rows if subject.removeprefix("job:") in scene.jobs]


def taken_over(scene: Scene) -> bool:
    """Whether a job that was hit is at a later attempt."""
    (rows,) = checker.select(scene.site.database.place, "SELECT id, attempt FROM generation_job")
    return any(attempt > scene.hit.get(checker.name(pk), attempt) for pk, attempt in rows)


def trouble(site: Site) -> str:
    """Why the pipeline cannot be used at present, in its own words."""
    (rows,) = checker.select(site.database.place, "SELECT trouble FROM generation_pipeline")
    return " ".join(str(words) for (words,) in rows).strip()


def close_quietly(worker: Worker) -> None:
    worker.process.terminate()
    wait_for(lambda: not worker.is_alive, f"{worker.name} did not close", within=30)


FAULTS = (
    Fault("no fault", nothing, ("denoise",)),
    Fault("child killed", kill_child, PHASES, may_leave_bytes=True),
    Fault("parent killed", kill_parent, ("denoise", "encode", "commit"), may_leave_bytes=True),
    Fault("tree killed", kill_tree, PHASES, may_leave_bytes=True),
    Fault("child hangs", hang, ("denoise", "encode"), may_leave_bytes=True),
    Fault("zombie child", zombie_child, ("denoise", "encode"), may_leave_bytes=True),
    Fault("zombie worker", zombie_tree, ("denoise", "encode"), may_leave_bytes=True),
    Fault("worker closed", close, ("load", "denoise", "decode", "encode")),
    Fault("database restarted", restart_database(signal.SIGINT), ("denoise", "commit"), needs="postgresql"),
    Fault("database crashed", restart_database(signal.SIGQUIT), ("denoise", "encode", "commit"), needs="postgresql"),
    Fault("database locked", lock_database, ("denoise", "encode"), may_leave_bytes=True, needs="sqlite"),
    Fault("broker emptied", empty_broker, ("denoise",)),
    Fault("broker away", break_broker, ("denoise",)),
    Fault("disk full", fill_disk, ("encode",), recovers=None, may_leave_bytes=True),
    Fault("encoder killed", kill_ffmpeg, ("encode",), recovers=None),
    Fault("model spoiled", spoil_model, ("denoise",), recovers=None),
    Fault("no memory", starve, ("decode",), recovers=REST + SWEEP, may_leave_bytes=True, may_fail=True),
)
