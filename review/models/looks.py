"""The queue: a look is a reviewer's turn at a submission, a claim the lease on a look."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from access.models import Program
from generation.models import Brief, Rendition
from review.models.policies import CATEGORY_KNOWN, Category
from review.models.submissions import Submission


class LookQuerySet(models.QuerySet["Look"]):
    def waiting(self) -> "LookQuerySet":
        return self.filter(state=Look.State.WAITING)

    def in_order(self) -> "LookQuerySet":
        """The published order: overdue ones first, then risk band, then the nearer deadline, then the older."""
        return self.order_by("-rank", "due_at", "asked_at", "pk")


class Look(models.Model):
    """One opinion is wanted on a submission. What waits here is the queue; what is done has its opinion.

    ``rank`` is the risk band, or ``OVERDUE`` once the deadline has passed: nothing waits behind newer ones for ever.
    """

    class Kind(models.TextChoices):
        FIRST = "first"
        SECOND = "second"
        TIE_BREAK = "tie_break"
        APPEAL = "appeal"
        QA = "qa"
        GOLDEN = "golden"

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        DROPPED = "dropped"

    BINDING = (Kind.FIRST, Kind.SECOND, Kind.TIE_BREAK, Kind.APPEAL)  # the others decide nothing about an artist
    OVERDUE = 9

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="looks")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")  # as of the submission
    artist = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # Of several outputs: they are looked at together. Empty where the brief made one clip.
    brief = models.ForeignKey(Brief, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    round = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.FIRST)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    fence = models.PositiveIntegerField(default=0)  # grows with every claim; a verdict names the one it was made under
    rank = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    asked_at = models.DateTimeField()
    for_leads = models.BooleanField(default=False)  # escalated, or skipped by three
    reserved_for = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )  # nobody else takes it until ``reserved_until``; without one, ever
    reserved_until = models.DateTimeField(null=True, blank=True)

    objects = LookQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=["waiting", "done", "dropped"]), name="look_state_known"),
            models.CheckConstraint(
                condition=Q(kind__in=["first", "second", "tie_break", "appeal", "qa", "golden"]), name="look_kind_known"
            ),
            models.UniqueConstraint(
                fields=["submission"],
                condition=Q(state="waiting", kind__in=["first", "second", "tie_break", "appeal"]),
                name="one_binding_look_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["submission", "round", "kind"],
                condition=Q(kind__in=["first", "second", "tie_break"]) & ~Q(state="dropped"),
                name="one_look_of_a_kind_and_round",  # a no may be appealed by its artist, and by rule
            ),
        ]
        indexes = [
            models.Index(
                F("program"), F("rank").desc(), "due_at", "asked_at", "id",
                condition=Q(state="waiting"), name="looks_in_order",
            ),
            models.Index(fields=["program", "due_at"], condition=Q(state="waiting"), name="looks_due"),
            models.Index(fields=["brief"], condition=Q(state="waiting", brief__isnull=False), name="looks_of_a_brief"),
            models.Index(
                fields=["program"],
                condition=Q(state="waiting")
                & (Q(for_leads=True) | ~Q(kind="first") | Q(reserved_for__isnull=False, reserved_until=None)),
                name="looks_apart",  # few, among whatever number of ordinary ones: where nobody may be left to take it
            ),
            models.Index(
                fields=["kind", "program"], condition=Q(state="waiting", kind__in=["qa", "golden"]),
                name="looks_that_check",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} look at {self.submission_id}"

    @property
    def is_binding(self) -> bool:
        return self.kind in self.BINDING


class Breach(models.Model):
    """A look that binds was not answered in time: what was promised, and when it was seen. Append-only."""

    look = models.OneToOneField(Look, on_delete=models.PROTECT, primary_key=True, related_name="breach")
    due_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "breaches"
        constraints = [
            models.CheckConstraint(condition=Q(seen_at__gte=F("due_at")), name="breach_is_seen_once_it_is_late")
        ]
        indexes = [models.Index(fields=["seen_at"], name="breaches_by_day")]

    def __str__(self) -> str:
        return f"breach of {self.look_id}"


class ClaimQuerySet(models.QuerySet["Claim"]):
    def live(self, at: datetime) -> "ClaimQuerySet":
        return self.filter(released_at=None, leased_until__gt=at)

    def leading(self) -> "ClaimQuerySet":
        """All but the variants of a claim that has not ended; what is left of a stack leads itself."""
        return self.filter(Q(with_claim=None) | Q(with_claim__released_at__isnull=False))


class Claim(models.Model):
    """A reviewer's lease on a look: renewed by the open page, fenced by ``fence``.

    A reviewer has one in hand and at most one ahead (``is_ahead``), whose clip the page loads beforehand. Variants of
    one brief are taken together: those ``with_claim`` belong to the one that leads them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    look = models.ForeignKey(Look, on_delete=models.PROTECT, related_name="claims")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="claims")
    round = models.PositiveSmallIntegerField()
    fence = models.PositiveIntegerField()
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="claims")
    shown = models.ForeignKey(Rendition, on_delete=models.PROTECT, related_name="+")  # what was given to watch
    is_ahead = models.BooleanField(default=False)
    with_claim = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="variants")
    claimed_at = models.DateTimeField()
    leased_until = models.DateTimeField()
    revealed_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    broken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )  # a lead who took it away
    played = models.JSONField(default=list, blank=True)  # [[from_ms, to_ms], …] of the clip, as the page reported

    objects = ClaimQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["look"], condition=Q(released_at=None), name="one_claim_at_a_time"),
            models.UniqueConstraint(
                fields=["reviewer", "is_ahead"],
                condition=Q(released_at=None, with_claim=None),
                name="one_claim_in_hand_and_one_ahead",
            ),
            models.UniqueConstraint(fields=["look", "fence"], name="one_claim_per_fence"),
            models.CheckConstraint(
                condition=Q(is_ahead=False) | Q(revealed_at=None), name="what_is_ahead_is_not_revealed"
            ),
        ]
        indexes = [models.Index(fields=["reviewer", "-claimed_at"], name="claims_of_a_reviewer")]

    def __str__(self) -> str:
        return f"claim {self.fence} on {self.submission_id}"


