"""The day's clips: spent once per job, given back at most once."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q

from access.models import Enrollment
from generation.models import Job, QuotaEntry


def spend(jobs: Iterable[Job], *, enrollment: Enrollment, at: datetime) -> None:
    """Spend one clip of the day for each job. Callers hold the enrollment's lane and have looked at ``quota_left``."""
    day = quota_day(enrollment, at)
    QuotaEntry.objects.bulk_create(
        QuotaEntry(enrollment=enrollment, job=job, kind=QuotaEntry.Kind.SPEND, day_on=day, created_at=at)
        for job in jobs
    )


def refund(job: Job, at: datetime) -> None:
    """Give a job's clip back to the day it was spent on; a second time changes nothing."""
    spent = QuotaEntry.objects.get(job=job, kind=QuotaEntry.Kind.SPEND)
    QuotaEntry.objects.get_or_create(
        job=job,
        kind=QuotaEntry.Kind.REFUND,
        defaults={"enrollment_id": spent.enrollment_id, "day_on": spent.day_on, "created_at": at},
    )


def refund_all(jobs: Iterable[UUID], at: datetime) -> None:
    """``refund`` for several jobs, by their keys."""
    spent = QuotaEntry.objects.filter(job__in=jobs, kind=QuotaEntry.Kind.SPEND)
    given_back = (
        QuotaEntry(
            job_id=entry.job_id,
            enrollment_id=entry.enrollment_id,
            kind=QuotaEntry.Kind.REFUND,
            day_on=entry.day_on,
            created_at=at,
        )
        for entry in spent
    )
    QuotaEntry.objects.bulk_create(given_back, ignore_conflicts=True)


def quota_day(enrollment: Enrollment, at: datetime) -> date:
    """The quota's day at an instant: the calendar day in the program's zone."""
    return at.astimezone(enrollment.program.zone).date()


def quota_left(enrollment: Enrollment, at: datetime) -> int:
    """Clips left today."""
    day = QuotaEntry.objects.filter(enrollment=enrollment, day_on=quota_day(enrollment, at))
    used = day.aggregate(spent=Count("pk", filter=Q(kind="spend")), back=Count("pk", filter=Q(kind="refund")))
    return max(0, enrollment.cohort.daily_quota - used["spent"] + used["back"])


def quota_renews_at(enrollment: Enrollment, at: datetime) -> datetime:
    """The next midnight in the program's zone."""
    local = at.astimezone(enrollment.program.zone)
    return (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
