"""2,000 submissions and 32 reviewers who hand back, pass by, let leases run out, say no and come by every way there is.

Of two artists, one of whom reviews, too; with declared conflicts, categories that somebody opted out of, clips that two
people must decide, and critique. Counted are looks in two hands at once, submissions decided twice, by too few or not
at all, looks given to whoever must not have them, and pages of the list out of the published order: from the rows that
are left, not by the verbs.
"""

import json
import random
import sys
from functools import partial

from django.db import connection

from access import clock
from access.models import Conflict, Role, User
from access.refusals import Refused
from bench.inside import people, wrongs
from bench.inside.deciding import WHOLE, as_the_view_loads, in_threads
from bench.inside.queue_of import Queue
from review import claiming, listing, moderation, queueing
from review.listing import Key, Sieve
from review.looking import Report
from review.models import BANDS, Claim, Critique, Decision, Flag, Look, OptOut, Submission
from review.verdicts import NO_REASONS, Reasons, Seen

SIEVES = (Sieve(), Sieve(soon=True), Sieve(held="mine"), Sieve(held="held"), *(Sieve(band=band) for band in BANDS))
PAGES = 3  # of the list that somebody turns at most
FEW = 8  # rows of a page among which one is taken


class Crowd:
    """Reviewers at work on one queue until nothing is left for any of them."""

    def __init__(self, queue: Queue) -> None:
        self.queue, self.troubles, self.out_of_order = queue, list[str](), 0
        self.clause = queue.policy.clauses.order_by("pk").first()
        self.refused: dict[str, int] = {}

    def work(self, number: int) -> None:
        chance, reviewer, idle = random.Random(number), self.queue.reviewers[number], 0
        while idle < 3:
            try:
                held = self.take(reviewer, chance)
                idle = 0 if held else idle + 1
                if held:
                    self.go_on(held, chance)
            except Refused as refusal:
                self.refused[refusal.code] = self.refused.get(refusal.code, 0) + 1
        connection.close()

    def take(self, reviewer: User, chance: random.Random) -> Claim | None:
        """The next one; or, as one may, one from the list under any of its filters, some pages on."""
        claiming.claim_next(reviewer, program=self.queue.program, ahead=True)
        if chance.random() < 0.7 or Claim.objects.filter(reviewer=reviewer, released_at=None).exists():
            return claiming.claim_next(reviewer, program=self.queue.program)
        rows = self.read(reviewer, chance.choice(SIEVES), chance.randint(1, PAGES))
        return claiming.claim(chance.choice(rows[:FEW]), reviewer=reviewer) if rows else None

    def read(self, reviewer: User, wanted: Sieve, pages: int) -> list[Look]:
        """The last of so many pages of the list, each from the key of the one before it."""
        after, rows, before = None, list[Look](), list[Key]()
        for _number in range(pages):
            rows, after = listing.page(queueing.ask(reviewer, self.queue.program), wanted, after=after)
            before += [Key.of(row) for row in rows]
            if after is None:
                break
        self.out_of_order += before != sorted(set(before), key=_place)
        return rows

    def go_on(self, held: Claim, chance: random.Random) -> None:
        fate = chance.random()
        if fate < 0.08:
            claiming.release(held)
        elif fate < 0.12:
            claiming.skip(held, reason="Not my language.")
        elif fate < 0.2:  # away from the desk until the lease is over
            Claim.objects.filter(pk=held.pk).update(leased_until=held.claimed_at)
        else:
            self.decide(held, chance)

    def decide(self, held: Claim, chance: random.Random) -> None:
        held = as_the_view_loads(held)
        claiming.reveal(held)
        seen = Seen(held.fence, held.round, held.shown.sha256, Report(played=WHOLE))
        is_yes = chance.random() < 0.7
        verdict = "approved" if is_yes else "rejected"
        why = NO_REASONS if is_yes else Reasons(self.clause, "The knife at the end.", 0, 1000)
        give = partial(moderation.decide, held, reviewer=held.reviewer, verdict=verdict, seen=seen, reasons=why)
        give()
        if chance.random() > 0.9:  # the same form a second time
            give()
            self.troubles.append("the same form was recorded twice")

    def finish(self) -> None:
        """Decide what was away from the desk at the end, until nobody is given anything more."""
        chance, worked = random.Random(0), True
        while worked:
            worked = False
            for last in self.queue.reviewers:
                while held := claiming.claim_next(last, program=self.queue.program):
                    worked = True
                    try:
                        self.decide(held, chance)
                    except Refused as refusal:  # of the form that was sent a second time
                        self.refused[refusal.code] = self.refused.get(refusal.code, 0) + 1


def _place(key: Key) -> tuple[object, ...]:
    return -key.rank, key.due_at, key.asked_at, key.look


def filled(reviewers: int, number: int) -> Queue:
    """What waits, with everything that keeps somebody from it, and who is kept."""
    queue = Queue(reviewers)
    other = people.artist(queue.cohort)
    queue.fill(number // 2, bands=4)
    queue.fill(number - number // 2, bands=4, of=other)
    Role.objects.create(program=queue.program, user=other.user, kind=Role.Kind.REVIEWER, granted_at=clock.now())
    queue.reviewers.append(other.user)
    for judge, artist in zip(queue.reviewers, (queue.artist.user, other.user), strict=False):
        Conflict.objects.create(
            program=queue.program, judge=judge, artist=artist, reason="friends", declared_at=clock.now()
        )
    for judge, category in zip(queue.reviewers[2:], ("violence", "hate", "violence"), strict=False):
        OptOut.objects.create(reviewer=judge, category=category, since=clock.now())
    _mark(list(Submission.objects.all()))
    return queue


def _mark(asked: list[Submission]) -> None:
    """Flags, a second person, critique, and nearer deadlines: for every so many of them."""
    now = clock.now()
    flags = [
        Flag(submission=one, category=category, said_by="rule Bench", raised_at=now)
        for every, category in ((5, "violence"), (7, "hate"))
        for one in asked[::every]
    ]
    Flag.objects.bulk_create(flags)
    Submission.objects.filter(pk__in=[one.pk for one in asked[::6]]).update(people=2)
    Critique.objects.bulk_create(Critique(submission=one, said_at=now) for one in asked[::4])
    soon, late = [one.pk for one in asked[::9]], [one.pk for one in asked[::11]]
    Look.objects.filter(submission__in=soon).update(due_at=now + listing.SOON / 2)
    Look.objects.filter(submission__in=late).update(due_at=now - listing.SOON, rank=Look.OVERDUE)


def main() -> None:
    reviewers, number = int(sys.argv[2]), int(sys.argv[3])
    queue = filled(reviewers, number)
    crowd = Crowd(queue)
    in_threads(range(len(queue.reviewers)), crowd.work, ready=lambda _number: connection.ensure_connection())
    crowd.finish()
    found: dict[str, object] = {**wrongs.counted(), "out_of_order": crowd.out_of_order}
    found |= {"troubles": len(crowd.troubles), "decided": Decision.objects.count(), "claims": Claim.objects.count()}
    found |= {"by_two_or_three": Decision.objects.filter(second__isnull=False).count()}
    found |= {"for_leads": Look.objects.waiting().filter(for_leads=True).count(), "refused": crowd.refused}
    print(json.dumps(found))
