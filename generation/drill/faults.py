"""What can go wrong, each from outside: signals, files, limits and servers. One small function for each.

A fault strikes while a child of a render worker stands at a phase (``scene.child``), or while nothing is rendered, and
leaves everything in order again: whoever has to mend something in production (a supervisor, a person) is played by the
drill.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator

from generation.drill.looking import failures, is_alive, lease_left, taken_over
from generation.drill.scene import IDLE, MARGIN, PHASES, REST, SWEEP, Fault, Scene, Unexpected
from generation.drill.servers import Database, Postgres, Sqlite, wait_for
from generation.drill.site import Worker
from generation.drill.surroundings import fill_disk, kill_ffmpeg, spoil_model, spoil_running_model, starve

OUTAGE = 2.0  # seconds that a server is away
GRACE = 10.0  # seconds that a worker has to close
DEAF = 1.5  # seconds until Redis has answered the question that a stopped worker had asked: it waits for one second
SLOWEST = 2.0  # seconds that one submission may take without a broker
RENDERING = tuple(phase for phase in PHASES if phase != IDLE)


# --- deaths -----------------------------------------------------------------------------------------------------------
def nothing(scene: Scene) -> None:
    """No fault: what the drill itself costs."""
    scene.site.go()


def kill_child(scene: Scene) -> None:
    """kill -9 of the child, as the kernel does when memory runs out; its parent starts another, which hears bells."""
    os.kill(scene.child, signal.SIGKILL)
    if scene.phase == IDLE:
        scene.hit_next()


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


def kill_helper(scene: Scene) -> None:
    """kill -9 of the default worker's idle child: another does what it did, sweeping among it."""
    ((helper, *_), _) = scene.site.helpers()
    os.kill(helper, signal.SIGKILL)
    empty_broker(scene)


def kill_clock(scene: Scene) -> None:
    """kill -9 of the clock, a process of the default worker: nothing is due any more until somebody starts another."""
    (_, (clock, *_)) = scene.site.helpers()
    os.kill(clock, signal.SIGKILL)
    empty_broker(scene)


def hang(scene: Scene) -> None:
    """The child stops and never goes on: its parent must kill it."""
    os.kill(scene.child, signal.SIGSTOP)
    within = 30 + max(scene.site.leases.values())
    wait_for(lambda: not is_alive(scene.child), "a hanging child was not killed", within=within)


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
    within = 60 + max(scene.site.leases.values())
    wait_for(lambda: taken_over(scene), "no other worker took the jobs over", within=within, every=0.2)
    os.killpg(scene.worker.process.pid, signal.SIGCONT)
    scene.wait_until_ended(scene.jobs)
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


def close_quietly(worker: Worker) -> None:
    worker.process.terminate()
    wait_for(lambda: not worker.is_alive, f"{worker.name} did not close", within=30)


# --- databases --------------------------------------------------------------------------------------------------------
def restart_database(how: signal.Signals) -> Callable[[Scene], None]:
    def strike(scene: Scene) -> None:
        database = postgres(scene.site.database)
        database.stop(how)
        scene.site.go()
        time.sleep(OUTAGE)
        database.start()
        scene.now()
        scene.submit(2)  # the pages work again, too

    return strike


def postgres(database: Database) -> Postgres:
    assert isinstance(database, Postgres)
    return database


def lock_database(scene: Scene) -> None:
    """Somebody else writes into the SQLite file for longer than anybody waits for it."""
    database = scene.site.database
    assert isinstance(database, Sqlite)
    scene.site.go()
    database.lock(24.0)  # settings.DATABASES waits 20
    scene.now()
    scene.submit(2)


# --- brokers ----------------------------------------------------------------------------------------------------------
def empty_broker(scene: Scene) -> None:
    """The bells of two clips are lost before an idle worker hears them: nothing but the sweep tells of these jobs."""
    with deaf(scene.worker):
        scene.hit_next()
        scene.site.broker.empty()
    scene.now()


def break_broker(scene: Scene) -> None:
    """The broker is away, and clips are submitted, which does not wait for it; it comes back without a message."""
    scene.site.broker.break_off()
    answer = scene.site.ask("submit", 2)
    scene.jobs += answer["jobs"]
    scene.site.submitted += answer["jobs"]
    scene.notes.append(f"submitting took {answer['slowest_s']:.1f} s meanwhile")
    time.sleep(OUTAGE)
    scene.hit = dict.fromkeys(answer["jobs"], 0)
    scene.site.broker.start()
    scene.now()
    if answer["slowest_s"] > SLOWEST:
        raise Unexpected(f"submitting a clip took {answer['slowest_s']} s without a broker")


@contextlib.contextmanager
def deaf(worker: Worker) -> Iterator[None]:
    """Meanwhile the worker's parent takes nothing from the broker, not even what it had asked for before."""
    os.kill(worker.process.pid, signal.SIGSTOP)
    try:
        time.sleep(DEAF)
        yield
    finally:
        os.kill(worker.process.pid, signal.SIGCONT)


TWICE = ("denoise", "encode")
FAULTS = (
    Fault("no fault", nothing, ("denoise",)),
    Fault("child killed", kill_child, PHASES, starts="child", may_leave_bytes=True),
    Fault("parent killed", kill_parent, ("denoise", "encode", "commit"), starts="worker", may_leave_bytes=True),
    Fault("tree killed", kill_tree, RENDERING, starts="worker", may_leave_bytes=True),
    Fault("helper killed", kill_helper, (IDLE,), recovers=SWEEP + MARGIN),
    Fault("clock killed", kill_clock, (IDLE,), recovers=SWEEP + MARGIN, starts="worker"),
    Fault("child hangs", hang, TWICE, starts="child", may_leave_bytes=True),
    Fault("zombie child", zombie_child, TWICE, starts="child", may_leave_bytes=True),
    Fault("zombie worker", zombie_tree, TWICE, starts="worker", may_leave_bytes=True),
    Fault("worker closed", close, ("load", "denoise", "decode", "encode"), starts="worker"),
    Fault("database restarted", restart_database(signal.SIGINT), ("denoise", "commit"), needs="postgresql"),
    Fault("database crashed", restart_database(signal.SIGQUIT), ("denoise", "encode", "commit"), needs="postgresql"),
    Fault(
        "database locked",
        lock_database,  # who waits for it longer than the lease is killed; who gives up lets the pipeline rest
        TWICE,
        recovers=REST + SWEEP,
        starts="child",
        may_leave_bytes=True,
        needs="sqlite",
    ),
    Fault("broker emptied", empty_broker, (IDLE,), recovers=SWEEP + MARGIN),
    Fault("broker away", break_broker, (IDLE,), recovers=SWEEP + MARGIN),
    Fault("disk full", fill_disk, ("encode",), recovers=REST + SWEEP + MARGIN, rests=True, may_leave_bytes=True),
    Fault("encoder killed", kill_ffmpeg, ("encode",), recovers=REST + SWEEP + MARGIN, rests=True),
    Fault("model spoiled", spoil_model, ("denoise",), recovers=REST + SWEEP + MARGIN, rests=True),
    Fault("spoiled in use", spoil_running_model, ("denoise",), recovers=REST + SWEEP + MARGIN, rests=True),
    Fault("no memory", starve, ("decode",), recovers=REST + SWEEP, may_leave_bytes=True, may_fail=True),
)
