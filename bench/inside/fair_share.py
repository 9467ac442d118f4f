"""Who gets the worker while 40 artists have work, one of them a hundred long clips. Claims are real, time is played."""

import json
import random
from collections.abc import Callable
from uuid import UUID

from bench.inside import people
from generation import jobs, rendering
from generation.claiming import claim
from generation.jobs import Wish
from generation.models import Job, Pipeline

ARTISTS, JOBS, OF_ONE = 40, 200, 100
SEED = 7
PER_STEP, AROUND = 0.05, 0.3  # seconds, about those of the shipped model


def main() -> None:
    """Serve until the first artist has nothing left; the shares of worker seconds up to there."""
    Pipeline.objects.update(seconds_per_step=PER_STEP, seconds_around=AROUND, batch_limit=1)
    chance = random.Random(SEED)
    equal = share(lambda is_one: 20)
    mixed = share(lambda is_one: 40 if is_one else chance.randint(8, 40))
    print(json.dumps({"equal": equal, "mixed": mixed, "seed": SEED}))


def share(steps: Callable[[bool], int]) -> dict[str, float]:
    """Of clips of so many steps; the one with a hundred asks first."""
    cohort = people.cohort(max_steps=40)
    artists = [people.artist(cohort) for _ in range(ARTISTS)]
    left = dict.fromkeys((artist.pk for artist in artists), 0)
    for number in range(JOBS):
        owner = artists[0] if number < OF_ONE else artists[1 + number % (ARTISTS - 1)]
        people.submit(owner, Wish("a red ball", steps=steps(owner is artists[0])))
        left[owner.pk] += 1
    served = serve(left)
    for job in Job.objects.queued().select_related("enrollment__user"):
        jobs.cancel(job, by=job.enrollment.user)
    fair = sum(served.values()) / len(served)
    return {"worst": min(served.values()) / fair, "best": max(served.values()) / fair, "seconds": sum(served.values())}


def serve(left: dict[UUID, int]) -> dict[UUID, float]:
    served = dict.fromkeys(left, 0.0)
    while all(left.values()):
        (job,) = claim("bench")
        seconds = PER_STEP * job.steps + AROUND
        jobs.cancel(job, by=job.enrollment.user)
        rendering.end_cancelled(job, seconds=seconds)
        served[job.enrollment_id] += seconds
        left[job.enrollment_id] -= 1
    return served
