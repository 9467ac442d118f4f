"""2,000 submissions and 32 reviewers who hand back, pass by, let leases run out and come by every way there is.

Counted are looks in two hands at once, submissions decided twice, submissions lost, and looks given to whoever must
not have them: from the rows that are left, not by the verbs.
"""

import json
import random
import sys
from itertools import pairwise
from typing import Any

from django.db import connection

from access import clock
from access.models import Conflict, User
from access.refusals import Refused
from bench.inside.deciding import WHOLE, in_threads
from bench.inside.queue_of import Queue
from review import claiming, listing, moderation
from review.listing import Sieve
from review.looking import Report
from review.models import BANDS, Claim, Decision, Look, OptOut, Skip, Submission
from review.verdicts import Seen

SIEVES = (Sieve(), Sieve(soon=True), Sieve(held="mine"), Sieve(held="held"), *(Sieve(band=band) for band in BANDS))
RELATED = (
    "look__program", "submission__enrollment__user__person", "submission__output__master", "shown__file", "reviewer",
)  # fmt: skip


class Crowd:
    """Reviewers at work on one queue until nothing is left for any of them."""

    def __init__(self, queue: Queue) -> None:
        self.queue, self.troubles = queue, list[str]()
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
        """The next one; or, as one may, one from the list under any of its sieves."""
        claiming.claim_next(reviewer, program=self.queue.program, ahead=True)
        if chance.random() < 0.7 or Claim.objects.filter(reviewer=reviewer, released_at=None).exists():
            return claiming.claim_next(reviewer, program=self.queue.program)
        asker = claiming.ask(reviewer, self.queue.program)
        rows, _key = listing.page(asker, chance.choice(SIEVES))
        return claiming.claim(chance.choice(rows[:5]), reviewer=reviewer) if rows else None

    def go_on(self, held: Claim, chance: random.Random) -> None:
        held = Claim.objects.select_related(*RELATED).get(pk=held.pk)
        fate = chance.random()
        if fate < 0.08:
            claiming.release(held)
        elif fate < 0.12:
            claiming.skip(held, reason="Not my language.")
        elif fate < 0.2:  # away from the desk until the lease is over
            Claim.objects.filter(pk=held.pk).update(leased_until=held.claimed_at)
        else:
            claiming.reveal(held)
            seen = Seen(held.fence, held.round, held.shown.sha256, Report(played=WHOLE))
            moderation.decide(held, reviewer=held.reviewer, verdict="approved", seen=seen)
            if fate > 0.9:  # the same form a second time
                self.again(held, seen)

    def again(self, held: Claim, seen: Seen) -> None:
        moderation.decide(held, reviewer=held.reviewer, verdict="approved", seen=seen)
        self.troubles.append("the same form was recorded twice")


def handed_to_two() -> int:
    """Claims on one look whose times overlap."""
    spans: dict[Any, list[tuple[Any, Any]]] = {}
    for look, start, until, released in Claim.objects.order_by("look", "fence").values_list(
        "look", "claimed_at", "leased_until", "released_at"
    ):
        spans.setdefault(look, []).append((start, min(filter(None, (until, released)))))
    return sum(after[0] < before[1] for claims in spans.values() for before, after in pairwise(claims))


def must_not() -> int:
    """Claims of people who must never have had them."""
    conflicted = Conflict.objects.values("judge", "artist")
    pairs = {(row["judge"], row["artist"]) for row in conflicted}
    claims = Claim.objects.select_related("look").all()
    skipped = {(skip.look_id, skip.reviewer_id): skip.skipped_at for skip in Skip.objects.all()}
    return sum(
        (claim.reviewer_id, claim.look.artist_id) in pairs
        or claim.claimed_at > skipped.get((claim.look_id, claim.reviewer_id), claim.claimed_at)
        for claim in claims
    )


def main() -> None:
    reviewers, number = int(sys.argv[2]), int(sys.argv[3])
    queue = Queue(reviewers + 1)
    queue.fill(number, bands=4)
    barred = queue.reviewers[0]
    Conflict.objects.create(
        program=queue.program, judge=barred, artist=queue.artist.user, reason="friends", declared_at=clock.now()
    )
    OptOut.objects.create(reviewer=queue.reviewers[1], category="violence", since=clock.now())
    crowd = Crowd(queue)
    in_threads(reviewers + 1, crowd.work)
    for last in queue.reviewers[1:]:  # what was away from the desk at the end
        while decided := claiming.claim_next(last, program=queue.program):
            crowd.go_on(decided, random.Random(0.99))
    left = Submission.objects.waiting().exclude(looks__for_leads=True).count()
    twice = Decision.objects.count() - Decision.objects.values("submission").distinct().count()
    print(
        json.dumps(
            {
                "handed_to_two": handed_to_two(),
                "decided_twice": twice,
                "lost": left,
                "must_not": must_not(),
                "troubles": len(crowd.troubles),
                "decided": Decision.objects.count(),
                "for_leads": Look.objects.waiting().filter(for_leads=True).count(),
                "claims": Claim.objects.count(),
                "refused": crowd.refused,
            }
        )
    )
