"""32 jobs in batches through a whole worker (claim, render, encode, store, commit) over 32 bare calls with encode.

The bare side runs with as many torch threads as the worker, and with one more; the faster of the two counts.
"""

from bench.figures import Figure
from bench.house import measured_inside


def measure() -> Figure:
    found = measured_inside("batch_throughput")
    best = min(found["bare"].values())
    details = {
        "ours_s": round(found["ours"], 2),
        "bare_s": {threads: round(seconds, 2) for threads, seconds in found["bare"].items()},
        "batch_limit": found["batch_limit"],
    }
    return Figure("batch_throughput", best / found["ours"], "times bare", 1.4, details, at_least=True)
