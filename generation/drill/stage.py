"""In a drill's render worker: the real engine and encoder, in which whoever comes to a named point stops there.

``celery worker --include generation.drill.stage`` loads it. The drill asks for a point by making the file
``VAR_DIR/stage/<point>``; the first who comes takes it away, writes its process id to ``stopped``, and stays until
there is ``go``. The points are ``load``, ``denoise``, ``decode``, ``encode`` (in front of ffmpeg) and ``commit``.

It also notes in ``VAR_DIR/log/stage.jsonl`` when a child is born, is rung for and idle again, and how long it loads.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from celery.signals import worker_process_init

from generation.engine import Clip, Engine, Order, Picture, Watch

AT_STEP = 4  # of denoising
UNSWEPT = "DRILL_UNSWEPT"  # set in the environment: nothing is swept, so that a lost bell is lost for good

# It stands in for ffmpeg (FFMPEG_BINARY): stops when it is asked to, in a render worker, then becomes the real one.
FFMPEG = """#!/bin/sh
cd "{stage}" || exit 1
if [ -n "$DRILL_STAGE" ] && mv encode encode.taken 2>/dev/null; then
    echo "$PPID $$" >stopped.new
    mv stopped.new stopped
    while [ ! -e go ] && [ -d "/proc/$PPID" ]; do sleep 0.05; done
fi
exec "{ffmpeg}" "$@"
"""


def stop_at(point: str) -> None:
    """Stay here if the drill asked for this point, until it says go."""
    stage = Path(os.environ["VAR_DIR"]) / "stage"
    with contextlib.suppress(FileNotFoundError):
        (stage / point).rename(stage / f"{point}.taken")
        written = stage / "stopped.new"
        written.write_text(str(os.getpid()))
        written.rename(stage / "stopped")
        while not (stage / "go").exists():
            time.sleep(0.05)


def note(event: str) -> None:
    """Append a line on this child: ``born``, ``rung``, ``idle``, ``loading`` (imports begin) or ``loaded``."""
    line = {"at": time.time(), "pid": os.getpid(), "worker": os.environ.get("DRILL_STAGE", ""), "event": event}
    with (Path(os.environ["VAR_DIR"]) / "log/stage.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


class StagedEngine:
    """An engine with points to stop at."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_loaded = False

    @property
    def overlaps(self) -> bool:
        return self.engine.overlaps

    def check(self) -> None:
        self.engine.check()

    def load(self) -> dict[str, Any]:
        stop_at("load")
        found = self.engine.load()
        if not self.is_loaded:
            self.is_loaded = True
            note("loaded")
        return found

    def render(self, orders: Sequence[Order], watch: Watch) -> list[Clip | None]:
        return self.engine.render(orders, StagedWatch(watch))

    def free(self) -> None:
        self.engine.free()


class StagedWatch:
    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def step(self, number: int, picture: Callable[[int], Picture]) -> None:
        self.watch.step(number, picture)
        if number == AT_STEP:
            stop_at("denoise")

    def phase(self, name: str) -> None:
        self.watch.phase(name)
        if name == "decode":
            stop_at("decode")

    def is_live(self, place: int) -> bool:
        return self.watch.is_live(place)

    def beat(self) -> None:
        self.watch.beat()


@worker_process_init.connect
def set_up(**_: object) -> None:
    """In the child, once Django is there."""
    from access import audit
    from generation import engines, upkeep, worker

    make_engine, serve, append = engines.make_engine, worker.serve, audit.append
    note("born")
    engines.make_engine = lambda pipeline: staged(lambda: make_engine(pipeline))
    worker.serve = lambda: note_turn(serve)
    audit.append = lambda traces: append_staged(traces, append)
    if os.environ.get(UNSWEPT):
        upkeep.sweep = lambda: 0


def staged(make_engine: Callable[[], Engine]) -> Engine:
    note("loading")
    return StagedEngine(make_engine())


def note_turn(serve: Callable[[], None]) -> None:
    note("rung")
    try:
        serve()
    finally:
        note("idle")


def append_staged(traces: list[Any], append: Callable[[list[Any]], None]) -> None:
    if any(trace.act == "finish_job" for trace in traces):
        stop_at("commit")  # all files are stored; only the record and the commit are missing
    append(traces)
