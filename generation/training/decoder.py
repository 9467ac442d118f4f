"""Tune the VAE's decoder: residual blocks in place of ringing and block edges.

The VAE was solved in closed form: its encoder is a hierarchy of principal components and stays as it is, so latents
keep their meaning. Its decoder was a hierarchy of linear regressions, which rings around edges and shows the grid of
16 pixels. Here it gets residual blocks whose second convolution is zero, so that training starts exactly where the
linear decoder ended, and everything after the latents is trained on freshly drawn scenes.
"""

import copy
import logging
import math
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor, nn
from torch.nn.utils import parametrize

from generation.training.drawing import FRAMES, HEIGHT, WIDTH, draw
from generation.training.grammar import random_scene
from generation.training.optimizer import Muon

log = logging.getLogger(__name__)

BLOCKS = (1, 2, 0, 3)  # residual blocks by level, finest first, as the VAE's configuration wants them
EMA_DECAY = 0.995
WARM_UP_STEPS = 20
RATES, RATE_OF_SOLVED, RATE_OF_BIASES = {"conv1": 0.01, "conv2": 0.001}, 0.0003, 0.0003


@dataclass(frozen=True)
class DecoderRecipe:
    """What a tuning run can be told."""

    pipeline: Path  # the folder whose VAE is tuned
    vae: Path  # the folder to write, and to go on from if it exists
    minutes: float
    batch: int = 4
    pool: int = 240  # clips kept
    fresh: int = 1  # of a batch, how many are drawn anew
    rate: float = 1.0  # times the rates above
    noise: float = 0.08  # most noise added to the latents, for the transformer's are never exact
    edges: float = 1.0  # weight of the difference of neighboring pixels
    squares: float = 2.0  # weight of the squared difference: absolute ones alone vote small things, like snow, away
    seed: int = 1


def tune(recipe: DecoderRecipe) -> None:
    """Run the recipe and leave the VAE at ``recipe.vae``."""
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    Tuner(recipe).run()


# The linear decoder held +s and -s around a carrier of 60 in all 48 channels of its finest level, so that RMSNorm and
# SiLU were almost linear. For any x, SiLU(x) - SiLU(-x) = x exactly; so one carrier channel, which keeps the norm
# steady, is enough, and the signals may be of the size that training likes.
OLD_CARRIER, CARRIER, WIDTH_OF_LEVEL, PAIRS = 60.0, 60.0, 48, 23
_SIGMOID = 1 / (1 + math.exp(-1))
OLD_SLOPE = _SIGMOID * (1 + 1 - _SIGMOID)  # of SiLU at 1, where the carrier held it


@torch.no_grad()
def enlarge(vae: AutoencoderKLLTXVideo) -> AutoencoderKLLTXVideo:
    """The same VAE with residual blocks in its decoder, which do nothing yet."""
    config = {key: value for key, value in vae.config.items() if not key.startswith("_")}
    larger = AutoencoderKLLTXVideo(**(config | {"decoder_layers_per_block": BLOCKS}))
    larger.load_state_dict(vae.state_dict(), strict=False)
    for block in residual_blocks(larger.decoder):
        nn.init.zeros_(block.conv2.conv.weight)
        nn.init.zeros_(block.conv2.conv.bias)
    _free_the_finest_level(larger.decoder)
    return larger.eval()


def _free_the_finest_level(decoder: nn.Module) -> None:
    last = decoder.up_blocks[-1].upsamplers[0].conv.conv
    weight, bias = last.weight.view(WIDTH_OF_LEVEL, 8, -1), last.bias.view(WIDTH_OF_LEVEL, 8)
    signal, offset = weight[:PAIRS].clone(), bias[:PAIRS] - OLD_CARRIER
    weight.zero_()
    bias.zero_()
    weight[:PAIRS], weight[PAIRS : 2 * PAIRS] = signal, -signal
    bias[:PAIRS], bias[PAIRS : 2 * PAIRS], bias[-1] = offset, -offset, CARRIER
    out = decoder.conv_out.conv.weight
    taps = out[:, :PAIRS] * (2 * OLD_SLOPE / OLD_CARRIER) * CARRIER / WIDTH_OF_LEVEL**0.5
    out.zero_()
    out[:, :PAIRS], out[:, PAIRS : 2 * PAIRS] = taps, -taps


