"""From a registry row to a pipeline in memory. What cannot be done as the row says ends in Trouble, not in a guess."""

import logging
from typing import Any

import diffusers
import torch
import transformers
from diffusers.models.attention_dispatch import attention_backend

from generation.diffusers_engine.classes import class_of
from generation.diffusers_engine.faults import readable
from generation.models import Pipeline
from generation.refusals import Trouble

ATTENTION = "native"  # torch's own, also of rows that name no backend

# Said at every load, of each denoiser: "Attention backends are an experimental feature …"
logging.getLogger("diffusers.models.modeling_utils").addFilter(lambda record: "experimental" not in record.getMessage())
diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()


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
        if row.offload or device.type == "cpu":
            _let_go_of_files(pipeline)
        _place(pipeline, row, device)
    _tune(pipeline, row)
    return pipeline


def _dtypes(row: Pipeline) -> dict[str, torch.dtype]:
    """Of each component: the row's, but for those that the registry's ``dtypes`` names (some VAEs need float32)."""
    named = {"default": row.dtype, **row.studio.get("dtypes", {})}
    return {part: getattr(torch, name) for part, name in named.items()}


def _let_go_of_files(pipeline: Any) -> None:
    """Copy what stays in the machine's memory, tensor by tensor.

    The libraries map weights from their files: who overwrites a file in place changes the loaded model, and who cuts it
    short kills the worker.
    """
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            for tensor in (*part.parameters(), *part.buffers()):
                tensor.data = tensor.data.clone()


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
        with readable(f"The attention backend {row.attention} cannot be used"):
            _set_attention(transformer, row.attention or ATTENTION)
        if row.compile:
            with readable("The transformer's blocks cannot be compiled"):
                transformer.compile_repeated_blocks()


def _set_attention(transformer: Any, name: str) -> None:
    """Let one model use a backend. diffusers makes it the whole process's as well: of models that name none."""
    with attention_backend(ATTENTION):  # puts back afterwards what the process had
        transformer.set_attention_backend(name)


def transformers_of(pipeline: Any) -> list[Any]:
    """The denoisers: one, or two where a class has one for the early and one for the late steps."""
    named = (getattr(pipeline, name, None) for name in ("transformer", "transformer_2", "unet"))
    return [module for module in named if module is not None]
