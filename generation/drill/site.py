"""A site of a drill's own: folder, database, broker, media, workers. Every process of it is ended by its own id."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from generation.drill import checker
from generation.drill.servers import (
    Broker,
    Database,
    FileBroker,
    Postgres,
    Redis,
    Sqlite,
    end_group,
    resize,
    small_disk,
    start_tied,
    wait_for,
)
from generation.drill.stage import FFMPEG, UNSWEPT

ROOT = Path(__file__).resolve().parents[2]
POCKET = ROOT / "generation/pocket"
DISK = 1 << 30  # bytes of the store
SETTINGS = ("DATABASE_URL", "DATABASE_POOL", "BROKER_URL", "CACHE_URL", "EMAIL_URL", "DJANGO_SETTINGS_MODULE")
BOOT = 90.0  # seconds; a busy machine imports slowly
ANSWER_WITHIN = 180.0  # seconds; the driver's first answer is a database with its tables
STILL = 1.0  # seconds in which no child was rung for, until the renderers count as idle
STAGE = "generation.drill.stage"
CELERY = [sys.executable, "-m", "celery", "-A", "vernissage", "--quiet", "worker", "--pool", "prefork", "-c", "1"]
CELERY += ["--loglevel", "INFO", "--prefetch-multiplier", "1"]
CELERY += ["--without-gossip", "--without-mingle", "--without-heartbeat"]


class Refused(Exception):
    """The site did not accept what it must accept; its own words."""


@dataclass(frozen=True)
class Note:
    """What a child of a render worker said of itself; see ``generation.drill.stage``."""

    at: float  # seconds since 1970
    pid: int
    worker: str
    event: str


@dataclass(frozen=True)
class Worker:
    """A Celery worker with its children: a process group of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    started_at: float = 0.0  # seconds since 1970

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    @property
    def renders(self) -> bool:
        return self.name != "default"

    def wait_until_ready(self) -> None:
        wait_for(lambda: " ready." in self.log.read_text(errors="replace"), f"worker {self.name}", within=BOOT)


