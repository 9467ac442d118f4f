"""200 queued jobs of 40 artists, one of whom has 100: the worst-served artist's share of the fair one.

Taken when the first artist has nothing left (until then all 40 want the worker, and the fair share is a fortieth).
Claims, charges and settlements are the product's; only the seconds that a render takes are played.
"""

import json

from bench.figures import Figure
from bench.house import measured_inside


def measure() -> Figure:
    found = json.loads(measured_inside("fair_share"))
    fair = found["fair"]
    details = {"best_served": round(fair["best"], 3), "worker_seconds": round(fair["seconds"]), "seed": found["seed"]}
    return Figure("fair_share", fair["worst"], "of the fair share", 0.8, details, at_least=True)
