"""Two hundred looks, eight reviewers at once, every exclusion, claims that lapse: what the queue must never do.

Independent of the queue's own SQL: who may have what is worked out beforehand, in plain sets.
"""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connection

from access import clock
from access.models import Cohort, Conflict, Enrollment, Role, User
from generation.models import Output, Rendition
from review import claiming
from review.models import Claim, Decision, Flag, Look, Opinion, OptOut, Skip, Submission
from review.refusals import ClaimLost, DecidedAlready
from tests import make
from tests.review.cast import Cast, make_cast
from tests.review.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
MANY, LANES = 200, 8
Given = list[tuple[uuid.UUID, uuid.UUID]]  # reviewer, look


@dataclass
class Crowd:
    """Who is there, and what each of them must never be given."""

    cast: Cast
    reviewers: list[User]
    looks: list[Look]
    never: dict[uuid.UUID, set[uuid.UUID]] = field(default_factory=dict)

    def forbid(self, who: User, look: Look) -> None:
        self.never.setdefault(who.pk, set()).add(look.pk)


def copies(cast: Cast, makers: list[User]) -> list[Look]:
    """So many submissions, by rows that copy one real output; of several artists, some of whom review too."""
    model = cast.output()
    renditions = list(model.renditions.all())
    people = [make.artist(program=cast.program, email=who.email) for who in makers] + [cast.artist]
    looks = []
    for number in range(MANY):
        enrollment, now = people[number % len(people)], clock.now()
        job = make.job(enrollment=enrollment)
        output = Output(job=job, program=cast.program, enrollment=enrollment)
        for name in ("master", "master_sha256", "width", "height", "frames", "frame_rate", "provenance"):
            setattr(output, name, getattr(model, name))
        output.created_at = now
        output.save(force_insert=True)
        Rendition.objects.bulk_create(
            Rendition(
                output=output, recipe=one.recipe, version=one.version, parent_sha256=one.parent_sha256, file=one.file,
                sha256=one.sha256, created_at=now,
            )
            for one in renditions
        )  # fmt: skip
        looks.append(cast.look(cast.submission(make.examined(output))))
    return looks


@pytest.fixture
def crowd(transactional_db: None) -> Crowd:
    cast = make_cast()
    Cohort.objects.update(daily_quota=MANY)
    cast.artist = Enrollment.objects.get(pk=cast.artist.pk)
    reviewers = [make.lead(program=cast.program), *(make.reviewer(program=cast.program) for _ in range(LANES - 1))]
    crowd = Crowd(cast, reviewers, copies(cast, reviewers[1:3]))
    forbid_all_sorts(crowd, random.Random(7))
    return crowd


def forbid_all_sorts(crowd: Crowd, chance: random.Random) -> None:
    now, by_artist = clock.now(), {look.artist_id for look in crowd.looks}
    for who in crowd.reviewers:  # one's own
        for look in crowd.looks:
            if look.artist_id == who.pk:
                crowd.forbid(who, look)
    judge, artist = crowd.reviewers[3], crowd.reviewers[1]  # a conflict
    Conflict.objects.create(program=crowd.cast.program, judge=judge, artist=artist, reason="kin", declared_at=now)
    for look in crowd.looks:
        if look.artist_id == artist.pk:
            crowd.forbid(judge, look)
    assert artist.pk in by_artist
    for look in chance.sample(crowd.looks, 40):  # skipped before
        who = chance.choice(crowd.reviewers)
        Skip.objects.create(look=look, reviewer=who, reason="a friend", skipped_at=now)
        crowd.forbid(who, look)
    OptOut.objects.create(reviewer=crowd.reviewers[4], category="violence", since=now)
    for look in chance.sample(crowd.looks, 40):
        Flag.objects.create(submission=look.submission, category="violence", said_by="rule", raised_at=now)
        crowd.forbid(crowd.reviewers[4], look)
    for look in chance.sample(crowd.looks, 10):
        Look.objects.filter(pk=look.pk).update(for_leads=True)
        for who in crowd.reviewers[1:]:
            crowd.forbid(who, look)
    mine = [look for look in crowd.looks if look.pk not in crowd.never.get(crowd.reviewers[5].pk, ())]
    for look in chance.sample(mine, 20):
        Look.objects.filter(pk=look.pk).update(
            reserved_for=crowd.reviewers[5], reserved_until=now + timedelta(hours=9), for_leads=False
        )
        for who in crowd.reviewers:
            if who != crowd.reviewers[5]:
                crowd.forbid(who, look)


def drain(
    crowd: Crowd, who: User, given: list[tuple[uuid.UUID, uuid.UUID]], lock: threading.Lock
) -> Callable[[], None]:
    """Take and decide until nothing is free for this reviewer; some claims are left to lapse, some handed back."""

    def work() -> None:
        chance = random.Random(str(who.pk))
        for _turn in range(MANY * 20):
            held = claiming.claim_next(who, program=crowd.cast.program)
            if held is None:
                if not Claim.objects.filter(released_at=None).exclude(reviewer=who).exists():
                    return
                time.sleep(0.02)
                continue
            with lock:
                given.append((who.pk, held.look_id))
            dice = chance.random()
            if dice < 0.1:  # gone: the lease runs out
                Claim.objects.filter(pk=held.pk).update(leased_until=clock.now())
            elif dice < 0.2:
                claiming.release(held)
            else:
                decide(crowd.cast, held)

    return work


def decide(cast: Cast, held: Claim) -> None:
    fresh = Claim.objects.get(pk=held.pk)
    try:
        cast.approve(claiming.reveal(fresh))
    except (ClaimLost, DecidedAlready):
        return  # lapsed and taken by another in between


def test_nothing_to_two_nothing_twice_nothing_lost_nothing_forbidden(crowd: Crowd) -> None:
    given: Given = []
    lock = threading.Lock()
    ends = race(*[drain(crowd, who, given, lock) for who in crowd.reviewers], patience=300)
    assert [end for end in ends if end is not None] == []
    forbidden = [(who, look) for who, look in given if look in crowd.never.get(who, ())]
    assert forbidden == []
    assert max(Counter(Decision.objects.values_list("submission", flat=True)).values()) == 1
    assert Decision.objects.count() == Opinion.objects.count()
    lost = [look for look in Look.objects.waiting() if not is_nobodys(crowd, look)]
    assert lost == []
    assert Submission.objects.filter(state="decided").count() == Decision.objects.count()
    assert handed_to_two() == 0


def is_nobodys(crowd: Crowd, look: Look) -> bool:
    """Whether it waits because none of them may have it."""
    return all(look.pk in crowd.never.get(who.pk, ()) for who in crowd.reviewers)


def handed_to_two() -> int:
    """Pairs of claims on one look whose times overlap."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM review_claim a JOIN review_claim b ON a.look_id = b.look_id AND a.fence < b.fence "
            "WHERE b.claimed_at < LEAST(a.leased_until, COALESCE(a.released_at, a.leased_until))"
        )
        return int(cursor.fetchone()[0])


def test_roles_of_the_crowd_are_what_the_test_says(crowd: Crowd) -> None:
    assert Role.objects.filter(user__in=crowd.reviewers, kind__in=["reviewer", "lead"]).count() == LANES
    assert sum(map(len, crowd.never.values())) > MANY
