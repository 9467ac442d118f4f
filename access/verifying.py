"""The daily look at the store: every file in full."""

import logging

from access import storing
from access.models import StoredFile

log = logging.getLogger(__name__)


def verify_media() -> list[StoredFile]:
    """The stored files whose bytes no longer have their hash; the gate refuses each of them already."""
    broken = [file for file in StoredFile.objects.order_by("created_at").iterator() if not storing.is_intact(file)]
    for file in broken:
        log.error("stored file %s does not have its hash any more", file.sha256)
    return broken
