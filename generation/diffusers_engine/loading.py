"""From a registry row to a pipeline in memory. What cannot be done as the row says ends in Trouble, not in a guess."""

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers
import torch
import transformers
from diffusers.pipelines.pipeline_utils import DeprecatedPipelineMixin

from generation.models import Pipeline
from generation.refusals import Trouble

# Besides the pipeline itself: the class that takes a first frame and is made of the very same components.
FROM_IMAGE = {"LTXPipeline": "LTXImageToVideoPipeline"}
# Classes whose code was read and tested: past their loop they use the VAE alone and take fewer clips there, and their
# latents are known. Others are rendered as well, one batch after the other, decoded whole, and with rough previews.
VERIFIED = {"LTXPipeline", "LTXImageToVideoPipeline", "WanPipeline", "CogVideoXPipeline", "MochiPipeline"}

diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Whatever the libraries raise inside becomes ``Trouble`` that begins with ``what``."""
    try:
        yield
    except Trouble:
        raise
    except Exception as trouble:  # a folder or a setting can make them raise anything; its reader needs the words
        raise Trouble(f"{what}: {first_line(trouble)}") from trouble


def first_line(trouble: Exception) -> str:
    return (str(trouble).strip().splitlines() or [type(trouble).__name__])[0][:200]


def class_of(row: Pipeline) -> type[Any]:
    """The pipeline class that the folder names.

    Raises:
        Trouble: there is none, it is deprecated, or it tells nobody about its steps.
    """
    with readable("The model folder's model_index.json cannot be read"):
        name = str(json.loads((row.path / "model_index.json").read_text())["_class_name"])
    kind = getattr(diffusers, name, None)
    if not (inspect.isclass(kind) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise Trouble(f"diffusers {diffusers.__version__} knows no pipeline class {name[:80]}.")
    if issubclass(kind, DeprecatedPipelineMixin):
        raise Trouble(f"{name} is deprecated in diffusers {diffusers.__version__}. It is not used.")
    if "callback_on_step_end" not in arguments_of(kind):
        raise Trouble(f"{name} tells nobody about its steps, so it could not be halted. It is not used.")
    return kind


def arguments_of(kind: type[Any]) -> list[str]:
    """The names that a call of the pipeline class understands."""
    return sorted(set(inspect.signature(kind.__call__).parameters) - {"self"})


def device_of(row: Pipeline) -> torch.device:
    """The device that the row names; ``auto`` is the first GPU if there is one.

    Raises:
        Trouble: this machine has no such device, or the row wants to offload without a GPU.
    """
    has_gpu = torch.cuda.is_available()
    name = ("cuda" if has_gpu else "cpu") if row.device == "auto" else row.device
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or not (number or "0").isdigit():
        raise Trouble(f"There is no device {name}. Write auto, cpu, cuda or cuda:1.")
    if kind == "cuda" and (not has_gpu or int(number or 0) >= torch.cuda.device_count()):
        raise Trouble(f"This worker's machine has no device {name}.")
    if row.offload and kind != "cuda":
        raise Trouble("Offloading moves weights between a GPU and the machine's memory: it needs a GPU.")
    return torch.device(name)


def name_of(device: torch.device) -> str:
    """The device as provenance names it, e.g. ``cuda (NVIDIA H200)``: another kind need not give the same pixels."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def versions() -> dict[str, str]:
    return {library.__name__: library.__version__ for library in (diffusers, torch, transformers)}


def open_pipeline(row: Pipeline, device: torch.device) -> Any:
    """The row's folder as a diffusers pipeline on the device, set as the row says, caching excepted.

    Raises:
        Trouble: with the reason.
    """
    class_of(row)
    with readable("The model folder cannot be loaded"):
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            str(row.path), local_files_only=True, use_safetensors=True, dtype=_dtypes(row)
        )
    pipeline.set_progress_bar_config(disable=True)
    with readable(f"The model does not go to {device}"):
        _place(pipeline, row, device)
    _tune(pipeline, row)
    return pipeline


def _dtypes(row: Pipeline) -> dict[str, torch.dtype]:
    """Of each component: the row's, but for those that the registry's ``dtypes`` names (some VAEs need float32)."""
    named = {"default": row.dtype, **row.studio.get("dtypes", {})}
    return {part: getattr(torch, name) for part, name in named.items()}


def _place(pipeline: Any, row: Pipeline, device: torch.device) -> None:
    if row.offload == Pipeline.Offload.MODEL:
        pipeline.enable_model_cpu_offload(device=device)
    elif row.offload == Pipeline.Offload.SEQUENTIAL:
        pipeline.enable_sequential_cpu_offload(device=device)
    elif row.offload == Pipeline.Offload.GROUP:
        pipeline.enable_group_offload(onload_device=device, offload_type="leaf_level", use_stream=True)
    else:
        pipeline.to(device)


def _tune(pipeline: Any, row: Pipeline) -> None:
    if row.vae_tiling:
        with readable("This VAE cannot decode in tiles"):
            pipeline.vae.enable_tiling()
    if row.vae_slicing:
        with readable("This VAE cannot decode clips one at a time"):
            pipeline.vae.enable_slicing()
    for transformer in transformers_of(pipeline):
        if row.attention:
            with readable(f"The attention backend {row.attention} cannot be used"):
                transformer.set_attention_backend(row.attention)
        if row.compile:
            with readable("The transformer's blocks cannot be compiled"):
                transformer.compile_repeated_blocks()


def transformers_of(pipeline: Any) -> list[Any]:
    """The denoisers: one, or two where a class has one for the early and one for the late steps."""
    named = (getattr(pipeline, name, None) for name in ("transformer", "transformer_2", "unet"))
    return [module for module in named if module is not None]
