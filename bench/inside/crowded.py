"""A queue with reviewers who are signed in, for requests from outside: their cookies, and the floor beside them."""

import json
import sys

from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from bench.inside import floor
from bench.inside.deciding import address
from bench.inside.queue_of import Queue
from review.models import Habit


def main() -> None:
    """``open REVIEWERS DECISIONS`` prints cookies and the address of the queue; ``floor THREADS DECISIONS`` a rate."""
    what, threads, decisions = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if what == "floor":
        floor.fill(address(), decisions * 2 + 500)
        print(json.dumps(floor.rate(address(), threads=threads, decisions=decisions)))
        return
    queue = Queue(threads)
    queue.fill(decisions + 500)
    for reviewer in queue.reviewers:
        Habit.objects.create(reviewer=reviewer, reveals=[0, 1, 2, 3])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(json.dumps({"sessions": [session(user) for user in queue.reviewers], "path": path(queue)}))


def session(user: object) -> str:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]  # a user of ours
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def path(queue: Queue) -> str:
    return reverse("review_queue", args=[queue.program.slug])
