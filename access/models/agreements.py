"""The terms: agreements in versions, signatures on their very text, and consents, each for one purpose."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from access.models.people import Credential
from access.models.programs import Enrollment, Program


class Agreement(models.Model):
    """A document that artists of a program sign, in versions."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="agreements")
    title = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "title"], name="agreement_title_in_program")]

    def __str__(self) -> str:
        return self.title


class AgreementVersionQuerySet(models.QuerySet["AgreementVersion"]):
    def in_force(self, program: Program) -> "AgreementVersionQuerySet":
        """The latest version of each agreement of the program."""
        latest = self.filter(agreement=models.OuterRef("agreement")).order_by("-number").values("pk")[:1]
        return self.filter(agreement__program=program, pk=models.Subquery(latest)).order_by("agreement_id")

    def unsigned_by(self, enrollment: Enrollment) -> "AgreementVersionQuerySet":
        return self.in_force(enrollment.program).exclude(signatures__enrollment=enrollment)


class AgreementVersion(models.Model):
    """An immutable text. ``summary`` says it in plain words, half a page; ``sha256`` is of the text as signed."""

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    summary = models.TextField()
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    allows_download = models.BooleanField(default=False)  # of one's own outputs; the text says the same in words
    published_at = models.DateTimeField()

    objects = AgreementVersionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agreement", "number"], name="agreement_version_number")]

    def __str__(self) -> str:
        return f"{self.agreement}, version {self.number}"


class Signature(models.Model):
    """An artist signed exactly this text. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="signatures")
    version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, related_name="signatures")
    text_sha256 = models.CharField(max_length=64)
    credential = models.ForeignKey(Credential, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["enrollment", "version"], name="signed_once")]

    def __str__(self) -> str:
        return f"{self.version} by {self.enrollment.user}"


class ConsentQuerySet(models.QuerySet["Consent"]):
    def granted(self, user: object, purpose: str, *, about: uuid.UUID | None = None) -> bool:
        """Whether the newest word of this person on this purpose is yes. No word is no."""
        newest = self.filter(user=user, purpose=purpose, about=about).order_by("-given_at", "-id").first()
        return bool(newest and newest.granted)


class Consent(models.Model):
    """A yes or no for one purpose, for everything (``about`` empty) or one output. Append-only; the newest counts."""

    class Purpose(models.TextChoices):
        TRAINING = "training"
        SHOWCASE = "showcase"
        NAMED_CREDIT = "named_credit"
        QUOTE = "quote"
        RESEARCH = "research"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="consents")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=16, choices=Purpose)
    about = models.UUIDField(null=True, blank=True)  # an output of a higher floor; the ground floor knows only its id
    granted = models.BooleanField()
    given_at = models.DateTimeField()

    objects = ConsentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "purpose", "about", "given_at"], name="newest_consent")]
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=["training", "showcase", "named_credit", "quote", "research"]),
                name="consent_purpose_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {'yes' if self.granted else 'no'}"