@dataclass
class Site:
    """Workers, servers and folders of one drill. ``open_site`` makes one.

    ``staging`` is the module that render workers load beside the product. ``sweeps`` is false for the negative control.
    """

    var: Path
    database: Database
    broker: Broker
    has_small_disk: bool
    staging: str = STAGE
    sweeps: bool = True
    leases: dict[str, float] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    driver: subprocess.Popen[str] | None = None

    @property
    def media(self) -> Path:
        return self.var / "media"

    @property
    def model(self) -> Path:
        return self.var / "model"

    @property
    def environment(self) -> dict[str, str]:
        """That of its processes: nothing of the caller's own site leaks in."""
        own = {
            "VAR_DIR": str(self.var),
            "TMPDIR": str(self.var / "scratch"),  # goes with the folder, whoever dies
            "DATABASE_URL": self.database.url,
            "BROKER_URL": self.broker.url,
            "FFMPEG_BINARY": str(self.var / "ffmpeg"),
            "PYTHONUNBUFFERED": "1",
        }
        return {**{name: value for name, value in os.environ.items() if name not in SETTINGS}, **own}

    # --- its processes ------------------------------------------------------------------------------------------------
    def start_driver(self) -> None:
        with (self.var / "log/driver.log").open("a") as log:
            self.driver = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "generation.drill"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def ask(self, *words: object) -> dict[str, Any]:
        """What the driver answers.

        Raises:
            Refused: with the reason, or the end of its log if it died.
            TimeoutError: it does not answer; it is ended.
        """
        assert self.driver and self.driver.stdin and self.driver.stdout
        try:
            self.driver.stdin.write(" ".join(map(str, words)) + "\n")
            self.driver.stdin.flush()
            if not select.select([self.driver.stdout], [], [], ANSWER_WITHIN)[0]:
                end_group(self.driver)
                raise TimeoutError(f"{words[0]} was not answered within {ANSWER_WITHIN:.0f} s")
            answer = self.driver.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise Refused((self.var / "log/driver.log").read_text()[-2000:])
        told: dict[str, Any] = json.loads(answer)
        if "refused" in told:
            raise Refused(f"{words[0]} was refused: {told['refused']}")
        return told

    def submit(self, number: int) -> list[str]:
        """Submit clips by the product's own verb; their jobs.

        Raises:
            Refused.
        """
        made: list[str] = self.ask("submit", number)["jobs"]
        self.submitted += made
        return made

    def submit_as(self, artist: int, seed: int, steps: int) -> str:
        """Submit one certain clip for the artist of that number; its job.

        Raises:
            Refused.
        """
        job = str(self.ask("submit_as", artist, seed, steps)["job"])
        self.submitted.append(job)
        return job

    def start_renderer(self) -> Worker:
        """Start a render worker beside those that are there."""
        number = sum(worker.renders for worker in self.workers) + 1
        return self._start(f"render{number}", "-Q", "render", "--include", self.staging)

    def start_default(self) -> Worker:
        """Start the worker for everything else, with the clock in it that sweeps."""
        return self._start("default", "-Q", "default", "-B", "--include", STAGE)

    def _start(self, name: str, *options: str) -> Worker:
        log = self.var / f"log/{name}.log"
        with log.open("ab") as sink:
            argv = [*CELERY, "-n", f"{name}@%h", *options]
            staged = {"DRILL_STAGE": name if "render" in options else "", UNSWEPT: "" if self.sweeps else "1"}
            begun = time.time()
            process = start_tied(argv, cwd=ROOT, env={**self.environment, **staged}, stdout=sink, stderr=sink)
        self.workers.append(worker := Worker(name, process, log, begun))
        return worker

    def tend(self) -> Worker:
        """What a supervisor does: start again what died. The render worker, once it is ready."""
        alive = [worker for worker in self.workers if worker.is_alive]
        if all(worker.renders for worker in alive):
            self.start_default()
        renderers = [worker for worker in alive if worker.renders]
        worker = renderers[-1] if renderers else self.start_renderer()
        worker.wait_until_ready()
        return worker

    def mend(self) -> None:
        """After a trial that was broken off: servers, disk, model and driver as they were, and new workers."""
        for worker in self.workers:
            end_group(worker.process)
        self.database.mend()
        self.broker.mend()
        if self.has_small_disk:
            resize(self.media, DISK)
        shutil.copytree(POCKET, self.model, dirs_exist_ok=True)
        if self.driver is None or self.driver.poll() is not None:
            self._close_driver()
            self.start_driver()

    def close(self) -> None:
        for worker in self.workers:
            end_group(worker.process)
        self._close_driver()

    def _close_driver(self) -> None:
        if self.driver:
            end_group(self.driver)
            for pipe in (self.driver.stdin, self.driver.stdout):
                if pipe:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()

    # --- the stage: see generation.drill.stage ------------------------------------------------------------------------
    def stop_at(self, point: str) -> None:
        """Let the next process that comes to a point stop there."""
        stage = self.var / "stage"
        for left in stage.iterdir():
            left.unlink()
        (stage / point).touch()

    def wait_until_stopped(self) -> list[int]:
        """The process ids at the point: the child, then ffmpeg if it is there."""
        stopped = self.var / "stage/stopped"
        wait_for(stopped.exists, "nobody came to the point where the drill waits", within=BOOT)
        return [int(pid) for pid in stopped.read_text().split()]

    def go(self) -> None:
        (self.var / "stage/go").touch()

    def notes(self) -> list[Note]:
        """What the children of render workers said of themselves, in their order."""
        return [note for note in self._noted() if note.worker]

    def helpers(self) -> tuple[list[int], list[int]]:
        """The processes that the default worker forked: those that do its tasks, and the clock."""
        (parent,) = [worker.process.pid for worker in self.workers if worker.is_alive and not worker.renders]
        born = {note.pid for note in self._noted() if note.event == "born" and not note.worker}
        forked = [pid for task in Path(f"/proc/{parent}/task").iterdir() for pid in _children_of(task)]
        return [pid for pid in forked if pid in born], [pid for pid in forked if pid not in born]

    def _noted(self) -> list[Note]:
        said = self.var / "log/stage.jsonl"
        whole = said.read_text().rpartition("\n")[0] if said.exists() else ""
        return [Note(**json.loads(line)) for line in whole.splitlines()]

    def wait_until_loaded(self) -> None:
        """Until a child has a model at hand.

        Raises:
            TimeoutError.
        """
        wait_for(lambda: any(note.event == "loaded" for note in self.notes()), "a child with its model", within=BOOT)

    def wait_until_idle(self, jobs: list[str]) -> list[int]:
        """Until these jobs have ended, and no child of a render worker has anything to do, not even to look; their ids.

        Raises:
            TimeoutError.
        """
        wait_for(lambda: not self.unended(jobs) and self._idle(), "an idle worker", within=BOOT, every=0.2)
        return self._idle()

    def _idle(self) -> list[int]:
        """The children that live, if all of them rest, the last one first."""
        last = {note.pid: note for note in self.notes() if note.event in ("rung", "idle")}
        living = [note for pid, note in last.items() if Path(f"/proc/{pid}").exists()]
        rest = all(note.event == "idle" and note.at < time.time() - STILL for note in living)
        return [note.pid for note in reversed(living)] if rest else []

    # --- what the judge sees ------------------------------------------------------------------------------------------
    def running(self) -> dict[str, int]:
        return checker.running(self.database.place)

    def phases(self) -> dict[str, str]:
        """The phase of each job that runs: its lease is the one that counts for it."""
        (rows,) = checker.select(self.database.place, "SELECT id, phase FROM generation_job WHERE state = 'running'")
        return {checker.name(pk): phase for pk, phase in rows}

    def unended(self, jobs: list[str]) -> list[str]:
        states = checker.states(self.database.place)
        return [job for job in jobs if states.get(job) in checker.OPEN]


