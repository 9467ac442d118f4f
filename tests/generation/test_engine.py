"""The engine over real pipelines of four classes, with random weights: what it promises holds for each of them."""

import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation import registry
from generation.engine import Clip, Order, Picture
from generation.models import Pipeline
from generation.refusals import CancelAsked, OutOfMemory, Trouble
from tests.generation import tiny

pytestmark = [
    pytest.mark.ml,
    pytest.mark.filterwarnings("ignore:In CPU autocast:UserWarning"),  # diffusers' Mochi, on a CPU
]
CLASSES = sorted(tiny.PIPELINES)
STEPS = 4
# Alone or in a batch, the sums are taken in another order. Of 255 levels, on random weights, which amplify.
BATCH_TOLERANCE = 1


class Look:
    """Watches; wants the orders of ``live`` at the end, takes a preview of ``shown`` at each step."""

    def __init__(self, live: set[int] | None = None, shown: int | None = None) -> None:
        self.live, self.shown = live, shown
        self.phases: list[str] = []
        self.steps: list[int] = []
        self.pictures: list[Picture] = []
        self.at: dict[str, Callable[[], object]] = {}

    def step(self, number: int, picture: Callable[[int], Picture]) -> None:
        self.steps.append(number)
        if self.shown is not None:
            self.pictures.append(picture(self.shown))
        self.at.get(f"step {number}", lambda: None)()

    def phase(self, name: str) -> None:
        self.phases.append(name)
        self.at.get(name, lambda: None)()

    def is_live(self, place: int) -> bool:
        return self.live is None or place in self.live


def row(folder: Path, **settings: Any) -> Pipeline:
    """A registry row as it is after pinning; the engine needs no database."""
    manifest = registry.manifest_of(folder)
    pinned = {"manifest": manifest, "manifest_sha256": registry.fingerprint(manifest)}
    return Pipeline(folder=str(folder), declared=registry.declaration_of(folder), device="cpu", **pinned, **settings)


def engine_of(folder: Path, **settings: Any) -> Any:
    from generation.diffusers_engine import DiffusersEngine

    return DiffusersEngine(row(folder, **settings), threads=1)


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


def order_for(name: str, seed: int = 1, prompt: str = "a red circle moving left", **changes: Any) -> Order:
    call = tiny.PIPELINES[name][1]
    same = Order(prompt, "black", STEPS, 3.0, seed, call["width"], call["height"], call["num_frames"])
    return replace(same, **changes)


def three(name: str) -> list[Order]:
    return [order_for(name, 1), order_for(name, 2, "snow over hills"), order_for(name, 3, "a blue star on the sea")]


def frames(engine: Any, *orders: Order, watch: Look | None = None) -> list[Any]:
    return [clip and clip.frames for clip in engine.render(orders, watch or Look())]


