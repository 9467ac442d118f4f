"""Seconds to look up the 20 key frames of a clip in a bank of 1,000,000 hashes, as the default worker does it."""

from bench.figures import Figure
from bench.house import measured_inside
from bench.postgres import postgres


def measure() -> Figure:
    with postgres() as address:
        found = measured_inside("bank_lookup", database=address)
    details = {name: value for name, value in found.items() if name != "seconds"}
    return Figure("bank_lookup", found["seconds"], "s", 1.5, details)
