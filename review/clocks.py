"""The clock that binds the program: when an answer is due, what stops the clock, and what follows when it runs out."""

import zoneinfo
from collections import Counter
from datetime import datetime, time, timedelta

from django.db.models import Exists
from django.urls import reverse
from django.utils.translation import ngettext

from access import audit, clock
from access.models import Halt, Role
from access.telling import tell
from review import announcing
from review.models import Look, Pause, ReviewTerms, Submission, SubmissionQuerySet, halts_over

SATURDAY = 5
BATCH = 500  # rows in one transaction


def is_weekend(at: datetime, zone: zoneinfo.ZoneInfo) -> bool:
    return at.astimezone(zone).weekday() >= SATURDAY


def _next_midnight(at: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """The next change of the day in a zone, in UTC; a day there may have 23 or 25 hours."""
    local = at.astimezone(zone)
    tomorrow = datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=zone)
    return tomorrow.astimezone(at.tzinfo)


def add_working(at: datetime, much: timedelta, terms: ReviewTerms) -> datetime:
    """The instant after so much time that counts: weekends of the program's zone do not, where its terms say so."""
    if not terms.pauses_on_weekends:
        return at + much
    zone = terms.program.zone
    while True:
        midnight = _next_midnight(at, zone)
        if not is_weekend(at, zone):
            if at + much <= midnight:
                return at + much
            much -= midnight - at
        at = midnight


def working_between(start: datetime, end: datetime, terms: ReviewTerms) -> timedelta:
    """The time that counts between two instants; nothing if the end is not after the start."""
    if not terms.pauses_on_weekends:
        return max(timedelta(), end - start)
    zone, total = terms.program.zone, timedelta()
    while start < end:
        until = min(end, _next_midnight(start, zone))
        total += timedelta() if is_weekend(start, zone) else until - start
        start = until
    return total


def deadline(terms: ReviewTerms, band: int, at: datetime) -> datetime:
    """When a submission of this risk band is to be answered."""
    return add_working(at, timedelta(hours=terms.hours(band)), terms)


def go_on(terms: ReviewTerms, band: int, *, stopped_at: datetime, was_due: datetime, at: datetime) -> datetime:
    """The deadline after the artist had the word: what was left of it, and at least a quarter of the whole."""
    least = timedelta(hours=terms.hours(band)) / 4
    return add_working(at, max(least, working_between(stopped_at, was_due, terms)), terms)


def apply_pauses() -> int:
    """Move the deadlines under every lifted halt on by its length, once; how many halts were applied."""
    lifted = Halt.objects.filter(lifted_at__isnull=False, pause=None).exclude(scope=Halt.Scope.CREDENTIAL)
    for halt in lifted.select_related("program").order_by("lifted_at"):
        with audit.recorded():
            _apply(halt)
    return len(lifted)


def _apply(halt: Halt) -> None:
    waiting = _under(halt).select_for_update(of=("self",), no_key=True)
    if Pause.objects.filter(halt=halt).exists():
        return
    terms, moved = ReviewTerms.objects.in_force(halt.program), 0
    for submission in waiting.order_by("pk").iterator(chunk_size=BATCH):
        _move(submission, halt, terms)
        moved += 1
    now = clock.now()
    pause = Pause.objects.create(halt=halt, moved=moved, applied_at=now)
    audit.trace("pause_clocks", program=halt.program, at=now, actor=None, subject=pause, facts={"moved": moved})


def _under(halt: Halt) -> SubmissionQuerySet:
    """What waited under the halt and was not overdue before it."""
    waiting = Submission.objects.waiting().filter(program=halt.program, submitted_at__lt=halt.lifted_at)
    if halt.scope == Halt.Scope.COHORT:
        waiting = waiting.filter(enrollment__cohort=halt.cohort_id)
    if halt.scope == Halt.Scope.ARTIST:
        waiting = waiting.filter(enrollment__user=halt.artist_id)
    return waiting.filter(due_at__gt=halt.placed_at)


def _move(submission: Submission, halt: Halt, terms: ReviewTerms) -> None:
    assert halt.lifted_at is not None, "only lifted halts are applied"
    since = max(halt.placed_at, submission.submitted_at)
    due = add_working(halt.lifted_at, working_between(since, submission.due_at, terms), terms)
    Submission.objects.filter(pk=submission.pk).update(due_at=due)
    submission.looks.waiting().update(due_at=due)


def find_breaches() -> int:
    """Note whose deadline has passed: they go to the front, the artist and the leads hear of it; how many.

    Clocks under an open halt stand, so nothing under one is late.
    """
    now = clock.now()
    late = (
        Submission.objects.waiting().filter(due_at__lte=now, breached_at=None).exclude(Exists(halts_over("enrollment")))
    )
    found = list(late.select_related("program", "enrollment__user").order_by("due_at")[:BATCH])
    for submission in found:
        with audit.recorded():
            _breach(submission, now)
    _tell_leads(found, now)
    Look.objects.waiting().filter(due_at__lte=now, rank__lt=Look.OVERDUE, kind=Look.Kind.APPEAL).update(
        rank=Look.OVERDUE
    )
    return len(found)


def _breach(submission: Submission, at: datetime) -> None:
    waiting = Submission.objects.waiting().filter(pk=submission.pk, breached_at=None)
    if not waiting.update(breached_at=at):
        return
    submission.looks.waiting().update(rank=Look.OVERDUE)
    announcing.announce_breach(submission, at=at)
    facts = {"due_at_us": audit.microseconds(submission.due_at)}
    audit.trace("breach", program=submission.program, at=at, actor=None, subject=submission, facts=facts)


def _tell_leads(found: list[Submission], at: datetime) -> None:
    """One word to each lead, however many are late."""
    late = Counter(submission.program_id for submission in found)
    for role in Role.objects.live().filter(program__in=late, kind=Role.Kind.LEAD).select_related("user", "program"):
        n = late[role.program_id]
        text = ngettext(
            "%(n)d submission is past its deadline and stands at the front of the queue.",
            "%(n)d submissions are past their deadlines and stand at the front of the queue.",
            n,
        )
        url = reverse("review_queue", args=[role.program.slug])
        tell(role.user, "deadline_missed", text % {"n": n}, at=at, program=role.program, url=url)
