"""Latents as pictures: previews while a clip is made, and the strip that shows it arise from static."""

from typing import Any

import numpy as np
import torch
from diffusers.utils.torch_utils import randn_tensor
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
        scaled = from_tokens(pipeline, latents, grid)
    elif type(pipeline).__name__.startswith("CogVideoX"):  # frames before channels
        scaled = _scaled(pipeline.vae, latents.transpose(1, 2))
    else:
        scaled = _scaled(pipeline.vae, latents)
    return scaled[:, :, scaled.shape[2] // 2][:, :, None].clone()


def from_tokens(pipeline: Any, tokens: Tensor, grid: Grid) -> Tensor:
    """LTX's tokens as latents in the scale its VAE decodes, ``[clip, channel, frame, row, column]``."""
    patch, vae = (pipeline.transformer_spatial_patch_size, pipeline.transformer_temporal_patch_size), pipeline.vae
    latents = pipeline._unpack_latents(tokens, *grid, *patch)
    return pipeline._denormalize_latents(latents, vae.latents_mean, vae.latents_std, vae.config.scaling_factor)


def wants_noise(vae: Any) -> bool:
    """Whether the VAE wants to know how much noise is left in what it decodes, as LTX's newer ones do."""
    return bool(getattr(vae.config, "timestep_conditioning", False))


def pixels_of(
    pipeline: Any, tokens: Tensor, grid: Grid, call: dict[str, Any], generators: list[torch.Generator]
) -> NDArray[np.floating[Any]]:
    """What a call of LTX does past its loop for a VAE that wants noise: add it, decode, in [0, 1]."""
    latents = from_tokens(pipeline, tokens, grid).to(pipeline.text_encoder.dtype)
    left, scale = _each(call.get("decode_timestep", 0.0), latents), call.get("decode_noise_scale")
    share = (left if scale is None else _each(scale, latents)).view(-1, 1, 1, 1, 1)
    noise = randn_tensor(latents.shape, generator=generators, device=latents.device, dtype=latents.dtype)
    noisy = ((1 - share) * latents + share * noise).to(pipeline.vae.dtype)
    video = pipeline.vae.decode(noisy, left, return_dict=False)[0]
    return pipeline.video_processor.postprocess_video(video, output_type="np")


def _each(value: float | list[float], like: Tensor) -> Tensor:
    """A number for each clip."""
    return torch.tensor(value).to(like.device, like.dtype).expand(len(like))


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
