"""Frames to files: the lossless master and the playable clip by ffmpeg, the pictures by Pillow."""

import contextlib
import errno
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg
import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from access.storing import Kept, keep, workspace
from generation.engine import Clip, Picture
from generation.models import Pipeline
from generation.refusals import OutOfMemory, Trouble
from generation.rendering import Rendered

Files = dict[str, tuple[Path, str]]  # recipe: path and content type
HANDS = 4  # threads, one for each file; they wait for ffmpeg and for the disk
ADDRESS = re.compile(r"\[[^]]* @ 0x[0-9a-f]+\] *")  # before what ffmpeg says, of no use to anybody else
NO_THREAD = "can't start new thread"  # what Python says where the machine has no memory, or no number, for one
NICE = 10  # of ffmpeg, which shares the cores with torch
TIMEOUT = 120.0  # seconds for an ffmpeg for which no lease runs
SHARE = 0.9  # of a lease that an ffmpeg may take: it is given up before its worker is
SHEET_COLUMNS, SHEET_ROWS, SHEET_CELL = 6, 4, 256  # contact sheet: columns, rows at most, width of a cell in pixels
PROXY_LINES = 540  # of the copy that reviewers watch, at most
DELIVERY_WIDTH = 768  # of the playable copy of a small model, in pixels


def delivered_width(pipeline: Pipeline, *, drawn: int) -> int:
    """How wide the playable copy of a clip is that was drawn so wide: as the model declares, else never smaller."""
    return int(pipeline.studio.get("deliver_width") or max(DELIVERY_WIDTH, drawn))


def encode(clip: Clip, *, width: int, lease: float | None = None) -> Rendered:
    """Write the master and what one needs to play it, ``width`` pixels wide, into the store.

    ``lease``: the seconds for which the job may stay without a sign of life, if there is one.

    Raises:
        Trouble: ffmpeg is missing, fails or takes longer, or the disk is full; no torn file is left.
        OutOfMemory: the machine has none left.
    """
    kept = _kept(lambda folder, hands: _write_playable(clip, folder, width, hands, lease=lease))
    frames, height, wide = clip.frames.shape[:3]
    master: Kept = kept.pop("master")
    if _is_its_own_proxy(clip, width):
        kept["proxy"] = kept["playable"]
    return Rendered(master, kept, wide, height, frames, clip.frame_rate, clip.provenance)


def encode_rest(clip: Clip, *, width: int | None) -> dict[str, Kept]:
    """Write the renditions that nobody waits for: contact sheet, proxy, and how the picture arose.

    ``width`` is the playable's: a small one is its own proxy. With None a proxy is made in any case.

    Raises:
        Trouble, OutOfMemory: as for ``encode``.
    """
    return _kept(lambda folder, _hands: _write_rest(clip, folder, width))


def _kept(write: Callable[[Path, ThreadPoolExecutor], Files]) -> dict[str, Kept]:
    """Keep the files at the same time: most of it is waiting for the disk to have each of them safe."""
    try:
        with workspace() as folder, ThreadPoolExecutor(HANDS) as hands:
            files = write(folder, hands)
            keeping = {name: hands.submit(keep, path, content_type) for name, (path, content_type) in files.items()}
            return {name: future.result() for name, future in keeping.items()}
    except OSError as trouble:
        if trouble.errno == errno.ENOMEM:
            raise OutOfMemory(str(trouble)) from trouble
        raise Trouble(f"The worker cannot store clips: {trouble.strerror or trouble}.") from trouble
    except MemoryError as trouble:
        raise OutOfMemory(str(trouble)) from trouble
    except RuntimeError as trouble:
        if NO_THREAD in str(trouble):
            raise OutOfMemory(str(trouble)) from trouble
        raise


