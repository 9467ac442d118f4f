"""From a clip to more of it: vary it, ask for exactly it again, or try one again that failed or was cancelled."""

import uuid
from typing import Any

from django.utils.translation import gettext_lazy as _

from access import clock
from access.models import Credential, Enrollment
from access.refusals import NotAllowed
from generation import jobs
from generation.models import Brief, Job
from generation.policies import may_remake
from generation.quota import quota_left
from generation.refusals import ModelAway, NotAgain, NothingToRetry, OutOfBounds, QuotaUsedUp

VARIED = 4  # clips at most
ENDED_WITHOUT = (Job.State.FAILED, Job.State.CANCELLED)
USED_UP = _(
    "Today's clips are used up. This clip stays where it is: come back to it after midnight of the program's day, when "
    "the quota renews."
)


def most_variations(enrollment: Enrollment, left: int) -> int:
    """How many clips ``vary`` makes, at most four, as the cohort allows and with so many clips left today."""
    return min(VARIED, enrollment.cohort.max_variations, left)


def vary(job: Job, *, enrollment: Enrollment, credential: Credential | None, key: uuid.UUID) -> Brief:
    """The same settings under new seeds, in several clips.

    Raises:
        NotAllowed: it is not theirs. NotAgain: its settings are not offered any more. And what ``submit`` raises.
    """
    several = max(1, most_variations(enrollment, quota_left(enrollment, clock.now())))
    changes = {"seed": None, "variations": several, "lineage": Brief.Lineage.VARY}
    return _again(job, changes, enrollment=enrollment, credential=credential, key=key)


def repeat(job: Job, *, enrollment: Enrollment, credential: Credential | None, key: uuid.UUID) -> Brief:
    """The same settings and seed. Where that gives the same pixels, it ends at once with the output that is there.

    Raises:
        NotAllowed: it is not theirs. NotAgain: its settings are not offered any more. And what ``submit`` raises.
    """
    changes = {"lineage": Brief.Lineage.REPEAT}
    return _again(job, changes, enrollment=enrollment, credential=credential, key=key)


def retry(job: Job, *, enrollment: Enrollment, credential: Credential | None, key: uuid.UUID) -> Brief:
    """Try a failed or cancelled job again with the same seed, as a brief of its own.

    Raises:
        NotAllowed: it is not theirs. NothingToRetry: it waits, runs or succeeded. NotAgain: its settings are not
            offered any more. And what ``submit`` raises.
    """
    if may_remake(enrollment, job) and job.state not in ENDED_WITHOUT:
        raise NothingToRetry
    changes = {"lineage": Brief.Lineage.RETRY}
    return _again(job, changes, enrollment=enrollment, credential=credential, key=key)


def _again(
    job: Job, changes: dict[str, Any], *, enrollment: Enrollment, credential: Credential | None, key: uuid.UUID
) -> Brief:
    """A brief under the enrollment that the artist has now, which may be another one than the job's."""
    if not may_remake(enrollment, job):
        raise NotAllowed
    wish = jobs.wish_of(job, **changes)
    try:
        return jobs.submit(wish, enrollment=enrollment, pipeline=job.pipeline, credential=credential, key=key)
    except (OutOfBounds, ModelAway) as changed:
        raise NotAgain from changed
    except QuotaUsedUp as used_up:
        raise QuotaUsedUp(str(USED_UP)) from used_up
