"""Decide-and-next over HTTP, as static/screen.js does it: the verdict is sent, the page of the next one comes back.

Eight reviewers with a connection each, two web processes (one a core) as they are deployed, PostgreSQL; over the floor
of ``bench.inside.floor`` on the same server, taken before and after. Client, site and database share the machine's
cores. What the page does besides in a reviewer's own time (loading the next clip ahead, signs of life) is not in it.
"""

import html
import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bench.figures import Figure
from bench.house import found_inside, house
from bench.postgres import postgres
from bench.together import together
from scripts.private_site import ROOT, free_port

REVIEWERS, DECISIONS, WARM, WORKERS = 8, 400, 10, 2  # verdicts in all, and of each before they count
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
ACTION = re.compile(r'<form[^>]*id="verdict"[^>]*action="([^"]+)"|<form[^>]*action="([^"]+)"[^>]*id="verdict"')
WHOLE = "[[0, 1750]]"
PART = "a-part-of-the-form"


class Reviewer:
    """Somebody at the review screen."""

    def __init__(self, port: int, cookie: str, path: str) -> None:
        self.line, self.cookie, self.path = http.client.HTTPConnection("127.0.0.1", port, timeout=60), cookie, path
        self.page, self.token, self.done = "", "", 0

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> str:
        """The page at the end of the redirects; a form goes out as ``fetch`` sends it."""
        cookies = f"{self.cookie}; csrftoken={self.token}" if self.token else self.cookie
        headers = {"Cookie": cookies}
        if method == "POST":
            headers |= {"Content-Type": f"multipart/form-data; boundary={PART}", "X-Swaps": "1"}
            headers |= {"X-CSRFToken": (fields or {}).get("csrfmiddlewaretoken", "")}
        self.line.request(method, path, _parts(fields or {}) if method == "POST" else None, headers)
        answer = self.line.getresponse()
        body = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            if cookie.startswith("csrftoken="):
                self.token = cookie.split("=", 1)[1].split(";", 1)[0]
        if answer.status in (302, 303):
            return self.ask("GET", answer.headers["Location"])
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status}")
        return body

    def begin(self) -> None:
        page = self.ask("GET", self.path)
        self.page = self.ask("POST", f"{self.path}next/", _fields(page))

    def decide(self) -> None:
        """Approve what the page shows; the next page comes back."""
        action = _action(self.page)
        fields = _fields(self.page) | {"verdict": "approved", "played": WHOLE, "scripted": "1"}
        self.page = self.ask("POST", action, fields)
        assert _action(self.page) != action, "the same clip came back"
        self.done += 1

    def work(self, number: int) -> None:
        for _ in range(number):
            self.decide()


def _fields(page: str) -> dict[str, str]:
    """What the page fills in."""
    return {name: html.unescape(value) for name, value in FIELD.findall(page)}


def _action(page: str) -> str:
    found = ACTION.search(page)
    assert found, "no look in hand"
    return str(found.group(1) or found.group(2))


def _parts(fields: dict[str, str]) -> bytes:
    """A form as multipart, the way of ``FormData``."""
    head = f'--{PART}\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    return ("".join(head % pair for pair in fields.items()) + f"--{PART}--\r\n").encode()


@contextmanager
def web(told: dict[str, str]) -> Iterator[int]:
    """The site's own web server on a free port, with a pool of connections in each process, as it is deployed."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "vernissage.asgi:application", "--port", str(port)]
    command += ["--workers", str(WORKERS), "--lifespan", "off", "--no-access-log", "--log-level", "warning"]
    deployed = {"DEBUG": "0", "ALLOWED_HOSTS": "127.0.0.1", "DATABASE_POOL": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=told | deployed)
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            line.request("GET", "/healthz")
            if line.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the site does not answer")


def measure() -> Figure:
    with postgres() as address, house(address) as told:
        opened = found_inside(told, "crowded", "open", str(REVIEWERS), str(DECISIONS + WARM * REVIEWERS))
        floors = [_floor(told)]
        with web(told) as port:
            rate = _rate([Reviewer(port, cookie, opened["path"]) for cookie in opened["sessions"]])
        floors.append(_floor(told))
        recorded = found_inside(told, "crowded", "count")
    assert recorded == DECISIONS + WARM * REVIEWERS, f"{recorded} decisions are recorded"
    details: dict[str, object] = {
        "decisions_a_second": round(rate, 1),
        "floor": [round(one, 1) for one in floors],
        "web_processes": WORKERS,
    }
    return Figure("decide_http", rate * len(floors) / sum(floors), "ratio", 0.3, details, at_least=True)


def _rate(reviewers: list[Reviewer]) -> float:
    """Verdicts a second, once imports, templates and plans are there."""
    together([reviewer.begin for reviewer in reviewers])
    together([partial(reviewer.work, WARM) for reviewer in reviewers])
    return DECISIONS / together([partial(reviewer.work, DECISIONS // REVIEWERS) for reviewer in reviewers])


def _floor(told: dict[str, str]) -> float:
    return float(found_inside(told, "crowded", "floor", str(REVIEWERS), str(DECISIONS * 2)))