def counted(engine: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips each call of the VAE decoded, from now on."""
    decode, calls = engine._resident.decode, []

    def count(latents: Any, *rest: Any, **named: Any) -> Any:
        calls.append(len(latents))
        return decode(latents, *rest, **named)

    monkeypatch.setattr(engine._resident, "decode", count)
    return calls


def furthest(one: Any, other: Any) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


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


# --- memory ----------------------------------------------------------------------------------------------------------


def test_freed_is_gone_and_comes_back(folders: dict[str, Path]) -> None:
    engine = engine_of(folders["LTXPipeline"])
    (clip,) = engine.render([order_for("LTXPipeline")], Look())
    parts = [weakref.ref(getattr(engine._resident.pipeline, part)) for part in ("transformer", "vae", "text_encoder")]
    engine.free()
    gc.collect()
    assert [part() for part in parts] == [None, None, None]
    assert clip.making() == [], "the making is lost with the model, not an error"
    assert np.array_equal(frames(engine, order_for("LTXPipeline"))[0], clip.frames)


@pytest.mark.parametrize("error", ["torch", "python", "allocator"])
def test_out_of_memory_has_one_name(engines: dict[str, Any], error: str) -> None:
    import torch

    raised = {
        "torch": torch.OutOfMemoryError("CUDA out of memory"),
        "python": MemoryError(),
        "allocator": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes"),
    }[error]
    watch = Look()

    def burst() -> None:
        raise raised

    watch.at["step 2"] = burst
    with pytest.raises(OutOfMemory):
        engines["LTXPipeline"].render([order_for("LTXPipeline")], watch)
    assert frames(engines["LTXPipeline"], order_for("LTXPipeline"))[0] is not None, "the locks are free again"


def test_an_error_of_another_kind_is_itself(engines: dict[str, Any]) -> None:
    watch = Look()
    watch.at["step 1"] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        engines["LTXPipeline"].render([order_for("LTXPipeline")], watch)


# --- settings --------------------------------------------------------------------------------------------------------


def test_warm_shapes_tiling_and_slicing(folders: dict[str, Path]) -> None:
    settings = {"warm_shapes": [[32, 32, 9]], "vae_tiling": True, "vae_slicing": True, "attention": "native"}
    engine = engine_of(folders["LTXPipeline"], **settings)
    assert engine.load()["attention"] == "native"
    vae = engine._resident.pipeline.vae
    assert vae.use_tiling and vae.use_slicing
    sliced = frames(engine, *three("LTXPipeline"))
    plain = frames(engine_of(folders["LTXPipeline"]), *three("LTXPipeline"))
    assert max(furthest(*pair) for pair in zip(sliced, plain, strict=True)) <= BATCH_TOLERANCE


def test_half_precision_and_a_part_that_keeps_the_whole(folders: dict[str, Path]) -> None:
    import torch

    engine = engine_of(folders["WanPipeline"], dtype="bfloat16", overrides={"dtypes": {"vae": "float32"}})
    (clip,) = engine.render([order_for("WanPipeline")], Look(shown=0))
    pipeline = engine._resident.pipeline
    assert (pipeline.transformer.dtype, pipeline.vae.dtype) == (torch.bfloat16, torch.float32)
    assert clip.provenance["dtype"] == "bfloat16" and clip.frames.std() > 1


def test_devices_by_their_names(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine with one GPU makes of a row; nothing is put there."""
    import torch

    from generation.diffusers_engine.loading import device_of

    pinned = row(folders["LTXPipeline"])

    def device(name: str, offload: str = "") -> str:
        pinned.device, pinned.offload = name, offload
        return str(device_of(pinned))

    assert device("auto") == "cpu" or torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert [device("auto"), device("cuda:0"), device("cpu"), device("auto", "group")] == [
        "cuda",
        "cuda:0",
        "cpu",
        "cuda",
    ]
    for name in ("cuda:1", "cuda:x", "mps"):
        with pytest.raises(Trouble, match="no device"):
            device(name)
    with pytest.raises(Trouble, match="needs a GPU"):
        device("cpu", "model")


def test_with_offload_one_batch_follows_the_other_and_a_stop_leaves_the_device(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries' part of it needs a GPU and is left out here; ours is which lock is held, and who cleans up."""
    from generation.diffusers_engine import loading

    monkeypatch.setattr(loading, "device_of", lambda row: loading.torch.device("cpu"))
    monkeypatch.setattr(loading, "_place", lambda *_: None)
    engine = engine_of(folders["LTXPipeline"], offload="model")
    assert engine.load()["offload"] == "model"
    resident, freed = engine._resident, []
    monkeypatch.setattr(resident.pipeline, "maybe_free_model_hooks", lambda: freed.append(1))
    assert resident.denoising is resident.decoding and resident.hands.qsize() == 1
    watch = Look()
    watch.at["step 2"] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        engine.render([order_for("LTXPipeline")], watch)
    assert freed == [1]
    (clip,) = engine.render([order_for("LTXPipeline")], Look(shown=0))
    assert freed == [1, 1] and clip.making() and freed == [1, 1, 1]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a device that is not there": ({"device": "cuda:7"}, "no device cuda:7"),
    "a device of no kind": ({"device": "tpu"}, "Write auto, cpu"),
    "offload without a GPU": ({"offload": "model", "device": "cpu"}, "needs a GPU"),
    "a cache without its ratios": ({"cache": "mag"}, "mag_ratios"),
    "a cache that would do nothing": ({"cache": "taylor_seer"}, "finds nothing in this model"),
    "an option of no cache": ({"cache": "first_block", "cache_options": {"speed": 2}}, "first_block cannot be used"),
    "an attention library that is missing": ({"attention": "xformers"}, "xformers cannot be used"),
    "a shape the class refuses": ({"warm_shapes": [[33, 32, 9]]}, "cannot render 33 × 32"),
    "other bytes than were pinned": ({"manifest": {"model_index.json": "0" * 64}}, "not the one that was pinned"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_done_is_said_when_it_is_loaded(folders: dict[str, Path], wrong: str) -> None:
    from generation.diffusers_engine import DiffusersEngine

    settings, words = WRONG[wrong]
    pinned = row(folders["LTXPipeline"])
    for name, value in settings.items():
        setattr(pinned, name, value)
    engine = DiffusersEngine(pinned)
    with pytest.raises(Trouble, match=words):
        engine.load()
    with pytest.raises(Trouble, match=words):  # and again: nothing half loaded is left
        engine.load()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TextToVideoSDPipeline", "deprecated"),
        ("HunyuanVideo15Pipeline", "tells nobody about its steps"),
        ("NoSuchPipeline", "knows no pipeline class"),
        ("UNet2DModel", "knows no pipeline class"),
    ],
)
def test_a_class_that_cannot_be_halted_is_not_loaded(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "model_index.json").write_text(f'{{"_class_name": "{name}"}}')
    (tmp_path / "studio.json").write_text('{"call": {"width": 32, "height": 32, "num_frames": 9}}')
    with pytest.raises(Trouble, match=words):
        engine_of(tmp_path).load()
