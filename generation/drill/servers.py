"""The databases and brokers of a drill: servers of its own, started and ended by their ids, or none at all."""

import contextlib
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

READY_WITHIN = 30.0  # seconds


class Missing(Exception):
    """What this machine does not have, in a sentence."""


class Database(Protocol):
    kind: str
    url: str  # for the site's DATABASE_URL
    place: str  # for the checker

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def mend(self) -> None:
        """Be there again, whatever a trial that was broken off did to it."""


class Broker(Protocol):
    kind: str
    url: str  # for the site's BROKER_URL

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def mend(self) -> None: ...
    def empty(self) -> None:
        """Lose every message that waits."""

    def break_off(self) -> None:
        """Be gone, messages included, until ``start``."""


def start_tied(argv: list[str], *, ending: str = "KILL", **options: Any) -> subprocess.Popen[bytes]:
    """A process group of its own that the kernel ends, by that signal, should the drill itself be killed."""
    tie = ["setpriv", "--pdeathsig", ending]
    return subprocess.Popen([*tie, *argv], stdin=subprocess.DEVNULL, start_new_session=True, **options)


def end_group(process: subprocess.Popen[Any]) -> None:
    """SIGKILL to a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], object], what: str, *, within: float = READY_WITHIN, every: float = 0.05) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: it does not within so many seconds; ``what`` says what was waited for.
    """
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within:.0f} s")
        time.sleep(every)


# --- databases --------------------------------------------------------------------------------------------------------
class Sqlite:
    kind = "sqlite"

    def __init__(self, home: Path) -> None:
        self.place = str(home / "vernissage.sqlite3")
        self.url = f"sqlite:///{self.place}"

    def start(self) -> None:
        """Nothing: the file is made by the first who comes."""

    def stop(self) -> None:
        """Nothing: it goes with its folder."""

    def mend(self) -> None:
        """Nothing: a lock goes with its connection."""

    def lock(self, seconds: float) -> None:
        """Let nobody write for so long."""
        with closing(sqlite3.connect(self.place, timeout=30, isolation_level=None)) as rival:
            rival.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            rival.execute("ROLLBACK")


class Postgres:
    """A cluster of its own on a Unix socket. As root it runs as ``nobody``: PostgreSQL refuses root."""

    kind = "postgresql"

    def __init__(self, home: Path) -> None:
        self.bin, self.home = binaries(), home / "postgresql"
        self.place = f"host={self.home} user=vernissage dbname=vernissage"
        self.url = f"postgres://vernissage@/{self.home}/vernissage"
        self.owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, on the first time with an empty database.

        Raises:
            TimeoutError: it does not answer.
        """
        is_new = not self.home.exists()
        if is_new:
            self._make()
        options = ["-D", str(self.home / "data"), "-k", str(self.home), "-c", "listen_addresses="]
        with (self.home / "log").open("ab") as log:
            self.server = start_tied(
                [str(self.bin / "postgres"), *options],
                ending="QUIT",
                cwd=self.home,
                stdout=log,
                stderr=log,
                **self.owner,
            )
        wait_for(self.is_ready, "PostgreSQL")
        if is_new:
            self._run("createdb", "-h", str(self.home), "-U", "vernissage", "vernissage")

    def _make(self) -> None:
        self.home.mkdir()
        if self.owner:
            os.chown(self.home, self.owner["user"], self.owner["group"])
        locale = ["--auth", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        self._run("initdb", "-D", str(self.home / "data"), "-U", "vernissage", *locale)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [str(self.bin / program), *arguments]
        return subprocess.run(command, cwd=self.home, capture_output=True, check=True, **self.owner)

    def is_ready(self) -> bool:
        try:
            self._run("pg_isready", "-q", "-h", str(self.home), "-U", "vernissage")
        except subprocess.CalledProcessError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT is the fast shutdown, SIGQUIT the immediate one, which recovers from its log."""
        if self.server is not None:
            self.server.send_signal(how)
            self.server.wait(READY_WITHIN)
            self.server = None

    def mend(self) -> None:
        if not self.is_ready():
            if self.server is not None:
                end_group(self.server)
            self.start()


def binaries() -> Path:
    """Where PostgreSQL's programs are: ``DRILL_POSTGRES_BIN``, else Debian's place, else the path.

    Raises:
        Missing.
    """
    named = os.environ.get("DRILL_POSTGRES_BIN")
    found = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found and (initdb := shutil.which("initdb")):
        found = [Path(initdb).resolve().parent]
    if not found or not (found[-1] / "initdb").exists():
        raise Missing("there is no PostgreSQL (set DRILL_POSTGRES_BIN to the folder of initdb)")
    return found[-1]


# --- brokers ----------------------------------------------------------------------------------------------------------
class FileBroker:
    """Celery's folder of messages, as the embedded site has it."""

    kind, url = "file", "filesystem://"

    def __init__(self, var: Path) -> None:
        self.folder = var / "broker"
        self.away = var / "broker.away"

    def start(self) -> None:
        """Bring the folder back if it was taken away, empty."""
        if self.away.exists():
            self.empty(self.away)
            if self.folder.exists():  # somebody made a new one meanwhile
                shutil.rmtree(self.folder)
            self.away.rename(self.folder)

    def stop(self) -> None:
        """Nothing: it goes with its folder."""

    def mend(self) -> None:
        self.start()

    def empty(self, folder: Path | None = None) -> None:
        for message in (folder or self.folder).rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if message.is_file():
                    message.unlink()

    def break_off(self) -> None:
        self.folder.rename(self.away)


class Redis:
    """A server of its own on a Unix socket that keeps nothing on the disk."""

    kind = "redis"

    def __init__(self, home: Path) -> None:
        if not shutil.which("redis-server"):
            raise Missing("there is no redis-server")
        self.home, self.socket = home, home / "redis.sock"
        self.url = f"redis+socket://{self.socket}"
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.home / "redis.log").open("ab") as log:
            options = ["--port", "0", "--unixsocket", str(self.socket), "--save", ""]
            self.server = start_tied(["redis-server", *options], cwd=self.home, stdout=log, stderr=log)
        wait_for(self.is_ready, "Redis")

    def is_ready(self) -> bool:
        return self._ask("ping") == b"PONG\n"

    def mend(self) -> None:
        if not self.is_ready():
            self.stop()
            self.start()

    def _ask(self, *words: str) -> bytes:
        asked = subprocess.run(["redis-cli", "-s", str(self.socket), *words], capture_output=True, check=False)
        return asked.stdout

    def stop(self) -> None:
        if self.server is not None:
            end_group(self.server)
            self.server = None

    def empty(self) -> None:
        self._ask("flushall")

    def break_off(self) -> None:
        self.stop()


# --- disks ------------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """Make a folder a small filesystem in memory, if this machine allows it; whether it did."""
    folder.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "vernissage-drill", str(folder)]
    mounted = os.geteuid() == 0 and not subprocess.run(mounting, capture_output=True, check=False).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


def resize(folder: Path, size: int) -> None:
    """Give a small disk so many bytes.

    Raises:
        subprocess.CalledProcessError: more is used already.
    """
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], capture_output=True, check=True)
