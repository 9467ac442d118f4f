"""The look at the store: every file in full, once a day, a little at a time."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from access import clock, storing
from access.models import StoredFile

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
AT_A_TIME = 5.0  # seconds


def verify_media() -> list[StoredFile]:
    """The stored files whose bytes no longer have their hash; the gate refuses each of them already."""
    return [file for file in StoredFile.objects.order_by("created_at").iterator() if not _holds(file)]


def verify_some() -> int:
    """Hash those that were not hashed for a day, the longest first, for a few seconds; how many there were."""
    looked = 0
    for file in clock.within(AT_A_TIME, _due()):
        _holds(file)
        looked += 1
    return looked


def _due() -> Iterator[StoredFile]:
    """What was never hashed since it was stored, then what was not for a day."""
    files = StoredFile.objects.order_by("verified_at")
    yield from files.filter(verified_at=None).iterator(chunk_size=50)
    yield from files.filter(verified_at__lt=clock.now() - EVERY).iterator(chunk_size=50)


def _holds(file: StoredFile) -> bool:
    holds = storing.is_intact(file)
    StoredFile.objects.filter(pk=file.pk).update(verified_at=clock.now())
    if not holds:
        log.error("stored file %s does not have its hash any more", file.sha256)
    return holds
