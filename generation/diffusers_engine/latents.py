"""Latents as pictures: previews while a clip is made, and the strip that shows it arise from static."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generation.engine import Picture

Grid = tuple[int, int, int]  # latent frames, rows, columns


def grid_of(pipeline: Any, width: int, height: int, frames: int) -> Grid:
    """The latent grid of a clip of so many pixels and frames, of a pipeline that keeps latents as tokens."""
    space, time = pipeline.vae_spatial_compression_ratio, pipeline.vae_temporal_compression_ratio
    return (frames - 1) // time + 1, height // space, width // space


def middle_of(pipeline: Any, latents: Tensor, grid: Grid | None) -> Tensor:
    """The middle latent frame of each clip, ``[clip, channel, 1, row, column]`` in the scale its VAE decodes.

    ``grid`` is that of latents kept as tokens, as LTX does; None for others.
    """
    if grid is not None:
        patch = pipeline.transformer_spatial_patch_size, pipeline.transformer_temporal_patch_size
        latents = pipeline._unpack_latents(latents, *grid, *patch)
        vae = pipeline.vae
        scaled = pipeline._denormalize_latents(latents, vae.latents_mean, vae.latents_std, vae.config.scaling_factor)
    elif type(pipeline).__name__.startswith("CogVideoX"):  # frames before channels
        scaled = _scaled(pipeline.vae, latents.transpose(1, 2))
    else:
        scaled = _scaled(pipeline.vae, latents)
    return scaled[:, :, scaled.shape[2] // 2][:, :, None].clone()


def _scaled(vae: Any, latents: Tensor) -> Tensor:
    """``latents · std / scaling factor + mean``, as Wan's, Mochi's and CogVideoX's own code has it."""
    mean, std = (getattr(vae.config, name, None) for name in ("latents_mean", "latents_std"))
    latents = latents / (getattr(vae.config, "scaling_factor", None) or 1.0)
    if mean is None or std is None:
        return latents
    return latents * _channels(std, latents) + _channels(mean, latents)


def _channels(values: Any, like: Tensor) -> Tensor:
    return torch.as_tensor(values).view(1, -1, 1, 1, 1).to(like.device, like.dtype)


def rough(middle: Tensor, declared: dict[str, Any]) -> Picture:
    """A picture of one latent frame without the VAE: by the folder's own matrix, or else its first three channels."""
    pixels = middle[0, :, 0].float().permute(1, 2, 0).cpu()  # [row, column, channel]
    matrix = torch.tensor(declared.get("matrix", []))
    if matrix.ndim == 2 and len(matrix) == pixels.shape[-1]:
        return to_bytes((pixels @ matrix + torch.tensor(declared["bias"])).numpy())
    low, high = pixels.min(), pixels.max()
    return to_bytes(((pixels[..., :3] - low) / (high - low).clamp(min=1e-6)).numpy())


def unfamiliar(latents: Tensor) -> Picture:
    """Latents of a class whose layout is not known: their numbers as shades of gray, as square as they lie."""
    rows = latents.float().cpu().reshape(-1, latents.shape[-1])[: latents.shape[-1]]
    gray = (rows - rows.min()) / (rows.max() - rows.min()).clamp(min=1e-6)
    return to_bytes(gray[..., None].expand(-1, -1, 3).numpy())


def to_bytes(frames: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Pixels in [0, 1] as uint8: ``round(255 x)``, halves to the even number."""
    return (np.clip(np.asarray(frames), 0, 1) * 255).round().astype(np.uint8)
