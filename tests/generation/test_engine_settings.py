"""What a row of the registry sets, and that what it cannot have is said when the model is loaded."""

from pathlib import Path
from typing import Any

import pytest

from generation.refusals import Trouble
from tests.generation import tiny
from tests.generation.orders import BATCH_TOLERANCE, Look, engine_of, frames, furthest, order_for, row, three

pytestmark = pytest.mark.ml
CLASSES = ("LTXPipeline", "WanPipeline")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pipelines")
    return {name: tiny.build(name, root / name) for name in CLASSES}


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


# --- offload ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def offloaded(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Any:
    """An engine with accelerate's hooks at work, its device being the CPU; and who was brought there, in turn."""
    from accelerate.hooks import CpuOffload  # type: ignore[import-untyped]

    from generation.diffusers_engine import loading

    brought, bring = list[str](), CpuOffload.pre_forward

    def noting(self: Any, module: Any, *rest: Any, **named: Any) -> Any:
        if [type(module).__name__] != brought[-1:]:
            brought.append(type(module).__name__)
        return bring(self, module, *rest, **named)

    monkeypatch.setattr(CpuOffload, "pre_forward", noting)
    monkeypatch.setattr(loading, "device_of", lambda row: loading.torch.device("cpu"))
    engine = engine_of(folders["LTXPipeline"], offload="model")
    assert engine.load()["offload"] == "model" and engine.overlaps is False
    brought.clear()
    return engine, brought


def test_with_offload_previews_drive_nothing_from_the_device(offloaded: Any) -> None:
    engine, brought = offloaded
    watch = Look(shown=0)
    (clip,) = engine.render([order_for("LTXPipeline")], watch)
    assert brought == ["T5EncoderModel", "LTXVideoTransformer3DModel", "AutoencoderKLLTXVideo"]
    assert len(watch.pictures) == 4 and furthest(watch.pictures[0], watch.pictures[-1]) > 0
    assert clip.making() and brought[3:] == [], "the last that was there is the first again"
    assert furthest(clip.frames, frames(engine_of(engine.row.path), order_for("LTXPipeline"))[0]) == 0


def test_with_offload_one_batch_follows_the_other_and_a_stop_leaves_the_device(
    offloaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, brought = offloaded
    from accelerate.hooks import CpuOffload  # type: ignore[import-untyped]

    resident, home, leave = engine._resident, list[str](), CpuOffload.init_hook

    def leaving(self: Any, module: Any) -> Any:
        home.append(type(module).__name__)
        return leave(self, module)

    monkeypatch.setattr(CpuOffload, "init_hook", leaving)
    assert resident.denoising is resident.decoding and resident.hands.qsize() == 1
    watch = Look()
    watch.at["step 2"] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        engine.render([order_for("LTXPipeline")], watch)
    everything = {"T5EncoderModel", "LTXVideoTransformer3DModel", "AutoencoderKLLTXVideo"}
    assert set(home) == everything and brought[-1] == "LTXVideoTransformer3DModel"
    home.clear()
    (clip,) = engine.render([order_for("LTXPipeline")], Look(shown=0))
    assert set(home) == everything
    home.clear()
    assert clip.making() and set(home) == everything


# --- attention -------------------------------------------------------------------------------------------------------


def backends_of(engine: Any) -> set[str]:
    modules = engine._resident.pipeline.transformer.modules()
    processors = [module.processor for module in modules if hasattr(module, "processor")]
    return {str(processor._attention_backend.value) for processor in processors}


@pytest.mark.parametrize("name", CLASSES)
def test_an_attention_backend_is_its_models_alone(folders: dict[str, Path], name: str) -> None:
    from diffusers.models.attention_dispatch import _AttentionBackendRegistry

    before = _AttentionBackendRegistry.get_active_backend()
    first = engine_of(folders["LTXPipeline"], attention="_native_math")
    first.load()
    assert _AttentionBackendRegistry.get_active_backend() == before
    second = engine_of(folders[name])
    assert second.load()["attention"] == ""
    assert (backends_of(first), backends_of(second)) == ({"_native_math"}, {"native"})


def test_a_backend_that_cannot_be_used_leaves_the_others_theirs(folders: dict[str, Path]) -> None:
    from diffusers.models.attention_dispatch import _AttentionBackendRegistry

    before = _AttentionBackendRegistry.get_active_backend()
    with pytest.raises(Trouble, match="xformers cannot be used"):
        engine_of(folders["LTXPipeline"], attention="xformers").load()
    assert _AttentionBackendRegistry.get_active_backend() == before


# --- what cannot be --------------------------------------------------------------------------------------------------
CALL = {"width": 64, "height": 32, "num_frames": 9}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a device that is not there": ({"device": "cuda:7"}, "no device cuda:7"),
    "a device of no kind": ({"device": "tpu"}, "Write auto, cpu"),
    "offload without a GPU": ({"offload": "model", "device": "cpu"}, "needs a GPU"),
    "a cache without its ratios": ({"cache": "mag"}, "mag_ratios"),
    "a cache that would do nothing": ({"cache": "taylor_seer"}, "finds nothing in this model"),
    "an option of no cache": ({"cache": "first_block", "cache_options": {"speed": 2}}, "first_block cannot be used"),
    "an attention library that is missing": ({"attention": "xformers"}, "xformers cannot be used"),
    "a shape the class refuses": ({"warm_shapes": [[33, 32, 9]]}, "cannot render 33 × 32"),
    "a default size the class refuses": ({"overrides": {"sizes": [[40, 32], [64, 32]]}}, "cannot render 40 × 32, 9"),
    "an argument of another type": (
        {"overrides": {"call": CALL | {"max_sequence_length": "x"}}},
        "cannot render 64 × 32",
    ),
    "warm shapes that are none": ({"warm_shapes": [[32]]}, "cannot be loaded: not enough values"),
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


def test_whatever_the_libraries_say_at_the_load_is_trouble(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from generation.diffusers_engine import engine

    def broken(*_: Any) -> None:
        raise KeyError("latents_mean")

    monkeypatch.setattr(engine, "Resident", broken)
    with pytest.raises(Trouble, match="The model cannot be loaded: 'latents_mean'"):
        engine_of(folders["LTXPipeline"]).load()


def test_the_default_shape_is_met_at_the_load(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Artists' first choice of size and length, then what staff named; each once."""
    from generation.diffusers_engine import batch

    made, call = [], batch.Batch.call

    def noting(self: Any) -> Any:
        order = self.orders[0]
        made.append((order.width, order.height, order.frames, order.steps, len(self.orders)))
        return call(self)

    monkeypatch.setattr(batch.Batch, "call", noting)
    shapes = [[64, 32, 17], [32, 64, 9]]
    offered = {"sizes": [[32, 64], [64, 32]], "lengths": [9, 17]}
    engine_of(folders["LTXPipeline"], overrides=offered, warm_shapes=shapes).load()
    assert made == [(32, 64, 9, 2, 1), (64, 32, 17, 2, 1)]
