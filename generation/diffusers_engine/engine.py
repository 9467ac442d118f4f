"""The engine itself: load, render, free."""

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from generation import registry
from generation.diffusers_engine import loading
from generation.diffusers_engine.batch import Batch, NothingWanted, hash_of_first_frame
from generation.diffusers_engine.latents import to_bytes
from generation.diffusers_engine.resident import Resident
from generation.engine import Clip, Order, Picture, Watch
from generation.models import Pipeline
from generation.refusals import OutOfMemory

WARM_UP_STEPS = 2  # Mochi's schedule has no single step


class DiffusersEngine:
    """A pinned folder, loaded with ``DiffusionPipeline.from_pretrained`` and nothing else.

    ``threads`` are those of torch on the CPU; 0 leaves torch its own choice.
    """

    def __init__(self, pipeline: Pipeline, threads: int = 0) -> None:
        self.row, self.threads = pipeline, threads
        self.found: dict[str, Any] = {}
        self._resident: Resident | None = None
        self._loading = threading.Lock()

    def load(self) -> dict[str, Any]:
        """See ``generation.engine.Engine``."""
        with self._loading:
            if self._resident is None:
                self._resident = self._load()
        return self.found

    def _load(self) -> Resident:
        registry.check(self.row)
        loading.class_of(self.row)  # before gigabytes are read for nothing
        device = loading.device_of(self.row)
        if self.threads:
            torch.set_num_threads(self.threads)
        resident = Resident(loading.open_pipeline(self.row, device), self.row)
        self.found = self._findings(resident, device)
        self._warm_up(resident)
        return resident

    def _findings(self, resident: Resident, device: torch.device) -> dict[str, Any]:
        kind = type(resident.pipeline)
        return {
            "class": kind.__name__,
            "arguments": loading.arguments_of(kind),
            "from_image": kind.__name__ in loading.FROM_IMAGE,
            "versions": loading.versions(),
            "dtype": self.row.dtype,
            "dtypes": self.row.studio.get("dtypes", {}),
            "device": loading.name_of(device),
            "cache": self.row.cache,
            "cache_options": self.row.cache_options,
            "attention": self.row.attention,
            "compile": self.row.compile,
            "offload": self.row.offload,
            "vae_tiling": self.row.vae_tiling,
            "vae_slicing": self.row.vae_slicing,
        }

    def _warm_up(self, resident: Resident) -> None:
        """Compile for the shapes that will be asked for, and meet now whatever cannot work."""
        row, call = self.row, self.row.studio["call"]
        shapes = row.warm_shapes
        if not shapes and (row.cache or row.compile or row.attention):
            shapes = [[call["width"], call["height"], call["num_frames"]]]
        sizes = {1, row.batch_limit} if row.compile else {1}
        for width, height, frames in shapes:
            for size in sorted(sizes):
                with loading.readable(f"The model cannot render {width} × {height}, {frames} frames"):
                    _render(resident, [Order("", "", WARM_UP_STEPS, 2.0, 0, width, height, frames)] * size, _Nobody())

    def render(self, orders: Sequence[Order], watch: Watch) -> list[Clip | None]:
        """See ``generation.engine.Engine``.

        Raises:
            OutOfMemory: the batch does not fit. And whatever the watch raises.
        """
        self.load()
        resident = self._resident
        assert resident is not None, "just loaded"
        try:
            return self._clips(*_render(resident, orders, watch))
        finally:
            if resident is not self._resident:  # freed meanwhile; what this batch held goes with it
                del resident
                _empty()

    def _clips(self, batch: Batch, frames: Any) -> list[Clip | None]:
        clips: list[Clip | None] = [None] * len(batch.orders)
        for place, pixels in zip(batch.places, frames, strict=True):
            clips[place] = Clip(
                frames=to_bytes(pixels),
                frame_rate=float(self.row.studio["call"].get("frame_rate", 8)),
                making=batch.making(place),
                provenance=self._provenance(batch, batch.orders[place]),
            )
        return clips

    def _provenance(self, batch: Batch, order: Order) -> dict[str, Any]:
        found = {name: value for name, value in self.found.items() if name not in ("arguments", "from_image")}
        return {
            **found,
            "class": type(batch.pipeline).__name__,
            "call": batch.settings(),
            "seed": order.seed,
            "threads": torch.get_num_threads() if self.found["device"] == "cpu" else 0,
            "manifest_sha256": self.row.manifest_sha256,
            **hash_of_first_frame(order),
        }

    def free(self) -> None:
        """Give the memory back; a batch that is on its way ends as if nothing had happened."""
        self._resident = None
        _empty()


def _render(resident: Resident, orders: Sequence[Order], watch: Watch) -> tuple[Batch, Any]:
    with resident.hand() as hand, _out_of_memory(), torch.inference_mode():
        batch = Batch(resident, hand, orders, watch)
        try:
            return batch, batch.run()
        except NothingWanted:
            return batch, []


@contextlib.contextmanager
def _out_of_memory() -> Iterator[None]:
    """One name for what torch, Python and the allocators say when a batch does not fit."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as full:
        raise OutOfMemory(str(full)) from full
    except RuntimeError as trouble:
        if "not enough memory" in str(trouble) or "can't allocate memory" in str(trouble):
            raise OutOfMemory(str(trouble)) from trouble
        raise


def _empty() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class _Nobody:
    """Watches a warm-up."""

    def step(self, number: int, picture: Callable[[int], Picture]) -> None: ...

    def phase(self, name: str) -> None: ...

    def is_live(self, place: int) -> bool:
        return True
