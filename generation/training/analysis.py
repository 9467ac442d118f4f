"""Look at a clip of one shape and say what is in it: background, color, direction of travel.

The evaluation asks this of clips the model made, and of drawn ones, whose score is the most any model could reach.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generation.training.grammar import BACKGROUNDS, COLORS, RGB

Array = NDArray[np.float32]

LEAST_CONTRAST = 0.35  # of the way from the background to the shape's color, for a pixel to count as the shape
LEAST_PIXELS = 10
LEAST_TRAVEL = 8.0  # pixels from the first frame to the last; less is standing still
UNKNOWN = ""


@dataclass(frozen=True)
class Reading:
    """What was seen; a name is empty where nothing was."""

    background: str
    color: str
    direction: str


def read(clip: NDArray[np.uint8]) -> Reading:
    """Read a clip ``[frame, row, column, channel]``."""
    picture = clip.astype(np.float32)
    ground = _ground(picture)
    difference = picture - ground
    color = _shape_color(picture, difference)
    if color is None:
        return Reading(_nearest(_unshade(ground), BACKGROUNDS), UNKNOWN, UNKNOWN)
    coverage = _coverage(difference, color - ground)
    return Reading(_nearest(_unshade(ground), BACKGROUNDS), _nearest(color, COLORS), _direction(coverage))


def _ground(picture: Array) -> Array:
    """The background's color by row, ``[1, row, 1, channel]``: what most pixels of a row are most of the time."""
    rows = np.median(picture, axis=(0, 2))
    return rows[None, :, None, :].astype(np.float32)


def _unshade(ground: Array) -> Array:
    """The color at the top, before the drawing's shade toward the bottom (see ``drawing.backdrop``)."""
    height = ground.shape[1]
    shade = 1 - 0.18 * (np.arange(height, dtype=np.float32) + 0.5) / height
    return np.median((ground[0, :, 0] - 4) / shade[:, None], axis=0).astype(np.float32)


def _shape_color(picture: Array, difference: Array) -> Array | None:
    """The median color of the pixels that differ most from the background."""
    distance = np.sqrt((difference**2).sum(-1))
    shape = distance > max(30.0, 0.5 * float(np.percentile(distance, 99)))
    if shape.sum() < LEAST_PIXELS * len(picture) / 2:
        return None
    heart = shape & (distance >= np.percentile(distance[shape], 40))
    return np.median(picture[heart], axis=0).astype(np.float32)


def _coverage(difference: Array, contrast: Array) -> Array:
    """How far each pixel is from the background toward the shape's color, 0 to 1; less than the contrast is 0."""
    share = (difference * contrast).sum(-1) / np.maximum((contrast**2).sum(-1), 1)
    return np.where(share > LEAST_CONTRAST, np.clip(share, 0, 1), 0).astype(np.float32)


def _direction(coverage: Array) -> str:
    frames = [f for f, mask in enumerate(coverage) if (mask > 0).sum() >= LEAST_PIXELS]
    if len(frames) < len(coverage) // 2:
        return UNKNOWN
    rows, columns = np.mgrid[0 : coverage.shape[1], 0 : coverage.shape[2]].astype(np.float32)
    weights = coverage[frames]
    total = weights.sum((1, 2))
    right = _travel(frames, (weights * columns).sum((1, 2)) / total, len(coverage))
    down = _travel(frames, (weights * rows).sum((1, 2)) / total, len(coverage))
    if max(abs(right), abs(down)) < LEAST_TRAVEL:
        return UNKNOWN
    if abs(right) > abs(down):
        return "right" if right > 0 else "left"
    return "down" if down > 0 else "up"


def _travel(frames: list[int], places: Array, length: int) -> float:
    """Pixels travelled over the whole clip by the straight line through the places."""
    return float(np.polyfit(frames, places, 1)[0]) * (length - 1)


def _nearest(color: Array, table: dict[str, RGB]) -> str:
    return min(table, key=lambda name: float(((np.array(table[name]) - color) ** 2).sum()))
