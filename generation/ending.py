"""How a worker's child is asked to end: SIGTERM sets a mark, at which renders hand back what they have.

One whose device is lost marks itself: nothing can be rendered in it any more, and its parent starts another.
"""

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

CLOSING = 30.0  # seconds within which a parent that closes ends its children

_asked_at: float | None = None
_broken = False


def is_asked() -> bool:
    return _asked_at is not None


def is_forgotten() -> bool:
    """Asked to end long ago, and not ended by its parent."""
    return _asked_at is not None and time.monotonic() - _asked_at > CLOSING


def is_broken() -> bool:
    """This child can render nothing more."""
    return _broken


def break_off() -> None:
    """Let this child end after it has handed back what it has."""
    global _asked_at, _broken
    _asked_at, _broken = _asked_at or time.monotonic(), True


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Meanwhile SIGTERM lets this child hand its jobs back instead of dying with them."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(_signal: int, _frame: FrameType | None) -> None:
    global _asked_at
    _asked_at = time.monotonic()
