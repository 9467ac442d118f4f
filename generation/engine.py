"""What a render worker needs of an engine. The one shipped implementation is ``generation.diffusers_engine``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # [row, column, RGB]


@dataclass(frozen=True)
class Order:
    """What to render."""

    prompt: str
    negative_prompt: str
    steps: int
    guidance: float
    seed: int


@dataclass(frozen=True)
class Clip:
    """A rendered clip: ``frames`` are uint8 ``[frame, row, column, RGB]``; ``making`` shows it arise from static."""

    frames: NDArray[np.uint8]
    frame_rate: float
    making: list[Picture] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)


class Watch(Protocol):
    """Looks on while an engine renders. Any method may raise ``generation.refusals.Stop``; engines let it through."""

    def step(self, number: int, picture: Callable[[], Picture]) -> None:
        """Denoising step ``number`` (from 1) is done; ``picture()`` makes a preview of it."""

    def phase(self, name: str) -> None:
        """A phase begins: ``denoise`` or ``decode``."""


class Engine(Protocol):
    """A model, loaded once and used for one clip at a time: pipelines are not re-entrant."""

    def load(self) -> None:
        """Bring the model into memory; does nothing if it is there.

        Raises:
            generation.refusals.Trouble: the folder cannot be used; the words say why.
        """

    def render(self, order: Order, watch: Watch) -> Clip:
        """Render one clip."""
