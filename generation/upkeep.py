"""What keeps the queue going by itself: expired leases, the bell, the state and the timing of pipelines."""

from access import audit, clock
from generation.doorbell import ring
from generation.models import Job, Pipeline
from generation.rendering import count_failure, lock_lane

GAVE_UP = (
    "The worker stopped answering while it made this clip. Please try again, with fewer steps if it happens again."
)


def note_trouble(pipeline: Pipeline, trouble: str) -> None:
    """Say on the pipeline why workers cannot use it, or with an empty text that they can again."""
    row = Pipeline.objects.filter(pk=pipeline.pk)
    if trouble:
        row.update(trouble=trouble[:300], trouble_at=clock.now())
    else:
        row.exclude(trouble="").update(trouble="", trouble_at=None)


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
