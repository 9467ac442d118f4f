"""The portable recipe of a clip: what makes it again with plain diffusers, away from this site (docs/recipe.md)."""

from typing import Any

from generation import registry
from generation.models import Output, Pipeline

FORMAT, VERSION = "vernissage-recipe", 1
# What the engine found and did, as it is in the output's provenance: the part of a recipe that decides pixels.
COPIED = (
    "class", "call", "seed", "versions", "dtype", "dtypes", "device", "threads", "cache", "cache_options", "attention",
    "compile", "offload", "vae_tiling", "vae_slicing", "first_frame", "frames_sha256", "manifest_sha256",
)  # fmt: skip


def recipe_of(output: Output) -> dict[str, Any]:
    """The recipe, as JSON can say it. It names no person, no site and no path of this machine.

    ``promise`` says what to expect of who follows it: ``identical`` frames, byte for byte, with the same versions on
    the same kind of device; ``visually identical`` ones of a clip that was rendered together with others, since sums
    are then taken in another order; or ``none``, where too little was noted down.
    """
    brief, made = output.job.brief, output.provenance
    return {
        "format": FORMAT,
        "version": VERSION,
        "promise": _promise(output),
        "model": _model(brief.pipeline),
        "prompt": brief.prompt,
        "negative_prompt": brief.negative_prompt,
        "frame_rate": output.frame_rate,
        **{name: made[name] for name in COPIED if name in made},
        "manifest": _manifest(brief.pipeline, made.get("manifest_sha256", "")),
    }


def _promise(output: Output) -> str:
    if "class" not in output.provenance:
        return "none"
    return "visually identical" if output.is_of_a_batch else "identical"


def _model(pipeline: Pipeline) -> dict[str, str]:
    return {"name": pipeline.name, "hub_id": pipeline.hub_id, "revision": pipeline.revision}


def _manifest(pipeline: Pipeline, sha256: str) -> registry.Manifest:
    """The hash of each file of the folder; empty if it was pinned anew since, when only their common hash is known."""
    return pipeline.manifest if registry.fingerprint(pipeline.manifest) == sha256 else {}
