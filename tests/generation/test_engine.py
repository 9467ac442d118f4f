"""The engine over real pipelines of four classes, with random weights: what it promises holds for each of them."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation.engine import Clip
from generation.refusals import CancelAsked
from tests.generation import tiny
from tests.generation.orders import (
    BATCH_TOLERANCE,
    STEPS,
    Look,
    counted,
    engine_of,
    frames,
    furthest,
    order_for,
    three,
)

pytestmark = [
    pytest.mark.ml,
    pytest.mark.filterwarnings("ignore:In CPU autocast:UserWarning"),  # diffusers' Mochi, on a CPU
]
CLASSES = sorted(tiny.PIPELINES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pipelines")
    return {name: tiny.build(name, root / name) for name in CLASSES}


@pytest.fixture(scope="module")
def engines(folders: dict[str, Path]) -> dict[str, Any]:
    made = {name: engine_of(folder) for name, folder in folders.items()}
    for engine in made.values():
        engine.load()
    return made


# --- every class -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSES)
def test_one_clip_its_provenance_and_its_watch(engines: dict[str, Any], name: str) -> None:
    order, watch = order_for(name), Look(shown=0)
    (clip,) = engines[name].render([order], watch)
    assert isinstance(clip, Clip)
    assert clip.frames.shape == (order.frames, order.height, order.width, 3) and clip.frames.dtype == np.uint8
    assert clip.frames.std() > 1, "one flat color"
    assert (watch.phases, watch.steps) == (["denoise", "decode"], [1, 2, 3, 4])
    assert {picture.shape for picture in watch.pictures} == {(order.height, order.width, 3)}
    assert furthest(watch.pictures[0], watch.pictures[-1]) > 0, "a preview that does not change"
    made, found = clip.provenance, engines[name].load()
    assert made["class"] == name == found["class"] and made["seed"] == 1
    assert made["call"]["num_inference_steps"] == STEPS and made["call"]["width"] == order.width
    assert made["manifest_sha256"] == engines[name].row.manifest_sha256
    assert set(made["versions"]) == {"diffusers", "torch", "transformers"} and made["device"] == "cpu"
    assert {"prompt", "negative_prompt", "guidance_scale", "num_frames"} <= set(found["arguments"])
    assert found["from_image"] is (name == "LTXPipeline")


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_order_is_the_same_clip_and_another_seed_another(engines: dict[str, Any], name: str) -> None:
    (first,), (again,) = frames(engines[name], order_for(name)), frames(engines[name], order_for(name))
    (other,) = frames(engines[name], order_for(name, seed=2))
    assert np.array_equal(first, again)
    assert furthest(first, other) > BATCH_TOLERANCE


@pytest.mark.parametrize("name", CLASSES)
def test_in_a_batch_each_clip_is_the_one_it_would_be_alone(engines: dict[str, Any], name: str) -> None:
    together = frames(engines[name], *three(name))
    alone = [frames(engines[name], order)[0] for order in three(name)]
    assert max(furthest(*pair) for pair in zip(together, alone, strict=True)) <= BATCH_TOLERANCE
    assert min(furthest(together[0], other) for other in together[1:]) > BATCH_TOLERANCE


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_not_wanted_any_more_is_not_decoded(
    engines: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engines[name]
    whole = frames(engine, *three(name))
    decoded = counted(engine, monkeypatch)
    masked = frames(engine, *three(name), watch=Look(live={0, 2}))
    assert decoded == [2]
    assert masked[1] is None
    assert max(furthest(masked[place], whole[place]) for place in (0, 2)) <= BATCH_TOLERANCE
    assert frames(engine, *three(name), watch=Look(live=set())) == [None, None, None]
    assert decoded == [2], "nobody wanted any, and it was decoded"


@pytest.mark.parametrize("name", CLASSES)
def test_a_stop_comes_through_at_its_step_and_leaves_no_trace(engines: dict[str, Any], name: str) -> None:
    (before,) = frames(engines[name], order_for(name))
    watch = Look()

    def stop() -> None:
        raise CancelAsked

    watch.at["step 2"] = stop
    with pytest.raises(CancelAsked):
        engines[name].render([order_for(name, seed=9)], watch)
    assert (watch.steps, watch.phases) == ([1, 2], ["denoise"])
    (after,) = frames(engines[name], order_for(name))
    assert np.array_equal(before, after)


@pytest.mark.parametrize("name", CLASSES)
def test_the_making_is_worked_out_when_it_is_asked_for(
    engines: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, order = engines[name], order_for(name)
    calls = counted(engine, monkeypatch)
    clips = engine.render(three(name), Look())
    assert len(calls) == 1
    pictures = clips[1].making()
    assert len(calls) == 2, "one small batch"
    assert len(pictures) == len({round(share * (STEPS - 1)) for share in (0.0, 0.5, 0.65, 0.75, 0.85, 1.0)})
    assert {picture.shape for picture in pictures} == {(order.height, order.width, 3)}


@pytest.mark.parametrize("name", CLASSES)
def test_a_prompt_is_encoded_once(engines: dict[str, Any], name: str) -> None:
    encoder, forwards = engines[name]._resident.pipeline.text_encoder, []
    hook = encoder.register_forward_hook(lambda *_: forwards.append(1))
    try:
        order = order_for(name, prompt="a green square moving up", negative_prompt="white")
        (first,) = frames(engines[name], order)
        assert len(forwards) == 2  # the prompt and what it is to avoid
        (again,) = frames(engines[name], order)
        (batch, _) = frames(engines[name], order, replace(order, seed=5))
        assert len(forwards) == 2
        frames(engines[name], replace(order, prompt="a green square moving down"))
        assert len(forwards) > 2
    finally:
        hook.remove()
    assert np.array_equal(first, again) and furthest(first, batch) <= BATCH_TOLERANCE


@pytest.mark.parametrize("name", CLASSES)
def test_one_batch_is_denoised_while_another_is_decoded(engines: dict[str, Any], name: str) -> None:
    """Each waits for a sign of the other in the middle: without overlap this would end in a timeout."""
    engine, first, second = engines[name], three(name), [order_for(name, seed=7)]
    alone = [*frames(engine, *first), *frames(engine, *second)]
    denoised, met = threading.Event(), list[bool]()
    ahead, behind = Look(), Look(shown=0)
    decode = engine._resident.decode
    behind.at["step 2"] = denoised.set

    def decode_slowly(latents: Any, *rest: Any, **named: Any) -> Any:
        if len(latents) == len(first):
            other.start()
            met.append(denoised.wait(20))
        return decode(latents, *rest, **named)

    made: list[Any] = []
    other = threading.Thread(target=lambda: made.extend(frames(engine, *second, watch=behind)))
    engine._resident.decode = decode_slowly
    try:
        together = frames(engine, *first, watch=ahead)
        other.join(20)
    finally:
        engine._resident.decode = decode
    assert met == [True]
    assert all(np.array_equal(*pair) for pair in zip([*together, *made], alone, strict=True))
    assert len(behind.pictures) == STEPS, "a preview is there while the VAE is busy, if a rough one"


def test_two_batches_are_never_denoised_at_once(engines: dict[str, Any]) -> None:
    engine, inside, most = engines["LTXPipeline"], [], []
    forward = engine._resident.pipeline.transformer.forward

    def listening(*args: Any, **named: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        try:
            return forward(*args, **named)
        finally:
            inside.pop()

    engine._resident.pipeline.transformer.forward = listening
    try:
        threads = [threading.Thread(target=frames, args=(engine, order_for("LTXPipeline", n))) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    finally:
        del engine._resident.pipeline.transformer.forward
    assert len(most) == 4 * STEPS and max(most) == 1


@pytest.mark.parametrize("name", ["CogVideoXPipeline", "LTXPipeline"])
def test_a_class_that_nobody_verified_is_rendered_with_care(
    folders: dict[str, Path], engines: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch after the other, decoded whole, with previews that guess nothing about its latents."""
    from generation.diffusers_engine import resident

    monkeypatch.setattr(resident, "VERIFIED", set())
    engine, known = engine_of(folders[name]), frames(engines[name], *three(name))
    engine.load()
    decoded, watch = counted(engine, monkeypatch), Look(live={1}, shown=1)
    clips = engine.render(three(name), watch)
    assert (clips[0], clips[2], decoded, len(watch.pictures)) == (None, None, [3], STEPS)
    assert np.array_equal(clips[1].frames, known[1]) and clips[1].making() == []
    assert furthest(watch.pictures[0], watch.pictures[-1]) > 0 and watch.pictures[0].shape[-1] == 3
    monkeypatch.setattr(engine._resident, "decode", lambda *_, **__: pytest.fail("decoded in vain"))
    assert frames(engine, *three(name), watch=Look(live=set())) == [None, None, None]


