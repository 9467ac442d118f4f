"""A clip's recipe, followed by plain diffusers in a process of its own, gives the frames of the master."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from PIL import Image

from access.models import Enrollment
from generation import engines, registry, worker
from generation.encoding import ffmpeg_binary
from generation.engine import Order
from generation.models import Brief, Job, Output, Pipeline
from generation.recipes import recipe_of
from tests import make
from tests.generation import tiny
from tests.generation.test_engine import Look, engine_of

ROOT = Path(settings.BASE_DIR)
POCKET = ROOT / "generation/pocket"


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_resident", OrderedDict())


def follow(recipe: dict[str, Any], folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as a reader would: away from the site, without Django."""
    away = out.parent / "away"
    away.mkdir(exist_ok=True)
    shutil.copy(ROOT / "docs/rerun.py", away)
    (away / "recipe.json").write_text(json.dumps(recipe))
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", "rerun.py", "recipe.json"]
    kept = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH")}
    return subprocess.run(
        [*command, "--folder", str(folder), "--out", str(out)],
        cwd=away,
        env=kept,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def decoded(path: Path, shape: tuple[int, ...]) -> Any:
    """The frames of a video, by ffmpeg."""
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    pixels = subprocess.run(
        [ffmpeg_binary(), "-v", "error", "-i", str(path), *raw], capture_output=True, check=True
    ).stdout
    return np.frombuffer(pixels, np.uint8).reshape(shape)


@pytest.mark.ml
@pytest.mark.usefixtures("fresh")
def test_the_script_makes_the_same_frames_as_the_site(artist: Enrollment, tmp_path: Path) -> None:
    wish = {"prompt": "the moon rising over the sea at night", "negative_prompt": "sun", "seed": 77}
    job = make.job(enrollment=artist, steps=8, width=128, frames=9, height=64, **wish)
    assert worker.drain() == 1
    output = Output.objects.get(job=job)
    recipe = recipe_of(output)
    done = follow(recipe, POCKET, tmp_path / "frames.npy")
    assert done.returncode == 0, done.stderr
    assert "byte for byte those of the recipe" in done.stdout
    master = decoded(output.master.path, (9, 64, 128, 3))
    assert np.array_equal(np.load(tmp_path / "frames.npy"), master)
    assert recipe["frames_sha256"] == hashlib.sha256(master.tobytes()).hexdigest()
    assert (recipe["promise"], recipe["call"]["width"], recipe["seed"]) == ("identical", 128, 77)
    assert recipe["manifest"] == Pipeline.objects.get().manifest
    told = json.dumps(recipe)
    for secret in (str(artist.user_id), artist.user.email, str(output.pk), str(job.pk), str(ROOT)):
        assert secret not in told


@pytest.mark.ml
def test_other_frames_and_another_folder_are_told(tmp_path: Path) -> None:
    recipe, folder = recipe_for(POCKET), Path(shutil.copytree(POCKET, tmp_path / "pocket"))
    done = follow({**recipe, "seed": 78}, folder, tmp_path / "other.npy")
    assert "not byte for byte" in done.stdout, done.stderr
    (folder / "vae/config.json").write_text((folder / "vae/config.json").read_text() + " ")
    with pytest.raises(SystemExit, match=r"vae/config\.json differ"):
        script().check_folder(folder, recipe)


WAYS: dict[str, dict[str, Any]] = {
    "first frame": {},
    "cache": {"cache": "taylor_seer", "cache_options": {"cache_interval": 2, "use_lite_mode": True}},
    "half precision": {"dtype": "bfloat16", "overrides": {"dtypes": {"vae": "float32"}}, "vae_tiling": True},
}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.effect_mandelbrot((90, 90), (-2, -1, 1, 1), 50).convert("RGB").save(tmp_path / "first.png")
    return tmp_path / "first.png"


@pytest.mark.ml
@pytest.mark.parametrize("way", WAYS)
def test_the_script_goes_the_engines_ways(tmp_path: Path, picture: Path, way: str) -> None:
    folder = tiny.build("LTXPipeline", tmp_path / "tiny")
    recipe = recipe_for(folder, picture=picture if way == "first frame" else None, **WAYS[way])
    made = script().render(recipe, folder, "cpu", picture)
    assert hashlib.sha256(made.tobytes()).hexdigest() == recipe["frames_sha256"]


@pytest.mark.ml
@pytest.mark.parametrize("begins", [True, False], ids=["from a picture", "from words"])
def test_the_script_draws_the_noise_that_newer_vaes_of_ltx_decode_with(
    tmp_path: Path, picture: Path, begins: bool
) -> None:
    folder = tiny.build(
        "LTXPipeline", tmp_path / "tiny", make=lambda: tiny.ltx(wants_noise=True),
        decode_timestep=0.05, decode_noise_scale=0.025,
    )  # fmt: skip
    recipe = recipe_for(folder, picture=picture if begins else None)
    made = script().render(recipe, folder, "cpu", picture)
    assert hashlib.sha256(made.tobytes()).hexdigest() == recipe["frames_sha256"]


@pytest.mark.ml
def test_the_script_asks_for_the_picture_that_a_clip_begins_with(picture: Path) -> None:
    recipe = {"first_frame": hashlib.sha256(b"another").hexdigest()}
    for given in (None, picture):
        with pytest.raises(SystemExit, match="Give it: --first-frame"):
            script().picture(recipe, given)


@pytest.mark.ml
def test_noise_is_drawn_where_its_generator_is() -> None:
    import torch

    drawn = script().drawn
    moved = drawn((2, 3), generator=torch.Generator().manual_seed(1), device="meta", dtype=torch.float16)
    assert (moved.device.type, moved.dtype, moved.shape) == ("meta", torch.float16, (2, 3))
    assert torch.equal(drawn(4, generator=torch.manual_seed(1)), torch.randn(4, generator=torch.manual_seed(1)))


def recipe_for(folder: Path, *, picture: Path | None = None, **settings: Any) -> dict[str, Any]:
    """The recipe of a clip that the engine has just made, without the site around it."""
    engine = engine_of(folder, **settings)
    call = engine.row.studio["call"]
    order = Order("a red ball moving left", "", 4, 3.0, 77, call["width"], call["height"], call["num_frames"], picture)
    (clip,) = engine.render([order], Look())
    made = {**clip.provenance, "frames_sha256": hashlib.sha256(clip.frames.tobytes()).hexdigest()}
    job = Job(brief=Brief(pipeline=engine.row, prompt=order.prompt, negative_prompt=""))
    return recipe_of(Output(job=job, provenance=made, frame_rate=clip.frame_rate))


def script() -> Any:
    """``docs/rerun.py`` as a module of this process."""
    found = importlib.util.spec_from_file_location("rerun", ROOT / "docs/rerun.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.ml
def test_the_script_writes_a_lossless_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ffmpeg").symlink_to(ffmpeg_binary())
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    frames = make.clip().frames
    script().write(frames, 8.0, tmp_path / "clip.mkv")
    assert np.array_equal(decoded(tmp_path / "clip.mkv", frames.shape), frames)


class Deaf:
    """A pipeline that takes no negative prompt, as some classes do not."""

    def __call__(self, prompt: list[str], width: int, height: int, generator: list[Any], output_type: str) -> Any:
        return SimpleNamespace(frames=np.zeros((1, 3, height, width, 3)))


class Listening:
    """One that has a negative prompt of its own, unless it is given another."""

    def __call__(self, negative_prompt: Any = "its own", **_: Any) -> Any:
        self.heard = negative_prompt
        return SimpleNamespace(frames=np.zeros((1, 3, 8, 8, 3)))


@pytest.mark.ml
def test_the_script_gives_a_negative_prompt_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = {
        "call": {"width": 8, "height": 8}, "prompt": "sea", "negative_prompt": "sun", "seed": 1, "threads": 0,
        "versions": {},
    }  # fmt: skip
    module, listening = script(), Listening()
    monkeypatch.setattr(module, "load", lambda *_: Deaf())
    assert module.render(recipe, Path(), "cpu", None).shape == (3, 8, 8, 3)
    monkeypatch.setattr(module, "load", lambda *_: listening)
    module.render(recipe, Path(), "cpu", None)
    assert listening.heard == ["sun"]
    module.render({**recipe, "negative_prompt": ""}, Path(), "cpu", None)
    assert listening.heard == "its own"


@pytest.mark.django_db
@pytest.mark.parametrize(("size", "promise"), [(1, "identical"), (3, "visually identical")])
def test_what_is_promised_of_company(artist: Enrollment, size: int, promise: str) -> None:
    output = make.output(enrollment=artist)
    output.provenance = {"class": "LTXPipeline", "batch": {"size": size, "id": "x"}}
    assert recipe_of(output)["promise"] == promise


@pytest.mark.django_db
def test_a_folder_pinned_anew_keeps_its_old_name_in_old_recipes(tmp_path: Path, artist: Enrollment) -> None:
    output = make.output(enrollment=artist)
    pipeline = Pipeline.objects.get()
    known = {"class": "LTXPipeline", "manifest_sha256": pipeline.manifest_sha256, "batch": {"size": 3, "id": "x"}}
    output.provenance = known
    recipe = recipe_of(output)
    assert (recipe["promise"], recipe["manifest"]) == ("visually identical", pipeline.manifest)
    assert "batch" not in recipe
    output.job.brief.pipeline.manifest = {"model_index.json": "0" * 64}
    assert recipe_of(output)["manifest"] == {}
    assert recipe_of(output)["manifest_sha256"] == registry.fingerprint(pipeline.manifest)


@pytest.mark.django_db
def test_a_clip_of_which_too_little_is_known_says_so(artist: Enrollment) -> None:
    output = make.output(enrollment=artist)
    output.provenance = {}
    assert recipe_of(output)["promise"] == "none"
