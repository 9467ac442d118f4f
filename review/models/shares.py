"""Public links to approved outputs."""

from datetime import datetime

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from access.models import Cohort, Enrollment, Halt, Program, User
from generation.models import Output, Rendition
from review.models.opinions import Decision, Verdict


class ShareQuerySet(models.QuerySet["Share"]):
    def owned_by(self, user: User) -> "ShareQuerySet":
        return self.filter(decision__submission__enrollment__user=user)

    def granted(self, at: datetime) -> "ShareQuerySet":
        """Neither revoked nor expired, on an effective, standing approval of exactly this master."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=at),
            Q(decision__embargo_until=None) | Q(decision__embargo_until__lte=at),
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


def halts_over(enrollment: str, among: models.QuerySet[Halt] | None = None) -> models.QuerySet[Halt]:
    """Halts over the enrollment at this path from the outer query, the open ones unless others are named.

    An empty path: the outer query is of enrollments.

    A hold on a credential stops no link and no clock.
    """
    path = f"{enrollment}__" if enrollment else ""
    reach = Q(scope="program") | Q(cohort=OuterRef(f"{path}cohort")) | Q(artist=OuterRef(f"{path}user"))
    halts = Halt.objects.open() if among is None else among
    return halts.filter(reach, program=OuterRef(f"{path}program"))


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
    may_embed = models.BooleanField(default=False)  # other sites may show the player in a frame
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
        indexes = [models.Index(fields=["-created_at", "token"], name="shares_by_age")]

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


class Visits(models.Model):
    """How often a link was opened on a day (UTC): a count and nothing else, of nobody."""

    share = models.ForeignKey(Share, on_delete=models.PROTECT, related_name="visits")
    on = models.DateField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "visits"
        constraints = [models.UniqueConstraint(fields=["share", "on"], name="one_count_of_visits_a_day")]

    def __str__(self) -> str:
        return f"{self.count} on {self.on}"
