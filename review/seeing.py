"""What a machine can see in a clip: one pass over its frames, as hashes and measures. For the default worker only."""

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from generation.encoding import ADDRESS, NICE, TIMEOUT, ffmpeg_binary
from generation.engine import Picture
from generation.models import Output
from generation.refusals import Trouble
from review.flashing import Flashing, FlashMeter, runs
from review.hashing import Hashed, common_bars, distances, hashed

LONG_SIDE = 512  # pixels of a decoded frame: what PDQ's authors scale to
KEYS_A_SECOND, KEYS_AT_MOST = 4, 48  # key frames; a long clip has them further apart
SAME_SCENE = 6  # bits: a frame so near the last key frame adds nothing
BLACK_PIXEL, BLACK_SHARE, BLACK_FOR = 0.10, 0.98, 0.5  # of full luma; of the picture (ffmpeg's blackdetect); seconds
STILL, STILL_FOR = (
    0.001,
    1.0,
)  # mean difference of luma (ffmpeg's freezedetect), seconds; theirs is two, clips are short
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
DERIVED = ("proxy", "playable")  # what is looked at: the first of these that there is


@dataclass(frozen=True)
class Key:
    """A key frame: where it stands in the clip, and its hashes."""

    at_ms: int
    hashed: Hashed


@dataclass(frozen=True)
class Stretch:
    """A part of a clip."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Sight:
    """All that was seen in one pass."""

    keys: list[Key]
    black: list[Stretch]
    frozen: list[Stretch]
    flashing: list[tuple[Stretch, Flashing]]


def see(output: Output) -> Sight:
    """Look at the copy of an output that reviewers watch.

    Raises:
        Trouble: there is no copy yet, it cannot be decoded, or decoding takes longer than ``encoding.TIMEOUT`` seconds.
    """
    made = next((found for recipe in DERIVED if (found := output.rendition(recipe))), None)
    if made is None:
        raise Trouble("The copy for reviewers has not been made yet.")
    return look(made.file.path, width=output.width, height=output.height, frame_rate=output.frame_rate)


def look(path: Path, *, width: int, height: int, frame_rate: float) -> Sight:
    """Look at a clip of this shape and constant rate, in one pass.

    Raises:
        Trouble: see ``see``.
    """
    flashes, stillness, chosen = FlashMeter(frame_rate), Stillness(), Chosen(frame_rate)
    for number, frame in enumerate(decoded(path, shape=decoded_shape(width, height))):
        flashes.add(frame)
        stillness.add(frame)
        chosen.add(number, frame)
    if not stillness.black:
        raise Trouble("The copy for reviewers has no frames.")

    def stretch(first: int, last: int) -> Stretch:
        return Stretch(round(first / frame_rate * 1000), round((last + 1) / frame_rate * 1000))

    return Sight(
        chosen.key_frames(),
        [stretch(*run) for run in stillness.black_runs(frame_rate)],
        [stretch(*run) for run in stillness.frozen_runs(frame_rate)],
        [(stretch(found.first, found.last), found) for found in flashes.found()],
    )


def decoded_shape(width: int, height: int) -> tuple[int, int]:
    """Rows and columns of a decoded frame."""
    scale = LONG_SIDE / max(width, height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def decoded(path: Path, *, shape: tuple[int, int]) -> Iterator[Picture]:
    """The frames of a file, ``[row, column, RGB]``, one at a time: a clip as a whole could be gigabytes.

    Raises:
        Trouble: with ffmpeg's own first words.
    """
    high, wide = shape
    command = [ffmpeg_binary(), "-v", "error", "-nostdin", "-i", str(path), "-an", "-vf", f"scale={wide}:{high}"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:"]
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said)
        except OSError as missing:
            raise Trouble("The worker cannot start ffmpeg. Set FFMPEG_BINARY to its path.") from missing
        with process, _ended_in_time(process):
            assert process.stdout is not None
            while len(piece := process.stdout.read(high * wide * 3)) == high * wide * 3:
                yield np.frombuffer(piece, np.uint8).reshape(high, wide, 3)
        if process.returncode:
            raise Trouble(_words_of(said))


@contextlib.contextmanager
def _ended_in_time(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """It yields to whatever renders, and is given up after a while."""
    with contextlib.suppress(OSError):  # it ended already
        os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
    patience = threading.Timer(TIMEOUT, process.kill)
    patience.start()
    try:
        yield
    finally:
        patience.cancel()


def _words_of(said: IO[bytes]) -> str:
    said.seek(0)
    lines = [line for line in said.read(4096).decode(errors="replace").splitlines() if line.strip()]
    return f"ffmpeg failed: {ADDRESS.sub('', lines[0] if lines else 'it was given up, or did not say why').strip()}"


class Chosen:
    """The key frames of a clip: a few a second, without those that show what the one before showed."""

    def __init__(self, frame_rate: float) -> None:
        self.frame_rate = frame_rate
        self._pictures: list[tuple[int, Picture]] = []
        self._every = 1.0 / KEYS_A_SECOND  # seconds

    def add(self, number: int, frame: Picture) -> None:
        at = number / self.frame_rate
        if not self._pictures or at >= self._pictures[-1][0] / self.frame_rate + self._every - 1e-6:
            self._pictures.append((number, frame))
        if len(self._pictures) > KEYS_AT_MOST:  # the clip is long: every second one goes
            self._pictures, self._every = self._pictures[::2], self._every * 2

    def key_frames(self) -> list[Key]:
        bars = common_bars([picture for _, picture in self._pictures])
        kept: list[Key] = []
        for number, picture in self._pictures:
            key = Key(round(number / self.frame_rate * 1000), hashed(picture, bars))
            if not kept or not _is_same(kept[-1], key):
                kept.append(key)
        return kept


def _is_same(before: Key, key: Key) -> bool:
    return bool(distances([before.hashed.turned[0]], [key.hashed.turned[0]])[0, 0] <= SAME_SCENE)


class Stillness:
    """Which frames are black, and which have not changed since the first of their kind."""

    def __init__(self) -> None:
        self.black: list[bool] = []
        self.still: list[bool] = []
        self._before: NDArray[np.floating] | None = None

    def add(self, frame: Picture) -> None:
        luma = frame[::2, ::2] @ LUMA / 255
        self.black.append(bool((luma <= BLACK_PIXEL).mean() >= BLACK_SHARE))
        is_still = self._before is not None and bool(np.abs(luma - self._before).mean() < STILL)
        self.still.append(is_still)
        if not is_still:
            self._before = luma

    def black_runs(self, frame_rate: float) -> list[tuple[int, int]]:
        return [run for run in runs(np.array(self.black)) if self._is_long(run, BLACK_FOR * frame_rate)]

    def frozen_runs(self, frame_rate: float) -> list[tuple[int, int]]:
        """From the frame that the others repeat; what is black is not told twice."""
        found = [(first - 1, last) for first, last in runs(np.array(self.still))]
        is_long = [run for run in found if self._is_long(run, STILL_FOR * frame_rate)]
        return [(first, last) for first, last in is_long if not all(self.black[first : last + 1])]

    def _is_long(self, run: tuple[int, int], frames: float) -> bool:
        """So many frames, or all of a clip that has fewer."""
        return run[1] - run[0] + 1 >= min(frames, len(self.black))
