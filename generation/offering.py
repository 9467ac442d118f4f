"""What a model and a cohort offer together: which settings there are, and their bounds. The form, the queue and the
pages ask here, so that they agree."""

from dataclasses import dataclass
from typing import Any

from access.models import Enrollment
from generation.models import Pipeline

Size = tuple[int, int]  # width, height in pixels, as the model draws them


@dataclass(frozen=True)
class Offer:
    """The settings of one pipeline within the limits of one cohort."""

    steps: tuple[int, int]
    guidance: tuple[float, float] | None  # None: the model is not guided
    sizes: tuple[Size, ...]  # the first is the default
    lengths: tuple[int, ...]  # in frames; the first is the default
    frame_rate: float
    variations: int  # at most
    negative_prompt: bool
    from_image: bool
    defaults: dict[str, Any]  # steps, guidance

    def seconds(self, frames: int) -> float:
        return frames / self.frame_rate


def offer(pipeline: Pipeline, enrollment: Enrollment) -> Offer:
    """What the enrollment may ask of the pipeline.

    Sizes and lengths come from the folder's declaration. What the pipeline's class does not understand, as the worker
    that loaded it last saw, is not offered.
    """
    studio, cohort = pipeline.studio, enrollment.cohort
    call, limits = studio.get("call", {}), studio.get("limits", {})
    fewest, most = limits.get("steps", (1, 100))
    known = set(pipeline.loaded.get("arguments", ["guidance_scale", "negative_prompt"]))
    guided = "guidance_scale" in known and limits.get("guidance", True) is not None
    return Offer(
        steps=(fewest, min(most, cohort.max_steps)),
        guidance=tuple(limits.get("guidance", (1.0, 20.0))) if guided else None,
        sizes=tuple((width, height) for width, height in studio.get("sizes", [[call["width"], call["height"]]])),
        lengths=tuple(studio.get("lengths", [call["num_frames"]])),
        frame_rate=float(call.get("frame_rate", 8)),
        variations=cohort.max_variations,
        negative_prompt="negative_prompt" in known and guided,
        from_image=bool(pipeline.loaded.get("from_image")) and bool(studio.get("from_image", True)),
        defaults={"steps": fewest, "guidance": 1.0, **studio.get("defaults", {})},
    )
