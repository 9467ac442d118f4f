"""One mail a day with what was decided, for artists who chose that. Days are those of UTC.

What had a mail of its own is not said again, so that changing one's mind loses nothing and repeats nothing.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access import clock
from access.models import Outbox, User
from access.telling import link, mail
from review import announcing
from review.models import (
    Appeal,
    Decision,
    DecisionQuerySet,
    MailChoice,
    Submission,
    SubmissionQuerySet,
)
from review.models.opinions import AppealQuerySet

DAYS_BACK = 3  # days that are made up for, if nothing ran


@dataclass(frozen=True)
class Event:
    """What an artist was told on a day: a sentence and its page."""

    at: datetime
    key: str  # of the mail of its own that it has if it was told at once
    sentence: str
    page: str


def choose_mail(user: User, *, daily: bool) -> MailChoice:
    """How the artist wants mail from now on. What waits for the daily one is sent now if they want each at once."""
    with transaction.atomic():
        choice, _made = MailChoice.objects.update_or_create(user=user, defaults={"daily": daily})
        if not daily:
            _send_waiting(user, clock.now())
    return choice


def _send_waiting(user: User, at: datetime) -> None:
    """A mail of its own for each of today that has none yet, also for what takes effect within the minute."""
    start, end = _bounds(at.date())
    for decision in _decisions([user.pk], start, end + timedelta(minutes=5)):
        announcing.mail_decision(decision)
    for appeal in _appeals([user.pk], start, end):
        announcing.mail_appeal(appeal)
    for submission in _breaches([user.pk], start, end):
        assert submission.breached_at is not None, "chosen by it"
        announcing.mail_breach(submission, at=submission.breached_at)


def settle() -> int:
    """Write the digests of the days that have ended; how many."""
    today = clock.now().date()
    return sum(write(today - timedelta(days=back)) for back in range(DAYS_BACK, 0, -1))


def write(day: date) -> int:
    """One mail for each artist who wants that and was told something on that day; how many are new."""
    daily = set(MailChoice.objects.filter(daily=True).values_list("user", flat=True))
    daily -= {user for user in daily if Outbox.objects.filter(dedupe_key=_key(user, day)).exists()}
    told = _events(daily, day)
    for artist in User.objects.filter(pk__in=told, is_active=True):
        _write(artist, day, told[artist.pk])
    return len(told)


def _write(artist: User, day: date, events: list[Event]) -> None:
    n = len(events)
    subject = ngettext("%(n)d answer on %(day)s", "%(n)d answers on %(day)s", n) % {"n": n, "day": day.isoformat()}
    lines = [f"{event.sentence}\n{link(event.page)}" for event in events]
    end = _("You chose one mail a day. You can change that on the page of your submissions.")
    mail(artist.email, subject, "\n\n".join([*lines, end]) + "\n", key=_key(artist.pk, day), at=clock.now())


def _key(user: uuid.UUID, day: date) -> str:
    return f"digest-{user}-{day.isoformat()}"


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), tzinfo=UTC)
    return start, start + timedelta(days=1)


def _events(users: Collection[uuid.UUID], day: date) -> dict[uuid.UUID, list[Event]]:
    """What was told to these people on a day and had no mail of its own, in its order."""
    start, end = _bounds(day)
    found: dict[uuid.UUID, list[Event]] = defaultdict(list)
    for decision in _decisions(users, start, end):
        page, sentence = announcing.page_of_decision(decision), announcing.sentence_of(decision)
        found[decision.artist_id].append(Event(decision.effective_at, announcing.key_of(decision), sentence, page))
    for appeal in _appeals(users, start, end):
        assert appeal.settled_at is not None, "chosen by it"
        page, sentence = announcing.page_of_decision(appeal.decision), announcing.sentence_of_appeal(appeal)
        found[appeal.decision.artist_id].append(Event(appeal.settled_at, announcing.key_of(appeal), sentence, page))
    for late in _breaches(users, start, end):
        assert late.breached_at is not None, "chosen by it"
        page, sentence = announcing.page_of(late), announcing.sentence_of_breach(late)
        found[late.enrollment.user_id].append(Event(late.breached_at, announcing.key_of_breach(late), sentence, page))
    return _without_own_mail(found)


def _without_own_mail(found: dict[uuid.UUID, list[Event]]) -> dict[uuid.UUID, list[Event]]:
    keys = [event.key for events in found.values() for event in events]
    mailed = set(Outbox.objects.filter(dedupe_key__in=keys).values_list("dedupe_key", flat=True))
    left = {user: [event for event in events if event.key not in mailed] for user, events in found.items()}
    return {user: sorted(events, key=lambda event: event.at) for user, events in left.items() if events}


def _decisions(users: Collection[uuid.UUID], start: datetime, end: datetime) -> DecisionQuerySet:
    """Root decisions only: what overturns one is told as the end of its appeal."""
    told = Decision.objects.filter(artist__in=users, effective_at__gte=start, effective_at__lt=end, withdrawal=None)
    return told.filter(overturns=None).select_related("submission__program", "artist", "clause")


def _appeals(users: Collection[uuid.UUID], start: datetime, end: datetime) -> AppealQuerySet:
    settled = Appeal.objects.filter(decision__artist__in=users, settled_at__gte=start, settled_at__lt=end)
    return settled.select_related("decision__submission__program", "decision__artist")


def _breaches(users: Collection[uuid.UUID], start: datetime, end: datetime) -> SubmissionQuerySet:
    late = Submission.objects.filter(enrollment__user__in=users, breached_at__gte=start, breached_at__lt=end)
    return late.select_related("program", "enrollment__user")
