"""Run the benchmarks and print one JSON object per line."""

import json
import os
import sys
from collections.abc import Callable

from bench import (
    bank_lookup,
    batch_throughput,
    callback_overhead,
    decide,
    decide_http,
    exact_repeat,
    fair_share,
    library_depth,
    queue,
    stop_latency,
    submit_to_playable,
    web_rss,
)
from bench.figures import Figure
from generation.drill.servers import Missing

BENCHMARKS: dict[str, Callable[[], Figure]] = {
    "submit_to_playable": submit_to_playable.measure,
    "callback_overhead": callback_overhead.measure,
    "batch_throughput": batch_throughput.measure,
    "exact_repeat": exact_repeat.measure,
    "cancel_latency": stop_latency.cancel,
    "halt_latency": stop_latency.halt,
    "fair_share": fair_share.measure,
    "web_rss": web_rss.measure,
    "library_depth": library_depth.measure,
    "decide_in_process": decide.in_process,
    "decide_latency": decide.latency,
    "decide_http": decide_http.measure,
    "queue_depth": queue.depth,
    "queue_page": queue.page,
    "queue_correctness": queue.correctness,
    "bank_lookup": bank_lookup.measure,
}


def main() -> int:
    only = os.environ.get("ONLY", "")
    if only and only not in BENCHMARKS:
        print(f"There is no benchmark {only}; there are: {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    for name in [only] if only else BENCHMARKS:
        print(json.dumps(_line(name)), flush=True)
    return 0


def _line(name: str) -> dict[str, object]:
    try:
        return BENCHMARKS[name]().as_line()
    except Missing as missing:  # the others can be taken all the same
        return {"name": name, "value": None, "not_taken": str(missing)}


if __name__ == "__main__":
    sys.exit(main())
