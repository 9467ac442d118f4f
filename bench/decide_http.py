"""Decide-and-next over HTTP, as the review screen does it: the verdict is posted, the page of the next one comes back.

Eight reviewers with a connection each, two web processes (one a core), PostgreSQL; over the floor of
``bench.inside.floor`` on the same server. Client, site and database share the machine's cores.
"""

import http.client
import json
import re
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.figures import Figure
from bench.house import house
from bench.postgres import postgres
from scripts.private_site import ROOT, free_port

REVIEWERS, DECISIONS, WORKERS = 8, 400, 2
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
ACTION = re.compile(r'<form[^>]*id="verdict"[^>]*action="([^"]+)"|<form[^>]*action="([^"]+)"[^>]*id="verdict"')
WHOLE = "[[0, 1750]]"


class Reviewer:
    """Somebody at the review screen."""

    def __init__(self, port: int, cookie: str, path: str) -> None:
        self.line, self.cookie, self.path = http.client.HTTPConnection("127.0.0.1", port, timeout=60), cookie, path
        self.page, self.token, self.done = "", "", 0

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> str:
        """The page at the end of the redirects."""
        cookies = f"{self.cookie}; csrftoken={self.token}" if self.token else self.cookie
        headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        self.line.request(method, path, urllib.parse.urlencode(fields or {}), headers)
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
        self.page = self.ask("POST", f"{self.path}next/", dict(FIELD.findall(page)))

    def decide(self) -> None:
        """Approve what the page shows; the next page comes back."""
        action = ACTION.search(self.page)
        assert action, "no look in hand"
        fields = dict(FIELD.findall(self.page)) | {"verdict": "approved", "played": WHOLE, "scripted": "1"}
        self.page = self.ask("POST", action.group(1) or action.group(2), fields)
        self.done += 1

    def work(self, number: int) -> None:
        for _ in range(number):
            self.decide()


@contextmanager
def web(told: dict[str, str]) -> Iterator[int]:
    """The site's own web server on a free port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "vernissage.asgi:application", "--port", str(port)]
    command += ["--workers", str(WORKERS), "--lifespan", "off", "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=ROOT, env=told | {"DEBUG": "0", "ALLOWED_HOSTS": "127.0.0.1"})
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


def inside(told: dict[str, str], *arguments: str) -> object:
    command = [sys.executable, "-m", "bench.inside", "crowded", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=told, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure() -> Figure:
    with postgres() as address, house(address) as told:
        opened = inside(told, "open", str(REVIEWERS), str(DECISIONS * 2))
        assert isinstance(opened, dict)
        with web(told) as port:
            reviewers = [Reviewer(port, cookie, opened["path"]) for cookie in opened["sessions"]]
            for reviewer in reviewers:
                reviewer.begin()
            at_work(reviewers, 5)  # imports, templates, plans
            seconds = at_work(reviewers, DECISIONS // REVIEWERS)
        floor = float(str(inside(told, "floor", str(REVIEWERS), str(DECISIONS * 2))))
    rate = DECISIONS / seconds
    details: dict[str, object] = {
        "decisions_a_second": round(rate, 1),
        "floor": round(floor, 1),
        "web_processes": WORKERS,
    }
    return Figure("decide_http", rate / floor, "ratio", 0.3, details, at_least=True)


def at_work(reviewers: list[Reviewer], each: int) -> float:
    """Seconds until every reviewer has given so many verdicts."""
    started = time.perf_counter()
    with ThreadPoolExecutor(len(reviewers)) as pool:
        for done in [pool.submit(reviewer.work, each) for reviewer in reviewers]:
            done.result()
    return time.perf_counter() - started
