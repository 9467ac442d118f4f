"""How fast verdicts are given: in process, against the floor of bare psycopg on the same server in the same run."""

from typing import Any

from bench.figures import Figure
from bench.house import measured_inside
from bench.postgres import postgres

PROCESSES = 2


def in_process() -> Figure:
    """Claim and decide by eight threads of one process over the floor by eight."""
    found = _found(8, 1, 600)
    details = {"decisions_a_second": round(found["ours"], 1), "floor": [round(one, 1) for one in found["floors"]]}
    return Figure("decide_in_process", found["ours"] / found["floor"], "ratio", 0.5, details, at_least=True)


def latency() -> Figure:
    """95 of 100 claims and verdicts of 32 reviewers at once are done within so long, the slower of the two.

    In two processes, as many as the site is deployed with for two cores. Nobody thinks in between: each has the next
    one as soon as the last is recorded.
    """
    found = _found(32, PROCESSES, 1920)
    details: dict[str, object] = {name: round(found[name], 1) for name in ("claim_p95_ms", "decide_p95_ms", "ours")}
    details["processes"] = PROCESSES
    return Figure("decide_latency", max(found["claim_p95_ms"], found["decide_p95_ms"]), "ms", 150, details)


def _found(*told: int) -> dict[str, Any]:
    """Of so many reviewers in so many processes, so many decisions."""
    with postgres() as address:
        found: dict[str, Any] = measured_inside("deciding", *map(str, told), database=address)
    return found
