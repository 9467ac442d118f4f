"""Who gets the worker while 40 artists have work, one of them a hundred long clips. Claims are real, time is played."""

import json
import random
from uuid import UUID

from access.models import Enrollment
from bench.inside import people
from generation import jobs, rendering
from generation.claiming import claim
from generation.jobs import Wish
from generation.models import Pipeline

ARTISTS, JOBS, OF_ONE = 40, 200, 100
SEED = 7


def main() -> None:
    """Serve until the first artist has nothing left; the shares of worker seconds up to there."""
    Pipeline.objects.update(seconds_per_step=0.05, seconds_around=0.3)  # as the shipped model
    chance = random.Random(SEED)
    cohort = people.cohort(max_steps=40)
    artists = [people.artist(cohort) for _ in range(ARTISTS)]
    left = dict.fromkeys((artist.pk for artist in artists), 0)
    for number in range(JOBS):
        owner = artists[0] if number < OF_ONE else artists[1 + number % (ARTISTS - 1)]
        people.submit(owner, Wish("a red ball", steps=40 if owner is artists[0] else chance.randint(8, 40)))
        left[owner.pk] += 1
    print(json.dumps({"fair": share(left), "seed": SEED}))


def share(left: dict[UUID, int]) -> dict[str, float]:
    served = dict.fromkeys(left, 0.0)
    while all(left.values()):
        (job,) = claim("bench")
        seconds = 0.05 * job.steps + 0.3
        jobs.cancel(job, by=Enrollment.objects.get(pk=job.enrollment_id).user)
        rendering.end_cancelled(job, seconds=seconds)
        served[job.enrollment_id] += seconds
        left[job.enrollment_id] -= 1
    fair = sum(served.values()) / len(served)
    return {"worst": min(served.values()) / fair, "best": max(served.values()) / fair, "seconds": sum(served.values())}
