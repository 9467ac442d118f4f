"""Claim and decide by the product's own verbs, in threads of one process or of several, beside the floor on the same
server."""

import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection

from access.models import Entry
from bench.inside import floor
from bench.inside.queue_of import Queue
from bench.together import together
from review import claiming, moderation
from review.looking import Report
from review.models import Claim, Decision
from review.verdicts import Seen

WHOLE = ((0, 1750),)
WARM = 4  # verdicts on each connection before they count: imports, and plans of its statements
Took = tuple[float, float]  # seconds of a claim and of a verdict


def address() -> str:
    """Of the database, for bare psycopg."""
    told = settings.DATABASES["default"]
    return f"host={told['HOST']} user={told['USER']} dbname={told['NAME']}"


def decide_one(queue: Queue, number: int, took: list[Took]) -> bool:
    """One submission from the queue to its decision; False when nothing is left. Seconds of claim and of verdict."""
    reviewer = queue.reviewers[number]
    started = time.perf_counter()
    held = claiming.claim_next(reviewer, program=queue.program)
    claimed = time.perf_counter()
    if held is None:
        return False
    held = as_the_view_loads(held)
    claiming.reveal(held)
    revealed = time.perf_counter()
    seen = Seen(fence=held.fence, round=held.round, shown_sha256=held.shown.sha256, report=Report(played=WHOLE))
    moderation.decide(held, reviewer=reviewer, verdict="approved", seen=seen)
    took.append((claimed - started, time.perf_counter() - revealed))
    return True


def as_the_view_loads(held: Claim) -> Claim:
    related = Claim.objects.select_related(
        "look__program", "submission__enrollment__user__person", "submission__output__master", "shown__file", "reviewer"
    )
    return related.get(pk=held.pk)


def rate(queue: Queue, *, hands: range, decisions: int) -> tuple[float, list[Took]]:
    """Decisions a second by these reviewers, a thread each, and the seconds of each claim and verdict."""
    left, took = [decisions], list[Took]()

    def work(number: int) -> None:
        while left[0] > 0 and decide_one(queue, number, took):
            left[0] -= 1
        connection.close()

    def warm(number: int) -> None:
        for _ in range(WARM):
            decide_one(queue, number, [])

    elapsed = in_threads(hands, work, ready=warm)
    return len(took) / elapsed, took


def in_threads(hands: range, work: Callable[[int], Any], *, ready: Callable[[int], Any]) -> float:
    """Seconds until all have worked, each on a connection of its own."""
    return together([partial(work, number) for number in hands], ready=[partial(ready, number) for number in hands])


def in_processes(queue: Queue, *, processes: int, decisions: int) -> tuple[float, list[Took]]:
    """As ``rate``, with the reviewers spread over processes, as web processes spread them."""
    each = len(queue.reviewers) // processes
    connection.close()  # a process of its own has its own
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        spread = [(queue, range(n * each, (n + 1) * each), decisions // processes) for n in range(processes)]
        found = pool.starmap(_rate, spread, chunksize=1)
    return sum(a_second for a_second, _took in found), [one for _a_second, took in found for one in took]


def _rate(queue: Queue, hands: range, decisions: int) -> tuple[float, list[Took]]:
    return rate(queue, hands=hands, decisions=decisions)


def check(decisions: int) -> None:
    """What was measured has happened: each decision stands once, and is in the record."""
    assert Decision.objects.count() >= decisions
    assert Entry.objects.filter(act="decide").count() == Decision.objects.count()


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))] * 1000


def main() -> None:
    reviewers, processes, decisions = (int(told) for told in sys.argv[2:5])
    queue = Queue(reviewers)
    queue.fill(decisions + reviewers * (WARM + 2) + 500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    floor.fill(address(), decisions * 4 + 500)
    floors = [floor.rate(address(), threads=reviewers, decisions=decisions)]
    ours, took = (
        rate(queue, hands=range(reviewers), decisions=decisions)
        if processes == 1
        else in_processes(queue, processes=processes, decisions=decisions)
    )
    floors.append(floor.rate(address(), threads=reviewers, decisions=decisions))
    check(decisions)
    found = {"ours": ours, "floor": sum(floors) / 2, "floors": floors}
    found |= {"claim_p95_ms": p95([claim for claim, _ in took]), "decide_p95_ms": p95([end for _, end in took])}
    print(json.dumps(found))
