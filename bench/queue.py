"""What depth costs the review queue, and whether it stays right under 32 reviewers at once."""

import os
from functools import cache
from typing import Any

from bench.figures import Figure
from bench.house import measured_inside
from bench.postgres import postgres

DEEP = os.environ.get("DEPTH") or "1000000"  # looks that wait; fewer, for a try: the line says how many
MOST_QUERIES = 15


def depth() -> Figure:
    """Verdicts a second at 1,000,000 waiting over 1,000."""
    found = _measured("depth", DEEP)
    details: dict[str, object] = {"waiting": [found["shallow"], found["deep"]]}
    details |= {"a_second": [round(found["shallow_rate"], 1), round(found["deep_rate"], 1)]}
    return Figure("queue_depth", found["deep_rate"] / found["shallow_rate"], "ratio", 0.85, details, at_least=True)


def page() -> Figure:
    """The page that lists the queue, at 1,000,000 waiting over 1,000."""
    found = _measured("depth", DEEP)
    (shallow, _few), (deep, queries) = found["shallow_page"], found["deep_page"]
    details: dict[str, object] = {"waiting": [found["shallow"], found["deep"]]}
    details |= {"ms": [round(shallow * 1000, 1), round(deep * 1000, 1)]}
    details |= {"queries": queries, "queries_at_most": MOST_QUERIES}
    return Figure("queue_page", deep / shallow, "ratio", 1.3, details, holds=queries <= MOST_QUERIES)


def correctness() -> Figure:
    """Handed to two, decided twice or by too few, lost, given to whoever must not have it, listed out of order: 2,000
    submissions, 32 reviewers."""
    found = _measured("correctness", "32", "2000")
    wrong = ("handed_to_two", "decided_twice", "by_too_few", "lost", "must_not", "out_of_order", "troubles")
    return Figure("queue_correctness", sum(found[name] for name in wrong), "faults", 0, found)


@cache
def _measured(module: str, *arguments: str) -> dict[str, Any]:
    with postgres() as address:
        found: dict[str, Any] = measured_inside(module, *arguments, database=address)
    return found
