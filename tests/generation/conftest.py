"""A drawn engine for whatever torch is not the point of; the queue, the encoder and the store are the real ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings

from access.models import Enrollment, Program
from generation import worker
from generation.engine import Clip, Order, Watch
from generation.refusals import Trouble
from tests import make


class DrawnEngine:
    """Draws the same clip for the same seed. ``at_step`` holds what shall happen before a step."""

    def __init__(self) -> None:
        self.trouble = ""
        self.at_step: dict[int, Callable[[], object]] = {}
        self.orders: list[Order] = []

    def load(self) -> None:
        if self.trouble:
            raise Trouble(self.trouble)

    def render(self, order: Order, watch: Watch) -> Clip:
        self.orders.append(order)
        frames = np.random.default_rng(order.seed).integers(0, 255, (5, 32, 48, 3), dtype=np.uint8)
        watch.phase("denoise")
        for number in range(1, order.steps + 1):
            self.at_step.get(number, lambda: None)()
            watch.step(number, lambda: frames[0])
        watch.phase("decode")
        return Clip(frames=frames, frame_rate=8.0, making=[frames[0], frames[-1]])


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> DrawnEngine:
    """The engine that this test's worker uses."""
    drawn = DrawnEngine()
    monkeypatch.setattr(worker, "make_engine", lambda pipeline: drawn)
    monkeypatch.setattr(worker, "_engines", {})
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