# --- caches ----------------------------------------------------------------------------------------------------------
CACHES = {
    "first_block": {"threshold": 1000.0},  # everything is near enough: from the second step on only one block runs
    "taylor_seer": {"cache_interval": 3, "disable_cache_before_step": 1, "use_lite_mode": True},
    "mag": {"mag_ratios": [1.0, 0.9, 0.9, 0.9], "threshold": 1000.0, "retention_ratio": 0.25},
    "pyramid": {"spatial_attention_block_skip_range": 4, "spatial_attention_timestep_skip_range": [-1, 2000]},
}


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("name", CLASSES)
def test_a_cache_saves_work_says_so_and_keeps_batches_apart(folders: dict[str, Path], name: str, cache: str) -> None:
    plain = frames(engine_of(folders[name]), order_for(name))[0]
    engine = engine_of(folders[name], cache=cache, cache_options=CACHES[cache])
    (clip,) = engine.render([order_for(name)], Look())
    assert (clip.provenance["cache"], clip.provenance["cache_options"]) == (cache, CACHES[cache])
    assert furthest(clip.frames, plain) > 0, "nothing was predicted"
    again = frames(engine, order_for(name, steps=STEPS + 2))  # MagCache's ratios are spread over the steps
    assert np.array_equal(*again, *frames(engine, order_for(name, steps=STEPS + 2)))
    watch = Look()
    watch.at["step 3"] = lambda: (_ for _ in ()).throw(CancelAsked())
    with pytest.raises(CancelAsked):
        engine.render([order_for(name, seed=4)], watch)
    assert np.array_equal(frames(engine, order_for(name))[0], clip.frames), "a broken off batch left something behind"


