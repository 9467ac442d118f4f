"""The real worker with a drawn engine that can be stopped at a named point. For test_kill.py alone.

``VAR_DIR/stop_at`` names the point. Whoever comes there writes ``VAR_DIR/stopped`` with its process id, and stays
until there is ``VAR_DIR/go``.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.generation.kill_settings")

from celery.signals import worker_process_init

from vernissage.celery import app

__all__ = ["app"]

VAR = Path(os.environ["VAR_DIR"])


def stop_at(point: str) -> None:
    try:
        wanted = (VAR / "stop_at").read_text()
    except FileNotFoundError:
        return
    if wanted == point:
        written = VAR / "stopped.new"
        written.write_text(str(os.getpid()))
        written.rename(VAR / "stopped")
        while not (VAR / "go").exists():
            time.sleep(0.05)


def stopping_at(point: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def stopping(*args: Any, **kwargs: Any) -> Any:
        stop_at(point)
        return function(*args, **kwargs)

    return stopping


@worker_process_init.connect
def draw(**_: object) -> None:
    """In the child, once Django is there."""
    from generation import encoding, engines, rendering
    from tests.generation.conftest import DrawnEngine

    engine = DrawnEngine()
    engine.at_step = {number: lambda: time.sleep(0.02) for number in range(1, 41)}
    engine.at_step[4] = lambda: stop_at("denoise")
    engines.make_engine = lambda pipeline: engine
    encoding.encode = stopping_at("encode", encoding.encode)  # all is rendered, nothing is in the store
    rendering.tell = stopping_at("commit", rendering.tell)  # all is stored; only the audit and the commit are missing
