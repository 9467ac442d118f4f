"""The cache methods of diffusers: steps, or parts of steps, that are predicted instead of computed."""

from collections.abc import Callable
from typing import Any

import torch
from diffusers import hooks

from generation.diffusers_engine.faults import readable
from generation.diffusers_engine.loading import transformers_of
from generation.models import Pipeline
from generation.refusals import Trouble

CONFIGS = {
    Pipeline.Cache.FIRST_BLOCK: hooks.FirstBlockCacheConfig,
    Pipeline.Cache.TAYLOR_SEER: hooks.TaylorSeerCacheConfig,
    Pipeline.Cache.MAG: hooks.MagCacheConfig,
    Pipeline.Cache.FASTER: hooks.FasterCacheConfig,
    Pipeline.Cache.PYRAMID: hooks.PyramidAttentionBroadcastConfig,
}
ASKS_FOR_THE_TIMESTEP = (Pipeline.Cache.FASTER, Pipeline.Cache.PYRAMID)


class StepCache:
    """The cache of a loaded pipeline: enabled for a number of steps, forgotten before each batch.

    ``timestep`` tells the present timestep of the batch that is being denoised.
    """

    def __init__(self, pipeline: Any, row: Pipeline, timestep: Callable[[], Any]) -> None:
        self.transformers, self.row, self.timestep = transformers_of(pipeline), row, timestep
        self.steps = 0

    def begin(self, steps: int) -> None:
        """Start a batch with nothing remembered of the one before, which may have been broken off.

        Raises:
            Trouble: the method does not go with this model or these options.
        """
        if self.row.cache and (self.steps == 0 or (self.row.cache == Pipeline.Cache.MAG and self.steps != steps)):
            with readable(f"The cache method {self.row.cache} cannot be used with this model"):
                self._enable(steps)
            self.steps = steps
        for transformer in self.transformers:
            if self.row.cache:
                transformer._reset_stateful_cache()

    def _enable(self, steps: int) -> None:
        for transformer in self.transformers:
            if transformer.is_cache_enabled:
                transformer.disable_cache()
            transformer.enable_cache(self._config(steps))
            if not any(_has_hooks(module) for module in transformer.modules()):
                raise Trouble(
                    f"The cache method {self.row.cache} finds nothing in this model that it could cache. "
                    'Choose another, or name what to cache in the options: {"use_lite_mode": true} for TaylorSeer.'
                )

    def _config(self, steps: int) -> Any:
        options = {name: _typed(value) for name, value in self.row.cache_options.items()}
        if self.row.cache in ASKS_FOR_THE_TIMESTEP:
            options = {"spatial_attention_block_skip_range": 2, **options, "current_timestep_callback": self.timestep}
        if self.row.cache == Pipeline.Cache.MAG:
            options["num_inference_steps"] = steps
        return CONFIGS[Pipeline.Cache(self.row.cache)](**options)


def _has_hooks(module: Any) -> bool:
    registry = getattr(module, "_diffusers_hook", None)
    return registry is not None and bool(registry.hooks)


def _typed(value: Any) -> Any:
    """JSON has neither dtypes nor tuples; ratios and ranges are lists there."""
    if isinstance(value, str) and isinstance(getattr(torch, value, None), torch.dtype):
        return getattr(torch, value)
    return tuple(value) if isinstance(value, list) and len(value) == 2 else value
