"""One clip by the engine under a worker's watch, and the same clip by the same weights without any callback."""

import time
from typing import Any

import torch

from access.models import Enrollment
from bench.inside import people
from generation import engines, rendering
from generation.claiming import claim
from generation.jobs import Wish
from generation.models import Pipeline
from generation.turns import order_of
from generation.watch import BatchWatch

ROUNDS = 15
COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
MOTIONS = ("moving left", "moving right", "moving up", "moving down")


def prompt_of(seed: int) -> str:
    return f"a {COLORS[seed % 8]} ball {MOTIONS[seed // 8]} on a black background"


def watched(artist: Enrollment, seed: int) -> float:
    """A claimed job under its watch: fence, progress and previews go to the database."""
    people.submit(artist, Wish(prompt_of(seed), seed=seed))
    jobs = claim("bench")
    engine = engines.loaded(jobs[0].pipeline)
    started = time.perf_counter()
    clips = engine.render([order_of(jobs[0])], BatchWatch(jobs))
    seconds = time.perf_counter() - started
    assert clips[0] is not None
    rendering.fail(jobs[0], "Only the render is measured.", is_final=True)
    return seconds


def bare(pipeline: Any, seed: int) -> float:
    call = Pipeline.objects.get().studio["call"]
    started = time.perf_counter()
    with torch.inference_mode():
        pipeline(
            prompt_of(seed),
            negative_prompt="",
            num_inference_steps=20,
            guidance_scale=3.0,
            generator=torch.Generator().manual_seed(seed),
            output_type="np",
            **call,
        )
    return time.perf_counter() - started


def main() -> None:
    from diffusers import DiffusionPipeline

    artist = people.artist(people.cohort())
    row = Pipeline.objects.get()
    engines.loaded(row)
    pipeline = DiffusionPipeline.from_pretrained(str(row.path), local_files_only=True, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    pairs = [(watched(artist, seed), bare(pipeline, seed)) for seed in range(ROUNDS + 2)][2:]
    print([list(pair) for pair in pairs])
