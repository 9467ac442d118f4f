"""Ask the model for scenes that training refused to draw, and look whether they are in the clips."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray

from generation.training.analysis import Reading, read
from generation.training.drawing import draw
from generation.training.grammar import SIZES, Scene, caption, held_out_combinations, pick

BATCH = 10
Clip = NDArray[np.uint8]


@dataclass(frozen=True)
class Setting:
    """What every clip of an evaluation is made with."""

    steps: int
    guidance: float
    call: dict[str, int]  # height, width, number of frames …, as in ``studio.json``


@dataclass(frozen=True)
class Question:
    """A scene, the words that ask for it, and the seed of the noise."""

    scene: Scene
    prompt: str
    seed: int

    def marks(self, reading: Reading) -> dict[str, bool]:
        wanted = {"background": "background", "color": "color", "direction": "motion"}
        return {name: getattr(reading, name) == self.scene[word] for name, word in wanted.items()}


def questions(count: int, seed: int) -> list[Question]:
    """Prompts over all held-out combinations in turn, in an order and in words that depend on the seed."""
    rng = np.random.default_rng(seed)
    combinations = held_out_combinations()
    order: list[int] = []
    while len(order) < count:
        order += [int(i) for i in rng.permutation(len(combinations))]
    scenes = [_scene(combinations[i], pick(rng, SIZES)) for i in order[:count]]
    return [Question(scene, _whole_caption(scene, rng), seed * 100_000 + n) for n, scene in enumerate(scenes)]


def _scene(combination: tuple[str, str, str, str], size: str) -> Scene:
    color, shape, motion, background = combination
    return Scene("shape", {"color": color, "shape": shape, "motion": motion, "background": background, "size": size})


def _whole_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption that names the background too: the grammar sometimes leaves it out."""
    while True:
        words = caption(scene, rng)
        if words.endswith(("background", "backdrop")):
            return words


def load(folder: Path) -> Any:
    """The pipeline as anybody would load it."""
    pipeline = DiffusionPipeline.from_pretrained(str(folder.resolve()), local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def generate(pipeline: Any, prompts: list[str], seeds: list[int], setting: Setting) -> Iterator[Clip]:
    """Clips ``[frame, row, column, channel]``, uint8, one by one; each prompt has its own noise."""
    for start in range(0, len(prompts), BATCH):
        part = slice(start, start + BATCH)
        frames = pipeline(
            prompts[part],
            generator=[torch.Generator().manual_seed(seed) for seed in seeds[part]],
            num_inference_steps=setting.steps,
            guidance_scale=setting.guidance,
            output_type="np",
            **setting.call,
        ).frames
        yield from (np.asarray(frames) * 255).round().astype(np.uint8)


@dataclass
class Answer:
    """A question, the clip the model made of it, and what was right about it."""

    question: Question
    clip: Clip
    marks: dict[str, bool]


def ask(pipeline: Any, asked: list[Question], setting: Setting) -> list[Answer]:
    clips = generate(pipeline, [q.prompt for q in asked], [q.seed for q in asked], setting)
    return [Answer(question, clip, question.marks(read(clip))) for question, clip in zip(asked, clips, strict=True)]


def score(marks: Iterable[dict[str, bool]]) -> dict[str, float]:
    """The share of right backgrounds, colors and directions."""
    rows = list(marks)
    return {name: round(sum(row[name] for row in rows) / len(rows), 4) for name in ("background", "color", "direction")}


def score_of_drawn(asked: list[Question], seed: int) -> dict[str, float]:
    """What the analyser finds in drawn clips of the same scenes: the ceiling of ``score``."""
    rng = np.random.default_rng(seed)
    return score(question.marks(read(draw(question.scene, rng))) for question in asked)


def report(answers: list[Answer], setting: Setting, seed: int) -> dict[str, Any]:
    asked = [answer.question for answer in answers]
    settings = {name: value for name, value in asdict(setting).items() if name != "call"}
    found = score(answer.marks for answer in answers)
    return {**found, "prompts": len(asked), "seed": seed, **settings, "ground_truth": score_of_drawn(asked, seed)}


def score_by(answers: list[Answer], word: str) -> dict[str, dict[str, float]]:
    """The score for each motion, shape, color or background on its own."""
    values = sorted({answer.question.scene[word] for answer in answers})
    return {v: score(answer.marks for answer in answers if answer.question.scene[word] == v) for v in values}
