"""The engine itself: load, render, free."""

import gc
import logging
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import torch

from generation import registry
from generation.diffusers_engine import classes, loading
from generation.diffusers_engine.batch import Batch, NothingWanted, hash_of_first_frame
from generation.diffusers_engine.faults import named, readable
from generation.diffusers_engine.latents import to_bytes
from generation.diffusers_engine.resident import GivenUp, Resident
from generation.engine import Clip, Order, Picture, Watch
from generation.models import Pipeline
from generation.refusals import DeviceLost, Trouble

log = logging.getLogger(__name__)

Shape = tuple[int, int, int]  # width, height, frames
OFFERS = ("arguments", "from_image")  # findings that say nothing about how a clip was made
WARM_UP_STEPS = 2  # Mochi's schedule has no single step


class DiffusersEngine:
    """A pinned folder, loaded with ``DiffusionPipeline.from_pretrained`` and nothing else.

    ``threads`` are those of torch on the CPU; 0 leaves torch its own choice.
    """

    def __init__(self, pipeline: Pipeline, threads: int = 0) -> None:
        self.row, self.threads = pipeline, threads
        self.found: dict[str, Any] = {}
        self._resident: Resident | None = None
        self._is_checked = False
        self._loading = threading.Lock()

    @property
    def overlaps(self) -> bool:
        """See ``generation.engine.Engine``; known once the model is loaded."""
        return self._resident is not None and self._resident.overlaps

    def check(self) -> None:
        """See ``generation.engine.Engine``."""
        with readable("The model cannot be loaded"):
            registry.check(self.row)
            classes.class_of(self.row)  # before gigabytes are read for nothing
        self._is_checked = True

    def load(self) -> dict[str, Any]:
        """See ``generation.engine.Engine``."""
        self._at_hand()
        return self.found

    def _at_hand(self) -> Resident:
        with self._loading:
            if self._resident is None:
                self._resident = self._loaded()
            return self._resident

    def _loaded(self) -> Resident:
        """The model, or words for what is in its way and nothing of it in memory.

        The words are raised anew, past the handlers: their traceback, and what they were made from, hold the model.
        """
        why: Exception
        try:
            with readable("The model cannot be loaded"):
                return self._load()
        except DeviceLost as lost:
            why = DeviceLost(str(lost))
        except Trouble as trouble:
            if trouble.__cause__:  # as text: whoever keeps log records would keep the traceback
                log.info("%s: %s", self.row, "".join(traceback.format_exception(trouble.__cause__)))
            why = Trouble(str(trouble))
        _empty()
        raise why

    def _load(self) -> Resident:
        if not self._is_checked:
            self.check()
        self._is_checked = False  # another time the files may be others
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
            "arguments": classes.arguments_of(kind),
            "from_image": kind.__name__ in classes.FROM_IMAGE,
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
        sizes = {1, self.row.most_together} if self.row.compile else {1}
        for width, height, frames in self._shapes():
            for size in sorted(sizes):
                with readable(f"The model cannot render {width} × {height}, {frames} frames"):
                    order = Order("", "", WARM_UP_STEPS, 2.0, 0, width, height, frames)
                    _, made = _render(resident, [order] * size, _Nobody())
                    if made.ndim != 5:
                        raise Trouble(f"{self.found['class']} gives something else than clips. It is not used.")

    def _shapes(self) -> list[Shape]:
        """What artists get unless they choose another, and what staff named besides."""
        studio = self.row.studio
        call = studio["call"]
        width, height = studio.get("sizes", [(call["width"], call["height"])])[0]
        default = (width, height, studio.get("lengths", [call["num_frames"]])[0])
        return list(dict.fromkeys([default, *map(tuple, self.row.warm_shapes)]))

    def render(self, orders: Sequence[Order], watch: Watch) -> list[Clip | None]:
        """See ``generation.engine.Engine``.

        Raises:
            OutOfMemory: the batch does not fit.
            DeviceLost: nothing can be rendered in this process any more. And whatever the watch raises.
        """
        resident = self._at_hand()
        try:
            return self._clips(*_render(resident, orders, watch))
        except GivenUp:
            return self.render(orders, watch)
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
        found = {name: value for name, value in self.found.items() if name not in OFFERS}
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
        resident, self._resident = self._resident, None
        if resident is not None:
            resident.give_up()
            del resident
            _empty()


def _render(resident: Resident, orders: Sequence[Order], watch: Watch) -> tuple[Batch, Any]:
    with resident.hand(watch) as hand, named(), resident.without_gradients():
        batch = Batch(resident, hand, orders, watch)
        try:
            return batch, batch.run()
        except NothingWanted:
            return batch, []


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

    def beat(self) -> None: ...
