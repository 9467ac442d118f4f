"""What a model and a cohort offer together: which settings there are, and their bounds. The form, the queue and the
pages ask here, so that they agree."""

from dataclasses import dataclass
from typing import Any

from access.models import Enrollment
from generation.declaration import lacks_of
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


def open_models(enrollment: Enrollment) -> list[Pipeline]:
    """The models that the enrollment can ask for clips, the first registered first."""
    reachable = Pipeline.objects.open_to(enrollment).exclude(pinned_at=None)
    return [model for model in reachable if _can_be_asked(model, enrollment)]


def _can_be_asked(pipeline: Pipeline, enrollment: Enrollment) -> bool:
    """Whether it says how it is called, and the cohort has the steps that it needs at least."""
    fewest, most = _steps(pipeline, enrollment)
    return not lacks_of(pipeline.studio) and fewest <= most


def _steps(pipeline: Pipeline, enrollment: Enrollment) -> tuple[int, int]:
    fewest, most = pipeline.studio.get("limits", {}).get("steps", (1, 100))
    return fewest, min(most, enrollment.cohort.max_steps)


def offer(pipeline: Pipeline, enrollment: Enrollment) -> Offer:
    """What the enrollment may ask of the pipeline.

    Sizes and lengths come from the folder's declaration. What the pipeline's class does not understand, as the worker
    that loaded it last saw, is not offered.
    """
    studio, cohort = pipeline.studio, enrollment.cohort
    call, limits = studio.get("call", {}), studio.get("limits", {})
    steps = _steps(pipeline, enrollment)
    known = set(pipeline.loaded.get("arguments", ["guidance_scale", "negative_prompt"]))
    guided = "guidance_scale" in known and limits.get("guidance", True) is not None
    guidance = tuple(limits.get("guidance", (1.0, 20.0))) if guided else None
    return Offer(
        steps=steps,
        guidance=guidance,
        sizes=tuple((width, height) for width, height in studio.get("sizes", [[call["width"], call["height"]]])),
        lengths=tuple(studio.get("lengths", [call["num_frames"]])),
        frame_rate=float(call.get("frame_rate", 8)),
        variations=cohort.max_variations,
        negative_prompt="negative_prompt" in known and guided,
        from_image=bool(pipeline.loaded.get("from_image")) and bool(studio.get("from_image", True)),
        defaults=_within({"steps": steps[0], "guidance": 1.0, **studio.get("defaults", {})}, steps, guidance),
    )


def _within(defaults: dict[str, Any], steps: tuple[int, int], guidance: tuple[float, float] | None) -> dict[str, Any]:
    """The model's defaults as far as the cohort has them: what the studio proposes can be sent."""
    bounds = {"steps": steps, **({"guidance": guidance} if guidance else {})}
    return {**defaults, **{name: min(max(defaults[name], least), most) for name, (least, most) in bounds.items()}}
