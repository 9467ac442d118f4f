"""What reviewers said, and what of it binds."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from review.models.looks import Claim, Look
from review.models.policies import Clause
from review.models.submissions import Submission


class Verdict(models.TextChoices):
    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGES = "changes"  # sent back with what can be mended


class Audience(models.TextChoices):
    """For whom an approval holds."""

    PUBLIC = "public"  # anybody, also the showcase and search engines
    LINK = "link"  # whoever was given the link


VERDICT_KNOWN = Q(verdict__in=["approved", "rejected", "changes"])

# Each part says NOT NULL for itself: a comparison with NULL is neither true nor false, and a CHECK lets that pass.
SAYS_WHY = (
    Q(clause__isnull=False)
    & ~Q(words="")
    & Q(from_ms__isnull=False)
    & Q(to_ms__isnull=False)
    & Q(to_ms__gte=F("from_ms"))
)


class Opinion(models.Model):
    """One reviewer's recorded verdict, with the bytes they were shown. Append-only.

    ``attested`` is what the page reported about looking, e.g. ``{"by": "played", "covered_ms": 2000, "of_ms": 2000}``:
    the reviewer's word with a measure, not a proof.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="opinions")
    look = models.OneToOneField(
        Look, null=True, blank=True, on_delete=models.PROTECT, related_name="opinion"
    )  # empty: given before there were looks
    round = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=9, choices=Look.Kind, default=Look.Kind.FIRST)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="opinions")
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="opinions")
    verdict = models.CharField(max_length=8, choices=Verdict)
    clause = models.ForeignKey(Clause, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(blank=True)  # to the artist
    from_ms = models.PositiveIntegerField(null=True, blank=True)  # of the clip: where the ground for the no is seen
    to_ms = models.PositiveIntegerField(null=True, blank=True)
    private_note = models.TextField(blank=True)
    audience = models.CharField(max_length=6, choices=Audience, null=True, blank=True)  # noqa: DJ001  of a yes; a no has none
    embargo_until = models.DateTimeField(null=True, blank=True)
    attested = models.JSONField(default=dict)
    master_sha256 = models.CharField(max_length=64)
    shown_sha256 = models.CharField(max_length=64)
    given_at = models.DateTimeField()

    class Meta:
        permissions = [("read_private_notes", "Can read the private notes of reviewers")]
        constraints = [
            models.UniqueConstraint(fields=["submission", "round", "reviewer"], name="one_opinion_of_a_reviewer"),
            models.CheckConstraint(condition=Q(verdict="approved") | SAYS_WHY, name="a_no_has_clause_words_and_range"),
            models.CheckConstraint(condition=VERDICT_KNOWN, name="opinion_verdict_known"),
            models.CheckConstraint(
                condition=Q(kind__in=["first", "second", "tie_break", "appeal", "qa", "golden"]),
                name="opinion_kind_known",
            ),
        ]
        indexes = [models.Index(fields=["reviewer", "-given_at"], name="opinions_of_a_reviewer")]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.reviewer_id}"


class Note(models.Model):
    """A remark on a moment of the clip, with the region meant: fractions of the picture's width and height.

    It belongs to an opinion and reaches the artist with the decision that cites it. Append-only.
    """

    opinion = models.ForeignKey(Opinion, on_delete=models.PROTECT, related_name="notes")
    from_ms = models.PositiveIntegerField()
    to_ms = models.PositiveIntegerField()
    x = models.FloatField(null=True, blank=True)
    y = models.FloatField(null=True, blank=True)
    width = models.FloatField(null=True, blank=True)
    height = models.FloatField(null=True, blank=True)
    words = models.TextField()

    class Meta:
        ordering = ["from_ms", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(to_ms__gte=F("from_ms")), name="note_ends_after_it_begins"),
            models.CheckConstraint(condition=~Q(words=""), name="note_says_something"),
            models.CheckConstraint(
                condition=Q(x=None, y=None, width=None, height=None)
                | (
                    Q(x__isnull=False, y__isnull=False, width__isnull=False, height__isnull=False)
                    & Q(x__gte=0, y__gte=0, width__gt=0, height__gt=0)
                    & Q(x__lte=1 - F("width"), y__lte=1 - F("height"))
                ),
                name="note_region_within_the_picture",
            ),
        ]

    def __str__(self) -> str:
        return self.words[:60]


class DecisionQuerySet(models.QuerySet["Decision"]):
    def standing(self) -> "DecisionQuerySet":
        """Neither undone in time nor overturned later."""
        return self.filter(withdrawal=None, overturned_by=None)

    def told(self, at: datetime) -> "DecisionQuerySet":
        """What its artist has heard of: in effect, also if it was overturned since; never what was undone in time."""
        return self.filter(effective_at__lte=at, withdrawal=None)

    def effective(self, at: datetime) -> "DecisionQuerySet":
        return self.standing().filter(effective_at__lte=at)