def residual_blocks(decoder: nn.Module) -> list[nn.Module]:
    return [part for name, part in decoder.named_modules() if name.split(".")[-2:-1] == ["resnets"]]


class PerInput(nn.Module):
    """Weights as the optimizer sees them, in units in which every input channel has size 1."""

    def __init__(self, size: Tensor) -> None:
        super().__init__()
        self.register_buffer("size", size.view(1, -1, 1, 1, 1))

    def forward(self, weight: Tensor) -> Tensor:
        return weight / self.size

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight * self.size


@torch.no_grad()
def equalize(decoder: nn.Module, latents: Tensor) -> None:
    """Measure what enters each convolution and let the optimizer see all channels at one size.

    The channels are principal components: the first is a hundred times the last, and steps are not.
    """
    sizes: dict[nn.Conv3d, Tensor] = {}

    def measure(conv: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        sizes[conv] = inputs[0].square().mean((0, 2, 3, 4)).sqrt()

    convs = [module for module in decoder.modules() if isinstance(module, nn.Conv3d)]
    hooks = [conv.register_forward_pre_hook(measure) for conv in convs]
    decoder(latents)
    for hook in hooks:
        hook.remove()
    for conv in convs:
        parametrize.register_parametrization(conv, "weight", PerInput(sizes[conv].clamp(min=0.02)))


def plain_weights(decoder: nn.Module) -> dict[str, Tensor]:
    """The state of an unequalized decoder that does the same; only its convolutions have any."""
    convs = {name: module for name, module in decoder.named_modules() if isinstance(module, nn.Conv3d)}
    weights = {f"{name}.weight": conv.weight.detach() for name, conv in convs.items()}
    return weights | {f"{name}.bias": conv.bias.detach() for name, conv in convs.items() if conv.bias is not None}


class Clips:
    """Drawn clips with their latents; each batch replaces a few."""

    def __init__(self, vae: AutoencoderKLLTXVideo, size: int, rng: np.random.Generator) -> None:
        self.vae, self.rng, self.next = vae, rng, 0
        self.clips = torch.empty(size, 3, FRAMES, HEIGHT, WIDTH, dtype=torch.uint8)
        self.latents = torch.empty(size, vae.config.latent_channels, 5, 4, 6)
        for _ in range(0, size, 8):
            self.draw(8)

    @torch.no_grad()
    def draw(self, count: int) -> list[int]:
        places = [(self.next + i) % len(self.clips) for i in range(count)]
        drawn = np.stack([draw(random_scene(self.rng), self.rng) for _ in range(count)])
        self.clips[places] = torch.from_numpy(drawn).permute(0, 4, 1, 2, 3)
        self.latents[places] = self.vae.encode(in_unit_range(self.clips[places])).latent_dist.mode()
        self.next = (self.next + count) % len(self.clips)
        return places

    def batch(self, size: int, fresh: int) -> tuple[Tensor, Tensor]:
        """Latents and the clips they stand for, in [-1, 1]."""
        places = self.draw(fresh) + [int(i) for i in self.rng.integers(len(self.clips), size=size - fresh)]
        return self.latents[places], in_unit_range(self.clips[places])


def in_unit_range(clips: Tensor) -> Tensor:
    return clips.float() / 127.5 - 1


class Tuner:
    """One tuning run."""

    def __init__(self, recipe: DecoderRecipe) -> None:
        self.recipe, self.steps = recipe, 0
        source = recipe.vae if recipe.vae.exists() else recipe.pipeline / "vae"
        self.vae = AutoencoderKLLTXVideo.from_pretrained(source, local_files_only=True).eval()
        if not residual_blocks(self.vae.decoder):
            self.vae = enlarge(self.vae)
        self.vae.encoder.requires_grad_(False)
        self.clips = Clips(self.vae, recipe.pool, np.random.default_rng(recipe.seed))
        self.held_out = Clips(self.vae, 32, np.random.default_rng(99))
        self.decoder = copy.deepcopy(self.vae.decoder)
        equalize(self.decoder, self.clips.latents[:32])
        self.ema = copy.deepcopy(self.decoder).requires_grad_(False)
        biases = [{"params": [p for p in self.decoder.parameters() if p.ndim == 1], "full": RATE_OF_BIASES}]
        self.optimizers = [Muon(self._groups(), lr=0), torch.optim.Adam(biases, betas=(0.9, 0.99))]

    def _groups(self) -> list[dict[str, Any]]:
        """New layers may learn fast; the solved ones are near their place, and their steps move whole pictures."""
        parts: dict[float, list[Tensor]] = defaultdict(list)
        for name, parameter in self.decoder.named_parameters():
            if parameter.ndim > 1:
                parts[next((rate for part, rate in RATES.items() if part in name), RATE_OF_SOLVED)].append(parameter)
        return [{"params": parameters, "lr": rate, "full": rate} for rate, parameters in parts.items()]

    def run(self) -> None:
        started, losses = time.monotonic(), []
        log.info("start: %.2f dB", self.psnr())
        while (done := (time.monotonic() - started) / 60 / self.recipe.minutes) < 1:
            self._set_rate(done)
            losses.append(self.step())
            if self.steps % 50 == 0:
                log.info(
                    "%3.0f %%, step %d, loss %.4f, %.2f dB", 100 * done, self.steps, np.mean(losses[-50:]), self.psnr()
                )
            if self.steps % 200 == 0:
                self.save()
        log.info("end: %d steps, %.2f dB", self.steps, self.psnr())
        self.save()

    def _set_rate(self, done: float) -> None:
        factor = min(1.0, (self.steps + 1) / WARM_UP_STEPS, 0.02 + 1.4 * (1 - done))
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["lr"] = self.recipe.rate * factor * group["full"]

    def step(self) -> float:
        latents, clips = self.clips.batch(self.recipe.batch, self.recipe.fresh)
        amount = self.recipe.noise * torch.rand(len(latents), 1, 1, 1, 1)
        loss = self._loss(self.decoder(latents + amount * torch.randn_like(latents)), clips)
        self.decoder.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps += 1
        self._update_ema()
        return loss.item()

    def _loss(self, drawn: Tensor, wanted: Tensor) -> Tensor:
        """Absolute difference of pixels, and of their differences to the right and below, so that edges stay."""
        difference = drawn - wanted
        edges = difference.diff(dim=3).abs().mean() + difference.diff(dim=4).abs().mean()
        return difference.abs().mean() + self.recipe.edges * edges + self.recipe.squares * difference.square().mean()

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(EMA_DECAY, (1 + self.steps) / (25 + self.steps))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.decoder.parameters()), 1 - decay)

    @torch.no_grad()
    def psnr(self) -> float:
        """Mean over held-out clips, in dB, of the averaged weights."""
        drawn = torch.cat([self.ema(part) for part in self.held_out.latents.split(8)]).clamp(-1, 1)
        error = (drawn - in_unit_range(self.held_out.clips)).square().mean((1, 2, 3, 4))
        return float((10 * torch.log10(4 / error)).mean())

    def save(self) -> None:
        """Write the VAE with the averaged decoder."""
        self.vae.decoder.load_state_dict(plain_weights(self.ema))
        self.vae.save_pretrained(self.recipe.vae, safe_serialization=True)
