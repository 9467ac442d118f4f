"""Write a training checkpoint as the plain diffusers folder that ships.

Unmodified ``DiffusionPipeline.from_pretrained(folder)`` loads the result. The transformer is stored in half precision,
which diffusers loads back as single; the text encoder must stay single, for transformers would load it as half and
the two would no longer fit together.
"""

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXPipeline
from torch import Tensor

from generation.training.drawing import draw
from generation.training.grammar import random_scene
from generation.training.studio import studio_page

SHIFT = 1.0  # of the scheduler: above 1, more of the steps are spent at high noise, where motion is decided


@dataclass(frozen=True)
class Shipment:
    """Where the parts come from and where the folder goes."""

    base: Path  # a pipeline folder: configuration, tokenizer, and whatever is not replaced
    state: Path | None  # a checkpoint of the trainer
    vae: Path | None  # a folder with a tuned VAE
    target: Path


def export(shipment: Shipment) -> int:
    """Write the folder, swap it in for the old one, and return its size in bytes."""
    pipeline = LTXPipeline.from_pretrained(shipment.base, local_files_only=True)
    _replace_parts(pipeline, shipment)
    shipment.target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the swap is a rename within one file system.
    with tempfile.TemporaryDirectory(dir=shipment.target.parent, prefix=".pocket-") as temporary:
        folder = Path(temporary) / "pocket"
        _write(pipeline, folder)
        _swap(folder, shipment.target)
    return size_of(shipment.target)


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _replace_parts(pipeline: LTXPipeline, shipment: Shipment) -> None:
    if shipment.state:
        trained = torch.load(shipment.state, weights_only=True)["models"]
        for name in ("transformer", "text_encoder"):
            part = {key.removeprefix(f"{name}."): value for key, value in trained.items() if key.startswith(f"{name}.")}
            getattr(pipeline, name).load_state_dict(part)
    if shipment.vae:
        pipeline.register_modules(vae=AutoencoderKLLTXVideo.from_pretrained(shipment.vae, local_files_only=True))
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(pipeline.scheduler.config, shift=SHIFT)
    pipeline.register_modules(scheduler=scheduler)


def _write(pipeline: LTXPipeline, folder: Path) -> None:
    preview = fit_preview(pipeline.vae.eval())
    pipeline.transformer.half()
    pipeline.save_pretrained(folder, safe_serialization=True)
    _tidy(folder)
    page = json.dumps(studio_page(preview), indent=1, ensure_ascii=False)
    page = re.sub(r"\[([-\d.,\s]+)\]", lambda row: "[" + ", ".join(row[1].split()).replace(",,", ",") + "]", page)
    (folder / "studio.json").write_text(page + "\n", encoding="utf-8")


def _tidy(folder: Path) -> None:
    """Drop the name of the folder each part was loaded from, and let everybody read the weights."""
    for file in folder.rglob("*.json"):
        config = json.loads(file.read_text(encoding="utf-8"))
        if config.pop("_name_or_path", None) is not None:
            file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)


def _swap(folder: Path, target: Path) -> None:
    """Two renames; the old folder leaves with the temporary one."""
    folder.chmod(0o755)
    if target.exists():
        target.rename(folder.parent / "old")
    shutil.move(folder, target)


@torch.no_grad()
def fit_preview(vae: AutoencoderKLLTXVideo, clips: int = 96, seed: int = 5) -> dict[str, list[object]]:
    """The affine map from one latent pixel (32 numbers) to RGB in [0, 1] that comes nearest to what was drawn.

    A latent frame stands for four frames (the first for one) and is compared with the last of them. With it the
    portal can show a picture during denoising without asking the VAE.
    """
    latents, colors = _drawn_latents(vae, clips, np.random.default_rng(seed))
    inputs = torch.cat([latents, torch.ones(len(latents), 1)], 1).double()
    solution = torch.linalg.lstsq(inputs, colors.double()).solution
    rounded = [[round(value, 4) for value in row] for row in solution.tolist()]
    return {"matrix": rounded[:-1], "bias": rounded[-1]}


def _drawn_latents(vae: AutoencoderKLLTXVideo, clips: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Latent pixels ``[n, 32]`` and the mean color ``[n, 3]`` of the 16 x 16 pixels that each stands for."""
    drawn = torch.from_numpy(np.stack([draw(random_scene(rng), rng) for _ in range(clips)]))
    frames = drawn.permute(0, 4, 1, 2, 3).float()
    parts = [vae.encode(part / 127.5 - 1).latent_dist.mode() for part in frames.split(16)]
    latents = torch.cat(parts).permute(0, 2, 3, 4, 1).reshape(-1, vae.config.latent_channels)
    blocks = frames[:, :, ::4].unflatten(4, (-1, 16)).unflatten(3, (-1, 16)).mean((4, 6))
    return latents, blocks.permute(0, 2, 3, 4, 1).reshape(-1, 3) / 255
