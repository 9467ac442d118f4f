"""Train the pocket model's transformer and text encoder: rectified flow on latents of freshly drawn scenes.

Rectified flow (Liu et al. 2022; the convention of ``FlowMatchEulerDiscreteScheduler``): ``x = (1 - s) z + s e`` with
``e`` standard normal, and the transformer predicts ``e - z`` from ``x``, the caption and the timestep ``1000 s``.
Two processes of one thread each beat one process of two threads on a small CPU, so gradients are averaged with gloo.
"""

import copy
import logging
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from diffusers import LTXPipeline
from torch import Tensor, nn

from generation.training.drawing import draw
from generation.training.grammar import Scene, random_scene, training_caption
from generation.training.optimizer import Muon

log = logging.getLogger(__name__)

GRID = (5, 4, 6)  # latent frames, rows, columns of a 17 x 64 x 96 clip
ROPE_SCALE = (4 / 8.0, 16.0, 16.0)  # temporal compression / frame rate, spatial compression: as LTXPipeline computes it
CAPTION_LENGTHS, CAPTION_ODDS = (24, 128), (0.93, 0.07)  # T5 sees the padding, so both lengths in use are trained
EMA_DECAY = 0.998
WARM_UP_STEPS = 40


@dataclass(frozen=True)
class Recipe:
    """What a training run can be told."""

    pipeline: Path  # the folder to start from
    state: Path  # the checkpoint to write, and to go on from if it exists
    minutes: float
    anneal: float = 0.5  # the share of the run in which the learning rate falls to 3 %
    processes: int = 2
    batch: int = 14  # clips per process and step
    pool: int = 3000  # latents kept per process
    fresh: int = 2  # of a batch, how many are drawn anew
    muon_rate: float = 0.015
    adam_rate: float = 2e-3
    compile: bool = True
    seed: int = 1


def train(recipe: Recipe) -> None:
    """Run the recipe and leave the checkpoint at ``recipe.state``."""
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(_worker, args=(recipe, f"file://{folder}/rendezvous"), nprocs=recipe.processes)


def _worker(rank: int, recipe: Recipe, rendezvous: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=recipe.processes)
    try:
        Trainer(recipe, rank).run()
    finally:
        dist.destroy_process_group()


class Pool:
    """Latents of drawn scenes; each batch replaces a few of them, so nothing is seen often."""

    def __init__(self, vae: nn.Module, size: int, rng: np.random.Generator) -> None:
        self.vae, self.rng, self.next = vae, rng, 0
        self.scenes: list[Scene] = []
        self.latents = torch.empty(size, GRID[0] * GRID[1] * GRID[2], 32, dtype=torch.float16)
        while len(self.scenes) < size:
            self.draw(min(16, size - len(self.scenes)))

    @torch.no_grad()
    def draw(self, count: int) -> list[int]:
        """Draw and encode ``count`` new scenes in place of the oldest; return their places."""
        scenes = [random_scene(self.rng) for _ in range(count)]
        clips = torch.from_numpy(np.stack([draw(scene, self.rng) for scene in scenes]))
        latents = self.vae.encode(clips.permute(0, 4, 1, 2, 3).float() / 127.5 - 1).latent_dist.mode()
        tokens = latents.permute(0, 2, 3, 4, 1).flatten(1, 3).half()
        places = [(self.next + i) % len(self.latents) for i in range(count)]
        for place, scene, token in zip(places, scenes, tokens, strict=True):
            self.latents[place] = token
            self.scenes[place : place + 1] = [scene]
        self.next = (self.next + count) % len(self.latents)
        return places

    def batch(self, size: int, fresh: int) -> tuple[Tensor, list[Scene]]:
        places = self.draw(fresh) + [int(i) for i in self.rng.integers(len(self.scenes), size=size - fresh)]
        return self.latents[places].float(), [self.scenes[i] for i in places]


