"""What a brief costs: clips of the day's quota, and seconds of a worker as they were measured."""

from collections.abc import Mapping
from dataclasses import dataclass

from generation.models import Pipeline
from generation.offering import Offer


@dataclass(frozen=True)
class Cost:
    """Clips of the quota, and seconds of rendering for one of them; None before anything was measured."""

    clips: int
    seconds: float | None

    @property
    def whole_seconds(self) -> int:
        """For people: not less than one."""
        return max(1, round(self.seconds or 0))


def cost_of(fields: Mapping[str, str], *, pipeline: Pipeline, terms: Offer) -> Cost:
    """The cost of the studio's fields, raw as typed; a field that cannot be read counts as the model's default.

    Workers measure at the default size and length; others are taken to cost in proportion to pixels and frames.
    """
    clips = _whole(fields.get("variations", ""), 1, most=terms.variations)
    if not pipeline.seconds_per_step:
        return Cost(clips, None)
    steps = _whole(fields.get("steps", ""), int(terms.defaults["steps"]), most=terms.steps[1])
    volume = _volume(fields, pipeline=pipeline, terms=terms)
    return Cost(clips, (pipeline.seconds_per_step * steps + pipeline.seconds_around) * volume)


def _volume(fields: Mapping[str, str], *, pipeline: Pipeline, terms: Offer) -> float:
    """Pixels times frames, with what the pipeline is called with by itself as 1 (``generation.line.size_of``)."""
    sizes = {f"{width}x{height}": width * height for width, height in terms.sizes}
    width, height = terms.sizes[0]
    pixels = sizes.get(fields.get("size", ""), width * height)
    frames = _whole(fields.get("length", ""), terms.lengths[0], most=max(terms.lengths))
    call = pipeline.studio["call"]
    return pixels * frames / (call["width"] * call["height"] * call["num_frames"])


def _whole(text: str, default: int, *, most: int) -> int:
    sound = text.isascii() and text.isdigit() and len(text) < 10
    return min(max(1, int(text)), most) if sound else default
