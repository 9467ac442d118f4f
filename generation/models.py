"""From a prompt to a private clip: pipelines, briefs, jobs, outputs and their renditions."""

import json
import uuid
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from access.models import Credential, Enrollment, Program, StoredFile, User


class Pipeline(models.Model):
    """A diffusers folder that workers may load. ``trouble`` says why it cannot be loaded at present; jobs wait."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    folder = models.CharField(max_length=300, help_text="Absolute, or relative to the project.")
    is_active = models.BooleanField(default=True)
    trouble = models.CharField(max_length=300, blank=True)
    trouble_at = models.DateTimeField(null=True, blank=True)
    seconds_per_step = models.FloatField(
        default=0.0
    )  # a running mean of what workers measured; 0: nothing measured yet
    seconds_around = models.FloatField(default=0.0)  # the same for decode, encode and store
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return settings.BASE_DIR / self.folder

    @cached_property
    def studio(self) -> dict[str, Any]:
        """What the folder's ``studio.json`` says: call, defaults, limits, vocabulary. Empty if unreadable."""
        try:
            return dict(json.loads((self.path / "studio.json").read_text()))
        except (OSError, ValueError, TypeError):
            return {}


class Brief(models.Model):
    """A prompt and its settings, as the artist sent them; it makes one job per variation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="briefs")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="briefs")
    credential = models.ForeignKey(Credential, null=True, on_delete=models.PROTECT, related_name="briefs")
    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="briefs")
    prompt = models.TextField()
    negative_prompt = models.TextField(blank=True)
    steps = models.PositiveSmallIntegerField()
    guidance = models.FloatField()
    seed = models.PositiveBigIntegerField()  # of the first variation; the next ones count up
    variations = models.PositiveSmallIntegerField(default=1)
    idempotency_key = models.UUIDField()  # of the form: sending it twice is sending it once
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "idempotency_key"], name="brief_sent_once"),
            models.CheckConstraint(condition=Q(steps__gt=0) & Q(variations__gt=0), name="brief_asks_for_something"),
        ]

    def __str__(self) -> str:
        return self.prompt[:60]


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
        ]
        indexes = [
            models.Index(
                fields=["program", "enrollment", "queued_at"], condition=Q(state="queued"), name="queued_jobs"
            ),
            models.Index(fields=["enrollment", "lease_until"], condition=Q(state="running"), name="running_jobs"),
            models.Index(fields=["enrollment", "-queued_at", "id"], name="jobs_of_an_artist"),
        ]

    def __str__(self) -> str:
        return f"job {self.pk} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN


class Lane(models.Model):
    """An enrollment's line before the workers: the row that a claim locks, and how much was served to it."""

    # CASCADE: a lane is nothing but the queue's book-keeping of its enrollment.
    enrollment = models.OneToOneField(Enrollment, on_delete=models.CASCADE, primary_key=True, related_name="lane")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="lanes")
    served_at = models.DateTimeField(null=True)  # when it last got a worker; the one served least recently is next
    served_seconds = models.FloatField(default=0.0)

    class Meta:
        indexes = [models.Index(fields=["program", "served_at"], name="lanes_by_service")]

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


class OutputQuerySet(models.QuerySet["Output"]):
    def owned_by(self, user: User) -> "OutputQuerySet":
        return self.filter(enrollment__user=user)


class Output(models.Model):
    """The immutable master of a finished job: lossless, at the model's own size. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="output")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="outputs")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="outputs")
    master = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    master_sha256 = models.CharField(max_length=64)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    frames = models.PositiveSmallIntegerField()
    frame_rate = models.FloatField()
    provenance = models.JSONField()  # model, versions, settings, batch: what one needs to make it again
    created_at = models.DateTimeField()

    objects = OutputQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["enrollment", "-created_at", "id"], name="outputs_of_an_artist")]

    def __str__(self) -> str:
        return f"output {self.pk}"

    @property
    def seconds(self) -> float:
        return self.frames / self.frame_rate

    def rendition(self, recipe: str) -> "Rendition | None":
        """The shared rendition by this recipe, in its newest version."""
        return max(
            (r for r in self.renditions.all() if r.recipe == recipe and r.personal_to_id is None),
            key=lambda r: r.version,
            default=None,
        )


class Rendition(models.Model):
    """A file made from a master by a recipe: playable, poster, contact sheet. Append-only."""

    class Recipe(models.TextChoices):
        PLAYABLE = "playable"
        POSTER = "poster"
        CONTACT_SHEET = "contact_sheet"
        MAKING = "making"  # a strip from static to picture, for its artist

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="renditions")
    parent_sha256 = models.CharField(max_length=64)  # of the master it was made from
    recipe = models.CharField(max_length=16, choices=Recipe)
    version = models.PositiveSmallIntegerField(default=1)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="renditions")
    sha256 = models.CharField(max_length=64)
    # Empty: everybody's; else the copy of one person, whom its mark names.
    personal_to = models.ForeignKey(Enrollment, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["output", "recipe", "version"], condition=Q(personal_to=None), name="one_shared_rendition"
            ),
            models.UniqueConstraint(
                fields=["output", "recipe", "version", "personal_to"], name="one_personal_rendition"
            ),
            models.CheckConstraint(
                condition=Q(recipe__in=["playable", "poster", "contact_sheet", "making"]), name="recipe_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recipe} of {self.output_id}"
