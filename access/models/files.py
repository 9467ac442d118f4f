"""Stored bytes, named by their hash."""

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q


class StoredFile(models.Model):
    """A file in the store. The row is written after the bytes are safe, never before; the bytes are never changed.

    ``size``, ``mtime_ns`` and ``inode`` are those of the file when it was stored: any other value makes the gate hash
    the whole file before a byte leaves.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sha256 = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=40)
    mtime_ns = models.BigIntegerField()
    inode = models.BigIntegerField()
    created_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)  # when all of it was hashed last, and found to hold or not

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(size__gt=0), name="stored_file_not_empty")]
        indexes = [models.Index(fields=["verified_at"], name="stored_files_to_verify")]

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def path(self) -> Path:
        return path_of(self.sha256)


def path_of(sha256: str) -> Path:
    """Where the store keeps the bytes with this hash."""
    return Path(settings.MEDIA_DIR) / sha256[:2] / sha256
