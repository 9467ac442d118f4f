"""What people are told: a notice in the portal, a mail in the outbox. Both are rows of the verb's own transaction."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from access.models.programs import Program


class NoticeQuerySet(models.QuerySet["Notice"]):
    def unread(self) -> "NoticeQuerySet":
        return self.filter(read_at=None)


class Notice(models.Model):
    """A message to one person, shown in the portal until read."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notices")
    program = models.ForeignKey(Program, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)
    text = models.TextField()
    url = models.CharField(max_length=300, blank=True)
    not_before = models.DateTimeField()  # e.g. when a decision takes effect; hidden until then
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["user", "-created_at"], name="notices_of_a_person")]

    def __str__(self) -> str:
        return self.text


class OutboxQuerySet(models.QuerySet["Outbox"]):
    def due(self, at: datetime) -> "OutboxQuerySet":
        return self.filter(sent_at=None, withdrawn_at=None, not_before__lte=at, attempts__lt=Outbox.MAX_ATTEMPTS)


class Outbox(models.Model):
    """A message to be sent outside, at least once, under one ``dedupe_key``."""

    MAX_ATTEMPTS = 10

    class Kind(models.TextChoices):
        MAIL = "mail"
        WEBHOOK = "webhook"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.MAIL)
    to = models.CharField(max_length=300)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    dedupe_key = models.CharField(max_length=120, unique=True)
    not_before = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    trouble = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)  # e.g. the decision it tells of was undone in time

    objects = OutboxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "outbox"
        constraints = [models.CheckConstraint(condition=Q(kind__in=["mail", "webhook"]), name="outbox_kind_known")]
        indexes = [
            models.Index(fields=["not_before"], condition=Q(sent_at=None, withdrawn_at=None), name="outbox_waiting")
        ]

    def __str__(self) -> str:
        return self.subject
