"""Run the benchmarks and print one JSON object per line."""

import json
import os
import sys
from collections.abc import Callable

from bench import submit_to_playable
from bench.figures import Figure

BENCHMARKS: dict[str, Callable[[], Figure]] = {"submit_to_playable": submit_to_playable.measure}


def main() -> int:
    only = os.environ.get("ONLY", "")
    if only and only not in BENCHMARKS:
        print(f"There is no benchmark {only}; there are: {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    for name in [only] if only else BENCHMARKS:
        print(json.dumps(BENCHMARKS[name]().as_line()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