class Decision(models.Model):
    """What binds: a verdict on one master, citing one to three opinions, in effect from ``effective_at``. Append-only.

    ``recipes`` are the renditions that a share of it may serve, e.g. ``[["playable", 1], ["poster", 1]]``.
    An approval may be for an ``audience`` only, and for links not before ``embargo_until``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="decisions")
    round = models.PositiveSmallIntegerField()
    verdict = models.CharField(max_length=8, choices=Verdict)
    first = models.ForeignKey(Opinion, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Opinion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    tie_break = models.ForeignKey(Opinion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    clause = models.ForeignKey(Clause, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(blank=True)
    from_ms = models.PositiveIntegerField(null=True, blank=True)
    to_ms = models.PositiveIntegerField(null=True, blank=True)
    artist = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    master_sha256 = models.CharField(max_length=64)
    shown_sha256 = models.CharField(max_length=64)
    recipes = models.JSONField()
    audience = models.CharField(max_length=6, choices=Audience, default=Audience.PUBLIC)
    embargo_until = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    overturns = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="overturned_by"
    )

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["submission", "round"], condition=Q(overturns=None), name="one_root_decision_of_a_round"
            ),
            models.CheckConstraint(
                condition=Q(verdict="approved") | SAYS_WHY, name="a_decided_no_has_clause_words_and_range"
            ),
            models.CheckConstraint(condition=~Q(artist=F("decided_by")), name="nobody_decides_on_their_own_output"),
            models.CheckConstraint(condition=VERDICT_KNOWN, name="decision_verdict_known"),
            models.CheckConstraint(
                condition=Q(effective_at__gte=F("decided_at")), name="decision_takes_effect_afterwards"
            ),
            models.CheckConstraint(condition=Q(audience__in=["public", "link"]), name="decision_audience_known"),
        ]
        indexes = [
            models.Index(fields=["effective_at"], name="decisions_by_effect"),
            models.Index(fields=["decided_by", "-decided_at"], name="decisions_of_a_reviewer"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict}: {self.submission}"

    @property
    def is_approval(self) -> bool:
        return self.verdict == Verdict.APPROVED

    @property
    def opinions(self) -> list[Opinion]:
        """The opinions that it cites, in the order they were given."""
        return [said for said in (self.first, self.second, self.tie_break) if said]


class Withdrawal(models.Model):
    """A decision undone before it took effect. Append-only."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, primary_key=True, related_name="withdrawal")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"undo of {self.decision}"


class AppealQuerySet(models.QuerySet["Appeal"]):
    def open(self) -> "AppealQuerySet":
        return self.filter(state=Appeal.State.OPEN)


class Appeal(models.Model):
    """Somebody who had no part in a decision is asked to look again: by the artist once per decision, and by rule when
    a clip turns out to be critique after one person alone said no."""

    class State(models.TextChoices):
        OPEN = "open"
        UPHELD = "upheld"  # the decision stands
        OVERTURNED = "overturned"  # it falls, and another takes its place

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="appeals")
    look = models.OneToOneField(Look, on_delete=models.PROTECT, related_name="appeal")
    is_critique = models.BooleanField(default=False)  # by rule: the second person that a no to critique needs
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    words = models.TextField()  # of the artist
    opened_at = models.DateTimeField()
    opinion = models.OneToOneField(Opinion, null=True, blank=True, on_delete=models.PROTECT, related_name="settles")
    answer = models.TextField(blank=True)  # to the artist, either way
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = AppealQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "is_critique"], name="one_appeal_against_a_decision"),
            models.CheckConstraint(condition=Q(state__in=["open", "upheld", "overturned"]), name="appeal_state_known"),
            models.CheckConstraint(
                condition=Q(state="open", opinion=None, settled_at=None)
                | (~Q(state="open") & Q(opinion__isnull=False, settled_at__isnull=False) & ~Q(answer="")),
                name="appeal_settled_with_an_answer",
            ),
            models.CheckConstraint(condition=~Q(words=""), name="appeal_says_why"),
        ]
        indexes = [models.Index(fields=["opened_at"], name="appeals_by_day")]

    def __str__(self) -> str:
        return f"appeal against {self.decision_id}"


class Draw(models.Model):
    """A decision in effect was drawn for another blind look. Append-only."""

    class Why(models.TextChoices):
        CHANCE = "chance"
        NEW_REVIEWER = "new_reviewer"

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, primary_key=True, related_name="draw")
    look = models.OneToOneField(Look, null=True, blank=True, on_delete=models.PROTECT, related_name="draw")
    why = models.CharField(max_length=12, choices=Why, blank=True)  # empty: seen by the draw, and not taken
    number = models.FloatField()  # what came out, in [0, 1): anybody can recompute it from the decision and the seed
    seed = models.CharField(max_length=64)
    drawn_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draw of {self.decision_id}"


class Golden(models.Model):
    """A clip with a known answer, chosen by a lead, mixed in among the others."""

    submission = models.OneToOneField(Submission, on_delete=models.PROTECT, primary_key=True, related_name="golden")
    verdict = models.CharField(max_length=8, choices=Verdict)
    clause = models.ForeignKey(Clause, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    why = models.TextField()  # shown to whoever missed it
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    chosen_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=VERDICT_KNOWN, name="golden_verdict_known"),
            models.CheckConstraint(
                condition=Q(verdict="approved") | Q(clause__isnull=False), name="golden_no_has_a_clause"
            ),
        ]

    def __str__(self) -> str:
        return f"golden: {self.submission}"


class Contest(models.Model):
    """A reviewer contests what quality assurance says of an opinion of theirs. A lead answers."""

    opinion = models.OneToOneField(Opinion, on_delete=models.PROTECT, primary_key=True, related_name="contest")
    words = models.TextField()
    contested_at = models.DateTimeField()
    answer = models.TextField(blank=True)
    stands = models.BooleanField(null=True, blank=True)  # True: counted as agreement after all
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(words=""), name="contest_says_why"),
            models.CheckConstraint(
                condition=Q(answered_at=None, answered_by=None, stands=None)
                | Q(answered_at__isnull=False, answered_by__isnull=False, stands__isnull=False),
                name="contest_answered_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.words[:60]
