"""One batch on its way through a pipeline."""

import contextlib
import hashlib
import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from generation.diffusers_engine.classes import arguments_of, length_of
from generation.diffusers_engine.latents import Grid, grid_of, middle_of, pixels_of, unfamiliar, wants_noise
from generation.diffusers_engine.resident import Hand, Resident, held
from generation.engine import Order, Picture, Watch

MAKING_AT = (0.0, 0.5, 0.65, 0.75, 0.85, 1.0)  # of the way: static for long, then the picture comes quickly


class NothingWanted(Exception):
    """Nobody waits for any clip of the batch any more."""


class Batch:
    """The orders of one call: its arguments, its step callback, and which of them are still wanted at the end."""

    def __init__(self, resident: Resident, hand: Hand, orders: Sequence[Order], watch: Watch) -> None:
        self.resident, self.orders, self.watch = resident, list(orders), watch
        self.pipeline: Any = hand.image if orders[0].first_frame else hand.text
        if self.pipeline is None:
            raise ValueError("this model makes no clip from a first frame")
        self.generators = [torch.Generator("cpu").manual_seed(order.seed) for order in orders]
        self.kept: list[Tensor] = []  # middles, for the making
        self.live: list[int] | None = None  # places, once they were asked for
        self.denoising = contextlib.ExitStack()  # what others wait for, until this one is denoised

    def run(self) -> NDArray[np.floating[Any]]:
        """Pixels in [0, 1] of the clips that are still wanted, ``[clip, frame, row, column, RGB]``.

        Raises:
            NothingWanted: there is none. And whatever the watch or the pipeline raises.
        """
        with self.denoising:
            self.denoising.enter_context(held(self.resident.denoising, self.watch))
            self.resident.here.batch = self
            try:
                self.watch.phase("denoise")
                self.resident.cache.begin(self.orders[0].steps)
                return self._only_wanted(np.asarray(self._pixels()))
            finally:
                self.resident.settle()
                del self.resident.here.batch

    def _pixels(self) -> Any:
        made = self.pipeline(**self.call()).frames
        if self.is_asked_for_latents:
            return pixels_of(self.pipeline, made, self._grid(), self.settings(), self.generators)
        return made

    @property
    def is_asked_for_latents(self) -> bool:
        """LTX's class for first frames asks torch for noise to decode with, which refuses a list of generators, and
        one of another device. So its end is ours.
        """
        return type(self.pipeline).__name__ == "LTXImageToVideoPipeline" and wants_noise(self.pipeline.vae)

    # --- arguments ---
    def call(self) -> dict[str, Any]:
        """The arguments, of which the pipeline gets those that its signature knows."""
        wanted: dict[str, Any] = {
            **self.settings(),
            "prompt": [order.prompt for order in self.orders],
            "generator": self.generators,
            "output_type": "latent" if self.is_asked_for_latents else "np",
            "callback_on_step_end": self._after_step,
            "callback_on_step_end_tensor_inputs": ["latents"],
        }
        if any(order.negative_prompt for order in self.orders):  # without one, the class's own
            wanted["negative_prompt"] = [order.negative_prompt for order in self.orders]
        if self.orders[0].first_frame:
            wanted["image"] = [fitted(order) for order in self.orders]
        known = arguments_of(type(self.pipeline))
        return {name: value for name, value in wanted.items() if name in known}

    def settings(self) -> dict[str, Any]:
        """The plain part of the arguments, the same for the whole batch: what a recipe repeats."""
        order = self.orders[0]
        wanted = {
            **self.resident.row.studio.get("call", {}),
            "width": order.width,
            "height": order.height,
            str(length_of(type(self.pipeline))): order.frames,
            "num_inference_steps": order.steps,
            "guidance_scale": order.guidance,
        }
        known = arguments_of(type(self.pipeline))
        return {name: value for name, value in wanted.items() if name in known}

    # --- steps ---
    def _after_step(self, pipeline: Any, index: int, timestep: object, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Schedulers of a higher order take more timesteps than steps; the watch counts what the artist asked for."""
        latents, steps = values["latents"], self.orders[0].steps
        timesteps = int(getattr(pipeline, "num_timesteps", steps))
        if self.resident.is_verified and index in {round(share * (timesteps - 1)) for share in MAKING_AT}:
            self.kept.append(self._middle(latents))
        self.watch.step(math.ceil((index + 1) * steps / timesteps), lambda place: self._glance(latents, place))
        if index + 1 == timesteps:
            self._end_denoising()
        return values

    def _end_denoising(self) -> None:
        self.watch.phase("decode")
        self.live = [place for place in range(len(self.orders)) if self.watch.is_live(place)]
        if not self.live:
            raise NothingWanted
        if self.resident.overlaps:
            self.denoising.close()

    def _glance(self, latents: Tensor, place: int) -> Picture:
        if not self.resident.is_verified:
            return unfamiliar(latents[place])
        return self.resident.glance(self._middle(latents)[place : place + 1])

    def _middle(self, latents: Tensor) -> Tensor:
        return middle_of(self.pipeline, latents, self._grid() if latents.ndim == 3 else None)

    def _grid(self) -> Grid:
        order = self.orders[0]
        return grid_of(self.pipeline, order.width, order.height, order.frames)

    # --- the end ---
    def only_live(self, value: Any) -> Any:
        """Of what the VAE is to decode, the rows that are still wanted."""
        if self.resident.is_verified and self.live is not None and isinstance(value, Tensor):
            return value[self.live]
        return value

    def _only_wanted(self, frames: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """A class that decodes in a way of its own has decoded all of them."""
        return frames if self.live is None or len(frames) == len(self.live) else frames[self.live]

    @property
    def places(self) -> list[int]:
        return list(range(len(self.orders))) if self.live is None else self.live

    def making(self, place: int) -> Callable[[], list[Picture]]:
        """Works out the pictures of one clip arising; none once the model was given back, which it does not hold."""
        if not self.kept:
            return list
        middles = [middle[place : place + 1].clone() for middle in self.kept]
        resident = weakref.ref(self.resident)

        def pictures() -> list[Picture]:
            still_there = resident()
            return still_there.pictures(middles) if still_there else []

        return pictures


def fitted(order: Order) -> Image.Image:
    """The first frame, cropped about its middle and resized to what the model draws."""
    assert order.first_frame is not None, "asked of orders that have one"
    with Image.open(order.first_frame) as picture:
        return ImageOps.fit(picture.convert("RGB"), (order.width, order.height), Image.Resampling.LANCZOS)


def hash_of_first_frame(order: Order) -> dict[str, str]:
    if order.first_frame is None:
        return {}
    return {"first_frame": hashlib.sha256(order.first_frame.read_bytes()).hexdigest()}
