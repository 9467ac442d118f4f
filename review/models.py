"""From a private clip to a public link: submissions, claims, opinions, decisions, shares."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from access.models import Cohort, Conflict, Enrollment, Halt, Program, Role, User
from generation.models import Output, Rendition


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


class Verdict(models.TextChoices):
    APPROVED = "approved"
    REJECTED = "rejected"


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

    def free(self, at: datetime) -> "SubmissionQuerySet":
        """Waiting, and in no reviewer's hands."""
        return self.waiting().exclude(Exists(Claim.objects.live(at).filter(submission=OuterRef("pk"))))

    def in_order(self) -> "SubmissionQuerySet":
        """The published order: risk band, then the nearer deadline, then the older."""
        return self.order_by("-risk_band", "due_at", "submitted_at", "pk")


class Submission(models.Model):
    """An artist asks to share one output. A no or an undo leads to another round, a new master to a new submission."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DECIDED = "decided"  # the decision may still be within its 30 seconds
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="submissions")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="submissions")
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="submissions")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    round = models.PositiveSmallIntegerField(default=1)
    fence = models.PositiveIntegerField(default=0)  # grows with every claim; a verdict names the one it was made under
    risk_band = models.PositiveSmallIntegerField(default=0)
    title = models.CharField(max_length=120)
    credit = models.CharField(max_length=80, blank=True)
    statement = models.TextField(blank=True)  # the artist's intent, for the reviewer
    publish_on_approval = models.BooleanField(default=False)
    submitted_at = models.DateTimeField()
    due_at = models.DateTimeField()

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "decided", "withdrawn"]), name="submission_state_known"
            ),
            models.UniqueConstraint(
                fields=["output"], condition=~Q(state="withdrawn"), name="one_submission_of_an_output"
            ),
            models.CheckConstraint(condition=Q(due_at__gt=F("submitted_at")), name="submission_has_a_deadline"),
        ]
        indexes = [
            models.Index(
                fields=["program", "-risk_band", "due_at", "submitted_at"],
                condition=Q(state="waiting"),
                name="submissions_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ClaimQuerySet(models.QuerySet["Claim"]):
    def live(self, at: datetime) -> "ClaimQuerySet":
        return self.filter(released_at=None, leased_until__gt=at)


class Claim(models.Model):
    """A reviewer's lease on a submission: renewed by the open page, fenced by ``fence``."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="claims")
    round = models.PositiveSmallIntegerField()
    fence = models.PositiveIntegerField()
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="claims")
    shown = models.ForeignKey(Rendition, on_delete=models.PROTECT, related_name="+")  # what was given to watch
    claimed_at = models.DateTimeField()
    leased_until = models.DateTimeField()
    revealed_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["submission"], condition=Q(released_at=None), name="one_claim_at_a_time"),
            models.UniqueConstraint(fields=["reviewer"], condition=Q(released_at=None), name="one_claim_of_a_reviewer"),
            models.UniqueConstraint(fields=["submission", "fence"], name="one_claim_per_fence"),
        ]

    def __str__(self) -> str:
        return f"claim {self.fence} on {self.submission}"


# Each part says NOT NULL for itself: a comparison with NULL is neither true nor false, and a CHECK lets that pass.
_SAYS_WHY = (
    Q(clause__isnull=False)
    & ~Q(words="")
    & Q(from_ms__isnull=False)
    & Q(to_ms__isnull=False)
    & Q(to_ms__gte=F("from_ms"))
)


