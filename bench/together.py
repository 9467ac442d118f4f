"""Several hands at one task, timed from the moment when all of them stand ready."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import zip_longest


def together(works: Sequence[Callable[[], object]], *, ready: Sequence[Callable[[], object]] = ()) -> float:
    """Seconds until all have worked, in a thread each; what each does to be ``ready`` beforehand is not counted."""
    start = threading.Barrier(len(works) + 1)

    def begin(work: Callable[[], object], prepare: Callable[[], object] | None) -> None:
        try:
            if prepare:
                prepare()
        except Exception:
            start.abort()  # or the others would wait for ever
            raise
        start.wait()
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        hands = [pool.submit(begin, *both) for both in zip_longest(works, ready)]
        with suppress(threading.BrokenBarrierError):  # who broke it says why, below
            start.wait()
        since = time.perf_counter()
        wait(hands)
        seconds = time.perf_counter() - since
    troubles = [trouble for hand in hands if (trouble := hand.exception())]
    for trouble in sorted(troubles, key=lambda one: isinstance(one, threading.BrokenBarrierError)):
        raise trouble
    return seconds
