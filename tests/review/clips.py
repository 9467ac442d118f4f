"""Drawn clips that a machine can look at, as frames and as outputs in the store."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from access.models import Enrollment
from generation import rendering
from generation.encoding import encode, encode_rest
from generation.engine import Clip
from generation.models import Output
from tests import make

Frames = NDArray[np.uint8]  # [frame, row, column, RGB]
HIGH, WIDE = 256, 384
RATE = 8.0  # frames a second


def picture(seed: int) -> Frames:
    """Spots of color, large and small as in a photograph, none like those of another seed."""
    random, total = np.random.default_rng(seed), np.zeros((HIGH, WIDE, 3))
    for size in (4, 8, 16, 32):
        spots = Image.fromarray(random.integers(0, 255, (size, size * 3 // 2, 3), dtype=np.uint8))
        total += np.asarray(spots.resize((WIDE, HIGH), Image.Resampling.BICUBIC), float) / size
    return ((total - total.min()) / np.ptp(total) * 255).astype(np.uint8)


def moving(seed: int, *, frames: int = 12) -> Frames:
    """A picture that slides by, a few pixels each frame."""
    return np.stack([np.roll(picture(seed), 3 * number, axis=1) for number in range(frames)])


def plain(value: int, *, frames: int = 12) -> Frames:
    """One gray all over: from black, 0, to white, 255."""
    return np.full((frames, HIGH, WIDE, 3), value, np.uint8)


def flashing(per_second: int, *, rate: int = 24, seconds: int = 2, dark: int = 0, bright: int = 255) -> Frames:
    """All of the picture from dark to bright and back, so often a second."""
    is_bright = [number * 2 * per_second // rate % 2 for number in range(rate * seconds)]
    return np.stack([np.full((HIGH, WIDE, 3), bright if on else dark, np.uint8) for on in is_bright])


def boxed(frames: Frames, *, rows: int, color: int = 0) -> Frames:
    """With bars above and below, the picture as high as before."""
    return np.pad(frames, ((0, 0), (rows, rows), (0, 0), (0, 0)), constant_values=color)


def cropped(frames: Frames, percent: int) -> Frames:
    """The middle of it, with so many percent of width and height gone."""
    down, across = HIGH * percent // 200, WIDE * percent // 200
    return frames[:, down : HIGH - down, across : WIDE - across]


def output(frames: Frames, *, enrollment: Enrollment, rate: float = RATE) -> Output:
    """These frames as the output of a finished job, encoded and stored as a worker does."""
    wanted = make.job(enrollment=enrollment)
    taken = make.claimed("test-worker")
    assert taken and taken.pk == wanted.pk, "another job is in the way"
    clip, width = Clip(frames=np.ascontiguousarray(frames), frame_rate=rate), frames.shape[2] // 2 * 2
    made = rendering.finish(taken, encode(clip, width=width), seconds=1.0)
    rendering.add_renditions(made, encode_rest(clip, width=width))
    return made
