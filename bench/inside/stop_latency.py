"""From the commit of a cancel or a halt to the moment when the worker has let go of the job. A real worker elsewhere.

Run in the folder of a site that is open. Prints seconds by verb and by the phase in which the job was met.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable

from access import halting
from access.models import Enrollment
from bench.inside import people
from generation import jobs
from generation.jobs import Wish
from generation.models import Job, Pipeline

ROUNDS = 12
STEPS = 40
LOOK_EVERY = 0.002  # seconds
PHASES = ("denoise", "decode", "encode")


def met(artist: Enrollment, seed: int, phase: str) -> Job | None:
    """A running job of one clip, just seen in this phase (denoising: in its middle); None if it was too quick."""
    brief = people.submit(artist, Wish("a red ball moving left", steps=STEPS, seed=seed))
    job = brief.jobs.get()
    while True:
        job.refresh_from_db(fields=["state", "phase", "step", "started_at"])
        if job.state == Job.State.FINISHED:
            return None
        if job.phase == phase:
            if phase == "denoise":
                time.sleep(0.4)
            return job
        time.sleep(LOOK_EVERY)


def seconds_until_let_go(job: Job, stop: Callable[[], object]) -> float | None:
    """None if the job ended before the stop could reach it."""
    try:
        stop()
    except jobs.JobEnded:
        return None
    since = time.perf_counter()
    while True:
        state = Job.objects.values_list("state", flat=True).get(pk=job.pk)
        if state != Job.State.RUNNING:
            return None if state == Job.State.FINISHED else time.perf_counter() - since
        time.sleep(LOOK_EVERY)


def main() -> None:
    found: dict[str, list[float]] = defaultdict(list)
    artist = people.artist(people.cohort(concurrency=1, max_steps=STEPS))
    met(artist, 10_000, "nothing")  # the model is loaded, the step is measured
    seed = 0
    for phase, verb in [(phase, verb) for phase in PHASES for verb in ("cancel", "halt")]:
        tries = 0
        while len(found[f"{verb} {phase}"]) < ROUNDS and tries < 2 * ROUNDS:
            seed, tries = seed + 1, tries + 1
            if (job := met(artist, seed, phase)) and (seconds := stopped(job, artist, verb)) is not None:
                found[f"{verb} {phase}"].append(seconds)
    print(json.dumps({"latencies": found, "step": Pipeline.objects.get().seconds_per_step}))


def stopped(job: Job, artist: Enrollment, verb: str) -> float | None:
    if verb == "cancel":
        return seconds_until_let_go(job, lambda: jobs.cancel(job, by=artist.user))
    placed = []
    try:
        return seconds_until_let_go(
            job, lambda: placed.append(halting.halt(artist.user, program=artist.program, by=None, reason="A measure."))
        )
    finally:
        for job_left in Job.objects.queued().filter(enrollment=artist):
            jobs.cancel(job_left, by=artist.user)
        halting.lift(placed[0], by=None)
