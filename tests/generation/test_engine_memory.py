"""What the engine holds in memory: weights that no file can change any more, and nothing of a model given back."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from generation.refusals import DeviceLost, OutOfMemory, Trouble
from tests.generation import tiny
from tests.generation.orders import Look, engine_of, frames, order_for, three

pytestmark = pytest.mark.ml
PARTS = ("transformer", "vae", "text_encoder")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.build("LTXPipeline", tmp_path / "model")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return engine_of(tiny.build("LTXPipeline", tmp_path_factory.mktemp("model")))


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Python looks for cycles only when it is told to."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def parts_of(engine: Any) -> list[weakref.ref[Any]]:
    engine.load()
    return [weakref.ref(getattr(engine._resident.pipeline, part)) for part in PARTS]


def left(parts: list[weakref.ref[Any]]) -> list[str]:
    return [name for name, part in zip(PARTS, parts, strict=True) if part() is not None]


# --- pinned ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS)
def test_files_that_change_after_the_load_change_nothing(folder: Path, part: str) -> None:
    engine = engine_of(folder)
    (before,) = frames(engine, order_for("LTXPipeline"))
    for path in (folder / part).glob("*.safetensors"):
        data = path.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        with path.open("r+b") as file:  # in place, as no tool that replaces files would do it
            file.seek(start)
            file.write(bytes(byte ^ 0x55 for byte in data[start:]))
    engine._resident.prompts.forget()
    (after,) = frames(engine, order_for("LTXPipeline"))
    assert np.array_equal(before, after)
    with pytest.raises(Trouble, match="not the one that was pinned"):
        engine_of_row(engine.row).load()


def engine_of_row(row: Any) -> Any:
    from generation.diffusers_engine import DiffusersEngine

    return DiffusersEngine(row)


def test_files_that_are_cut_short_after_the_load_do_no_harm(folder: Path) -> None:
    """A page of a mapped file that is gone ends the whole process."""
    engine = engine_of(folder)
    (before,) = frames(engine, order_for("LTXPipeline"))
    for path in folder.rglob("*.safetensors"):
        with path.open("r+b") as file:
            file.truncate(0)
    engine._resident.prompts.forget()
    assert np.array_equal(frames(engine, order_for("LTXPipeline"))[0], before)


# --- given back ------------------------------------------------------------------------------------------------------


def test_freed_is_gone_and_comes_back(engine: Any) -> None:
    (clip,) = engine.render([order_for("LTXPipeline")], Look())
    parts = parts_of(engine)
    engine.free()
    assert left(parts) == []
    assert clip.making() == [], "the making is lost with the model, not an error"
    assert np.array_equal(frames(engine, order_for("LTXPipeline"))[0], clip.frames)


CACHES = {"": {}, "first_block": {"threshold": 1000.0}, "pyramid": {}}


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("freed", ["in the handler", "past it"])
def test_freed_after_an_error_is_gone_with_the_error(folder: Path, cache: str, freed: str) -> None:
    engine, watch = engine_of(folder, cache=cache, cache_options=CACHES[cache]), Look()
    parts = parts_of(engine)
    watch.at["step 2"] = lambda: 1 / 0
    try:
        engine.render([order_for("LTXPipeline")], watch)
    except ZeroDivisionError:
        if freed == "in the handler":
            engine.free()  # without effect for as long as the error's traceback is held
    if freed == "past it":
        engine.free()
    assert left(parts) == []


@pytest.mark.usefixtures("uncollected")
def test_freed_with_offload_is_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from generation.diffusers_engine import loading

    monkeypatch.setattr(loading, "device_of", lambda row: loading.torch.device("cpu"))
    engine = engine_of(folder, offload="model")
    parts = parts_of(engine)
    engine.free()
    assert left(parts) == []


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"warm_shapes": [[33, 32, 9]]}, "cannot render 33"),
        ({"cache": "taylor_seer"}, "finds nothing in this model"),
        ({"attention": "xformers"}, "xformers cannot be used"),
    ],
)
def test_what_could_not_be_loaded_is_not_half_there(
    folder: Path, wrong: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import DiffusionPipeline

    engine, opened, parts = engine_of(folder, **wrong), DiffusionPipeline.from_pretrained, list[weakref.ref[Any]]()

    def noting(*args: Any, **named: Any) -> Any:
        pipeline = opened(*args, **named)
        parts.extend(weakref.ref(getattr(pipeline, part)) for part in PARTS)
        return pipeline

    monkeypatch.setattr(DiffusionPipeline, "from_pretrained", noting)
    with pytest.raises(Trouble, match=words) as caught:
        engine.load()
    assert len(parts) == 3 and left(parts) == [], "while somebody still holds the error"
    assert caught.value.__context__ is None


def test_a_batch_on_its_way_ends_as_if_the_model_had_not_been_given_back(engine: Any) -> None:
    whole = frames(engine, *three("LTXPipeline"))
    parts, watch = parts_of(engine), Look(shown=0)
    watch.at["step 2"] = engine.free
    made = frames(engine, *three("LTXPipeline"), watch=watch)
    assert all(np.array_equal(*pair) for pair in zip(made, whole, strict=True))
    assert left(parts) == []


def test_given_back_between_two_looks_it_is_loaded_again(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (before,) = frames(engine, order_for("LTXPipeline"))
    at_hand, once = engine._at_hand, [engine.free]

    def given_back_at_once() -> Any:
        resident = at_hand()
        if once:
            once.pop()()
        return resident

    monkeypatch.setattr(engine, "_at_hand", given_back_at_once)
    assert np.array_equal(frames(engine, order_for("LTXPipeline"))[0], before)


# --- used up, lost ---------------------------------------------------------------------------------------------------


def errors() -> dict[str, tuple[Exception, type[Exception]]]:
    import torch

    return {
        "torch": (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        "python": (MemoryError(), OutOfMemory),
        "allocator": (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"), OutOfMemory),
        "machine": (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), OutOfMemory),
        "driver": (torch.AcceleratorError("CUDA error: out of memory"), OutOfMemory),
        "cublas": (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
            OutOfMemory,
        ),
        "cudnn": (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), OutOfMemory),
        "assert": (torch.AcceleratorError("CUDA error: device-side assert triggered"), DeviceLost),
        "access": (RuntimeError("CUDA error: an illegal memory access was encountered"), DeviceLost),
        "other accelerators": (torch.AcceleratorError("HIP error: unspecified launch failure"), DeviceLost),
        "shapes": (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError),
        "arithmetic": (ZeroDivisionError(), ZeroDivisionError),
    }


@pytest.mark.parametrize(
    "error",
    [
        "torch", "python", "allocator", "machine", "driver", "cublas", "cudnn", "assert", "access",
        "other accelerators", "shapes", "arithmetic",
    ],
)  # fmt: skip
def test_an_error_has_the_name_that_workers_know(engine: Any, error: str) -> None:
    raised, name = errors()[error]
    watch = Look()
    watch.at["step 2"] = lambda: (_ for _ in ()).throw(raised)
    with pytest.raises(name) as caught:
        engine.render([order_for("LTXPipeline")], watch)
    assert type(caught.value) is name
    assert frames(engine, order_for("LTXPipeline"))[0] is not None, "the locks are free again"


def test_a_device_that_is_lost_while_a_model_is_loaded_is_no_trouble_of_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from generation.diffusers_engine import loading

    def lost(*_: Any) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(loading, "_place", lost)
    with pytest.raises(DeviceLost, match="illegal memory access") as caught:
        engine_of(folder).load()
    assert caught.value.__context__ is None


# --- prompts ---------------------------------------------------------------------------------------------------------


def memory_of(budget: int, made: Any) -> tuple[Any, Any, list[str]]:
    from generation.diffusers_engine.prompts import PromptMemory

    asked: list[str] = []

    def encode_prompt(prompt: list[str], negative_prompt: Any = None) -> Any:
        asked.extend(prompt)
        return made()

    pipeline = SimpleNamespace(encode_prompt=encode_prompt)
    memory = PromptMemory(budget)
    memory.serve(pipeline)
    return memory, pipeline, asked


def test_prompts_are_kept_within_a_budget_of_bytes() -> None:
    import torch

    memory, pipeline, asked = memory_of(100_000, lambda: (torch.zeros(1, 10_000), None))  # 40 kB and a little each
    for prompt in ("one", "two", "one", "three", "one", "two"):
        pipeline.encode_prompt([prompt])
        assert memory.bytes <= 100_000
    assert asked == ["one", "two", "three", "two"], "the least recently used is forgotten first"
    memory.forget()
    assert memory.bytes == 0 == len(memory.encoded)


def test_a_prompt_larger_than_the_budget_is_not_kept() -> None:
    import torch

    memory, pipeline, asked = memory_of(100, lambda: torch.zeros(1, 1000))
    assert [pipeline.encode_prompt(["long"]).shape for _ in range(2)] == [(1, 1000)] * 2
    assert (asked, memory.bytes) == (["long", "long"], 0)


def test_what_is_kept_of_a_prompt_is_not_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device is torch's "meta", on which tensors have a place and no numbers."""
    import torch

    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: torch.zeros(self.shape))
    memory, pipeline, asked = memory_of(1 << 20, lambda: (torch.zeros(1, 8, device="meta"), None))
    made = [pipeline.encode_prompt(["far"])[0] for _ in range(2)]
    assert [tensor.device.type for tensor in made] == ["meta", "meta"] and asked == ["far"]
    ((kept, _), size), *_ = memory.encoded.values()
    assert kept.tensor.device.type == "cpu" and size == memory.bytes > 32


def test_a_preview_for_which_there_is_no_memory_is_a_rough_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    engine = engine_of(folder)
    (expected,) = frames(engine, order_for("LTXPipeline"))

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine._resident, "_decoded", full)
    watch = Look(shown=0)
    (clip,) = engine.render([order_for("LTXPipeline")], watch)
    assert len(watch.pictures) == 4 and np.array_equal(clip.frames, expected)
