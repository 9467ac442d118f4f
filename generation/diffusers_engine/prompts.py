"""The text encoder runs once for a prompt: with a large model it takes seconds, and artists vary one prompt often."""

import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

BYTES_KEPT = 256 << 20  # in the machine's memory; one prompt is a few MB for the largest encoders
EACH = 4 << 10  # bytes, besides the tensors: prompts are long, and some classes give what is no tensor
Kept = tuple[Any, int]  # what was made of a prompt, and its bytes


class PromptMemory:
    """Remembers what ``encode_prompt`` made of each single prompt; the least recently used is forgotten first.

    Prompts are encoded one by one, also those of a batch, so that one has the same embedding in any company. What is
    remembered takes none of a GPU's memory: that is for clips.
    """

    def __init__(self, most: int = BYTES_KEPT) -> None:
        self.most, self.lock = most, threading.Lock()
        self.encoded: OrderedDict[tuple[object, ...], Kept] = OrderedDict()
        self.bytes = 0

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
            kept = self.encoded.get(key)
            if kept:
                self.encoded.move_to_end(key)
        if kept:
            return _back(kept[0])
        made = encode(**asked)
        self._keep(key, (_away(made), _bytes_of(made) + EACH))
        return made

    def _keep(self, key: tuple[object, ...], kept: Kept) -> None:
        with self.lock:
            self.bytes += kept[1] - self.encoded.pop(key, (None, 0))[1]
            self.encoded[key] = kept
            while self.bytes > self.most:
                self.bytes -= self.encoded.popitem(last=False)[1][1]

    def forget(self) -> None:
        with self.lock:
            self.encoded.clear()
            self.bytes = 0


@dataclass(frozen=True)
class Away:
    """A tensor of a GPU, kept in the machine's memory."""

    tensor: Tensor
    device: torch.device


def _away(made: Any) -> Any:
    if isinstance(made, Tensor) and made.device.type != "cpu":
        return Away(made.cpu(), made.device)
    return tuple(map(_away, made)) if isinstance(made, tuple) else made


def _back(kept: Any) -> Any:
    if isinstance(kept, Away):
        return kept.tensor.to(kept.device)
    return tuple(map(_back, kept)) if isinstance(kept, tuple) else kept


def _bytes_of(made: Any) -> int:
    if isinstance(made, Tensor):
        return made.nbytes
    return sum(map(_bytes_of, made)) if isinstance(made, tuple) else 0


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
