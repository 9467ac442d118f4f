"""How fast verdicts are given: in process, against the floor of bare psycopg on the same server in the same run."""

from typing import Any

from bench.figures import Figure
from bench.house import measured_inside
from bench.postgres import postgres


def in_process() -> Figure:
    """Claim and decide by eight threads over the floor by eight."""
    found = _found(8, 600)
    details = {"decisions_a_second": round(found["ours"], 1), "floor": [round(one, 1) for one in found["floors"]]}
    return Figure("decide_in_process", found["ours"] / found["floor"], "ratio", 0.5, details, at_least=True)


def latency() -> Figure:
    """95 of 100 claims and verdicts of 32 reviewers at once are done within so long, the slower of the two."""
    found = _found(32, 960)
    details: dict[str, object] = {name: round(found[name], 1) for name in ("claim_p95_ms", "decide_p95_ms")}
    return Figure("decide_latency", max(found["claim_p95_ms"], found["decide_p95_ms"]), "ms", 150, details)


def _found(threads: int, decisions: int) -> dict[str, Any]:
    with postgres() as address:
        found: dict[str, Any] = measured_inside("deciding", str(threads), str(decisions), database=address)
    return found
