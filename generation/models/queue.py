"""The queue: jobs, the lanes they wait in, previews, and the quota they spend."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q

from access.models import Credential, Enrollment, Program, User
from generation.models.briefs import Brief
from generation.models.pipelines import Pipeline


class JobQuerySet(models.QuerySet["Job"]):
    def owned_by(self, user: User) -> "JobQuerySet":
        return self.filter(enrollment__user=user)

    def queued(self) -> "JobQuerySet":
        return self.filter(state=Job.State.QUEUED)

    def running(self) -> "JobQuerySet":
        return self.filter(state=Job.State.RUNNING)

    def waiting(self) -> "JobQuerySet":
        return self.filter(state__in=Job.OPEN)

    def expired(self, now: datetime) -> "JobQuerySet":
        return self.running().filter(lease_until__lt=now)

    def attempted(self, pk: uuid.UUID, attempt: int) -> "JobQuerySet":
        """The fence: this job, if this attempt is still the one that runs."""
        return self.filter(pk=pk, attempt=attempt, state=Job.State.RUNNING)


class Job(models.Model):
    """One clip to render. This row is the queue; a Celery message only says "look".

    ``attempt`` is the fence: it grows with every claim and has no cap. ``failures`` counts crashes, expired leases and
    the job's own errors; at three it is failed. A halt, a hand-back or a lost model counts as neither.
    """

    MAX_FAILURES = 3

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"
        CANCELLED = "cancelled"

    OPEN = (State.QUEUED, State.RUNNING)

    class Phase(models.TextChoices):
        LOAD = "load"
        DENOISE = "denoise"
        DECODE = "decode"
        ENCODE = "encode"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    brief = models.ForeignKey(Brief, on_delete=models.PROTECT, related_name="jobs")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="jobs")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="jobs")
    credential = models.ForeignKey(Credential, null=True, on_delete=models.PROTECT, related_name="jobs")
    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="jobs")
    number = models.PositiveSmallIntegerField(default=1)  # of the brief's variations
    seed = models.PositiveBigIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    queued_at = models.DateTimeField()  # the place in the artist's own line; never moved
    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    phase = models.CharField(max_length=8, choices=Phase, blank=True)
    step = models.PositiveSmallIntegerField(default=0)
    steps = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)  # why it failed, for the artist
    # Jobs of a program with the same mould can be rendered together. Empty: always alone.
    mould = models.CharField(max_length=64, blank=True)
    batch = models.UUIDField(null=True, blank=True)  # of its latest attempt
    charged_seconds = models.FloatField(default=0.0)  # what its lane was charged at the claim, settled at the end
    # An exact repeat: it ended at once with the output that exists already.
    repeat_of = models.ForeignKey(
        "generation.Output", null=True, blank=True, on_delete=models.PROTECT, related_name="repeats"
    )

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "finished", "failed", "cancelled"]), name="job_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False), name="running_job_has_a_lease"
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(reason=""), name="failed_job_says_why"),
            models.CheckConstraint(condition=Q(step__lte=F("steps")), name="job_step_within_steps"),
            models.UniqueConstraint(fields=["brief", "number"], name="one_job_per_variation"),
            models.CheckConstraint(
                condition=Q(repeat_of__isnull=True) | Q(state="finished"), name="repeat_is_finished"
            ),
        ]
        indexes = [
            models.Index(
                fields=["program", "enrollment", "queued_at"], condition=Q(state="queued"), name="queued_jobs"
            ),
            models.Index(fields=["program", "mould", "queued_at"], condition=Q(state="queued"), name="queued_by_mould"),
            models.Index(fields=["enrollment", "lease_until"], condition=Q(state="running"), name="running_jobs"),
            models.Index(fields=["enrollment", "-queued_at", "id"], name="jobs_of_an_artist"),
        ]

    def __str__(self) -> str:
        return f"job {self.pk} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def is_refunded(self) -> bool:
        """Whether its clip was given back to the quota."""
        return self.quota_entries.filter(kind=QuotaEntry.Kind.REFUND).exists()


class Lane(models.Model):
    """An enrollment's line before the workers: the row that a claim locks, and how much was served to it.

    ``served_seconds`` is a virtual time (start-time fair queueing, Goyal et al. 1996): worker seconds, charged at the
    claim as estimated and settled at the end as measured. A lane that had nothing waiting starts again where the least
    served lane with work stands, so that nobody saves up a claim on the workers by staying away.
    """

    # CASCADE: a lane is nothing but the queue's book-keeping of its enrollment.
    enrollment = models.OneToOneField(Enrollment, on_delete=models.CASCADE, primary_key=True, related_name="lane")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="lanes")
    served_at = models.DateTimeField(null=True)  # when it last got a worker; decides between equals
    served_seconds = models.FloatField(default=0.0)
    paused_at = models.DateTimeField(null=True)  # by its artist: queued jobs wait, running ones go on

    class Meta:
        indexes = [models.Index(fields=["program", "served_seconds", "served_at"], name="lanes_by_service")]

    def __str__(self) -> str:
        return f"lane of {self.enrollment}"


class Preview(models.Model):
    """The latest look at a running job, for its artist alone. Goes with the job."""

    # CASCADE: a preview is part of its job.
    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="preview")
    attempt = models.PositiveIntegerField()
    jpeg = models.BinaryField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"preview of {self.job}"


class QuotaEntry(models.Model):
    """One clip spent from a day's quota, or given back; each at most once per job. Append-only."""

    class Kind(models.TextChoices):
        SPEND = "spend"
        REFUND = "refund"

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="quota_entries")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="quota_entries")
    kind = models.CharField(max_length=6, choices=Kind)
    day_on = models.DateField()  # in the program's zone: the day it was spent, also for a refund
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "quota entries"
        constraints = [
            models.UniqueConstraint(fields=["job", "kind"], name="spent_and_refunded_once"),
            models.CheckConstraint(condition=Q(kind__in=["spend", "refund"]), name="quota_kind_known"),
        ]
        indexes = [models.Index(fields=["enrollment", "day_on"], name="quota_of_a_day")]

    def __str__(self) -> str:
        return f"{self.kind} on {self.day_on}"
