"""One mail a day with what was decided, for artists who chose that. Days are those of UTC.

What had a mail of its own is not said again, so that changing one's mind loses nothing and repeats nothing.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access import clock
from access.models import Outbox, User
from access.telling import link, mail
from review import announcing
from review.models import (
    Appeal,
    Breach,
    Decision,
    DecisionQuerySet,
    MailChoice,
    Submission,
    Withdrawal,
)
from review.models.opinions import AppealQuerySet

DAYS_BACK = 3  # days that are made up for, if nothing ran
UNDONE = timedelta(minutes=5)  # more than a verdict can be undone: what takes effect after midnight was decided before
LATELY = timedelta(minutes=10)  # longer than any verdict takes to be committed
MOST_KEYS = 30_000  # in one question; SQLite takes some more values, PostgreSQL twice as many


Users = Collection[uuid.UUID] | QuerySet[MailChoice, uuid.UUID]


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
    """A mail of its own for each that has none yet: of today, of what takes effect within the minute, and of the days
    whose digest was not written."""
    days = _unwritten([user.pk], at.date())
    for day in [*days[user.pk], at.date()]:
        start, end = _bounds(day)
        for decision in _decisions([user.pk], start, end + UNDONE if day == at.date() else end).order_by("submission"):
            _send_unless_undone(decision, at)
        for appeal in _appeals([user.pk], start, end):
            announcing.mail_appeal(appeal)
        for breach in _breaches([user.pk], start, end):
            announcing.mail_breach(breach.look, at=breach.seen_at)


def _send_unless_undone(decision: Decision, at: datetime) -> None:
    """Whoever undoes a verdict holds its submission: a mail is written before that, and taken back, or not at all."""
    if decision.effective_at > at:
        Submission.objects.select_for_update(of=("self",), no_key=True).get(pk=decision.submission_id)
        if Withdrawal.objects.filter(decision=decision).exists():
            return
    announcing.mail_decision(decision)


def settle() -> int:
    """Write the digests of the days that have ended, and what fell between two choices; how many digests."""
    now = clock.now()
    _send_what_fell_between(now)
    today = now.date()
    daily = MailChoice.objects.filter(daily=True).values_list("user", flat=True)
    without = defaultdict(list)
    for user, days in _unwritten(list(daily), today).items():
        for day in days:
            without[day].append(user)
    return sum(_write_all(without[day], day) for day in sorted(without))


def _send_what_fell_between(at: datetime) -> None:
    """A mail of its own for what was told while its artist changed from one a day to each at once: the verdict still
    read the old choice, and the change did not see a verdict that was not committed."""
    users = MailChoice.objects.filter(daily=False).values_list("user", flat=True)
    decisions = {announcing.key_of(made): made for made in _decisions(users, at - LATELY, at + UNDONE)}
    appeals = {announcing.key_of(made): made for made in _appeals(users, at - LATELY, at + UNDONE)}
    late = {announcing.key_of_breach(made.look): made for made in _breaches(users, at - LATELY, at + UNDONE)}
    said = Outbox.objects.filter(dedupe_key__in=[*decisions, *appeals, *late]).values_list("dedupe_key", flat=True)
    unsaid = {*decisions, *appeals, *late} - set(said)
    for key in unsaid & decisions.keys():
        with transaction.atomic():
            _send_unless_undone(decisions[key], at)
    for key in unsaid & appeals.keys():
        announcing.mail_appeal(appeals[key])
    for key in unsaid & late.keys():
        announcing.mail_breach(late[key].look, at=late[key].seen_at)


def _unwritten(users: Collection[uuid.UUID], today: date) -> dict[uuid.UUID, list[date]]:
    """The days that are made up for and whose digest these people do not have, the oldest first."""
    days = [today - timedelta(days=back) for back in range(DAYS_BACK, 0, -1)]
    keys = [_key(user, day) for user in users for day in days]
    written = {
        key
        for at in range(0, len(keys), MOST_KEYS)
        for key in Outbox.objects.filter(dedupe_key__in=keys[at : at + MOST_KEYS]).values_list("dedupe_key", flat=True)
    }
    return {user: [day for day in days if _key(user, day) not in written] for user in users}


def _write_all(users: Collection[uuid.UUID], day: date) -> int:
    """One mail for each of these artists who was told something on that day; how many."""
    told = _events(users, day)
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
    for breach in _breaches(users, start, end):
        page, sentence = announcing.page_of(breach.look.submission), announcing.sentence_of_breach(breach.look)
        key = announcing.key_of_breach(breach.look)
        found[breach.look.artist_id].append(Event(breach.seen_at, key, sentence, page))
    return _without_own_mail(found)


def _without_own_mail(found: dict[uuid.UUID, list[Event]]) -> dict[uuid.UUID, list[Event]]:
    keys = [event.key for events in found.values() for event in events]
    mailed = set(Outbox.objects.filter(dedupe_key__in=keys).values_list("dedupe_key", flat=True))
    left = {user: [event for event in events if event.key not in mailed] for user, events in found.items()}
    return {user: sorted(events, key=lambda event: event.at) for user, events in left.items() if events}


def _decisions(users: Users, start: datetime, end: datetime) -> DecisionQuerySet:
    """Root decisions only: what overturns one is told as the end of its appeal."""
    told = Decision.objects.filter(artist__in=users, effective_at__gte=start, effective_at__lt=end, withdrawal=None)
    return told.filter(overturns=None).select_related("submission__program", "artist", "clause")


def _appeals(users: Users, start: datetime, end: datetime) -> AppealQuerySet:
    settled = Appeal.objects.filter(decision__artist__in=users, settled_at__gte=start, settled_at__lt=end)
    return settled.select_related("decision__submission__program", "decision__artist")


def _breaches(users: Users, start: datetime, end: datetime) -> QuerySet[Breach]:
    late = Breach.objects.filter(look__artist__in=users, seen_at__gte=start, seen_at__lt=end)
    return late.select_related("look__submission__program", "look__submission__enrollment__user")
