"""A render under a worker's watch (a fence read per step, progress and a preview each second) over one without.

Alternated in one process, medians. Each pair has a prompt of its own, so that neither side remembers its embedding.
"""

from bench.figures import Figure, middle
from bench.house import measured_inside


def measure() -> Figure:
    pairs = measured_inside("callback_overhead")
    ours, bare = middle([pair[0] for pair in pairs]), middle([pair[1] for pair in pairs])
    details: dict[str, object] = {"with_ms": round(ours * 1000), "without_ms": round(bare * 1000), "rounds": len(pairs)}
    return Figure("callback_overhead", ours / bare, "ratio", 1.05, details)
