"""What artists ask for: briefs, the draft of the next one, and first frames."""

import uuid

from django.db import models
from django.db.models import Q

from access.models import Credential, Enrollment, Program, StoredFile, User
from generation.models.pipelines import Pipeline


class FirstFrameQuerySet(models.QuerySet["FirstFrame"]):
    def owned_by(self, user: User) -> "FirstFrameQuerySet":
        return self.filter(enrollment__user=user)

    def usable_by(self, enrollment: Enrollment) -> "FirstFrameQuerySet":
        """Those that the artist brought to this program, also before they moved to another cohort."""
        return self.owned_by(enrollment.user).filter(enrollment__program=enrollment.program_id)

    def unused(self) -> "FirstFrameQuerySet":
        """Those that no brief was sent with; a draft may still have one."""
        return self.filter(briefs=None)


class FirstFrame(models.Model):
    """A picture that an artist brought for a clip to begin with, decoded and written anew by us."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="first_frames")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()

    objects = FirstFrameQuerySet.as_manager()

    def __str__(self) -> str:
        return f"first frame {self.pk}"


class Brief(models.Model):
    """A prompt and its settings, as the artist sent them; it makes one job per variation."""

    class Lineage(models.TextChoices):
        REMIX = "remix", "remixed from"
        VARY = "vary", "varied from"
        REPEAT = "repeat", "repeated from"
        RETRY = "retry", "tried again after"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="briefs")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="briefs")
    credential = models.ForeignKey(Credential, null=True, on_delete=models.PROTECT, related_name="briefs")
    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="briefs")
    prompt = models.TextField()
    # As it is searched (``access.text.fold``): SQLite knows the case of ASCII letters only. Goes where the prompt goes.
    prompt_folded = models.TextField(editable=False)
    negative_prompt = models.TextField(blank=True)
    steps = models.PositiveSmallIntegerField()
    guidance = models.FloatField()
    seed = models.PositiveBigIntegerField()  # of the first variation; the next ones count up
    variations = models.PositiveSmallIntegerField(default=1)
    width = models.PositiveSmallIntegerField()  # pixels, as the model draws them
    height = models.PositiveSmallIntegerField()
    frames = models.PositiveSmallIntegerField()
    first_frame = models.ForeignKey(FirstFrame, null=True, blank=True, on_delete=models.PROTECT, related_name="briefs")
    # The job it was made from, and how. One's own; the job rather than its output, since a failed one can be retried.
    parent = models.ForeignKey(
        "generation.Job", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    lineage = models.CharField(max_length=6, choices=Lineage, blank=True)
    idempotency_key = models.UUIDField()  # of the form: sending it twice is sending it once
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "idempotency_key"], name="brief_sent_once"),
            models.CheckConstraint(condition=Q(steps__gt=0) & Q(variations__gt=0), name="brief_asks_for_something"),
            models.CheckConstraint(
                condition=Q(width__gt=0) & Q(height__gt=0) & Q(frames__gt=0), name="brief_has_a_size"
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, lineage="") | Q(parent__isnull=False) & ~Q(lineage=""),
                name="brief_says_how_it_descends",
            ),
            models.CheckConstraint(condition=Q(prompt="") | ~Q(prompt_folded=""), name="brief_can_be_found"),
        ]

    def __str__(self) -> str:
        return self.prompt[:60]


class Draft(models.Model):
    """What an artist was writing in the studio, raw as typed, so that nothing typed is ever lost."""

    # CASCADE: a draft is a convenience of its enrollment, nothing refers to it.
    enrollment = models.OneToOneField(Enrollment, on_delete=models.CASCADE, primary_key=True, related_name="draft")
    fields = models.JSONField(default=dict)  # names and values of the studio's form
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draft of {self.enrollment}"
