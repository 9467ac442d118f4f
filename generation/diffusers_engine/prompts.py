"""The text encoder runs once for a prompt: with a large model it takes seconds, and artists vary one prompt often."""

import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

PROMPTS_KEPT = 32  # a few MB each for the largest encoders


class PromptMemory:
    """Remembers what ``encode_prompt`` made of each single prompt; the least recently used is forgotten first.

    Prompts are encoded one by one, also those of a batch, so that one has the same embedding in any company.
    """

    def __init__(self, kept: int = PROMPTS_KEPT) -> None:
        self.kept, self.lock = kept, threading.Lock()
        self.encoded: OrderedDict[tuple[object, ...], Any] = OrderedDict()

    def serve(self, pipeline: Any) -> None:
        """Put this memory before the pipeline's ``encode_prompt``, whatever its arguments are."""
        encode = getattr(pipeline, "encode_prompt", None)
        if encode is None:
            return
        known = inspect.signature(encode)

        def encode_prompt(*positional: Any, **named: Any) -> Any:
            asked = dict(known.bind(*positional, **named).arguments)
            singles = _one_by_one(asked)
            made = [self._recall(type(pipeline), encode, single) for single in singles]
            joined = _join(made) if made else None
            return encode(**asked) if joined is None else joined

        pipeline.encode_prompt = encode_prompt

    def _recall(self, kind: type, encode: Callable[..., Any], asked: dict[str, Any]) -> Any:
        key = (kind, *sorted((name, repr(value)) for name, value in asked.items()))
        with self.lock:
            if key in self.encoded:
                self.encoded.move_to_end(key)
                return self.encoded[key]
        made = encode(**asked)
        with self.lock:
            self.encoded[key] = made
            while len(self.encoded) > self.kept:
                self.encoded.popitem(last=False)
        return made


def _one_by_one(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The same question for each prompt alone; empty if it is not a plain question for a list of prompts."""
    prompts = asked.get("prompt")
    if not isinstance(prompts, list) or any(isinstance(value, Tensor) for value in asked.values()):
        return []
    in_step = {name: value for name, value in asked.items() if "prompt" in name and isinstance(value, list)}
    return [{**asked, **{name: [value[place]] for name, value in in_step.items()}} for place in range(len(prompts))]


def _join(made: Sequence[Any]) -> Any:
    """Answers for single prompts as one for all of them; None where they do not fit together."""
    first = made[0]
    if isinstance(first, tuple):
        columns = [_join(column) for column in zip(*made, strict=True)]
        fits = all(column is not None or row is None for column, row in zip(columns, first, strict=True))
        return tuple(columns) if fits else None
    if isinstance(first, Tensor) and all(one.shape[1:] == first.shape[1:] for one in made):
        return torch.cat(list(made))
    return None