class Opinion(models.Model):
    """One reviewer's recorded verdict, with the bytes they were shown. Append-only."""

    class Kind(models.TextChoices):
        FIRST = "first"
        SECOND = "second"
        TIE_BREAK = "tie_break"
        QA = "qa"
        GOLDEN = "golden"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="opinions")
    round = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.FIRST)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="opinions")
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="opinions")
    verdict = models.CharField(max_length=8, choices=Verdict)
    clause = models.ForeignKey(Clause, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(blank=True)  # to the artist
    from_ms = models.PositiveIntegerField(null=True, blank=True)  # of the clip: where the ground for the no is seen
    to_ms = models.PositiveIntegerField(null=True, blank=True)
    private_note = models.TextField(blank=True)
    master_sha256 = models.CharField(max_length=64)
    shown_sha256 = models.CharField(max_length=64)
    given_at = models.DateTimeField()

    class Meta:
        permissions = [("read_private_notes", "Can read the private notes of reviewers")]
        constraints = [
            models.UniqueConstraint(fields=["submission", "round", "reviewer"], name="one_opinion_of_a_reviewer"),
            models.CheckConstraint(condition=Q(verdict="approved") | _SAYS_WHY, name="a_no_has_clause_words_and_range"),
            models.CheckConstraint(condition=Q(verdict__in=["approved", "rejected"]), name="opinion_verdict_known"),
            models.CheckConstraint(
                condition=Q(kind__in=["first", "second", "tie_break", "qa", "golden"]), name="opinion_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.reviewer_id}"


class DecisionQuerySet(models.QuerySet["Decision"]):
    def standing(self) -> "DecisionQuerySet":
        """Neither undone in time nor overturned later."""
        return self.filter(withdrawal=None, overturned_by=None)

    def effective(self, at: datetime) -> "DecisionQuerySet":
        return self.standing().filter(effective_at__lte=at)


class Decision(models.Model):
    """What binds: a verdict on one master, citing one to three opinions, in effect from ``effective_at``. Append-only.

    ``recipes`` are the renditions that a share of it may serve, e.g. ``[["playable", 1], ["poster", 1]]``.
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
                condition=Q(verdict="approved") | _SAYS_WHY, name="a_decided_no_has_clause_words_and_range"
            ),
            models.CheckConstraint(condition=~Q(artist=F("decided_by")), name="nobody_decides_on_their_own_output"),
            models.CheckConstraint(condition=Q(verdict__in=["approved", "rejected"]), name="decision_verdict_known"),
            models.CheckConstraint(
                condition=Q(effective_at__gte=F("decided_at")), name="decision_takes_effect_afterwards"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict}: {self.submission}"

    @property
    def is_approval(self) -> bool:
        return self.verdict == Verdict.APPROVED


class Withdrawal(models.Model):
    """A decision undone before it took effect. Append-only."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, primary_key=True, related_name="withdrawal")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"undo of {self.decision}"


class ShareQuerySet(models.QuerySet["Share"]):
    def owned_by(self, user: User) -> "ShareQuerySet":
        return self.filter(decision__submission__enrollment__user=user)

    def granted(self, at: datetime) -> "ShareQuerySet":
        """Neither revoked nor expired, on an effective, standing approval of exactly this master."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=at),
            revoked_at=None,
            decision__verdict=Verdict.APPROVED,
            decision__effective_at__lte=at,
            decision__withdrawal=None,
            decision__overturned_by=None,
            decision__master_sha256=F("master_sha256"),
            output__master_sha256=F("master_sha256"),
        ).exclude(output__enrollment__cohort__kind=Cohort.Kind.RED_TEAM)

    def live(self, at: datetime) -> "ShareQuerySet":
        """May the public see this? The one question that every route to the bytes asks."""
        return self.granted(at).exclude(Exists(halts_over("output__enrollment")))

    def paused(self, at: datetime) -> "ShareQuerySet":
        """Granted, but under a halt: the link says so and shows nothing."""
        return self.granted(at).filter(Exists(halts_over("output__enrollment")))


def halts_over(enrollment: str) -> models.QuerySet[Halt]:
    """Open halts over the enrollment at this path from the outer query; a hold on a credential stops no link."""
    reach = Q(scope="program") | Q(cohort=OuterRef(f"{enrollment}__cohort")) | Q(artist=OuterRef(f"{enrollment}__user"))
    return Halt.objects.open().filter(reach, program=OuterRef(f"{enrollment}__program"))


class Share(models.Model):
    """A public link to an approved output, bound to the decision and to the master's bytes."""

    token = models.CharField(max_length=43, unique=True)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="shares")
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="shares")
    master_sha256 = models.CharField(max_length=64)
    title = models.CharField(max_length=120)
    credit = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    on_approval = models.BooleanField(default=False)  # made by ``settle``, as the artist asked when submitting

    objects = ShareQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")), name="share_expires_later"
            ),
            models.UniqueConstraint(
                fields=["output"], condition=Q(revoked_at=None), name="one_open_share_of_an_output"
            ),
            # Once per decision for ever: what its artist revoked does not come back by itself.
            models.UniqueConstraint(fields=["decision"], condition=Q(on_approval=True), name="one_share_on_approval"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def program(self) -> Program:
        return self.output.program

    @property
    def enrollment(self) -> Enrollment:
        return self.output.enrollment

    def renditions(self) -> list[Rendition]:
        """What the public may have: renditions of the approved master by the recipes that the decision froze."""
        frozen = {(recipe, version) for recipe, version in self.decision.recipes}
        shared = self.output.renditions.filter(parent_sha256=self.master_sha256, personal_to=None)
        return [made for made in shared.select_related("file") if (made.recipe, made.version) in frozen]
