"""The queue at 1,000 and at so many more waiting: verdicts a second, and the page that lists it."""

import json
import sys
from statistics import median

from django.db import connection
from django.urls import reverse

from bench.inside.deciding import rate
from bench.inside.pages import visit
from bench.inside.queue_of import Queue
from review.models import Look

THREADS, DECISIONS, PASSES = 8, 120, 5
SHALLOW = 1_000


def waiting() -> int:
    return Look.objects.waiting().count()


def passes(queue: Queue, number: int) -> float:
    """Verdicts a second while about so many wait: the median of a few passes, with new ones before each."""
    rates = []
    for _ in range(PASSES):
        queue.fill(number + DECISIONS // 2 - waiting())
        rates.append(rate(queue, hands=range(THREADS), decisions=DECISIONS)[0])
    return median(rates)


def taken(queue: Queue, number: int) -> tuple[float, tuple[float, int]]:
    """The rate, and the list at exactly so many."""
    with connection.cursor() as cursor:  # else the server is busy with the rows that came in, for minutes
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    a_second = passes(queue, number)
    queue.fill(number - waiting())
    return a_second, visit(queue.reviewers[0], reverse("review_list", args=[queue.program.slug]))


def main() -> None:
    queue, deep = Queue(THREADS), int(sys.argv[2])
    queue.fill(SHALLOW)
    found: dict[str, object] = {"shallow": SHALLOW, "deep": deep}
    found["shallow_rate"], found["shallow_page"] = taken(queue, SHALLOW)
    queue.lengthen(deep - waiting())
    found["deep_rate"], found["deep_page"] = taken(queue, deep)
    print(json.dumps(found))
