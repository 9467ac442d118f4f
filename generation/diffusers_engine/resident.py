"""A model in memory, shared by the two hands that work with it: one may denoise while the other decodes."""

import contextlib
import copy
import inspect
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import diffusers
import torch
from torch import Tensor

from generation.diffusers_engine.caching import StepCache
from generation.diffusers_engine.latents import rough, to_bytes
from generation.diffusers_engine.loading import FROM_IMAGE, VERIFIED
from generation.diffusers_engine.prompts import PromptMemory
from generation.engine import Picture
from generation.models import Pipeline


class Hand:
    """Pipeline objects for one batch at a time: the modules are everybody's, scheduler and call state its own."""

    def __init__(self, pipeline: Any) -> None:
        self.text = twin(pipeline, type(pipeline))
        sibling = FROM_IMAGE.get(type(pipeline).__name__)
        self.image = twin(pipeline, getattr(diffusers, sibling)) if sibling else None

    @property
    def pipelines(self) -> list[Any]:
        return [self.text, self.image] if self.image else [self.text]


def twin(pipeline: Any, kind: type[Any]) -> Any:
    """Another pipeline object around the same modules, with a scheduler of its own."""
    parts = {**pipeline.components, "scheduler": copy.deepcopy(pipeline.scheduler), **pipeline.parameters}
    known = inspect.signature(kind.__init__).parameters
    made = kind(**{name: part for name, part in parts.items() if name in known})
    made.set_progress_bar_config(disable=True)
    return made


class Resident:
    """The loaded pipeline, its hands, and the locks: one batch is denoised, and one decoded, at a time.

    Where the class is not known to leave everything but the VAE alone once it has denoised, or where weights are
    moved about, both locks are the same.
    """

    def __init__(self, pipeline: Any, row: Pipeline) -> None:
        self.pipeline, self.row = pipeline, row
        self.is_verified = type(pipeline).__name__ in VERIFIED
        self.overlaps = self.is_verified and not row.offload
        self.denoising: Any = threading.RLock()
        self.decoding: Any = threading.RLock() if self.overlaps else self.denoising
        self.here = threading.local()  # the batch of this thread
        self.prompts = PromptMemory()
        self.cache = StepCache(pipeline, row, lambda: self.here.batch.pipeline.current_timestep)
        self.decode: Callable[..., Any] = pipeline.vae.decode
        self._guard(pipeline.vae)
        self.hands: queue.LifoQueue[Hand] = queue.LifoQueue()
        for hand in [Hand(pipeline) for _ in range(2 if self.overlaps else 1)]:
            self._prepare(hand)

    def _prepare(self, hand: Hand) -> None:
        for pipeline in hand.pipelines:
            self.prompts.serve(pipeline)
            # At its end a call would clear the step cache of the batch that the other hand denoises by then.
            pipeline.maybe_free_model_hooks = lambda: None
        self.hands.put(hand)

    def _guard(self, vae: Any) -> None:
        """Let the VAE do one thing at a time (Wan's keeps features between calls), and only what is still wanted."""
        encode = vae.encode

        def guarded_decode(latents: Tensor, *rest: Any, **named: Any) -> Any:
            only = self.here.batch.only_live
            with self.decoding:
                return self.decode(only(latents), *map(only, rest), **named)

        def guarded_encode(*positional: Any, **named: Any) -> Any:
            with self.decoding:
                return encode(*positional, **named)

        vae.decode, vae.encode = guarded_decode, guarded_encode

    @contextlib.contextmanager
    def hand(self) -> Iterator[Hand]:
        hand = self.hands.get()
        try:
            yield hand
        finally:
            self.hands.put(hand)

    def glance(self, middle: Tensor) -> Picture:
        """One latent frame as a picture; a rough one while the VAE is busy, since denoising shall not wait for it."""
        if not self.decoding.acquire(blocking=False):
            return rough(middle, self.row.studio.get("preview", {}))
        try:
            return self._decoded(middle)[0]
        finally:
            self.decoding.release()

    def pictures(self, middles: Sequence[Tensor]) -> list[Picture]:
        """Latent frames as pictures, once the VAE is free."""
        with self.decoding, torch.inference_mode():
            pictures = self._decoded(torch.cat(list(middles)))
            self.settle()
        return pictures

    def _decoded(self, middles: Tensor) -> list[Picture]:
        vae = self.pipeline.vae
        # LTX's newer VAEs also want to know how much noise is left in what they decode: none.
        times = [middles.new_zeros(len(middles))] if getattr(vae.config, "timestep_conditioning", False) else []
        video = self.decode(middles.to(vae.dtype), *times, return_dict=False)[0]  # [clip, RGB, frame, row, column]
        return list(to_bytes((video[:, :, -1].permute(0, 2, 3, 1).float().cpu() / 2 + 0.5).numpy()))

    def settle(self) -> None:
        """With model offload, let every component leave the device again: a call that was broken off did not."""
        if self.row.offload == Pipeline.Offload.MODEL:
            self.pipeline.maybe_free_model_hooks()
