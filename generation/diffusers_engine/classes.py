"""Which pipeline classes of diffusers this engine can drive, and by which names of arguments."""

import dataclasses
import inspect
import json
import re
import sys
import typing
from typing import Any

import diffusers
from diffusers.pipelines.pipeline_utils import DeprecatedPipelineMixin

from generation.diffusers_engine.faults import readable
from generation.models import Pipeline
from generation.refusals import Trouble

# Besides the pipeline itself: the class that takes a first frame and is made of the very same components.
FROM_IMAGE = {"LTXPipeline": "LTXImageToVideoPipeline"}
# Classes whose code was read and tested: past their loop they use the VAE alone and take fewer clips there, their
# latents are known, and no negative prompt is an empty one to them. Others are rendered as well, one batch after the
# other, decoded whole, and with rough previews.
VERIFIED = {"LTXPipeline", "LTXImageToVideoPipeline", "WanPipeline", "CogVideoXPipeline", "MochiPipeline"}

LENGTHS = ("num_frames", "frames", "video_length")  # what classes call the length of a clip
NEEDED = ("prompt", "width", "height", "num_inference_steps", "generator", "output_type")
# By their names: they make clips of pictures, clips or drawings, and say so only once they are called without.
FROM_SOMETHING = re.compile("Image(To|2)Video|Video(To|2)(Video|World)|Control|Inpaint")


def class_of(row: Pipeline) -> type[Any]:
    """The pipeline class that the folder names.

    Raises:
        Trouble: there is none, it is deprecated, or it cannot make a clip of what a brief says.
    """
    with readable("The model folder's model_index.json cannot be read"):
        name = str(json.loads((row.path / "model_index.json").read_text())["_class_name"])
    kind = getattr(diffusers, name, None)
    if not (inspect.isclass(kind) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise Trouble(f"diffusers {diffusers.__version__} knows no pipeline class {name[:80]}.")
    if issubclass(kind, DeprecatedPipelineMixin):
        raise Trouble(f"{name} is deprecated in diffusers {diffusers.__version__}. It is not used.")
    if fault := fault_of(kind):
        raise Trouble(f"{name} {fault}. It is not used.")
    return kind


def fault_of(kind: type[Any]) -> str:
    """Why a pipeline class cannot be used, as what follows its name in a sentence; empty if nothing speaks against it.

    What this cannot see, e.g. sizes that a class refuses, is met when the loaded model is warmed up.
    """
    known = arguments_of(kind)
    if "callback_on_step_end" not in known:
        return "tells nobody about its steps, so it could not be halted"
    if length_of(kind) is None:
        return "makes no clips of a chosen length: it takes no number of frames"
    if missing := [name for name in NEEDED if name not in known]:
        return f"takes no {', '.join(missing)}, without which no brief can be followed"
    if unmet := [name for name in _demands_of(kind) if name not in (*NEEDED, *LENGTHS)]:
        return f"needs {', '.join(unmet)}, which a brief does not give"
    if FROM_SOMETHING.search(kind.__name__):
        return "makes clips of pictures or other clips, not of a prompt alone"
    return "" if _gives_frames(kind) else "gives no frames that could be kept"


def arguments_of(kind: type[Any]) -> list[str]:
    """The names that a call of the pipeline class understands."""
    return sorted(set(inspect.signature(kind.__call__).parameters) - {"self"})


def length_of(kind: type[Any]) -> str | None:
    """The argument that takes the number of frames; None if there is none."""
    known = arguments_of(kind)
    return next((name for name in LENGTHS if name in known), None)


def _demands_of(kind: type[Any]) -> list[str]:
    """The arguments that have to be given."""
    given = [one for name, one in inspect.signature(kind.__call__).parameters.items() if name != "self"]
    named = [one for one in given if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    return [one.name for one in named if one.default is one.empty]


def _gives_frames(kind: type[Any]) -> bool:
    """Whether a call returns something with ``frames``, as far as its signature says."""
    said = inspect.signature(kind.__call__).return_annotation
    if isinstance(said, str):  # of a module that puts its annotations off
        said = vars(sys.modules[kind.__module__]).get(said.split("|")[0].strip())
    outputs = [one for one in typing.get_args(said) or (said,) if dataclasses.is_dataclass(one)]
    return not outputs or any(field.name == "frames" for one in outputs for field in dataclasses.fields(one))
