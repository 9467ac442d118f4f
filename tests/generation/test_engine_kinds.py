"""Which pipeline classes of diffusers are used, and one that goes by other names than most."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from generation.engine import Order
from generation.refusals import Trouble
from tests.generation import tiny
from tests.generation.orders import Look, engine_of, frames, furthest

pytestmark = pytest.mark.ml

REFUSED = {
    # not of these times
    "TextToVideoSDPipeline": "deprecated",
    "HunyuanVideo15Pipeline": "tells nobody about its steps",
    "NoSuchPipeline": "knows no pipeline class",
    "UNet2DModel": "knows no pipeline class",
    # of pictures
    "FluxPipeline": "no number of frames",
    "StableDiffusionXLPipeline": "no number of frames",
    "Cosmos2TextToImagePipeline": "no number of frames",
    # of something that no brief has
    "WanImageToVideoPipeline": "needs image",
    "LucyEditPipeline": "needs video",
    "Cosmos2_5_TransferPipeline": "needs controls",
    "StableVideoDiffusionPipeline": "takes no prompt",
    "CogVideoXVideoToVideoPipeline": "no number of frames",
    "WanVideoToVideoPipeline": "no number of frames",
    "WanAnimatePipeline": "no number of frames",
    "LTXImageToVideoPipeline": "not of a prompt alone",
    "LTX2ImageToVideoPipeline": "not of a prompt alone",
    "CosmosVideoToWorldPipeline": "not of a prompt alone",
    "EasyAnimateInpaintPipeline": "not of a prompt alone",
    "AnimateDiffSparseControlNetPipeline": "not of a prompt alone",
    # otherwise
    "Cosmos3OmniPipeline": "gives no frames",
    "HeliosPyramidPipeline": "takes no num_inference_steps",
}
LENGTHS = {
    "AllegroPipeline": "num_frames",
    "AnimateDiffPipeline": "num_frames",
    "AnyFlowPipeline": "num_frames",
    "CogVideoXPipeline": "num_frames",
    "CosmosTextToWorldPipeline": "num_frames",
    "EasyAnimatePipeline": "num_frames",
    "HeliosPipeline": "num_frames",
    "HunyuanVideoPipeline": "num_frames",
    "Kandinsky5T2VPipeline": "num_frames",
    "LTX2Pipeline": "num_frames",
    "LTXPipeline": "num_frames",
    "LattePipeline": "video_length",
    "MochiPipeline": "num_frames",
    "SanaVideoPipeline": "frames",
    "SkyReelsV2Pipeline": "num_frames",
    "WanPipeline": "num_frames",
    "WanVACEPipeline": "num_frames",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_class_that_cannot_work_is_not_loaded(tmp_path: Path, name: str) -> None:
    (tmp_path / "model_index.json").write_text(f'{{"_class_name": "{name}"}}')
    (tmp_path / "studio.json").write_text('{"call": {"width": 32, "height": 32, "num_frames": 9}}')
    with pytest.raises(Trouble, match=REFUSED[name]):
        engine_of(tmp_path).load()


@pytest.mark.parametrize("name", LENGTHS)
def test_a_class_that_can_work_is_asked_by_its_own_name_for_the_length(name: str) -> None:
    import diffusers

    from generation.diffusers_engine.classes import fault_of, length_of

    kind = getattr(diffusers, name)
    assert (fault_of(kind), length_of(kind)) == ("", LENGTHS[name])


@pytest.fixture(scope="module")
def latte(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return engine_of(tiny.build("LattePipeline", tmp_path_factory.mktemp("latte")))


def test_a_class_with_another_name_for_the_length(latte: Any) -> None:
    order = Order("a red circle", "black", 4, 3.0, 1, 16, 16, 5)
    (clip,) = latte.render([order], Look(shown=0))
    assert clip.frames.shape == (5, 16, 16, 3) and clip.frames.std() > 1
    assert clip.provenance["call"]["video_length"] == 5 and "num_frames" not in clip.provenance["call"]
    batch = [order, replace(order, seed=2, prompt="a blue star")]
    assert furthest(frames(latte, *batch)[0], clip.frames) <= 1
    assert frames(latte, *batch, watch=Look(live={1}))[0] is None


def test_a_class_that_gives_something_else_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import diffusers

    folder = tiny.build("LTXPipeline", tmp_path / "model")
    call = diffusers.LTXPipeline.__call__

    def first_pictures(self: Any, *args: Any, **named: Any) -> Any:
        return SimpleNamespace(frames=call(self, *args, **named).frames[:, 0])

    first_pictures.__wrapped__ = call  # so that its signature stays
    monkeypatch.setattr(diffusers.LTXPipeline, "__call__", first_pictures)
    with pytest.raises(Trouble, match="gives something else than clips"):
        engine_of(folder).load()