def _write_playable(clip: Clip, folder: Path, width: int, hands: ThreadPoolExecutor, *, lease: float | None) -> Files:
    master, playable, poster = folder / "master.mkv", folder / "playable.mp4", folder / "poster.jpg"
    sinks = lossless(master), delivery(playable, width // 2 * 2, -2, crf=16)
    video = hands.submit(run_ffmpeg, clip, *sinks, lease=lease)
    enlarge(clip.frames[len(clip.frames) // 2], width).save(poster, quality=90)
    video.result()
    return {
        "master": (master, "video/x-matroska"),
        "playable": (playable, "video/mp4"),
        "poster": (poster, "image/jpeg"),
    }


def _write_rest(clip: Clip, folder: Path, width: int | None) -> Files:
    sheet, making, proxy = folder / "sheet.jpg", folder / "making.jpg", folder / "proxy.mp4"
    contact_sheet(clip.frames).save(sheet, quality=88)
    files = {"contact_sheet": (sheet, "image/jpeg")}
    if pictures := clip.making():
        strip(pictures).save(making, quality=85)
        files["making"] = (making, "image/jpeg")
    if width is None or not _is_its_own_proxy(clip, width):
        run_ffmpeg(clip, delivery(proxy, -2, PROXY_LINES, crf=23))
        files["proxy"] = (proxy, "video/mp4")
    return files


def _is_its_own_proxy(clip: Clip, width: int) -> bool:
    """Whether the playable has no more lines than a proxy would: then it is one, and is not encoded twice."""
    high, wide = clip.frames.shape[1:3]
    return round(width * high / wide) <= PROXY_LINES


Sink = Callable[[Any], Any]  # from a stream of ffmpeg-python to its output


def lossless(path: Path) -> Sink:
    """The master: FFV1, every pixel as the model drew it."""
    facts = {"vcodec": "ffv1", "level": 3, "pix_fmt": "bgr0", "map_metadata": -1, "fflags": "+bitexact"}
    return lambda stream: stream.output(str(path), **facts)


def delivery(path: Path, width: int, height: int, *, crf: int) -> Sink:
    """H.264 at a constant rate for every player, enlarged to one side, the other -2 to follow (yuv420p wants even)."""
    facts = {"vcodec": "libx264", "pix_fmt": "yuv420p", "crf": crf, "preset": "veryfast", "movflags": "+faststart"}
    return lambda stream: stream.filter("scale", width, height, flags="lanczos").output(
        str(path), **facts, map_metadata=-1
    )


def run_ffmpeg(clip: Clip, *sinks: Sink, lease: float | None = None) -> None:
    """One ffmpeg, one pass over the frames, a file for each sink.

    Raises:
        Trouble: with ffmpeg's own first words.
    """
    height, wide = clip.frames.shape[1:3]
    source = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{wide}x{height}", framerate=clip.frame_rate)
    split = source.video.split() if len(sinks) > 1 else [source.video]
    outputs = ffmpeg.merge_outputs(*(sink(split[number]) for number, sink in enumerate(sinks)))
    _run(outputs.overwrite_output(), clip.frames.tobytes(), lease)


def frames_of(path: Path, *, width: int, height: int) -> NDArray[np.uint8]:
    """The frames of a master, ``[frame, row, column, RGB]``, bit by bit as the model drew them.

    Raises:
        Trouble: with ffmpeg's own first words.
    """
    video = ffmpeg.input(str(path), format="matroska").output("pipe:", format="rawvideo", pix_fmt="rgb24")
    return np.frombuffer(_run(video), np.uint8).reshape(-1, height, width, 3)


def _run(graph: Any, piped: bytes = b"", lease: float | None = None) -> bytes:
    """What ffmpeg writes to its output, given these bytes. It yields to whatever denoises meanwhile."""
    command = graph.global_args("-v", "error", "-nostdin").compile(cmd=ffmpeg_binary())
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            with contextlib.suppress(OSError):  # it ended already
                os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
            written, said = _talk(process, piped, SHARE * lease if lease else TIMEOUT)
    except OSError as missing:
        if missing.errno == errno.ENOMEM:
            raise
        raise Trouble("The worker cannot start ffmpeg. Set FFMPEG_BINARY to its path.") from missing
    if process.returncode:
        raise Trouble(_words_of(said.decode(errors="replace")))
    return written


def _talk(process: "subprocess.Popen[bytes]", piped: bytes, within: float) -> tuple[bytes, bytes]:
    try:
        return process.communicate(piped, within)
    except subprocess.TimeoutExpired as slow:
        process.kill()
        raise Trouble(f"ffmpeg did not end within {within:g} seconds. A longer lease of encode allows more.") from slow


def _words_of(said: str) -> str:
    """What ffmpeg said of its failure, for people."""
    if "No space left on device" in said:
        return "The disk of the store is full. Clips wait until there is room."
    first = next((line for line in said.splitlines() if line.strip()), "it did not say why")
    return f"ffmpeg failed: {ADDRESS.sub('', first).strip()[:200]}"


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
    """All frames, or 24 of them evenly spread, the first and the last among them; six in a row."""
    count = min(len(frames), SHEET_COLUMNS * SHEET_ROWS)
    chosen = [frames[round(place * (len(frames) - 1) / max(1, count - 1))] for place in range(count)]
    return _grid(chosen, min(count, SHEET_COLUMNS))


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