class Trainer:
    """One process of a training run."""

    def __init__(self, recipe: Recipe, rank: int) -> None:
        self.recipe, self.rank = recipe, rank
        pipeline = LTXPipeline.from_pretrained(recipe.pipeline, local_files_only=True)
        self.tokenizer: Any = pipeline.tokenizer
        parts = {"transformer": pipeline.transformer, "text_encoder": pipeline.text_encoder}
        self.models = nn.ModuleDict(parts).train()
        self.steps = self.views = 0
        self._restore()
        self.ema = copy.deepcopy(self.models).requires_grad_(False)
        self.rng = np.random.default_rng(recipe.seed + 1000 * rank + self.views)
        torch.manual_seed(recipe.seed + 1000 * rank + self.views)
        self._make_optimizers()
        self.pool = Pool(pipeline.vae.eval(), recipe.pool, self.rng)
        transformer = self.models["transformer"]
        self.predict = torch.compile(transformer, dynamic=False) if recipe.compile else transformer

    def _restore(self) -> None:
        if self.recipe.state.exists():
            state = torch.load(self.recipe.state, weights_only=True)
            self.models.load_state_dict(state["models"])
            self.views = int(state["views"])

    def _make_optimizers(self) -> None:
        named = list(self.models["transformer"].named_parameters())
        matrices = [p for n, p in named if p.ndim == 2 and "transformer_blocks" in n and "scale_shift" not in n]
        in_muon = {id(p) for p in matrices}
        self.others = [p for p in self.models.parameters() if id(p) not in in_muon]
        self.parameters = matrices + self.others
        self.muon = Muon(matrices, lr=self.recipe.muon_rate)
        self.adam = torch.optim.AdamW(self.others, lr=self.recipe.adam_rate, betas=(0.9, 0.98), weight_decay=1e-3)

    def run(self) -> None:
        started, losses = time.monotonic(), []
        while (done := self._progress(started)) < 1:
            self._set_rate(done)
            losses.append(self.step())
            if self.rank == 0 and self.steps % 50 == 0:
                minutes = (time.monotonic() - started) / 60
                loss = np.mean(losses[-100:])
                log.info("%.1f min, step %d, %d views, loss %.4f", minutes, self.steps, self.views, loss)
            if self.rank == 0 and self.steps % 200 == 0:
                self.save()
        if self.rank == 0:
            self.save()

    def _progress(self, started: float) -> float:
        """The share of the time that is over, as the first process sees it: all must stop at the same step."""
        share = torch.tensor([(time.monotonic() - started) / 60 / self.recipe.minutes])
        dist.broadcast(share, 0)
        return share.item()

    def _set_rate(self, done: float) -> None:
        flat = 1 - self.recipe.anneal
        factor = 1.0 if done < flat else 0.03 + 0.97 * (1 - (done - flat) / self.recipe.anneal)
        factor *= min(1.0, (self.steps + 1) / WARM_UP_STEPS)
        for optimizer, rate in ((self.muon, self.recipe.muon_rate), (self.adam, self.recipe.adam_rate)):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    def step(self) -> float:
        clean, scenes = self.pool.batch(self.recipe.batch, self.recipe.fresh)
        loss = self._loss(clean, [training_caption(scene, self.rng) for scene in scenes])
        self.models.zero_grad(set_to_none=True)
        loss.backward()
        self._average_gradients()
        torch.nn.utils.clip_grad_norm_(self.others, 1.0)
        self.muon.step()
        self.adam.step()
        self.steps += 1
        self.views += self.recipe.batch * self.recipe.processes
        self._update_ema()
        return loss.item()

    def _loss(self, clean: Tensor, captions: list[str]) -> Tensor:
        count, tokens, _ = clean.shape
        noise, sigma = torch.randn_like(clean), self._sigmas(count)
        first = tokens // GRID[0] if self.steps % 8 == 7 else 0  # image to video: the first latent frame is given
        sigmas = sigma[:, None, None].expand(-1, tokens, 1).clone()
        sigmas[:, :first] = 0
        length = int(self.rng.choice(CAPTION_LENGTHS, p=CAPTION_ODDS)) if not first else CAPTION_LENGTHS[0]
        text = self.tokenizer(captions, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        predicted = self.predict(
            hidden_states=(1 - sigmas) * clean + sigmas * noise,
            encoder_hidden_states=self.models["text_encoder"](text.input_ids)[0],
            timestep=sigmas[..., 0] * 1000 if first else sigma * 1000,
            encoder_attention_mask=text.attention_mask.bool(),
            num_frames=GRID[0],
            height=GRID[1],
            width=GRID[2],
            rope_interpolation_scale=ROPE_SCALE,
            return_dict=False,
        )[0]
        return (predicted - (noise - clean))[:, first:].square().mean()

    def _sigmas(self, count: int) -> Tensor:
        """Logit-normal noise levels, a little to the noisy side, where motion is decided; some uniform."""
        sigma = torch.sigmoid(torch.randn(count) * 1.1 + 0.4)
        return torch.where(torch.rand(count) < 0.12, torch.rand(count), sigma)

    def _average_gradients(self) -> None:
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        flat /= self.recipe.processes
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(EMA_DECAY, (1 + self.steps) / (25 + self.steps))
        averaged, current = list(self.ema.parameters()), list(self.models.parameters())
        torch._foreach_lerp_(averaged, current, 1 - decay)

    def save(self) -> None:
        """Write the averaged weights and the number of clips seen, atomically."""
        self.recipe.state.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.recipe.state.with_suffix(".part")
        torch.save({"models": self.ema.state_dict(), "views": self.views}, temporary)
        temporary.rename(self.recipe.state)
