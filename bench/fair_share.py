"""200 queued jobs of 40 artists, one of whom has 100: the worst-served artist's share of the fair one.

Taken when the first artist has nothing left (until then all 40 want the worker, and the fair share is a fortieth), of
clips of equal length. ``mixed_worst`` is the same with clips of 8 to 40 steps, where the one asks for the longest: a
clip is not divided, and after two clips each that is most of what one sees. First come, first served would give 0.
Claims, charges and settlements are the product's; only the seconds that a render takes are played.
"""

from bench.figures import Figure
from bench.house import measured_inside


def measure() -> Figure:
    found = measured_inside("fair_share")
    equal, mixed = found["equal"], found["mixed"]
    details = {
        "best_served": round(equal["best"], 3),
        "mixed_worst": round(mixed["worst"], 3),
        "mixed_best": round(mixed["best"], 3),
        "seed": found["seed"],
    }
    return Figure("fair_share", equal["worst"], "of the fair share", 0.8, details, at_least=True)
