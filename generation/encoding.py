"""Frames to files: the lossless master and the playable clip by ffmpeg, the pictures by Pillow."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from math import ceil
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from access.storing import Kept, keep, workspace
from generation.engine import Clip, Picture
from generation.refusals import Trouble
from generation.rendering import Rendered

Files = dict[str, tuple[Path, str]]  # recipe: path and content type
HANDS = 5  # threads, one for each file; they wait for ffmpeg and for the disk
TIMEOUT = 120  # seconds for one ffmpeg
SHEET_COLUMNS, SHEET_CELL = 6, 256  # contact sheet: columns, and the width of a cell in pixels


def encode(clip: Clip, *, width: int) -> Rendered:
    """Write the master and its renditions, ``width`` pixels wide, into the store.

    Raises:
        Trouble: ffmpeg is missing or fails, or the disk is full; no torn file is left.
    """
    try:
        with workspace() as folder, ThreadPoolExecutor(HANDS) as hands:
            kept = _keep(_write(clip, folder, width, hands), hands)
    except OSError as trouble:
        raise Trouble(f"The worker cannot store clips: {trouble.strerror or trouble}.") from trouble
    frames, height, wide = clip.frames.shape[:3]
    master: Kept = kept.pop("master")
    return Rendered(master, kept, wide, height, frames, clip.frame_rate, clip.provenance)


def _keep(files: Files, hands: ThreadPoolExecutor) -> dict[str, Kept]:
    """Keep the files at the same time: most of it is waiting for the disk to have each of them safe."""
    keeping = {name: hands.submit(keep, path, content_type) for name, (path, content_type) in files.items()}
    return {name: future.result() for name, future in keeping.items()}


def _write(clip: Clip, folder: Path, width: int, hands: ThreadPoolExecutor) -> Files:
    master, playable = folder / "master.mkv", folder / "playable.mp4"
    video = hands.submit(run_ffmpeg, clip.frames, clip.frame_rate, master=master, playable=playable, width=width)
    pictures = _write_pictures(clip, folder, width)
    video.result()
    return {"master": (master, "video/x-matroska"), "playable": (playable, "video/mp4"), **pictures}


def _write_pictures(clip: Clip, folder: Path, width: int) -> Files:
    poster, sheet = folder / "poster.jpg", folder / "sheet.jpg"
    enlarge(clip.frames[len(clip.frames) // 2], width).save(poster, quality=90)
    contact_sheet(clip.frames).save(sheet, quality=88)
    files = {
        "poster": (poster, "image/jpeg"),
        "contact_sheet": (sheet, "image/jpeg"),
    }
    if clip.making:
        making = folder / "making.jpg"
        strip(clip.making).save(making, quality=85)
        files["making"] = (making, "image/jpeg")
    return files


def run_ffmpeg(frames: NDArray[np.uint8], frame_rate: float, *, master: Path, playable: Path, width: int) -> None:
    """One ffmpeg, one pass over the frames, two files: FFV1 as drawn, H.264 enlarged for players.

    Raises:
        Trouble: with ffmpeg's own first words.
    """
    height, wide = frames.shape[1:3]
    source = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{wide}x{height}", framerate=frame_rate)
    split = source.video.split()
    lossless = split[0].output(str(master), vcodec="ffv1", level=3, pix_fmt="bgr0", map_metadata=-1, fflags="+bitexact")
    enlarged = split[1].filter("scale", width // 2 * 2, -2, flags="lanczos")  # yuv420p wants even sizes
    delivered = enlarged.output(
        str(playable),
        vcodec="libx264",
        pix_fmt="yuv420p",
        crf=16,
        preset="veryfast",
        movflags="+faststart",
        map_metadata=-1,
    )
    command = (
        ffmpeg.merge_outputs(lossless, delivered)
        .global_args("-v", "error")
        .overwrite_output()
        .compile(cmd=ffmpeg_binary())
    )
    try:
        done = subprocess.run(command, input=frames.tobytes(), capture_output=True, timeout=TIMEOUT, check=False)
    except OSError as missing:
        raise Trouble("The worker cannot start ffmpeg. Set FFMPEG_BINARY to its path.") from missing
    except subprocess.TimeoutExpired as slow:
        raise Trouble(f"ffmpeg did not end within {TIMEOUT} seconds.") from slow
    if done.returncode:
        raise Trouble(f"ffmpeg failed: {done.stderr.decode(errors='replace').strip()[:200]}")


def ffmpeg_binary() -> str:
    """The binary to use: ``FFMPEG_BINARY``, else ffmpeg on the path, else the one of imageio-ffmpeg."""
    return settings.FFMPEG_BINARY or _found_ffmpeg()


@cache
def _found_ffmpeg() -> str:
    return shutil.which("ffmpeg") or os.fspath(imageio_ffmpeg.get_ffmpeg_exe())


def enlarge(picture: Picture, width: int) -> Image.Image:
    image = Image.fromarray(picture)
    return image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)


def contact_sheet(frames: NDArray[np.uint8]) -> Image.Image:
    """At most 24 frames, evenly spread, in full rows of six."""
    count = min(len(frames) // SHEET_COLUMNS * SHEET_COLUMNS or len(frames), 24)
    chosen = [frames[round(i * (len(frames) - 1) / max(1, count - 1))] for i in range(count)]
    return _grid(chosen, SHEET_COLUMNS)


def strip(pictures: list[Picture]) -> Image.Image:
    """Pictures side by side."""
    return _grid(pictures, len(pictures))


def _grid(pictures: list[Picture], columns: int) -> Image.Image:
    cells = [enlarge(picture, SHEET_CELL) for picture in pictures]
    width, height = cells[0].size
    sheet = Image.new("RGB", (columns * width, ceil(len(cells) / columns) * height))
    for place, cell in enumerate(cells):
        sheet.paste(cell, (place % columns * width, place // columns * height))
    return sheet
