"""The stop button, with a scope."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from access.models.people import Credential
from access.models.programs import Cohort, Enrollment, Program


class HaltQuerySet(models.QuerySet["Halt"]):
    def open(self) -> "HaltQuerySet":
        return self.filter(lifted_at=None)

    def covering(self, enrollment: Enrollment, credential: Credential | None = None) -> "HaltQuerySet":
        """Open halts that stop this artist's work, or the work of this one credential of theirs."""
        reach = Q(scope="program") | Q(cohort=enrollment.cohort_id) | Q(artist=enrollment.user_id)
        if credential is not None:
            reach |= Q(credential=credential)
        return self.open().filter(reach, program=enrollment.program_id)


class Halt(models.Model):
    """Work has stopped within a scope, from ``placed_at`` until somebody lifts it. It destroys nothing."""

    class Scope(models.TextChoices):
        CREDENTIAL = "credential"
        ARTIST = "artist"
        COHORT = "cohort"
        PROGRAM = "program"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="halts")
    scope = models.CharField(max_length=10, choices=Scope)
    credential = models.ForeignKey(Credential, null=True, blank=True, on_delete=models.PROTECT, related_name="holds")
    artist = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="halts"
    )
    cohort = models.ForeignKey(Cohort, null=True, blank=True, on_delete=models.PROTECT, related_name="halts")
    reason = models.TextField()  # shown to the people it stops
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects = HaltQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="program", credential=None, artist=None, cohort=None)
                | Q(scope="cohort", credential=None, artist=None, cohort__isnull=False)
                | Q(scope="artist", credential=None, artist__isnull=False, cohort=None)
                | Q(scope="credential", credential__isnull=False, artist=None, cohort=None),
                name="halt_names_its_scope",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="halt_says_why"),
            models.CheckConstraint(
                condition=Q(lifted_at=None) | Q(lifted_at__gte=F("placed_at")), name="halt_lifted_after_placed"
            ),
            models.UniqueConstraint(
                fields=["program"], condition=Q(scope="program", lifted_at=None), name="one_open_halt_of_a_program"
            ),
            models.UniqueConstraint(fields=["cohort"], condition=Q(lifted_at=None), name="one_open_halt_of_a_cohort"),
            models.UniqueConstraint(
                fields=["program", "artist"], condition=Q(lifted_at=None), name="one_open_halt_of_an_artist"
            ),
            models.UniqueConstraint(
                fields=["program", "credential"], condition=Q(lifted_at=None), name="one_open_hold_of_a_credential"
            ),
        ]
        indexes = [models.Index(fields=["program"], condition=Q(lifted_at=None), name="open_halts")]

    def __str__(self) -> str:
        return f"halt of {self.scope} since {self.placed_at:%Y-%m-%d %H:%M} UTC"