def test_a_cache_is_not_cleared_by_the_batch_before_when_that_ends(folders: dict[str, Path]) -> None:
    name = "LTXPipeline"
    engine = engine_of(folders[name], cache="taylor_seer", cache_options=CACHES["taylor_seer"])
    (alone,) = frames(engine, order_for(name, seed=7))
    ended, halfway, ahead, behind = threading.Event(), threading.Event(), Look(), Look()
    decode, made = engine._resident.decode, []

    def wait_until_the_other_ended() -> None:
        halfway.set()
        assert ended.wait(20)

    def decode_late(latents: Any, *rest: Any, **named: Any) -> Any:
        if len(latents) == 3:
            other.start()
            assert halfway.wait(20)
        return decode(latents, *rest, **named)

    behind.at["step 2"] = wait_until_the_other_ended
    other = threading.Thread(target=lambda: made.extend(frames(engine, order_for(name, seed=7), watch=behind)))
    engine._resident.decode = decode_late
    frames(engine, *three(name), watch=ahead)
    ended.set()
    other.join(20)
    assert np.array_equal(made[0], alone)


# --- a first frame ---------------------------------------------------------------------------------------------------


def test_a_clip_from_a_picture(engines: dict[str, Any], tmp_path: Path) -> None:
    from PIL import Image

    paths = []
    for color in ("red", "blue"):
        Image.new("RGBA", (200, 90), color).save(tmp_path / f"{color}.png")
        paths.append(tmp_path / f"{color}.png")
    engine, orders = engines["LTXPipeline"], [order_for("LTXPipeline", first_frame=path) for path in paths]
    red, blue = engine.render(orders[:1], Look(shown=0)), engine.render(orders[1:], Look())
    (plain,) = frames(engine, order_for("LTXPipeline"))
    assert red[0].frames.shape == plain.shape
    assert furthest(red[0].frames[0], blue[0].frames[0]) > 0 and furthest(red[0].frames, plain) > 0
    assert red[0].provenance["class"] == "LTXImageToVideoPipeline"
    assert len(red[0].provenance["first_frame"]) == 64 != red[0].provenance["first_frame"]
    with pytest.raises(ValueError, match="first frame"):
        engines["WanPipeline"].render([order_for("WanPipeline", first_frame=paths[0])], Look())


