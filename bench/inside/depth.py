"""The queue at 1,000 and at 1,000,000 waiting: verdicts a second, and the page that lists it."""

import json
import sys
import time
from statistics import median

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.inside.deciding import rate
from bench.inside.queue_of import Queue
from review.models import Look

THREADS, DECISIONS, ROUNDS = 8, 240, 25
SHALLOW, DEEP = 1_000, 1_000_000


def visit(queue: Queue) -> tuple[float, int]:
    """Median seconds of the page, and its queries."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(queue.reviewers[0])
    path = reverse("review_list", args=[queue.program.slug])
    seconds = []
    for _ in range(ROUNDS + 3):
        started = time.perf_counter()
        answer = client.get(path)
        seconds.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer.status_code
    with CaptureQueriesContext(connection) as asked:
        client.get(path)
    return median(seconds[3:]), len(asked)


def waiting() -> int:
    return Look.objects.waiting().count()


def main() -> None:
    queue = Queue(THREADS)
    queue.fill(SHALLOW + 4 * DECISIONS)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    rate(queue, threads=THREADS, decisions=THREADS * 5)
    found: dict[str, object] = {"shallow": waiting()}
    found["shallow_page"] = visit(queue)
    if sys.argv[2] == "rate":
        found["shallow_rate"] = rate(queue, threads=THREADS, decisions=DECISIONS)[0]
    queue.lengthen(DEEP)
    found["deep"] = waiting()
    found["deep_page"] = visit(queue)
    if sys.argv[2] == "rate":
        rate(queue, threads=THREADS, decisions=THREADS * 2)
        found["deep_rate"] = rate(queue, threads=THREADS, decisions=DECISIONS)[0]
    print(json.dumps(found))
