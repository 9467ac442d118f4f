"""Orders for tiny engines, who watches them, and what came of it. Shared by the tests of the engine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation import registry
from generation.engine import Order, Picture
from generation.models import Pipeline
from tests.generation import tiny

STEPS = 4
# Alone or in a batch, the sums are taken in another order. Of 255 levels, on random weights, which amplify.
BATCH_TOLERANCE = 1


class Look:
    """Watches; wants the orders of ``live`` at the end, takes a preview of ``shown`` at each step."""

    def __init__(self, live: set[int] | None = None, shown: int | None = None) -> None:
        self.live, self.shown = live, shown
        self.phases: list[str] = []
        self.steps: list[int] = []
        self.pictures: list[Picture] = []
        self.at: dict[str, Callable[[], object]] = {}

    def step(self, number: int, picture: Callable[[int], Picture]) -> None:
        self.steps.append(number)
        if self.shown is not None:
            self.pictures.append(picture(self.shown))
        self.at.get(f"step {number}", lambda: None)()

    def phase(self, name: str) -> None:
        self.phases.append(name)
        self.at.get(name, lambda: None)()

    def is_live(self, place: int) -> bool:
        return self.live is None or place in self.live

    def beat(self) -> None:
        self.at.get("beat", lambda: None)()


def row(folder: Path, **settings: Any) -> Pipeline:
    """A registry row as it is after pinning; the engine needs no database."""
    manifest = registry.manifest_of(folder)
    pinned = {"manifest": manifest, "manifest_sha256": registry.fingerprint(manifest)}
    return Pipeline(folder=str(folder), declared=registry.declaration_of(folder), device="cpu", **pinned, **settings)


def engine_of(folder: Path, **settings: Any) -> Any:
    from generation.diffusers_engine import DiffusersEngine

    return DiffusersEngine(row(folder, **settings), threads=1)


def order_for(name: str, seed: int = 1, prompt: str = "a red circle moving left", **changes: Any) -> Order:
    call = tiny.PIPELINES[name][1]
    same = Order(prompt, "black", STEPS, 3.0, seed, call["width"], call["height"], call["num_frames"])
    return replace(same, **changes)


def three(name: str) -> list[Order]:
    return [order_for(name, 1), order_for(name, 2, "snow over hills"), order_for(name, 3, "a blue star on the sea")]


def frames(engine: Any, *orders: Order, watch: Look | None = None) -> list[Any]:
    return [clip and clip.frames for clip in engine.render(orders, watch or Look())]


def counted(engine: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips each call of the VAE decoded, from now on."""
    decode, calls = engine._resident.decode, []

    def count(latents: Any, *rest: Any, **named: Any) -> Any:
        calls.append(len(latents))
        return decode(latents, *rest, **named)

    monkeypatch.setattr(engine._resident, "decode", count)
    return calls


def furthest(one: Any, other: Any) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())
