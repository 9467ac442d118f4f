"""How often a link is opened: one number a day and link, and nothing about anybody."""

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.sql import change
from review.models import Share, Visits

log = logging.getLogger(__name__)

WEEK = timedelta(days=7)
SMALLEST = 10  # below it only that: one more or less would say that somebody was there
MACHINES = re.compile(
    r"bot|crawl|spider|slurp|scan|fetch|preview|monitor|headless|lighthouse|facebookexternalhit|whatsapp|embedly|"
    r"iframely|curl|wget|python|java/|go-http|okhttp|axios|libwww|node",
    re.IGNORECASE,
)

_ONE_MORE = """
INSERT INTO review_visits (share_id, "on", count) VALUES (%(share)s, %(day)s, 1)
ON CONFLICT (share_id, "on") DO UPDATE SET count = review_visits.count + 1"""


def is_person(agent: str, purpose: str = "") -> bool:
    """Whether a browser says that a person opened the page: no robot, no page fetched ahead of a press.

    Args:
        agent: what it calls itself (``User-Agent``).
        purpose: why it asks (``Sec-Purpose`` and its elder brothers), empty if it does not say.
    """
    return bool(agent) and not MACHINES.search(agent) and "prefetch" not in purpose.lower()


def count(share: Share, at: datetime) -> None:
    """One more on that day (UTC). The page does not wait for it, nor fail by it, when the database is busy."""
    try:
        with transaction.atomic():
            change(_ONE_MORE, share=share.pk, day=at.date())
    except OperationalError as trouble:
        log.warning("a visit was not counted: %s", trouble)


@dataclass(frozen=True)
class Figures:
    """Rounded counts in words, of the last seven days and of all days of a link."""

    week: str
    ever: str


def figures(share: Share, at: datetime) -> Figures:
    """What the artist is told of a link."""
    days = Visits.objects.filter(share=share)
    found = days.aggregate(week=Sum("count", filter=Q(on__gt=at.date() - WEEK)), ever=Sum("count"))
    return Figures(week=in_words(found["week"] or 0), ever=in_words(found["ever"] or 0))


def in_words(number: int) -> str:
    """A count as coarsely as it is told."""
    if number == 0:
        return _("not yet opened")
    if number < SMALLEST:
        return _("fewer than 10")
    return _("about %(number)s") % {"number": f"{rounded(number):,}"}


def rounded(number: int) -> int:
    """To tens below a hundred, to two digits above."""
    step = 10 ** max(1, len(str(number)) - 2)
    return (number + step // 2) // step * step


HOW = gettext_lazy(
    "Each opening of the page or of the frame is counted, also by the same person again; robots, previews of "
    "messengers and yourself are not. We keep one number a day, no addresses and no cookies, and tell it rounded."
)
