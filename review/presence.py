"""Who has the page of a look open at the moment. Nothing hangs on it, and nothing of it stays."""

from datetime import timedelta

from access import clock
from access.models import User
from review.models import Look, Presence

FRESH = timedelta(seconds=70)  # a page says every 30 s that it is open; one may be missed


def here(look: Look, *, reviewer: User) -> list[User]:
    """Note that this reviewer has the page open; who else has."""
    now = clock.now()
    Presence.objects.update_or_create(look=look, reviewer=reviewer, defaults={"seen_at": now})
    Presence.objects.filter(look=look, seen_at__lt=now - timedelta(hours=1)).delete()
    others = Presence.objects.filter(look=look, seen_at__gt=now - FRESH).exclude(reviewer=reviewer)
    return [present.reviewer for present in others.select_related("reviewer").order_by("pk")]
