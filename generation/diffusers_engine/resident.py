"""A model in memory, shared by the two hands that work with it: one may denoise while the other decodes."""

import contextlib
import copy
import inspect
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import diffusers
import torch
from torch import Tensor

from generation.diffusers_engine.caching import StepCache
from generation.diffusers_engine.classes import FROM_IMAGE, VERIFIED
from generation.diffusers_engine.faults import named
from generation.diffusers_engine.latents import rough, to_bytes, wants_noise
from generation.diffusers_engine.prompts import PromptMemory
from generation.engine import Picture, Watch
from generation.models import Pipeline
from generation.refusals import OutOfMemory

BEAT = 0.5  # seconds between two signs of life of a batch that waits for another
# What our guard, the hooks of diffusers and accelerate, and compilation put into a module, and what knows the module.
REFERRING_BACK = (
    "decode", "encode", "forward", "_old_forward", "_hf_hook", "_diffusers_hook", "_compiled_call_impl",
)  # fmt: skip


class GivenUp(Exception):
    """The model was given back before this could begin."""


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


@contextlib.contextmanager
def held(lock: Any, watch: Watch) -> Iterator[None]:
    """Hold a lock, with signs of life while another batch has it. Raises what the watch raises meanwhile."""
    while not lock.acquire(timeout=BEAT):
        watch.beat()
    try:
        yield
    finally:
        lock.release()


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
        self.users, self.is_given_up, self.counting = 0, False, threading.Lock()
        self.prompts = PromptMemory()
        self.cache: Any = StepCache(pipeline, row, lambda: self.here.batch.pipeline.current_timestep)
        self.decode: Any = pipeline.vae.decode
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
            batch = self.here.batch
            with held(self.decoding, batch.watch):
                return self.decode(batch.only_live(latents), *map(batch.only_live, rest), **named)

        def guarded_encode(*positional: Any, **named: Any) -> Any:
            with held(self.decoding, self.here.batch.watch):
                return encode(*positional, **named)

        vae.decode, vae.encode = guarded_decode, guarded_encode

    # --- who uses it ---
    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Keep the model together until this ends, even if it is given up meanwhile.

        Raises:
            GivenUp: that was before this began.
        """
        with self.counting:
            if self.is_given_up:
                raise GivenUp
            self.users += 1
        try:
            yield
        finally:
            self._leave(users=1)

    def give_up(self) -> None:
        """Let the modules go, at once or with the last who uses them."""
        self._leave(for_good=True)

    def _leave(self, *, users: int = 0, for_good: bool = False) -> None:
        with self.counting:
            self.users -= users
            self.is_given_up = self.is_given_up or for_good
            is_over = self.is_given_up and not self.users
        if is_over:
            self._take_apart()

    def _take_apart(self) -> None:
        """Undo what refers to itself by way of the modules: that would stay until Python happens to look for it."""
        self.prompts.forget()
        while not self.hands.empty():
            for pipeline in self.hands.get_nowait().pipelines:
                vars(pipeline).pop("encode_prompt", None)
        for part in self.pipeline.components.values():
            for module in part.modules() if isinstance(part, torch.nn.Module) else ():
                for name in REFERRING_BACK:
                    vars(module).pop(name, None)
        self.pipeline = self.decode = self.cache = None

    @contextlib.contextmanager
    def hand(self, watch: Watch) -> Iterator[Hand]:
        """A hand of one's own, once there is a free one.

        Raises:
            GivenUp: the model was given back. And whatever the watch raises meanwhile.
        """
        with self.used():
            hand = self._free_hand(watch)
            try:
                yield hand
            finally:
                self.hands.put(hand)

    def _free_hand(self, watch: Watch) -> Hand:
        while True:
            with contextlib.suppress(queue.Empty):
                return self.hands.get(timeout=BEAT)
            watch.beat()

    def without_gradients(self) -> Any:
        """Inference mode; with offload what diffusers itself uses, since weights moved in the former stay marked."""
        return torch.no_grad() if self.row.offload else torch.inference_mode()

    # --- pictures ---
    def glance(self, middle: Tensor) -> Picture:
        """One latent frame as a picture: a rough one where denoising would have to wait for the VAE.

        That is while it decodes something else, and with offload, where it would drive the denoiser from the device.
        A preview for which there is no memory is no reason to fail.
        """
        if not self.row.offload and self.decoding.acquire(blocking=False):
            try:
                with named():
                    return self._decoded(middle)[0]
            except OutOfMemory:
                pass
            finally:
                self.decoding.release()
        return rough(middle, self.row.studio.get("preview", {}))

    def pictures(self, middles: Sequence[Tensor]) -> list[Picture]:
        """Latent frames as pictures, once the VAE is free; none if the model was given back.

        Raises:
            OutOfMemory, DeviceLost.
        """
        with contextlib.suppress(GivenUp), self.used(), self.decoding, named(), self.without_gradients():
            pictures = self._decoded(torch.cat(list(middles)))
            self.settle()
            return pictures
        return []

    def _decoded(self, middles: Tensor) -> list[Picture]:
        vae = self.pipeline.vae
        times = [middles.new_zeros(len(middles))] if wants_noise(vae) else []
        video = self.decode(middles.to(vae.dtype), *times, return_dict=False)[0]  # [clip, RGB, frame, row, column]
        return list(to_bytes((video[:, :, -1].permute(0, 2, 3, 1).float().cpu() / 2 + 0.5).numpy()))

    def settle(self) -> None:
        """With model offload, let every component leave the device again: a call that was broken off did not."""
        if self.row.offload == Pipeline.Offload.MODEL:
            self.pipeline.maybe_free_model_hooks()