def _children_of(task: Path) -> list[int]:
    return [int(pid) for pid in (task / "children").read_text().split()]


@contextlib.contextmanager
def open_site(
    *, database: str, broker: str, batch: int = 2, leases: str = "short", keep: bool = False, **options: Any
) -> Iterator[Site]:
    """Open a site in a temporary folder and end all of it afterwards.

    Args:
        database: ``sqlite`` or ``postgresql``.
        broker: ``file`` or ``redis``.
        batch: clips rendered together at most.
        leases: ``short``, or the ``site``'s own.
        keep: leave the folder with its logs.
        options: fields of ``Site``.

    Raises:
        generation.drill.servers.Missing: this machine lacks a server.
    """
    var = Path(tempfile.mkdtemp(prefix="vernissage-drill-"))
    var.chmod(0o755)  # PostgreSQL runs as nobody
    with contextlib.ExitStack() as ending:
        if not keep:
            ending.callback(shutil.rmtree, var, ignore_errors=True)
        made_database: Database = Postgres(var) if database == "postgresql" else Sqlite(var)
        made_broker: Broker = Redis(var) if broker == "redis" else FileBroker(var)
        has_small_disk = ending.enter_context(small_disk(var / "media", DISK))
        site = Site(var, made_database, made_broker, has_small_disk, **options)
        _furnish(site)
        for server in (made_database, made_broker):
            ending.callback(server.stop)
            server.start()
        ending.callback(site.close)
        site.start_driver()
        site.leases = site.ask("open_site", batch, leases)["leases"]
        yield site


def _furnish(site: Site) -> None:
    for folder in ("log", "stage", "scratch"):
        (site.var / folder).mkdir()
    real = os.environ.get("FFMPEG_BINARY") or shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    wrapper = site.var / "ffmpeg"
    wrapper.write_text(FFMPEG.format(stage=site.var / "stage", ffmpeg=real))
    wrapper.chmod(0o755)
