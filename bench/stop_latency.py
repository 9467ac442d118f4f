"""From the commit of a stop to the worker having let go: cancel and halt of a single job while it denoises.

Target: at most one step and 200 ms; the value is what is beyond the step. Medians; the slowest, and the other phases
(a decode or an encode under way is not broken off), stand beside it. A job that was done before the stop could reach
it is not counted.
"""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from bench.figures import Figure, middle
from bench.house import found_inside
from scripts.private_site import ROOT, environment, private_site


def cancel() -> Figure:
    return _figure("cancel")


def halt() -> Figure:
    return _figure("halt")


def _figure(verb: str) -> Figure:
    found = _measured()
    step, latencies = found["step"], found["latencies"]
    denoising = latencies[f"{verb} denoise"]
    beyond = (middle(denoising) - step) * 1000
    details: dict[str, object] = {"step_ms": round(step * 1000, 1), "slowest_ms": round(max(denoising) * 1000)}
    for phase in ("decode", "encode"):
        times = sorted(latencies.get(f"{verb} {phase}", []))
        details[f"{phase}_ms"] = [round(times[len(times) // 2] * 1000), round(times[-1] * 1000)] if times else None
    return Figure(f"{verb}_latency", beyond, "ms beyond one step", 200, {**details, "rounds": len(denoising)})


@cache
def _measured() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, private_site(Path(folder)) as site:
        told = environment(site.var, site.url)
        told |= {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "vernissage.settings", "LOG_LEVEL": "WARNING"}
        return dict(found_inside(told, "stop_latency"))
