"""What keeps the queue going by itself: expired leases, the bell, the state and the timing of pipelines."""

import logging
import os
import re

from access import audit, clock
from generation.doorbell import ring
from generation.models import Job, Pipeline
from generation.rendering import count_failure, lock_lane

log = logging.getLogger(__name__)

PATH = re.compile(r"(?:file://|(?<![\w./]))(?:/[\w.@+~-]+)+/([\w.@+~-]+)")  # absolute, of two names or more; no URL
GAVE_UP = (
    "The worker stopped answering while it made this clip. Please try again, with fewer steps if it happens again."
)


def note_trouble(pipeline: Pipeline, trouble: str) -> None:
    """Say on the pipeline why workers cannot use it, or with an empty text that they can again.

    Artists read it. Where things lie on the worker's machine is for the log alone.
    """
    row, said = Pipeline.objects.filter(pk=pipeline.pk), without_paths(trouble, pipeline)
    if said != trouble:
        log.warning("%s: %s", pipeline, trouble)
    if said:
        row.update(trouble=said[:300], trouble_at=clock.now())
    else:
        row.exclude(trouble="").update(trouble="", trouble_at=None)


def without_paths(words: str, pipeline: Pipeline) -> str:
    """The words with "the model folder" for the pipeline's, and of every other absolute path its last name."""
    for folder in sorted({str(pipeline.path), os.path.realpath(pipeline.path)}, key=len, reverse=True):
        words = re.sub(re.escape(folder) + r"(?![\w@+~-])", "the model folder", words)
    return PATH.sub(r"\1", words)


def note_timing(pipeline: Pipeline, *, per_step: float, around: float) -> None:
    """Move the running means, in seconds per clip of the default size and length, that ETAs are made from."""
    known = Pipeline.objects.get(pk=pipeline.pk)
    weight = 0.2 if known.seconds_per_step else 1.0
    Pipeline.objects.filter(pk=pipeline.pk).update(
        seconds_per_step=known.seconds_per_step + weight * (per_step - known.seconds_per_step),
        seconds_around=known.seconds_around + weight * (around - known.seconds_around),
    )


def sweep() -> int:
    """Every 10 seconds: give back what outlived its lease, ring again if anything waits; how many leases ran out."""
    ended = expire()
    for queue in Job.objects.queued().values_list("pipeline__queue", flat=True).distinct():
        ring(queue=queue)
    return ended


def give_up(worker: str) -> int:
    """Its process is dead: what it had in hand need not wait for its lease; how many jobs that were."""
    Job.objects.running().filter(worker=worker).update(lease_until=clock.now())
    return expire()


def expire() -> int:
    """Count a failure against each job whose lease ran out, and let it wait again or end; how many there were."""
    expired = Job.objects.expired(clock.now()).select_related("program", "pipeline", "enrollment__user")
    return sum(_expire(job) for job in expired)


def _expire(job: Job) -> bool:
    with audit.recorded():
        lock_lane(job)
        now = clock.now()
        # The lease is in the fence: a worker that reported a moment ago keeps its job.
        fenced = Job.objects.attempted(job.pk, job.attempt).filter(lease_until__lt=now)
        return count_failure(fenced, job, GAVE_UP, now)
