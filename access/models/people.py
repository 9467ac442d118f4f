"""Users and what they sign in with. The user row is a pseudonym that stays; the person's own words lie beside it."""

import hashlib
import uuid
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from access import clock


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **{"joined_at": clock.now(), **fields})
        user.set_password(password)
        user.save(using=self._db)
        Person.objects.create(user=user)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who can sign in, by e-mail. Roles in programs are rows of ``Role``, never flags here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("may open the admin", default=False)
    joined_at = models.DateTimeField()

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What to call them: their own word, else the part of the address before the @."""
        person = getattr(self, "person", None)
        return (person.name if person else "") or self.email.split("@")[0]

    @property
    def pseudonym(self) -> str:
        """A stable name that says nothing about who it is, e.g. ``artist 7f3a``."""
        return hashlib.sha256(self.id.bytes).hexdigest()[:4]


class Person(models.Model):
    """The erasable side of a user: what they told us about themselves."""

    # CASCADE: this row is nothing but the user's own words and goes with them.
    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="person")
    name = models.CharField(max_length=80, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.name


class CredentialQuerySet(models.QuerySet["Credential"]):
    def live(self) -> "CredentialQuerySet":
        return self.filter(ended_at=None)


class Credential(models.Model):
    """One signed-in session or one API token. A job remembers the one that submitted it, so one can be held alone."""

    class Kind(models.TextChoices):
        SESSION = "session"
        TOKEN = "token"  # noqa: S105  a kind, not a secret

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="credentials")
    kind = models.CharField(max_length=8, choices=Kind)
    label = models.CharField(max_length=200, blank=True)
    secret_hash = models.CharField(max_length=64, blank=True)  # of a token; a session's key never leaves its own table
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["session", "token"]), name="credential_kind_known"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("created_at")), name="credential_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.created_at:%Y-%m-%d %H:%M} UTC"

    def end(self, at: datetime) -> bool:
        """End it; whether this call did."""
        return bool(type(self).objects.filter(pk=self.pk, ended_at=None).update(ended_at=at))

    end.alters_data = True  # type: ignore[attr-defined]  # keeps templates from calling it
