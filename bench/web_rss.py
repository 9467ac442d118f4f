"""Resident memory of the web process after 1,000 requests by an artist, while a worker renders a few clips."""

import os
import tempfile
from pathlib import Path

from bench.figures import Figure
from bench.submit_to_playable import render, sign
from bench.visitor import Visitor
from scripts.private_site import private_site

REQUESTS = 1000
PATHS = ("studio/", "library/", "queue/", "policy/", "submissions/")


def measure() -> Figure:
    with tempfile.TemporaryDirectory() as folder, private_site(Path(folder)) as site:
        visitor = Visitor(site.url)
        visitor.sign_in(*site.people["artist"])
        sign(visitor)
        for seed in range(3):
            render(visitor, "a red ball moving left", seed, {"steps": 8, "guidance": 3.0})
        fresh = web_memory(site.var)
        for number in range(REQUESTS):
            visitor.get(f"/p/first-light/{PATHS[number % len(PATHS)]}")
        used = web_memory(site.var)
    return Figure("web_rss", used, "MB", 150, {"before_mb": round(fresh, 1), "requests": REQUESTS})


def web_memory(var: Path) -> float:
    """Megabytes that the uvicorn process of the site under this folder holds."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            told = (process / "environ").read_bytes()
            if b"uvicorn" in command and f"VAR_DIR={var}".encode() in told:
                return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        except OSError:  # it ended, or is not ours
            continue
    raise RuntimeError("the site has no web process")
