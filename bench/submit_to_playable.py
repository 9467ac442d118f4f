"""From the POST of a brief to the first byte of the clip, beside the bare pipeline call and the same encode.

Target: at most 1.10 times the bare side plus 150 ms. The value is the ratio after the 150 ms are taken off. The bare
side runs with all cores and with one less, as the render worker does by itself; the faster of the two is the floor.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from bench.figures import Figure, middle
from bench.visitor import KEY, Visitor
from scripts.private_site import ROOT, private_site

ROUNDS = 12
ALLOWANCE = 0.150  # seconds
FOLLOWS = 0.6  # seconds that the worker may go on with a clip's contact sheet, not beside the bare side
PLAYABLE = re.compile(r'<video [^>]*src="(/media/[\w-]+/)"')
OPEN_JOB = re.compile(r'data-job data-live-job="([\w-]+)"')
STUDIO, LIVE = "/p/first-light/studio/", "/p/first-light/live/"


def measure() -> Figure:
    """Alternate ours and bare, the same prompts and seeds, after one warm-up each."""
    studio = json.loads((ROOT / "generation/pocket/studio.json").read_text())
    prompts = studio["surprises"][: ROUNDS + 1]
    cores = os.cpu_count() or 2
    bare: dict[int, list[float]] = {threads: [] for threads in sorted({max(1, cores - 1), cores})}
    ours = []
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(private_site(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        processes = {threads: stack.enter_context(Bare(studio, threads)) for threads in bare}
        visitor = Visitor(site.url)
        visitor.sign_in(*site.people["artist"])
        sign(visitor)
        for seed, prompt in enumerate(prompts):
            ours.append(render(visitor, prompt, seed, studio["defaults"]))
            time.sleep(FOLLOWS)
            for threads, process in processes.items():
                bare[threads].append(_asked(process, prompt, seed))
    a, each = middle(ours[1:]), {threads: middle(seconds[1:]) for threads, seconds in bare.items()}
    b = min(each.values())
    by_threads = {f"bare_ms_{threads}_threads": round(seconds * 1000) for threads, seconds in each.items()}
    details: dict[str, object] = {
        "ours_ms": round(a * 1000),
        "bare_ms": round(b * 1000),
        **by_threads,
        "rounds": ROUNDS,
    }
    return Figure("submit_to_playable", (a - ALLOWANCE) / b, "ratio after 150 ms", 1.10, details)


def sign(visitor: Visitor) -> None:
    _, page = visitor.get("/p/first-light/agreements/")
    fields = dict(re.findall(r'name="(version|sha256)" value="(\w+)"', page.decode()))
    visitor.post("/p/first-light/agreements/", page, **fields)


def render(visitor: Visitor, prompt: str, seed: int, defaults: dict[str, float]) -> float:
    """Send a brief and follow it as the pages and their script do; seconds from the POST to the clip's first byte."""
    _, page = visitor.get(STUDIO)
    key = KEY.search(page.decode())
    assert key, "the studio shows no form"
    started = time.perf_counter()
    brief = {"prompt": prompt, "seed": seed, "variations": 1, "negative_prompt": "", "idempotency_key": key.group(1)}
    job, shown = visitor.post(STUDIO, page, **brief, **defaults)
    clip = PLAYABLE.search(shown.decode()) or _awaited(visitor, job, shown)
    visitor.get(clip.group(1), Range="bytes=0-0")
    return time.perf_counter() - started


def _awaited(visitor: Visitor, job: str, shown: bytes) -> re.Match[str]:
    """Listen to the job's stream; where static/live.js fetches the page's part anew, so is it here."""
    waits = OPEN_JOB.search(shown.decode())
    assert waits, "the page neither plays nor waits"
    before: tuple[object, ...] = ()
    for telling in visitor.listen(f"{LIVE}?job={waits.group(1)}"):
        turn = (telling["state"], telling["waits_for"], telling["stopping"], bool(telling["preview"]))
        if turn == before:
            continue
        is_first, before = not before, turn
        _, shown = (job, shown) if is_first and telling["state"] == "queued" else visitor.get(f"{job}live/")
        if clip := PLAYABLE.search(shown.decode()):
            return clip
    raise AssertionError("the stream ended and the clip did not come")


class Bare:
    """The bare side as a process of its own, ready to be asked."""

    def __init__(self, studio: dict[str, Any], threads: int) -> None:
        defaults = studio["defaults"]
        self.command = [sys.executable, str(ROOT / "bench/bare_pocket.py"), str(ROOT / "generation/pocket")]
        self.command += [str(defaults["steps"]), str(defaults["guidance"]), str(threads)]

    def __enter__(self) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        assert _of(self.process.stdout).readline() == "ready\n", "the bare side did not start"
        return self.process

    def __exit__(self, *_: object) -> None:
        _of(self.process.stdin).close()
        self.process.wait(timeout=30)


def _asked(process: "subprocess.Popen[str]", prompt: str, seed: int) -> float:
    print(f"{seed}\t{prompt}", file=_of(process.stdin), flush=True)
    return float(_of(process.stdout).readline())


def _of(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
