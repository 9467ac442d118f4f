"""A queue with reviewers who are signed in, for requests from outside: their cookies, and the floor beside them."""

import json
import sys
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from access.models import Entry, User
from bench.inside import floor
from bench.inside.deciding import address
from bench.inside.queue_of import Queue
from review.models import Decision, Habit


def main() -> None:
    """``open REVIEWERS DECISIONS`` finds cookies and the address of the queue; ``floor THREADS DECISIONS`` a rate;
    ``count`` the decisions that are there, each in the record."""
    what, *numbers = sys.argv[2:]
    found: dict[str, Callable[..., object]] = {"open": opened, "floor": floor_rate, "count": count}
    print(json.dumps(found[what](*map(int, numbers))))


def opened(reviewers: int, decisions: int) -> dict[str, object]:
    queue = Queue(reviewers)
    queue.fill(decisions + 500)
    for reviewer in queue.reviewers:
        Habit.objects.create(reviewer=reviewer, reveals=[0, 1, 2, 3])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"sessions": [session(user) for user in queue.reviewers], "path": path(queue)}


def floor_rate(threads: int, decisions: int) -> float:
    floor.fill(address(), decisions * 2 + 500)
    return floor.rate(address(), threads=threads, decisions=decisions)


def count() -> int:
    decisions = Decision.objects.count()
    assert Entry.objects.filter(act="decide").count() == decisions, "a decision is not in the record"
    return decisions


def session(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def path(queue: Queue) -> str:
    return reverse("review_queue", args=[queue.program.slug])
