"""32 jobs of 32 prompts and seeds through a worker, and 32 bare calls with the same encode, one after the other."""

import json
import os
import subprocess
import sys
import time

from bench.inside import people
from generation import engines, worker
from generation.jobs import Wish
from generation.models import Job, Output, Pipeline
from scripts.private_site import ROOT

JOBS = 32
COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
MOTIONS = ("moving left", "moving right", "moving up", "moving down")
PROMPTS = [f"a {color} ball {motion} on a black background" for color in COLORS for motion in MOTIONS]


def ours() -> float:
    artist = people.artist(people.cohort(concurrency=JOBS, max_variations=1))
    for seed, prompt in enumerate(PROMPTS):
        people.submit(artist, Wish(prompt, seed=seed))
    started = time.perf_counter()
    assert worker.drain() == JOBS
    seconds = time.perf_counter() - started
    assert Job.objects.filter(enrollment=artist, state="finished", repeat_of=None).count() == JOBS
    hashes = set(Output.objects.filter(enrollment=artist).values_list("master_sha256", flat=True))
    assert len(hashes) == JOBS, "some clips are the same"
    return seconds


def bare(threads: int) -> float:
    command = [sys.executable, str(ROOT / "bench/bare_pocket.py"), str(ROOT / "generation/pocket"), "20", "3.0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, str(threads)], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as it:
        assert it.stdin and it.stdout and it.stdout.readline() == "ready\n"
        seconds = []
        for seed, prompt in enumerate([PROMPTS[0], *PROMPTS]):
            print(f"{seed}\t{prompt}", file=it.stdin, flush=True)
            seconds.append(float(it.stdout.readline()))
        it.stdin.close()
    return sum(seconds[1:])  # the first one warms up


def main() -> None:
    engines.loaded(Pipeline.objects.get())
    cores = os.cpu_count() or 1
    alone = {threads: bare(threads) for threads in sorted({max(1, cores - 1), cores})}
    batched = ours()
    print(json.dumps({"ours": batched, "bare": alone, "batch_limit": Pipeline.objects.get().batch_limit}))
