"""From a clip to more of it: vary it, or ask for exactly it again. (``jobs.retry`` tries a failed one again.)"""

import uuid
from typing import Any

from access import clock
from access.models import Credential, Enrollment
from access.refusals import NotAllowed
from generation import jobs
from generation.models import Brief, Job
from generation.quota import quota_left
from generation.refusals import NotAgain, OutOfBounds

VARIED = 4  # clips at most


def vary(job: Job, *, enrollment: Enrollment, credential: Credential | None, key: uuid.UUID) -> Brief:
    """The same settings under new seeds: as many variations as the cohort and today's clips allow, at most four.

    Raises:
        NotAllowed: it is not theirs. NotAgain: its settings are not offered any more. And what ``submit`` raises.
    """
    left = quota_left(enrollment, clock.now())
    several = max(1, min(VARIED, enrollment.cohort.max_variations, left))
    changes = {"seed": None, "variations": several, "lineage": Brief.Lineage.VARY}
    return _again(job, changes, enrollment=enrollment, credential=credential, key=key)


def repeat(job: Job, *, enrollment: Enrollment, credential: Credential | None, key: uuid.UUID) -> Brief:
    """The same settings and seed. Where that gives the same pixels, it ends at once with the output that is there.

    Raises:
        NotAllowed: it is not theirs. NotAgain: its settings are not offered any more. And what ``submit`` raises.
    """
    changes = {"lineage": Brief.Lineage.REPEAT}
    return _again(job, changes, enrollment=enrollment, credential=credential, key=key)


def _again(
    job: Job, changes: dict[str, Any], *, enrollment: Enrollment, credential: Credential | None, key: uuid.UUID
) -> Brief:
    if job.enrollment.user_id != enrollment.user_id:
        raise NotAllowed
    wish = jobs.wish_of(job, **changes)
    try:
        return jobs.submit(wish, enrollment=enrollment, pipeline=job.pipeline, credential=credential, key=key)
    except OutOfBounds as changed:
        raise NotAgain from changed