class Exposure(models.Model):
    """How long a reviewer had revealed clips before them on a day (UTC). Theirs and the leads' to see, no ranking."""

    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    on = models.DateField()
    ms = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reviewer", "on"], name="one_exposure_a_day")]

    def __str__(self) -> str:
        return f"{self.ms} ms on {self.on}"


class Skip(models.Model):
    """A reviewer passes a look by, with a reason; what was submitted never comes to them again. Append-only."""

    look = models.ForeignKey(Look, on_delete=models.PROTECT, related_name="skips")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    skipped_at = models.DateTimeField()

    TO_THE_LEAD = 3  # people who skip a look before it goes to the leads

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["look", "reviewer"], name="one_skip_of_a_reviewer"),
            models.CheckConstraint(condition=~Q(reason=""), name="skip_says_why"),
        ]

    def __str__(self) -> str:
        return self.reason


class Escalation(models.Model):
    """A reviewer asks the leads; the clock goes on. A lead advises, and it goes back, or decides it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    look = models.ForeignKey(Look, on_delete=models.PROTECT, related_name="escalations")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    question = models.TextField()
    asked_at = models.DateTimeField()
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["look"], condition=Q(answered_at=None), name="one_open_escalation_of_a_look"
            ),
            models.CheckConstraint(condition=~Q(question=""), name="escalation_asks_something"),
            models.CheckConstraint(
                condition=Q(answered_at=None, answered_by=None)
                | Q(answered_at__isnull=False, answered_by__isnull=False),
                name="escalation_answered_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.question[:60]


class Draft(models.Model):
    """What a reviewer has typed on a look and not sent: it survives the claim, the session, a halt and a reload."""

    look = models.ForeignKey(Look, on_delete=models.PROTECT, related_name="drafts")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    typed = models.JSONField(default=dict)  # form field → text
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["look", "reviewer"], name="one_draft_of_a_reviewer")]

    def __str__(self) -> str:
        return f"draft on {self.look_id}"


class Habit(models.Model):
    """How one reviewer wants clips to begin: for each risk band, revealed or veiled. No row: all veiled."""

    reviewer = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, primary_key=True, related_name="review_habit"
    )
    reveals = models.JSONField(default=list, blank=True)  # the bands that begin revealed

    def __str__(self) -> str:
        return f"habit of {self.reviewer_id}"


class OptOut(models.Model):
    """A reviewer does not want to see this category. It needs no reason and is counted against nobody."""

    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="opt_outs")
    category = models.CharField(max_length=12, choices=Category)
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reviewer", "category"], name="one_opt_out_of_a_category"),
            models.CheckConstraint(condition=CATEGORY_KNOWN, name="opt_out_category_known"),
        ]

    def __str__(self) -> str:
        return self.category


class Phrase(models.Model):
    """Words a reviewer saved for a clause, by its code. The page marks them as such until they are edited."""

    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="phrases")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    clause_code = models.CharField(max_length=8)
    words = models.TextField()
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.words[:60]