NOISE = {"decode_timestep": 0.05, "decode_noise_scale": 0.025}


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An LTX whose VAE wants noise to decode with."""
    folder = tmp_path_factory.mktemp("noisy")
    return engine_of(tiny.build("LTXPipeline", folder, make=lambda: tiny.ltx(wants_noise=True), **NOISE))


def test_a_vae_that_wants_noise_makes_clips_of_words(noisy: Any) -> None:
    watch = Look(live={0, 2}, shown=0)
    together = noisy.render(three("LTXPipeline"), watch)
    (alone,) = frames(noisy, order_for("LTXPipeline"))
    assert furthest(together[0].frames, alone) <= BATCH_TOLERANCE and len(watch.pictures) == STEPS
    assert together[1] is None and together[2].provenance["call"]["decode_timestep"] == 0.05
    assert together[0].making()


def test_a_vae_that_wants_noise_makes_clips_of_a_picture(noisy: Any, tmp_path: Path) -> None:
    """The very frames of diffusers' own call, which can do it with one generator, on a CPU."""
    import torch
    from diffusers import DiffusionPipeline, LTXImageToVideoPipeline
    from PIL import Image

    from generation.diffusers_engine.latents import to_bytes

    picture = Image.new("RGB", (64, 32), "red")
    picture.save(tmp_path / "red.png")
    order = order_for("LTXPipeline", first_frame=tmp_path / "red.png")
    (clip,) = noisy.render([order], Look(shown=0))
    plain = DiffusionPipeline.from_pretrained(str(noisy.row.path))
    theirs = LTXImageToVideoPipeline(**plain.components)(
        image=picture, prompt=order.prompt, negative_prompt=order.negative_prompt, width=64, height=32, num_frames=9,
        frame_rate=8, max_sequence_length=16, num_inference_steps=STEPS, guidance_scale=3.0, output_type="np",
        generator=torch.Generator().manual_seed(order.seed), **NOISE,
    )  # fmt: skip
    assert np.array_equal(clip.frames, to_bytes(theirs.frames[0]))
    assert clip.provenance["class"] == "LTXImageToVideoPipeline" and clip.making()


# --- a negative prompt -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSES)
def test_no_negative_prompt_is_an_empty_one(
    engines: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the classes that were verified; so a clip from before the engine left it out is made again from its recipe."""
    from generation.diffusers_engine.batch import Batch

    order, call = order_for(name, negative_prompt=""), Batch.call
    asked: list[dict[str, Any]] = []

    def asking(self: Any) -> dict[str, Any]:
        asked.append(call(self))
        return asked[-1]

    monkeypatch.setattr(Batch, "call", asking)
    (left_out,) = frames(engines[name], order)
    monkeypatch.setattr(Batch, "call", lambda self: {**call(self), "negative_prompt": [""]})
    (empty,) = frames(engines[name], order)
    assert "negative_prompt" not in asked[0] and np.array_equal(left_out, empty)


def test_a_batch_in_which_one_has_a_negative_prompt(engines: dict[str, Any]) -> None:
    orders = [order_for("LTXPipeline"), order_for("LTXPipeline", negative_prompt="")]
    together = frames(engines["LTXPipeline"], *orders)
    alone = [frames(engines["LTXPipeline"], order)[0] for order in orders]
    assert max(furthest(*pair) for pair in zip(together, alone, strict=True)) <= BATCH_TOLERANCE


# --- waiting ---------------------------------------------------------------------------------------------------------


def test_a_batch_that_waits_for_another_gives_signs_of_life_and_can_be_stopped(engines: dict[str, Any]) -> None:
    engine, ahead, behind, stopped = engines["LTXPipeline"], Look(), Look(), list[str]()
    began = threading.Event()

    def stop() -> None:
        raise CancelAsked

    def wait_in_vain() -> None:
        began.set()
        try:
            engine.render([order_for("LTXPipeline", seed=2)], behind)
        except CancelAsked:
            stopped.append("while it waited")

    def let_the_other_wait() -> None:
        other.start()
        began.wait(20)
        other.join(20)

    behind.at["beat"] = stop
    other = threading.Thread(target=wait_in_vain)
    ahead.at["step 2"] = let_the_other_wait
    frames(engine, order_for("LTXPipeline"), watch=ahead)
    assert (stopped, behind.phases) == (["while it waited"], [])
