"""A drawn engine for whatever torch is not the point of; the queue, the encoder and the store are the real ones."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import LazySettings
from numpy.typing import NDArray

from access.models import Enrollment, Program
from generation import engines
from generation.engine import Clip, Order, Watch
from generation.refusals import Trouble
from tests import make
from tests.generation.racing import PATIENCE, Verb, Window

Clock = Callable[[datetime], None]  # of the `at` fixture


class DrawnEngine:
    """Draws the same clip for the same seed. ``at_step`` holds what shall happen before a step."""

    def __init__(self) -> None:
        self.trouble = ""
        self.at_step: dict[int, Callable[[], object]] = {}
        self.orders: list[Order] = []
        self.batches: list[int] = []
        self.loads = 0
        self.is_freed = False
        self.overlaps = True
        self.found = {"class": "Drawn", "arguments": ["guidance_scale", "negative_prompt"], "from_image": True}

    def check(self) -> None: ...

    def load(self) -> dict[str, Any]:
        if self.trouble:
            raise Trouble(self.trouble)
        self.loads += 1
        return self.found

    def render(self, orders: Sequence[Order], watch: Watch) -> list[Clip | None]:
        self.orders += orders
        self.batches.append(len(orders))
        drawn = [np.random.default_rng(order.seed).integers(0, 255, (5, 32, 48, 3), dtype=np.uint8) for order in orders]
        watch.phase("denoise")
        for number in range(1, orders[0].steps + 1):
            self.at_step.get(number, lambda: None)()
            watch.step(number, lambda place: drawn[place][0])
        watch.phase("decode")
        return [_clip(frames) if watch.is_live(place) else None for place, frames in enumerate(drawn)]

    def free(self) -> None:
        self.is_freed = True


def _clip(frames: NDArray[np.uint8]) -> Clip:
    return Clip(frames=frames, frame_rate=8.0, making=lambda: [frames[0], frames[-1]])


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> DrawnEngine:
    """The engine that this test's worker uses."""
    drawn = DrawnEngine()
    monkeypatch.setattr(engines, "make_engine", lambda pipeline: drawn)
    monkeypatch.setattr(engines, "_resident", OrderedDict())
    return drawn


@pytest.fixture(autouse=True)
def media_dir(settings: LazySettings, tmp_path: Path) -> Path:
    settings.MEDIA_DIR = tmp_path / "media"
    settings.MEDIA_DIR.mkdir()
    return settings.MEDIA_DIR


@pytest.fixture
def program(db: None) -> Program:
    made = make.program()
    make.pipeline()
    return made


@pytest.fixture
def artist(program: Program) -> Enrollment:
    return make.artist(program=program)


@pytest.fixture
def slowed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Window]:
    """Hold whoever comes into a function before it does its work; ``meeting``: until the rival has surely come."""

    def slow(owner: Any, name: str, *, meeting: bool, then: Verb | None = None) -> Window:
        window, original = Window(PATIENCE if meeting else 0.7), then or getattr(owner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            window.hold()
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, wrapped)
        return window

    return slow
