"""What depth costs the review queue, and whether it stays right under 32 reviewers at once."""

import json
from functools import cache
from typing import Any

from bench.figures import Figure
from bench.house import measured_inside
from bench.postgres import postgres


def depth() -> Figure:
    """Verdicts a second at 1,000,000 waiting over 1,000."""
    found = _measured("depth", "rate")
    details: dict[str, object] = {"waiting": [found["shallow"], found["deep"]]}
    details |= {"a_second": [round(found["shallow_rate"], 1), round(found["deep_rate"], 1)]}
    return Figure("queue_depth", found["deep_rate"] / found["shallow_rate"], "ratio", 0.85, details, at_least=True)


def page() -> Figure:
    """The page that lists the queue, at 1,000,000 waiting over 1,000."""
    found = _measured("depth", "rate")
    (shallow, _few), (deep, queries) = found["shallow_page"], found["deep_page"]
    details: dict[str, object] = {"ms": [round(shallow * 1000, 1), round(deep * 1000, 1)], "queries": queries}
    return Figure("queue_page", deep / shallow, "ratio", 1.3, details)


def correctness() -> Figure:
    """Handed to two, decided twice, lost, or given to whoever must not have it: 2,000 submissions, 32 reviewers."""
    found = _measured("correctness", "32", "2000")
    wrong = ("handed_to_two", "decided_twice", "lost", "must_not", "troubles")
    return Figure("queue_correctness", sum(found[name] for name in wrong), "faults", 0, found)


@cache
def _measured(module: str, *arguments: str) -> dict[str, Any]:
    with postgres() as address:
        found: dict[str, Any] = json.loads(measured_inside(module, *arguments, database=address))
    return found
