"""The clock that binds the program: when an answer is due, what stops the clock, and what follows when it runs out."""

import uuid
import zoneinfo
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import Exists, Max, Q
from django.urls import reverse
from django.utils.translation import ngettext

from access import audit, clock
from access.models import Enrollment, Halt, Program, Role
from access.telling import tell
from review import announcing
from review.models import (
    Advance,
    Answer,
    Breach,
    Look,
    LookQuerySet,
    Pause,
    ReviewTerms,
    Submission,
    SubmissionQuerySet,
    halts_over,
)

SATURDAY = 5
BATCH = 500  # rows in one transaction
BATCHES = 20  # of clocks in one beat: others wait for it


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
    """Move the deadlines under every lifted halt on by its length, once; how many halts are done with.

    So many clocks at a time, each time in a transaction of its own, so that a whole queue is never locked; whatever
    comes in between, the next beat goes on where this one stopped. Until a halt is done with, nothing under it is late.
    """
    lifted = Halt.objects.filter(lifted_at__isnull=False, pause=None).exclude(scope=Halt.Scope.CREDENTIAL)
    applied, left = 0, BATCHES
    for halt in lifted.select_related("program").order_by("lifted_at"):
        more = True
        while more and left:
            more, left = _move_some(halt), left - 1
        if more:
            break  # the length of the next may depend on that this one is counted
        applied += 1
    return applied


def _move_some(halt: Halt) -> bool:
    """The next clocks under a halt, in the order of their keys; whether there may be more.

    First those of submissions, then those of appeals.
    """
    with audit.recorded():
        Halt.objects.select_for_update(no_key=True).get(pk=halt.pk)
        if Pause.objects.filter(halt=halt).exists():
            return False
        far = Advance.objects.filter(halt=halt).first() or Advance(halt=halt)
        stop = Stop.of(halt)
        if not (_move_submissions(far, stop) or _move_appeals(far, stop)):
            _conclude(far)
            return False
        far.save(force_insert=far._state.adding)
    return True


def _conclude(far: Advance) -> None:
    halt, now = far.halt, clock.now()
    pause = Pause.objects.create(halt=halt, moved=far.moved, applied_at=now)
    Advance.objects.filter(halt=halt).delete()
    facts = {"moved": far.moved}
    audit.trace("pause_clocks", program=halt.program, at=now, actor=None, subject=pause, facts=facts)


def _move_submissions(far: Advance, stop: "Stop") -> int:
    """How many of the next submissions' deadlines moved, with those of their looks."""
    rest = _under(far.halt).filter(pk__gt=far.submission).select_for_update(of=("self",), no_key=True)
    batch = list(rest.select_related("enrollment").order_by("pk")[:BATCH])
    if batch:
        began = _began(batch)
        for submission in batch:
            submission.due_at = stop.move_on(submission.due_at, submission.enrollment, began=began[submission.pk])
        _write_deadlines(batch)
        far.submission, far.moved = batch[-1].pk, far.moved + len(batch)
    return len(batch)


def _began(batch: list[Submission]) -> dict[uuid.UUID, datetime]:
    """When each clock last began to run: while the artist had the word it stood anyway."""
    answers = Answer.objects.filter(submission__in=[each for each in batch if each.round > 1])
    last = dict(answers.values_list("submission").annotate(last=Max("given_at")))
    return {each.pk: last.get(each.pk, each.submitted_at) for each in batch}


def _write_deadlines(batch: list[Submission]) -> None:
    due = {submission.pk: submission.due_at for submission in batch}
    looks = Look.objects.waiting().filter(submission__in=batch).select_for_update(no_key=True).order_by("pk")
    waiting = list(looks)
    for look in waiting:
        look.due_at = due[look.submission_id]
    Submission.objects.bulk_update(batch, ["due_at"])
    Look.objects.bulk_update(waiting, ["due_at"])


def _move_appeals(far: Advance, stop: "Stop") -> int:
    """How many of the next appeals' deadlines moved."""
    rest = _appeals_under(far.halt).filter(pk__gt=far.appeal).select_for_update(of=("self",), no_key=True)
    batch = list(rest.select_related("submission__enrollment").order_by("pk")[:BATCH])
    for look in batch:
        look.due_at = stop.move_on(look.due_at, look.submission.enrollment, began=look.asked_at)
    if batch:
        Look.objects.bulk_update(batch, ["due_at"])
        far.appeal = batch[-1].pk
    return len(batch)


def _under(halt: Halt) -> SubmissionQuerySet:
    """What waited under the halt and was not overdue before it."""
    waiting = Submission.objects.waiting().filter(program=halt.program, submitted_at__lt=halt.lifted_at)
    return waiting.filter(_reached_by(halt, "enrollment"), due_at__gt=halt.placed_at)


