"""What a render worker needs of an engine. The one shipped implementation is ``generation.diffusers_engine``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # [row, column, RGB]


@dataclass(frozen=True)
class Order:
    """What to render. Orders of one batch differ in prompts and seeds alone, and have no first frame."""

    prompt: str
    negative_prompt: str
    steps: int
    guidance: float
    seed: int
    width: int  # pixels, as the model draws them
    height: int
    frames: int
    first_frame: Path | None = None  # a picture that the clip begins with


@dataclass(frozen=True)
class Clip:
    """A rendered clip: ``frames`` are uint8 ``[frame, row, column, RGB]``.

    ``making`` shows it arise from static; it is worked out when it is called, which may wait until the clip can be
    played.
    """

    frames: NDArray[np.uint8]
    frame_rate: float
    making: Callable[[], list[Picture]] = list
    provenance: dict[str, Any] = field(default_factory=dict)


class Watch(Protocol):
    """Looks on while an engine renders. Any method may raise ``generation.refusals.Stop``; engines let it through."""

    def step(self, number: int, picture: Callable[[int], Picture]) -> None:
        """Denoising step ``number`` (from 1) is done; ``picture(place)`` makes a preview of that order of the batch."""

    def phase(self, name: str) -> None:
        """A phase begins: ``denoise`` or ``decode``. From ``decode`` on another batch may be denoised."""

    def is_live(self, place: int) -> bool:
        """Whether that order of the batch is still wanted. Asked before decoding; what is not wanted is not decoded."""

    def beat(self) -> None:
        """The render waits for another one, about every second: a sign of life, at which it may be stopped as well."""


class Engine(Protocol):
    """A model, loaded once.

    ``render`` may be called from a second thread once the first has told its watch of the phase ``decode``: engines
    denoise one batch at a time, and decode one batch at a time. Where ``overlaps`` is false they do one thing at all.
    """

    @property
    def overlaps(self) -> bool:
        """Whether one batch may be denoised while another is decoded; known once the model is loaded."""

    def check(self) -> None:
        """Look at the folder, before another model has to give way to this one.

        Raises:
            generation.refusals.Trouble: it cannot be used; the words say why.
        """

    def load(self) -> dict[str, Any]:
        """Bring the model into memory, or leave it there; what was found is for ``Pipeline.loaded``.

        ``class``, ``arguments`` (names the call understands), ``from_image``, ``versions``, ``dtype``, ``device``,
        ``cache``, ``attention``, ``compile``.

        Raises:
            generation.refusals.Trouble: the folder cannot be used; the words say why. Nothing of it stays in memory.
            generation.refusals.DeviceLost
        """

    def render(self, orders: Sequence[Order], watch: Watch) -> list[Clip | None]:
        """Render the orders as one batch; None in the place of one that was not wanted any more.

        Raises:
            generation.refusals.OutOfMemory, generation.refusals.DeviceLost
        """

    def free(self) -> None:
        """Give back the memory, of the device too.

        Not inside the handler of an exception out of ``render``: its traceback holds the model as long as it lives.
        """
