"""A whole site of one's own, on a free port and in a folder of its own: for browser tests, screenshots and benchmarks.

It is what ``make run`` starts, by the same supervisor.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPEN_WITHIN = 180.0  # seconds
ACCOUNT = re.compile(r"^\s+(artist|reviewer|colleague|another|lead|staff)\s+(\S+@\S+)\s+(\S+)$", re.MULTILINE)
INVITATION = re.compile(r"https?://\S+/invitations/\S+")


@dataclass(frozen=True)
class Site:
    """A running site: its address, folder, people ``{role: (email, password)}`` and an unused invitation."""

    url: str
    var: Path
    people: dict[str, tuple[str, str]]
    invitation: str

    def manage(self, *arguments: str) -> str:
        """Run a management command in the site's folder; its output.

        Raises:
            subprocess.CalledProcessError: it ended with an error.
        """
        command, env = [sys.executable, "manage.py", *arguments], environment(self.var, self.url)
        try:
            return subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout
        except subprocess.CalledProcessError as error:
            error.add_note(error.stdout + error.stderr)  # or nobody would know why
            raise


def environment(var: Path, url: str) -> dict[str, str]:
    """The environment of the site's processes: nothing of the caller's own site leaks in."""
    theirs = {"DATABASE_URL", "BROKER_URL", "CACHE_URL", "EMAIL_URL", "DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in theirs}
    return {**kept, "VAR_DIR": str(var), "SITE_URL": url, "PORT": url.rsplit(":", 1)[1]}


@contextmanager
def private_site(var: Path) -> Iterator[Site]:
    """Open a site under ``var`` and close it again."""
    url = f"http://127.0.0.1:{free_port()}"
    var.mkdir(parents=True, exist_ok=True)
    told = var / "supervisor.txt"
    with told.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "scripts/supervise.py"],
            cwd=ROOT,
            env=environment(var, url),
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _opened(process, url, var, told)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)


def _opened(process: subprocess.Popen[bytes], url: str, var: Path, told: Path) -> Site:
    deadline = time.monotonic() + OPEN_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        text = told.read_text(errors="replace")
        if invitation := INVITATION.search(text):
            people = {role: (email, password) for role, email, password in ACCOUNT.findall(text)}
            return Site(url, var, people, invitation.group())
        time.sleep(0.2)
    raise RuntimeError(f"the site did not open:\n{told.read_text(errors='replace')}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