def _appeals_under(halt: Halt) -> LookQuerySet:
    waiting = Look.objects.waiting().filter(program=halt.program, kind=Look.Kind.APPEAL, asked_at__lt=halt.lifted_at)
    return waiting.filter(_reached_by(halt, "submission__enrollment"), due_at__gt=halt.placed_at)


def _reached_by(halt: Halt, enrollment: str) -> Q:
    """Of all programs' rows, those that the halt's scope names; ``enrollment`` is the path to it."""
    if halt.scope == Halt.Scope.COHORT:
        return Q(**{f"{enrollment}__cohort": halt.cohort_id})
    if halt.scope == Halt.Scope.ARTIST:
        return Q(**{f"{enrollment}__user": halt.artist_id})
    return Q()


def _covers(halt: Halt, enrollment: Enrollment) -> bool:
    named = halt.scope, halt.cohort_id or halt.artist_id
    return named in {("program", None), ("cohort", enrollment.cohort_id), ("artist", enrollment.user_id)}


@dataclass(frozen=True)
class Stop:
    """A lifted halt, and the halts of its program whose length is counted already: no hour is counted twice."""

    halt: Halt
    lifted_at: datetime
    counted: list[Halt]
    terms: ReviewTerms

    @classmethod
    def of(cls, halt: Halt) -> "Stop":
        assert halt.lifted_at is not None, "only lifted halts are applied"
        beside = Halt.objects.filter(program=halt.program_id, pause__isnull=False, lifted_at__gt=halt.placed_at)
        counted = list(beside.filter(placed_at__lt=halt.lifted_at).order_by("placed_at"))
        return cls(halt, halt.lifted_at, counted, ReviewTerms.objects.in_force(halt.program))

    def move_on(self, due: datetime, enrollment: Enrollment, *, began: datetime) -> datetime:
        """The new deadline of a clock of this artist's that began to run then."""
        since, total = max(self.halt.placed_at, began), timedelta()
        for other in self.counted:
            if _covers(other, enrollment):
                total += working_between(since, min(other.placed_at, self.lifted_at), self.terms)
                since = max(since, other.lifted_at or since)
        return add_working(due, total + working_between(since, self.lifted_at, self.terms), self.terms)


def find_breaches() -> int:
    """Note what is not answered in time: it goes to the front, the artist and the leads hear of it; of how many looks.

    Clocks under a halt stand, until its pause is applied; so nothing under one is late.
    """
    now = clock.now()
    stopped = halts_over("submission__enrollment", Halt.objects.filter(pause=None))
    found: list[Look] = []
    for program in Program.objects.exclude(opened_at=None):
        late = Look.objects.waiting().filter(program=program, due_at__lte=now, rank__lt=Look.OVERDUE)
        late = late.filter(kind__in=Look.BINDING).exclude(Exists(stopped)).order_by("due_at")
        found += late.select_related("submission__program", "submission__enrollment__user")[:BATCH]
    missed = []
    for look in found:
        with audit.recorded():
            missed += [look] if _breach(look, now) else []
    _tell_leads(missed, now)
    return len(missed)


def _breach(look: Look, at: datetime) -> bool:
    """Whether it was still late; a second beat finds that it is in front already."""
    submission = look.submission
    Submission.objects.select_for_update(of=("self",), no_key=True).get(pk=submission.pk)
    late = Look.objects.waiting().filter(pk=look.pk, due_at__lte=at, rank__lt=Look.OVERDUE)
    if not late.update(rank=Look.OVERDUE):
        return False
    Breach.objects.get_or_create(look=look, defaults={"due_at": look.due_at, "seen_at": at})
    if look.kind != Look.Kind.APPEAL:
        Submission.objects.filter(pk=submission.pk, breached_at=None).update(breached_at=at)
    announcing.announce_breach(look, at=at)
    facts = {"look": str(look.pk), "due_at_us": audit.microseconds(look.due_at)}
    audit.trace("breach", program=submission.program, at=at, actor=None, subject=submission, facts=facts)
    return True


def _tell_leads(missed: list[Look], at: datetime) -> None:
    """One word to each lead, however many are late."""
    late = Counter(look.program_id for look in missed)
    for role in Role.objects.live().filter(program__in=late, kind=Role.Kind.LEAD).select_related("user", "program"):
        n = late[role.program_id]
        text = ngettext(
            "%(n)d submission is past its deadline and stands at the front of the queue.",
            "%(n)d submissions are past their deadlines and stand at the front of the queue.",
            n,
        )
        url = reverse("review_queue", args=[role.program.slug])
        tell(role.user, "deadline_missed", text % {"n": n}, at=at, program=role.program, url=url)
