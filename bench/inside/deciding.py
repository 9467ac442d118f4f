"""Claim and decide by the product's own verbs, in threads of one process, beside the floor on the same server."""

import json
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


def address() -> str:
    """Of the database, for bare psycopg."""
    told = settings.DATABASES["default"]
    return f"host={told['HOST']} user={told['USER']} dbname={told['NAME']}"


def decide_one(queue: Queue, number: int, took: list[tuple[float, float]]) -> bool:
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


def rate(queue: Queue, *, threads: int, decisions: int) -> tuple[float, list[tuple[float, float]]]:
    """Decisions a second, and the seconds of each claim and verdict."""
    left, took = [decisions], list[tuple[float, float]]()

    def work(number: int) -> None:
        while left[0] > 0 and decide_one(queue, number, took):
            left[0] -= 1
        connection.close()

    elapsed = in_threads(threads, work)
    return len(took) / elapsed, took


def in_threads(threads: int, work: Callable[[int], Any]) -> float:
    """Seconds until all have worked, each with a connection that is open."""
    return together([partial(work, number) for number in range(threads)], ready=connection.ensure_connection)


def check(decisions: int) -> None:
    """What was measured has happened: each decision stands once, and is in the record."""
    assert Decision.objects.count() >= decisions
    assert Entry.objects.filter(act="decide").count() == Decision.objects.count()


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))] * 1000


def main() -> None:
    threads, decisions = int(sys.argv[2]), int(sys.argv[3])
    queue = Queue(threads)
    queue.fill(decisions * 3 + 500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    floor.fill(address(), decisions * 4 + 500)
    rate(queue, threads=threads, decisions=threads * 5)  # the first ones import and plan
    floors = [floor.rate(address(), threads=threads, decisions=decisions)]
    ours, took = rate(queue, threads=threads, decisions=decisions)
    floors.append(floor.rate(address(), threads=threads, decisions=decisions))
    check(decisions)
    found = {"ours": ours, "floor": sum(floors) / 2, "floors": floors}
    found |= {"claim_p95_ms": p95([claim for claim, _ in took]), "decide_p95_ms": p95([end for _, end in took])}
    print(json.dumps(found))
