"""Make a clip again from its recipe, with plain diffusers: python rerun.py recipe.json --folder MODEL --out clip.npy

Needs torch, diffusers and transformers in the recipe's versions, numpy, Pillow, and ffmpeg on the path for an output
that is not .npy. Fetches nothing. What the fields mean is in recipe.md.
"""

import argparse
import hashlib
import inspect
import json
import os
import subprocess
from pathlib import Path
from typing import Any
from unittest import mock

os.environ["HF_HUB_OFFLINE"] = "1"  # before the libraries are imported

import diffusers
import numpy as np
import torch
import transformers
from PIL import Image, ImageOps

RANDN = torch.randn
CACHES = {
    "first_block": "FirstBlockCacheConfig", "taylor_seer": "TaylorSeerCacheConfig", "mag": "MagCacheConfig",
    "faster": "FasterCacheConfig", "pyramid": "PyramidAttentionBroadcastConfig",
}  # fmt: skip


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("recipe", type=Path)
    wanted.add_argument("--folder", type=Path, required=True, help="the model's folder")
    wanted.add_argument("--out", type=Path, required=True, help="frames.npy, or clip.mkv (lossless), clip.mp4 …")
    wanted.add_argument("--first-frame", type=Path, help="the picture, for a clip that begins with one")
    wanted.add_argument("--device", default="", help="another one than the recipe's: the same to the eye at best")
    options = wanted.parse_args()
    recipe = json.loads(options.recipe.read_text())
    if (recipe.get("format"), recipe.get("version")) != ("vernissage-recipe", 1) or recipe["promise"] == "none":
        raise SystemExit("This is no recipe of version 1 that can be followed.")
    check_folder(options.folder, recipe)
    frames = render(recipe, options.folder, options.device or recipe["device"].split(" ")[0], options.first_frame)
    write(frames, recipe["frame_rate"], options.out)
    same = hashlib.sha256(frames.tobytes()).hexdigest() == recipe.get("frames_sha256")
    print(f"{len(frames)} frames written;", "byte for byte those of the recipe." if same else "not byte for byte.")


def check_folder(folder: Path, recipe: dict[str, Any]) -> None:
    """Stop unless the folder holds exactly the files that the clip was made with."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    if hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest() != recipe["manifest_sha256"]:
        known = recipe["manifest"] or found
        differ = sorted(name for name in {*found, *known} if found.get(name) != known.get(name))
        raise SystemExit(f"This is not the folder that the clip was made with: {', '.join(differ[:5])} differ.")


def load(recipe: dict[str, Any], folder: Path, device: str) -> Any:
    """The pipeline, set as the recipe says."""
    dtypes = {part: getattr(torch, name) for part, name in {"default": recipe["dtype"], **recipe["dtypes"]}.items()}
    pipeline = diffusers.DiffusionPipeline.from_pretrained(str(folder.resolve()), local_files_only=True, dtype=dtypes)
    if type(pipeline).__name__ != recipe["class"]:  # the class that takes a first frame, made of the same parts
        pipeline = getattr(diffusers, recipe["class"])(**pipeline.components)
    pipeline.to(device)
    for setting, enable in (("vae_tiling", "enable_tiling"), ("vae_slicing", "enable_slicing")):
        if recipe[setting]:
            getattr(pipeline.vae, enable)()
    for name in ("transformer", "transformer_2", "unet"):
        if transformer := getattr(pipeline, name, None):
            tune(transformer, pipeline, recipe)
    return pipeline


def tune(transformer: Any, pipeline: Any, recipe: dict[str, Any]) -> None:
    """Attention, compilation and step cache of a denoiser, as the recipe says."""
    if recipe["attention"]:
        transformer.set_attention_backend(recipe["attention"])
    if recipe["compile"]:
        transformer.compile_repeated_blocks()
    if not recipe["cache"]:
        return
    options = dict(recipe["cache_options"])
    for name, value in options.items():
        if isinstance(value, str) and hasattr(torch, value):
            options[name] = getattr(torch, value)
        elif isinstance(value, list) and len(value) == 2:
            options[name] = tuple(value)
    if recipe["cache"] in ("faster", "pyramid"):
        options = {"spatial_attention_block_skip_range": 2, **options}
        options["current_timestep_callback"] = lambda: pipeline.current_timestep
    if recipe["cache"] == "mag":
        options["num_inference_steps"] = recipe["call"]["num_inference_steps"]
    transformer.enable_cache(getattr(diffusers, CACHES[recipe["cache"]])(**options))


def render(recipe: dict[str, Any], folder: Path, device: str, first_frame: Path | None) -> Any:
    """The frames, uint8 [frame, row, column, RGB]."""
    versions = {library.__name__: library.__version__ for library in (diffusers, torch, transformers)}
    if versions != recipe["versions"]:
        print(f"The clip was made with {recipe['versions']}, this is {versions}: the same to the eye at best.")
    if recipe["threads"]:
        torch.set_num_threads(recipe["threads"])
    call = {**recipe["call"], "prompt": [recipe["prompt"]]}
    if recipe.get("first_frame"):
        call["image"] = [picture(recipe, first_frame)]
    pipeline = load(recipe, folder, device)
    if recipe["negative_prompt"] and "negative_prompt" in inspect.signature(type(pipeline).__call__).parameters:
        call["negative_prompt"] = [recipe["negative_prompt"]]
    with torch.inference_mode(), mock.patch.object(torch, "randn", drawn):
        made = pipeline(**call, generator=torch.Generator().manual_seed(recipe["seed"]), output_type="np").frames[0]
    return (np.clip(np.asarray(made), 0, 1) * 255).round().astype(np.uint8)


def drawn(*size: Any, generator: Any = None, device: Any = None, **named: Any) -> Any:
    """``torch.randn`` where the generator is, as diffusers draws nearly always.

    LTX's class for first frames asks a GPU to draw with a generator of the CPU, which torch refuses.
    """
    noise = RANDN(*size, generator=generator, device=generator.device if generator else device, **named)
    return noise if device is None else noise.to(device)


def picture(recipe: dict[str, Any], path: Path | None) -> Image.Image:
    if path is None or hashlib.sha256(path.read_bytes()).hexdigest() != recipe["first_frame"]:
        raise SystemExit(f"The clip begins with a picture. Give it: --first-frame, SHA-256 {recipe['first_frame']}")
    size = (recipe["call"]["width"], recipe["call"]["height"])
    return ImageOps.fit(Image.open(path).convert("RGB"), size, Image.Resampling.LANCZOS)


def write(frames: Any, frame_rate: float, out: Path) -> None:
    if out.suffix == ".npy":
        np.save(out, frames)
        return
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(frame_rate), "-i", "-"]
    coding = ["-c:v", "ffv1", "-pix_fmt", "bgr0"] if out.suffix == ".mkv" else ["-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *source, *coding, str(out)], input=frames.tobytes(), check=True)


if __name__ == "__main__":
    main()
