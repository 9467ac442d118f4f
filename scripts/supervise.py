"""Open the house: migrate, seed, then web and two workers as children, until Ctrl-C.

Each child is a process group of its own, logs to a file under ``var/log`` and is ended by its own id. A worker that
dies is started again: the queue is in the database, so nothing is lost. Standard library only.
"""

import contextlib
import fcntl
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve()
HOST = "127.0.0.1"
VERBOSE = os.environ.get("VERBOSE", "") not in ("", "0")

READY_WITHIN = 120.0  # seconds; a cold disk imports slowly
GRACE = 10.0  # seconds between SIGTERM and SIGKILL
TICK = 0.2
LONGEST_PAUSE = 30.0  # seconds between two starts of a worker that keeps dying
HEALTHY_AFTER = 60.0  # seconds of life after which a death counts as the first again

# What the terminal shows of the logs; a file broker has no host, and says so at each start.
WORTH_SHOWING = re.compile(r"\b(WARNING(?! kombu.connection)|ERROR|CRITICAL)\b|^Traceback|^\S*(Error|Exception)\b")
WORKER_READY = re.compile(r"\S+@\S+ ready\.")

# Runs before the child's own program: on Linux the kernel ends the child if this supervisor is killed outright.
TIED_TO_PARENT = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
if sys.platform.startswith("linux"):
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == parent:
    os.execv(sys.argv[2], sys.argv[2:])
