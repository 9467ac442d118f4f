"""The diffusers engine: any local text-to-video folder with a step callback. Imported in a worker's child only."""

import inspect
import logging
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before the libraries are imported: nothing is ever fetched
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import diffusers
import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor

from generation.engine import Clip, Order, Picture, Watch
from generation.refusals import Trouble

log = logging.getLogger(__name__)
diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()

ALLOWED = {".json", ".safetensors", ".txt", ".model", ".md"}  # nothing that could run, nothing pickled
MAKING_AT = (0.0, 0.5, 0.65, 0.75, 0.85, 1.0)  # of the way: static for long, then the picture comes quickly
Grid = tuple[int, int, int]


class DiffusersEngine:
    """A pipeline folder, loaded with ``DiffusionPipeline.from_pretrained`` and nothing else."""

    def __init__(self, folder: Path, studio: dict[str, Any], threads: int = 0) -> None:
        self.folder, self.studio, self.threads = folder, studio, threads
        self.pipeline: Any = None

    def load(self) -> None:
        if self.pipeline is not None:
            return
        check_folder(self.folder)
        check_call(self.studio)
        if self.threads:
            torch.set_num_threads(self.threads)
        try:
            pipeline = diffusers.DiffusionPipeline.from_pretrained(
                str(self.folder), local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
        except Exception as trouble:  # whatever a broken folder makes diffusers raise, its reader needs the words
            raise Trouble(f"The model folder cannot be loaded: {first_line(trouble)}") from trouble
        if "callback_on_step_end" not in inspect.signature(type(pipeline).__call__).parameters:
            raise Trouble("This pipeline tells nobody about its steps, so it could not be halted. It is not used.")
        pipeline.set_progress_bar_config(disable=True)
        self.pipeline = pipeline

    def render(self, order: Order, watch: Watch) -> Clip:
        steps = Steps(self.pipeline, order.steps, watch, grid_of(self.pipeline, self.studio["call"]))
        watch.phase("denoise")
        with torch.inference_mode():
            frames = self.pipeline(**self._call(order, steps)).frames[0]
            making = steps.pictures()
        return Clip(
            frames=to_bytes(frames),
            frame_rate=float(self.studio.get("call", {}).get("frame_rate", 8)),
            making=making,
            provenance=self._provenance(order),
        )

    def _call(self, order: Order, steps: "Steps") -> dict[str, Any]:
        """The arguments, of which the pipeline gets those its signature knows."""
        wanted: dict[str, Any] = {
            **self.studio.get("call", {}),
            "prompt": order.prompt,
            "negative_prompt": order.negative_prompt,
            "num_inference_steps": order.steps,
            "guidance_scale": order.guidance,
            "generator": torch.Generator().manual_seed(order.seed),
            "output_type": "np",
            "callback_on_step_end": steps,
            "callback_on_step_end_tensor_inputs": ["latents"],
        }
        known = inspect.signature(type(self.pipeline).__call__).parameters
        return {name: value for name, value in wanted.items() if name in known}

    def _provenance(self, order: Order) -> dict[str, Any]:
        return {
            "pipeline": type(self.pipeline).__name__,
            "call": self.studio.get("call", {}),
            "steps": order.steps,
            "guidance": order.guidance,
            "seed": order.seed,
            "versions": {"diffusers": diffusers.__version__, "torch": torch.__version__},
            "device": "cpu",
            "dtype": "float32",
        }


class Steps:
    """The step callback: tells the watch, and keeps a few latents from which the making is shown afterwards."""

    def __init__(self, pipeline: Any, steps: int, watch: Watch, grid: Grid) -> None:
        self.pipeline, self.steps, self.watch, self.grid = pipeline, steps, watch, grid
        self.kept: list[Tensor] = []
        self.keep_at = {1 + round(share * (steps - 1)) for share in MAKING_AT}

    def __call__(self, pipeline: Any, step: int, timestep: object, values: dict[str, Tensor]) -> dict[str, Tensor]:
        latents = values["latents"]
        if step + 1 in self.keep_at:
            self.kept.append(latents.clone())
        self.watch.step(step + 1, lambda: self.decode([latents])[0])
        if step + 1 == self.steps:
            self.watch.phase("decode")
        return values

    def pictures(self) -> list[Picture]:
        return self.decode(self.kept)

    def decode(self, latents: list[Tensor]) -> list[Picture]:
        """The middle of each clip as the VAE sees it now: static at first, then the picture."""
        pipeline = self.pipeline
        grids = torch.cat([unpacked(pipeline, one, self.grid) for one in latents])
        middle = grids[:, :, grids.shape[2] // 2][:, :, None]
        video = pipeline.vae.decode(middle, return_dict=False)[0]
        return list(to_bytes(((video[:, :, -1].permute(0, 2, 3, 1) + 1) / 2).float().numpy()))


def unpacked(pipeline: Any, latents: Tensor, grid: Grid) -> Tensor:
    """Latents of the first clip as ``[1, channel, frame, row, column]`` in the VAE's own scale."""
    if latents.ndim == 3:  # LTX keeps them as tokens
        frames, rows, columns = grid
        latents = pipeline._unpack_latents(latents[:1], frames, rows, columns, 1, 1)
        return pipeline._denormalize_latents(
            latents, pipeline.vae.latents_mean, pipeline.vae.latents_std, pipeline.vae.config.scaling_factor
        )
    return latents[:1] / getattr(pipeline.vae.config, "scaling_factor", 1.0)


def grid_of(pipeline: Any, call: dict[str, Any]) -> Grid:
    """Latent frames, rows and columns of a clip of this call."""
    space = getattr(pipeline, "vae_spatial_compression_ratio", 8)
    time = getattr(pipeline, "vae_temporal_compression_ratio", 4)
    return (call["num_frames"] - 1) // time + 1, call["height"] // space, call["width"] // space


def to_bytes(frames: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Pixels in [0, 1] as uint8."""
    return (np.clip(np.asarray(frames), 0, 1) * 255).round().astype(np.uint8)


def check_folder(folder: Path) -> None:
    """Refuse a folder that is not a plain pipeline: nothing in it may run.

    Raises:
        Trouble: with the reason.
    """
    if not (folder / "model_index.json").is_file():
        raise Trouble("The model folder is not there, or has no model_index.json.")
    strange = sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix not in ALLOWED)
    if strange:
        raise Trouble(f"The model folder holds files that are not allowed there: {', '.join(strange[:3])}.")


def check_call(studio: dict[str, Any]) -> None:
    """Refuse to guess how a model is called.

    Raises:
        Trouble: ``studio.json`` is missing, broken or incomplete.
    """
    call = studio.get("call")
    missing = {"height", "width", "num_frames"} - set(call if isinstance(call, dict) else {})
    if missing:
        raise Trouble(f"The model folder's studio.json cannot be read, or its call lacks {', '.join(sorted(missing))}.")


def first_line(trouble: Exception) -> str:
    return (str(trouble).strip().splitlines() or [type(trouble).__name__])[0][:200]
