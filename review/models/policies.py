"""What reviewers go by: the program's policy and how it promises to review, both in versions that stay."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from access.models import Program

BANDS = (0, 1, 2, 3)  # of risk: low, ordinary, high, severe


class Category(models.TextChoices):
    """What a clip may show that somebody need not look at. A reviewer may opt out of any, without a reason."""

    REAL_PERSON = "real_person"
    MINORS = "minors"
    VIOLENCE = "violence"
    SEXUAL = "sexual"
    SELF_HARM = "self_harm"
    HATE = "hate"
    FLASHING = "flashing"
    KNOWN_BAD = "known_bad"
    OTHER = "other"


CATEGORY_KNOWN = Q(category__in=Category.values)


class PolicyQuerySet(models.QuerySet["Policy"]):
    def in_force(self, program: Program, at: datetime) -> "Policy | None":
        """The newest version of the program's policy that is published, if there is one."""
        return self.filter(program=program, published_at__lte=at).order_by("-number").first()


class Policy(models.Model):
    """A version of the program's published policy. A submission keeps the version in force when it was sent."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="policies")
    number = models.PositiveIntegerField()
    published_at = models.DateTimeField()

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "policies"
        constraints = [models.UniqueConstraint(fields=["program", "number"], name="policy_number_in_program")]

    def __str__(self) -> str:
        return f"policy of {self.program}, version {self.number}"


class Clause(models.Model):
    """One ground for a no, in the words artists read. For criticism there is none, and must be none. Append-only."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="clauses")
    code = models.CharField(max_length=8)
    title = models.CharField(max_length=120)
    text = models.TextField()

    class Meta:
        ordering = ["policy", "code"]
        constraints = [models.UniqueConstraint(fields=["policy", "code"], name="clause_code_in_policy")]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"


class TermsQuerySet(models.QuerySet["ReviewTerms"]):
    def in_force(self, program: Program, at: datetime | None = None) -> "ReviewTerms":
        """The newest terms of the program, or those of an instant; the house's own where it had published none."""
        published = self.filter(program=program) if at is None else self.filter(program=program, published_at__lte=at)
        return published.order_by("-number").first() or ReviewTerms(program=program, number=0)


class ReviewTerms(models.Model):
    """How a program reviews, in versions: hours until an answer, whose second look is drawn, what it asks of people.

    ``hours_*`` is the promise per risk band, in hours that count (none of a weekend where weekends pause, none of a
    halt). Append-only; the newest version counts for what is submitted after it.
    """

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="review_terms")
    number = models.PositiveIntegerField()
    published_at = models.DateTimeField()
    every_output = models.BooleanField(default=False)  # a person watches every clip, not only those one asks to share
    hours_low = models.PositiveSmallIntegerField(default=48)
    hours_ordinary = models.PositiveSmallIntegerField(default=48)
    hours_high = models.PositiveSmallIntegerField(default=48)
    hours_severe = models.PositiveSmallIntegerField(default=24)
    pauses_on_weekends = models.BooleanField(default=False)  # in the program's own time zone
    sheet_bands = models.PositiveSmallIntegerField(default=0)  # bands below this may be approved on the contact sheet
    qa_percent = models.PositiveSmallIntegerField(default=5)  # of decisions in effect, drawn for another blind look
    qa_first = models.PositiveSmallIntegerField(default=10)  # all of a new reviewer's first ones
    golden_percent = models.PositiveSmallIntegerField(
        default=2
    )  # of a reviewer's opinions, on clips with a known answer
    exposure_minutes = models.PositiveSmallIntegerField(default=240)  # a day with revealed clips, then it is enough
    break_minutes = models.PositiveSmallIntegerField(default=50)  # of revealed clips until a break is suggested
    appeal_days = models.PositiveSmallIntegerField(default=30)

    objects = TermsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "review terms"
        constraints = [
            models.UniqueConstraint(fields=["program", "number"], name="review_terms_number_in_program"),
            models.CheckConstraint(
                condition=Q(hours_low__gt=0, hours_ordinary__gt=0, hours_high__gt=0, hours_severe__gt=0),
                name="review_terms_promise_an_answer",
            ),
            models.CheckConstraint(
                condition=Q(qa_percent__lte=100, golden_percent__lte=50, sheet_bands__lte=3, appeal_days__gt=0),
                name="review_terms_within_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"review terms of {self.program}, version {self.number}"

    def hours(self, band: int) -> int:
        """The hours within which a submission of this risk band is answered."""
        return (self.hours_low, self.hours_ordinary, self.hours_high, self.hours_severe)[band]

    @property
    def promised(self) -> list[tuple[int, int]]:
        return [(band, self.hours(band)) for band in BANDS]

    @property
    def appeal_window(self) -> timedelta:
        return timedelta(days=self.appeal_days)


class RiskRule(models.Model):
    """Words in a prompt, title or statement that raise the scrutiny of a submission. It never lowers it, never says no.

    A rule is tried on the last thirty days before it can be switched on; the schema says so.
    """

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="risk_rules")
    name = models.CharField(max_length=80)
    words = models.TextField()  # one word or phrase a line, found as whole words whatever their case and accents
    category = models.CharField(max_length=12, choices=Category)
    band = models.PositiveSmallIntegerField(default=1)  # at least this band
    two_people = models.BooleanField(default=False)
    tried_at = models.DateTimeField(null=True, blank=True)
    tried = models.JSONField(default=dict, blank=True)  # of the trial: submissions, hits, some of them, words as tried
    switched_on_at = models.DateTimeField(null=True, blank=True)
    switched_off_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "name"], name="risk_rule_name_in_program"),
            models.CheckConstraint(condition=CATEGORY_KNOWN, name="risk_rule_category_known"),
            models.CheckConstraint(condition=Q(band__lte=3), name="risk_rule_band_known"),
            models.CheckConstraint(
                condition=Q(switched_on_at=None) | (Q(tried_at__isnull=False) & Q(switched_on_at__gte=F("tried_at"))),
                name="risk_rule_is_tried_first",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_on(self) -> bool:
        return self.switched_on_at is not None and self.switched_off_at is None
