"""Programs and who is in them, in which role."""

import uuid
import zoneinfo
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q

if TYPE_CHECKING:
    from access.models.people import User


class ProgramQuerySet(models.QuerySet["Program"]):
    def visible_to(self, user: "User") -> "ProgramQuerySet":
        """Programs in which the user is enrolled or holds a role."""
        enrolled = Enrollment.objects.live().filter(user=user).values("program")
        serving = Role.objects.live().filter(user=user).values("program")
        return self.filter(Q(pk__in=enrolled) | Q(pk__in=serving))


class Program(models.Model):
    """One early-access program. A site runs several; nothing is shared between them but the machines."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    about = models.TextField(blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")  # quota days and review weekends are counted here
    created_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)  # since when artists may work in it

    objects = ProgramQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(opened_at=None) | Q(opened_at__gte=F("created_at")), name="program_opens_once_made"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class RoleQuerySet(models.QuerySet["Role"]):
    def live(self) -> "RoleQuerySet":
        return self.filter(revoked_at=None)

    def reviewers(self) -> "RoleQuerySet":
        return self.live().filter(kind__in=Role.REVIEWING)


class Role(models.Model):
    """The right to act in a program. Django's groups only open admin pages; a superuser is not a reviewer by magic."""

    class Kind(models.TextChoices):
        REVIEWER = "reviewer"
        LEAD = "lead"
        PROGRAM_STAFF = "program_staff"
        GRANTS_STAFF = "grants_staff"

    REVIEWING = (Kind.REVIEWER, Kind.LEAD)

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="roles")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="roles")
    kind = models.CharField(max_length=16, choices=Kind)
    granted_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = RoleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "user", "kind"], condition=Q(revoked_at=None), name="one_live_role_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["reviewer", "lead", "program_staff", "grants_staff"]), name="role_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} in {self.program}"


class Cohort(models.Model):
    """A group of artists with the same terms. ``taken`` seats are counted here so that the schema can bound them."""

    class Kind(models.TextChoices):
        ARTISTS = "artists"
        RED_TEAM = "red_team"  # outputs of a red team can never be shared

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="cohorts")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.ARTISTS)
    seats = models.PositiveIntegerField()
    taken = models.PositiveIntegerField(default=0)
    daily_quota = models.PositiveIntegerField(default=40)  # clips a day and artist
    concurrency = models.PositiveSmallIntegerField(default=2)  # clips of one artist rendering at once
    max_steps = models.PositiveSmallIntegerField(default=40)
    max_variations = models.PositiveSmallIntegerField(default=4)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(taken__lte=F("seats")), name="seats_taken_within_capacity"),
            models.CheckConstraint(condition=Q(kind__in=["artists", "red_team"]), name="cohort_kind_known"),
            models.CheckConstraint(condition=Q(concurrency__gt=0), name="cohort_may_render"),
            models.UniqueConstraint(fields=["program", "name"], name="cohort_name_in_program"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.program})"


class Invitation(models.Model):
    """An invitation for one address. Only the hash of its token is kept; it is accepted by POST, once."""

    class State(models.TextChoices):
        PENDING = "pending"
        ACCEPTED = "accepted"
        REVOKED = "revoked"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField()
    name = models.CharField(max_length=80, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "accepted", "revoked"]), name="invitation_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="accepted") ^ Q(accepted_at=None), name="invitation_accepted_at_an_instant"
            ),
        ]

    def __str__(self) -> str:
        return f"invitation to {self.cohort}"


class EnrollmentQuerySet(models.QuerySet["Enrollment"]):
    def live(self) -> "EnrollmentQuerySet":
        return self.filter(ended_at=None)


class Enrollment(models.Model):
    """An artist is inside. One live enrollment per artist and program; moving to another cohort makes a new one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="enrollments")
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="enrollments")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="enrollments")
    # One invitation makes one enrollment, whoever races.
    invitation = models.OneToOneField(
        Invitation, null=True, blank=True, on_delete=models.PROTECT, related_name="enrollment"
    )
    joined_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "user"], condition=Q(ended_at=None), name="one_live_enrollment"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.program}"

    def is_live(self) -> bool:
        return self.ended_at is None


class ConflictQuerySet(models.QuerySet["Conflict"]):
    def live(self, at: datetime) -> "ConflictQuerySet":
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at))


class Conflict(models.Model):
    """This judge must not judge this artist. Higher floors write the rows, review reads them."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="conflicts")
    judge = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    artist = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    declared_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    objects = ConflictQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["program", "judge"], name="conflicts_of_a_judge")]
        constraints = [models.CheckConstraint(condition=~Q(judge=F("artist")), name="conflict_is_between_two")]

    def __str__(self) -> str:
        return self.reason