"""


class CannotOpen(Exception):
    """A sentence for the person at the terminal."""


def say(text: str) -> None:
    print(text, flush=True)


@dataclass
class Child:
    name: str
    argv: list[str]
    ready: re.Pattern[str] | None = None  # the line of its log that says it is up
    restarts: bool = False
    is_ready: bool = False
    started_at: float = 0.0
    deaths: int = 0  # in a row
    start_again_at: float | None = None
    process: subprocess.Popen[bytes] | None = None
    tail: IO[str] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return VAR / "log" / f"{self.name}.log"

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-c", TIED_TO_PARENT, str(os.getpid()), *self.argv],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone; children are told by it
            )
        self.started_at, self.start_again_at, self.is_ready = time.monotonic(), None, False

    def forward(self) -> None:
        """Show what is worth showing of the lines logged since the last look."""
        if self.tail is None:
            self.tail = self.log.open(encoding="utf-8", errors="replace")
        for line in self.tail:
            if self.ready and self.ready.search(line):
                self.is_ready = True
            if VERBOSE or WORTH_SHOWING.search(line):
                say(f"[{self.name}] {line.rstrip()}")

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill_group(self) -> None:
        """SIGKILL what is left of the group: a pool child, an encoder."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def children(port: int) -> list[Child]:
    """What runs: the web process, the worker that renders, the worker for everything else with the clock in it."""
    web = [sys.executable, "-m", "uvicorn", "vernissage.asgi:application", "--host", HOST, "--port", str(port)]
    # Links carry secrets (invitations, shares), so requests are not logged by path.
    web += ["--lifespan", "off", "--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "5"]
    worker = [sys.executable, "-m", "celery", "-A", "vernissage", "--quiet", "worker", "--pool", "prefork", "-c", "1"]
    worker += ["--prefetch-multiplier", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker += ["--loglevel", "INFO"]
    return [
        Child("web", web),
        Child("render", [*worker, "-Q", "render", "-n", "render@%h"], ready=WORKER_READY, restarts=True),
        Child("default", [*worker, "-Q", "default", "-n", "default@%h", "-B"], ready=WORKER_READY, restarts=True),
    ]


# --- before the children -------------------------------------------------------------------------------------------
def chosen_port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotOpen(f"PORT is {text!r}; it should be a number between 1 and 65535.")
    port = int(text)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as refusal:
            raise CannotOpen(
                f"Port {port} on {HOST} is not free ({refusal.strerror}). Choose another: PORT={port + 1} make run"
            ) from None
    return port


@contextlib.contextmanager
def the_only_one() -> Iterator[None]:
    """Two houses in one folder would share workers and clock. The lock goes with the process, however it ends."""
    (VAR / "log").mkdir(parents=True, exist_ok=True)
    with (VAR / "supervisor.lock").open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held.seek(0)
            pid = held.read().strip()
            raise CannotOpen(
                f"Vernissage already runs here (process {pid}). Another needs a VAR_DIR of its own."
            ) from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


def manage(*args: str) -> str:
    """One management command to its end; its output, or all of it in the refusal."""
    command = [sys.executable, "manage.py", *args]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, start_new_session=True)
    if done.returncode != 0:
        raise CannotOpen(f"manage.py {' '.join(args)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def prepare(port: int) -> str:
    """Folders, logs, database and demonstration; what the seed has to tell."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    os.environ.setdefault("SITE_URL", f"http://{HOST}:{port}")
    for log in (VAR / "log").glob("*.log"):
        log.replace(log.with_suffix(".log.1"))  # the run before this one stays readable
    say("Preparing the database")
    manage("migrate", "--verbosity", "0")
    say("Preparing the demonstration")
    return manage("seed_demo")


# --- while they run ------------------------------------------------------------------------------------------------
def answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 400
    except OSError:
        return False
    finally:
        connection.close()


def wait_until_ready(house: list[Child], port: int, closing: threading.Event) -> None:
    web = house[0]
    deadline = time.monotonic() + READY_WITHIN
    while not closing.is_set():
        tend(house)
        web.is_ready = web.is_ready or answers(port)
        waiting = [child.name for child in house if not child.is_ready]
        if not waiting:
            return
        if time.monotonic() > deadline:
            if not web.is_ready:
                raise CannotOpen(f"The web process did not answer within {READY_WITHIN:.0f} s:\n{last_lines(web.log)}")
            say(f"Not heard from yet: {', '.join(waiting)}. Its log says why; jobs wait meanwhile.")
            return
        closing.wait(TICK)


def tend(house: list[Child]) -> None:
    """One look at every child: show its lines, notice its death, start it again when its pause is over."""
    for child in house:
        child.forward()
        if child.has_ended():
            mourn(child)
        elif child.start_again_at is not None and time.monotonic() >= child.start_again_at:
            child.start()


def mourn(child: Child) -> None:
    assert child.process is not None
    code = child.process.returncode
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
    child.kill_group()
    if not child.restarts:
        raise CannotOpen(f"The {child.name} process ended ({how}); closing.\n{last_lines(child.log)}")
    child.deaths = 1 if time.monotonic() - child.started_at > HEALTHY_AFTER else child.deaths + 1
    pause = min(2.0 ** (child.deaths - 1), LONGEST_PAUSE)
    child.start_again_at = time.monotonic() + pause
    say(f"The {child.name} worker ended ({how}); starting it again in {pause:.0f} s. Jobs wait, none is lost.")


def last_lines(log: Path, count: int = 20) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


def close(house: list[Child], hurry: threading.Event) -> None:
    """SIGTERM to each child by its own id, ten seconds, then SIGKILL to what is left of each group."""
    living = [child for child in house if child.process is not None]
    for child in living:
        assert child.process is not None
        child.process.terminate()
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and not hurry.is_set() and not all(child.has_ended() for child in living):
        time.sleep(TICK / 2)
    late = [child.name for child in living if not child.has_ended()]
    if late:
        say(f"Ending by force: {', '.join(late)}")
    for child in living:  # what they log while they end stays in their logs
        child.kill_group()


def listen_for_the_end() -> tuple[threading.Event, threading.Event]:
    """Two events: close, and close now (a second Ctrl-C)."""
    closing, hurry = threading.Event(), threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        (hurry if closing.is_set() else closing).set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, told)
    return closing, hurry


def welcome(port: int, seeded: str) -> None:
    width = min(shutil.get_terminal_size().columns, 100)
    where = VAR.relative_to(ROOT) if VAR.is_relative_to(ROOT) else VAR
    say(f"\n{'─' * width}\nVernissage is open: http://{HOST}:{port}/\n\n{seeded.rstrip()}\n")
    say(f"Logs: {where}/log/ (VERBOSE=1 shows them here). Ctrl-C closes.\n{'─' * width}")


def hold_open(port: int, closing: threading.Event, hurry: threading.Event) -> int:
    seeded = prepare(port)
    house = children(port)
    try:
        if not closing.is_set():
            say("Starting web, render worker and default worker")
            for child in house:
                child.start()
            wait_until_ready(house, port, closing)
        if not closing.is_set():
            welcome(port, seeded)
        while not closing.is_set():
            tend(house)
            closing.wait(TICK)
        say("\nClosing: a few seconds, so that a job under way can be handed back")
        return 0
    except CannotOpen as refusal:
        say(str(refusal))
        return 1
    finally:
        close(house, hurry)
        say("Closed.")


def main() -> int:
    closing, hurry = listen_for_the_end()
    try:
        with the_only_one():
            return hold_open(chosen_port(), closing, hurry)
    except CannotOpen as refusal:
        say(str(refusal))
        return 1


if __name__ == "__main__":
    sys.exit(main())
