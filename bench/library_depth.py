"""The first library page with 100,000 own outputs over the one with 1,000; a page in the middle is reported beside."""

from bench.figures import Figure
from bench.house import measured_inside


def measure() -> Figure:
    found = measured_inside("library_depth")
    seconds = {name: found[name][0] for name in ("few", "many", "deep")}
    details = {f"{name}_ms": round(value * 1000, 1) for name, value in seconds.items()}
    details |= {"deep_ratio": round(seconds["deep"] / seconds["few"], 2), "queries": found["many"][1]}
    return Figure("library_depth", seconds["many"] / seconds["few"], "ratio", 1.3, {**details, "on": found["database"]})
