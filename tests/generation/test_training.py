"""The pocket model: what training may draw, what the analyser sees, and what ships."""

import copy
import json
import socket
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
import torch.distributed as dist

from generation.training import evaluation
from generation.training.analysis import read
from generation.training.decoder import equalize, plain_weights
from generation.training.drawing import draw
from generation.training.grammar import (
    DIRECTIONS,
    KIND_WEIGHTS,
    Scene,
    caption,
    held_out_combinations,
    is_held_out,
    random_scene,
)
from generation.training.optimizer import orthogonalize
from generation.training.studio import studio_page
from generation.training.trainer import Recipe, Trainer

pytestmark = pytest.mark.ml

POCKET = Path(__file__).resolve().parents[2] / "generation" / "pocket"
MOST_BYTES = 14_000_000
FEW_STEPS = 3


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """The shipped folder, loaded as anybody would, with the network out of reach."""
    torch.set_num_threads(1)
    with mock.patch.object(socket.socket, "connect", side_effect=AssertionError("the network was asked")):
        return evaluation.load(POCKET)


@pytest.fixture(scope="module")
def studio() -> dict[str, Any]:
    page: dict[str, Any] = json.loads((POCKET / "studio.json").read_text(encoding="utf-8"))
    return page


# --- what training may draw ---


def test_training_never_draws_a_held_out_combination() -> None:
    rng = np.random.default_rng(1)
    shapes = [random_scene(rng, "shape") for _ in range(4000)]
    drawn = {(s["color"], s["shape"], s["motion"], s["background"]) for s in shapes}
    assert not drawn & set(held_out_combinations())


def test_about_one_combination_in_seven_is_held_out_in_every_direction() -> None:
    held_out = held_out_combinations()
    assert 100 <= len(held_out) <= 150
    assert {motion for _, _, motion, _ in held_out} == set(DIRECTIONS)
    assert not is_held_out("red", "circle", "bouncing", "black"), "only straight travel is held out"


def test_every_caption_fits_the_text_length(pipeline: Any, studio: dict[str, Any]) -> None:
    rng = np.random.default_rng(2)
    said = [caption(random_scene(rng, kind), rng) for kind in KIND_WEIGHTS for _ in range(200)]
    longest = max(len(tokens) for tokens in pipeline.tokenizer([*said, *studio["surprises"]]).input_ids)
    assert longest <= studio["call"]["max_sequence_length"]


def test_every_word_of_the_grammar_is_one_the_tokenizer_knows(pipeline: Any, studio: dict[str, Any]) -> None:
    rng, known = np.random.default_rng(3), pipeline.tokenizer.get_vocab()
    said = [caption(random_scene(rng), rng) for _ in range(500)] + studio["surprises"]
    unknown = {word for words in said for word in words.split() if word not in known}
    assert unknown <= {"an"}, "which falls to the pieces of “a” and “n”"


# --- what the analyser sees ---


def test_the_analyser_reads_drawn_scenes() -> None:
    asked = evaluation.questions(110, seed=4)
    found = evaluation.score_of_drawn(asked, seed=4)
    assert min(found.values()) >= 0.95, found


def test_the_analyser_sees_no_direction_in_a_shape_that_stands_still() -> None:
    scene = Scene("shape", {"color": "red", "shape": "star", "motion": "spinning", "background": "black"})
    reading = read(draw(scene, np.random.default_rng(5)))
    assert (reading.background, reading.color, reading.direction) == ("black", "red", "")


def test_the_analyser_says_nothing_of_an_empty_frame() -> None:
    reading = read(np.full((17, 64, 96, 3), 240, np.uint8))
    assert (reading.color, reading.direction) == ("", "")


def test_questions_ask_only_for_what_training_refuses_and_name_the_background() -> None:
    asked = evaluation.questions(200, seed=6)
    words = ("color", "shape", "motion", "background")
    assert {tuple(q.scene[w] for w in words) for q in asked} == set(held_out_combinations())
    assert all(q.prompt.endswith(("background", "backdrop")) for q in asked)
    assert asked == evaluation.questions(200, seed=6)


# --- what ships ---


