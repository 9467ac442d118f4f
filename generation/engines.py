"""The engines that a worker's child holds in memory: a bounded number, the least recently used given back first."""

from collections import OrderedDict

from django.conf import settings

from generation.engine import Engine
from generation.models import Pipeline
from generation.registry import note_loaded

# What of a registry row decides how a model is loaded: after a change it is loaded anew.
SETTINGS = (
    "pk", "folder", "manifest_sha256", "declared", "overrides", "dtype", "device", "offload", "vae_tiling",
    "vae_slicing", "compile", "cache", "cache_options", "attention", "warm_shapes",
)  # fmt: skip

_resident: OrderedDict[str, Engine] = OrderedDict()


def loaded(pipeline: Pipeline) -> Engine:
    """The engine of a pipeline, with its model in memory.

    Raises:
        generation.refusals.Trouble: the folder cannot be used; the words say why.
    """
    key = _key(pipeline)
    engine = _resident.pop(key, None)
    if engine is None:
        engine = make_engine(pipeline)
        engine.check()  # else one that is broken would send away one that works, again and again
        free(pipeline)  # the same pipeline as it was set before
        while len(_resident) >= settings.RENDER_RESIDENT:
            _resident.popitem(last=False)[1].free()
    found = engine.load()
    _resident[key] = engine  # only now: what could not be loaded is tried from the files again
    note_loaded(pipeline, found)
    return engine


def is_resident(pipeline: Pipeline) -> bool:
    return _key(pipeline) in _resident


def are_any() -> bool:
    return bool(_resident)


def are_several() -> bool:
    """Whether models share the memory."""
    return len(_resident) > 1


def free_others(pipeline: Pipeline) -> None:
    """Give back the memory of every other pipeline."""
    for key in [key for key in _resident if not key.startswith(f"{pipeline.pk} ")]:
        _resident.pop(key).free()


def free(pipeline: Pipeline) -> None:
    """Give back the memory of a pipeline; the next job of it loads it anew."""
    for key in [key for key in _resident if key.startswith(f"{pipeline.pk} ")]:
        _resident.pop(key).free()


def _key(pipeline: Pipeline) -> str:
    return " ".join(str(getattr(pipeline, name)) for name in SETTINGS)


def make_engine(pipeline: Pipeline) -> Engine:
    from generation.diffusers_engine import DiffusersEngine  # torch: in the child only

    return DiffusersEngine(pipeline, settings.RENDER_THREADS)
