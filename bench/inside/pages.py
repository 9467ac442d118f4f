"""Pages as the site answers them, in process: how long, and with how many questions to the database."""

import time
from statistics import median

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.models import User

ROUNDS, COLD = 30, 3


def visit(user: User, path: str) -> tuple[float, int]:
    """Median seconds of a page, and its queries."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    seconds = []
    for _ in range(COLD + ROUNDS):
        started = time.perf_counter()
        answer = client.get(path)
        seconds.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer.status_code
    with CaptureQueriesContext(connection) as asked:
        client.get(path)
    return median(seconds[COLD:]), len(asked)