def test_the_folder_holds_weights_and_words_and_nothing_else() -> None:
    files = [file for file in POCKET.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".json", ".safetensors"}
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES


def test_no_configuration_names_a_folder_it_came_from() -> None:
    configs = [json.loads(file.read_text()) for file in POCKET.rglob("*.json") if file.name != "tokenizer.json"]
    assert not [config for config in configs if "_name_or_path" in config]


def test_the_studio_page_is_what_the_code_says(studio: dict[str, Any]) -> None:
    assert studio == json.loads(json.dumps(studio_page(studio["preview"])))
    assert np.array(studio["preview"]["matrix"]).shape == (32, 3)
    assert len(set(studio["surprises"])) == len(studio["surprises"]) >= 50


def test_the_same_seed_makes_the_same_clip(pipeline: Any, studio: dict[str, Any]) -> None:
    setting = evaluation.Setting(FEW_STEPS, studio["defaults"]["guidance"], studio["call"])
    first, again, other = (
        next(evaluation.generate(pipeline, ["a red ball moving left on a black background"], [seed], setting))
        for seed in (7, 7, 8)
    )
    assert first.shape == (17, 64, 96, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_same_parts_continue_a_picture(pipeline: Any, studio: dict[str, Any]) -> None:
    """Image to video needs no weights of its own."""
    from diffusers import LTXImageToVideoPipeline

    scene = random_scene(np.random.default_rng(8), "boat")
    picture = torch.from_numpy(draw(scene, np.random.default_rng(8))[0]).permute(2, 0, 1)[None] / 255
    continued = LTXImageToVideoPipeline(**pipeline.components)
    continued.set_progress_bar_config(disable=True)
    frames = continued(
        image=picture,
        prompt="a red sailboat moving right on the ocean",
        num_inference_steps=FEW_STEPS,
        generator=torch.Generator().manual_seed(9),
        output_type="np",
        **studio["call"],
    ).frames
    assert frames.shape == (1, 17, 64, 96, 3)


def test_the_preview_matrix_shows_roughly_the_colors(pipeline: Any, studio: dict[str, Any]) -> None:
    clip = draw(random_scene(np.random.default_rng(10), "sun"), np.random.default_rng(10))
    pixels = torch.from_numpy(clip).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with torch.no_grad():
        latents = pipeline.vae.encode(pixels).latent_dist.mode()[0].permute(1, 2, 3, 0)
    shown = latents.numpy() @ np.array(studio["preview"]["matrix"]) + np.array(studio["preview"]["bias"])
    meant = clip[::4].reshape(5, 4, 16, 6, 16, 3).mean((2, 4)) / 255
    assert np.abs(shown - meant).mean() < 0.05


# --- how it is trained ---


@pytest.mark.parametrize("shape", [(2, 16, 48), (2, 48, 16)])
def test_orthogonalize_brings_all_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape, generator=torch.Generator().manual_seed(11))))
    assert 0.6 < float(values.min()) <= float(values.max()) < 1.4


def test_the_decoder_as_its_optimizer_sees_it_draws_the_same(pipeline: Any) -> None:
    latents = torch.randn(1, 32, 5, 4, 6, generator=torch.Generator().manual_seed(12)) * 0.3
    plain, seen = pipeline.vae.decoder, copy.deepcopy(pipeline.vae.decoder)
    equalize(seen, latents)
    with torch.no_grad():
        assert torch.allclose(seen(latents), plain(latents), atol=1e-3)
    for name, weight in plain_weights(seen).items():
        assert torch.allclose(weight, plain.state_dict()[name], rtol=1e-4, atol=1e-5), name


def test_a_step_trains_and_the_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    state = tmp_path / "state.pt"
    recipe = Recipe(POCKET, state, minutes=1, processes=1, batch=2, pool=4, fresh=1, compile=False)
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        trainer = Trainer(recipe, rank=0)
        before = trainer.models.state_dict()["transformer.proj_in.weight"].clone()
        assert 0 < trainer.step() < 1
        assert not torch.equal(before, trainer.models.state_dict()["transformer.proj_in.weight"])
        trainer.save()
        assert Trainer(recipe, rank=0).views == trainer.views == recipe.batch
    finally:
        dist.destroy_process_group()
