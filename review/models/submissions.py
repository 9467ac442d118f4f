"""An artist asks to share an output."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from access.models import Conflict, Enrollment, Halt, Program, Role, User
from generation.models import Output
from review.models.policies import CATEGORY_KNOWN, Category, Policy


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def owned_by(self, user: User) -> "SubmissionQuerySet":
        return self.filter(enrollment__user=user)

    def waiting(self) -> "SubmissionQuerySet":
        return self.filter(state=Submission.State.WAITING)

    def reviewable_by(self, user: User, at: datetime) -> "SubmissionQuerySet":
        """What this reviewer may judge: in their programs, never their own, never against a declared conflict."""
        programs = Role.objects.reviewers().filter(user=user).values("program")
        against = Conflict.objects.live(at).filter(judge=user, program=OuterRef("program"))
        conflicts = against.filter(artist=OuterRef("enrollment__user"))
        return self.filter(program__in=programs).exclude(enrollment__user=user).exclude(Exists(conflicts))


class Submission(models.Model):
    """An artist asks to share one output. An undo or an answer with words leads to another round of it; a new master
    is a new submission, which may ``answer`` an earlier one that was sent back."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DECIDED = "decided"  # the decision may still be within its 30 seconds; changes asked for wait for the artist
        ANSWERED = "answered"  # sent back, and a submission of another output goes on in its place
        WITHDRAWN = "withdrawn"

    MOST_CHANGES = 2  # times that changes may be asked for; then there is a verdict

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="submissions")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="submissions")
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="submissions")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    answers = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="answered_by"
    )  # the submission of an earlier master that was sent back; empty again once this one is taken back
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    round = models.PositiveSmallIntegerField(default=1)
    risk_band = models.PositiveSmallIntegerField(default=0)
    people = models.PositiveSmallIntegerField(default=1)  # whose opinions a decision needs
    changes_made = models.PositiveSmallIntegerField(default=0)  # times it was sent back and answered, also as another
    title = models.CharField(max_length=120)
    credit = models.CharField(max_length=80, blank=True)
    statement = models.TextField(blank=True)  # the artist's intent, for the reviewer
    publish_on_approval = models.BooleanField(default=False)
    asked = models.BooleanField(default=True)  # False: the program looks at every output, nobody asked to share it
    submitted_at = models.DateTimeField()
    due_at = models.DateTimeField()
    breached_at = models.DateTimeField(null=True, blank=True)  # when it was seen that the promise was not kept

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "decided", "answered", "withdrawn"]),
                name="submission_state_known",
            ),
            models.UniqueConstraint(
                fields=["output"], condition=~Q(state="withdrawn"), name="one_submission_of_an_output"
            ),
            models.CheckConstraint(condition=Q(due_at__gt=F("submitted_at")), name="submission_has_a_deadline"),
            models.CheckConstraint(condition=Q(risk_band__lte=3), name="submission_band_known"),
            models.CheckConstraint(condition=Q(people__in=[1, 2]), name="submission_needs_one_or_two"),
            models.CheckConstraint(condition=Q(changes_made__lte=2), name="changes_made_twice_at_most"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting", breached_at=None), name="submissions_due"),
            models.Index(fields=["enrollment", "-submitted_at"], name="submissions_of_an_artist"),
            models.Index(fields=["program", "submitted_at"], name="submissions_by_age"),
        ]

    def __str__(self) -> str:
        return self.title


class Flag(models.Model):
    """A category that a submission falls under, and what said so. Append-only: scrutiny is raised, never taken back."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="flags")
    category = models.CharField(max_length=12, choices=Category)
    said_by = models.CharField(max_length=120)  # e.g. ``rule Knives`` or ``signal flash 1``
    raised_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["submission", "category", "said_by"], name="flag_once"),
            models.CheckConstraint(condition=CATEGORY_KNOWN, name="flag_category_known"),
        ]

    def __str__(self) -> str:
        return f"{self.category}: {self.said_by}"


class Critique(models.Model):
    """The artist says: this is critique. No reviewer sees it before the verdict; it moves neither order nor clock.

    In a table of its own, so that no query of the queue can read it by accident. Append-only.
    """

    submission = models.OneToOneField(Submission, on_delete=models.PROTECT, primary_key=True, related_name="critique")
    said_at = models.DateTimeField()

    def __str__(self) -> str:
        return "critique"


class Answer(models.Model):
    """What the artist wrote when changes were asked for, and went on with the same clip. Append-only."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="given_answers")
    round = models.PositiveSmallIntegerField()  # that begins with it
    words = models.TextField()
    given_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["submission", "round"], name="one_answer_of_a_round")]

    def __str__(self) -> str:
        return self.words[:60]


class Pause(models.Model):
    """The clocks under a lifted halt were moved on by its length, once. Append-only."""

    halt = models.OneToOneField(Halt, on_delete=models.PROTECT, primary_key=True, related_name="pause")
    moved = models.PositiveIntegerField()  # submissions whose deadline moved
    applied_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"pause of {self.halt_id}"


class Advance(models.Model):
    """How far the clocks under a lifted halt are moved on, by the last keys. It goes when its pause is there."""

    halt = models.OneToOneField(Halt, on_delete=models.PROTECT, primary_key=True, related_name="+")
    submission = models.UUIDField(default=uuid.UUID(int=0))
    appeal = models.UUIDField(default=uuid.UUID(int=0))
    moved = models.PositiveIntegerField(default=0)  # submissions

    def __str__(self) -> str:
        return f"advance of {self.halt_id}"


class MailChoice(models.Model):
    """How an artist wants mail about decisions: each at once, or one a day. No row: at once."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, primary_key=True, related_name="+")
    daily = models.BooleanField(default=False)

    def __str__(self) -> str:
        return "daily" if self.daily else "at once"
