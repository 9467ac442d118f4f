"""Flashes, measured from the luminance of each frame, by the rule of WCAG 2.2.

The rule is "general flash and red flash thresholds" (https://www.w3.org/TR/WCAG22/#dfn-general-flash-and-red-flash-
thresholds): a warning is due for more than three flashes within one second that together take a quarter or more of any
10 degrees of the visual field. A flash is a pair of opposing changes of relative luminance by 0.1 or more, the darker
below 0.8; a red one is a pair to or from a saturated red, R/(R+G+B) >= 0.8, by more than 0.2 in the CIE 1976 diagram.
ITU-R BT.1702 has the same three per second and the same quarter, of the whole screen, for television.

We take a clip as filling the screen, where 10 degrees are a third of each side (WCAG: 341 x 256 of 1024 x 768 pixels),
and half a flash more than three as more than three: the stricter reading of both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generation.engine import Picture

CELL = 8  # pixels of a decoded frame, both ways: half a degree, finer patterns do not count
CHANGE, DARKER = 0.1, 0.8  # of relative luminance
RED, RED_CHANGE = 0.8, 0.2
CHANGES = 6  # opposing changes within a second that are still no warning: three flashes
AREA = 0.25  # of the field
FIELD = 3  # the field is the screen's width and height divided by this
WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green and blue in relative luminance
_CODES = np.arange(256) / 255
LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
WHITE = (0.1978, 0.4683)  # u' and v' of the white of sRGB, taken for black, which has none

Cells = NDArray[np.float32]  # [row, column] or [row, column, RGB]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Flashing:
    """A stretch of a clip above the threshold, in frames; flashes per second and share of the field at its worst."""

    first: int
    last: int
    per_second: float
    area: float
    is_red: bool


class FlashMeter:
    """Give it all frames of a clip in their order, then ask what it found."""

    def __init__(self, frame_rate: float) -> None:
        self.second = max(1, int(frame_rate))  # in frames
        self._general = _Swings()
        self._red = _RedSwings()
        self._changes: list[tuple[Mask, Mask]] = []

    def add(self, frame: Picture) -> None:
        cells = in_cells(frame)
        self._changes.append((self._general.changed(cells @ WEIGHTS), self._red.changed(cells)))

    def found(self) -> list[Flashing]:
        """The stretches above the threshold, general ones first."""
        if not self._changes:
            return []
        general, red = (np.stack(kind) for kind in zip(*self._changes, strict=True))
        return _stretches(general, self.second, is_red=False) + _stretches(red, self.second, is_red=True)


def in_cells(frame: Picture) -> Cells:
    """Linear light per cell, ``[row, column, RGB]``, from 0 to 1."""
    high, wide = (max(1, side // CELL) for side in frame.shape[:2])
    step = min(CELL, *frame.shape[:2])
    light = LINEAR[frame[: high * step, : wide * step]]
    return light.reshape(high, step, wide, step, 3).mean(axis=(1, 3))


class _Swings:
    """Per cell: the turns of luminance, each counted where it is far enough from the last valley or peak."""

    def __init__(self) -> None:
        self._low: Cells | None = None

    def changed(self, now: Cells) -> Mask:
        if self._low is None:
            self._low, self._high, self._last = now.copy(), now.copy(), np.zeros(now.shape, np.int8)
        rose = (now - self._low >= CHANGE) & (self._low < DARKER) & (self._last != 1)
        fell = (self._high - now >= CHANGE) & (now < DARKER) & (self._last != -1) & ~rose
        self._low = np.where(fell, now, np.minimum(self._low, now))
        self._high = np.where(rose, now, np.maximum(self._high, now))
        self._last = np.where(rose, 1, np.where(fell, -1, self._last)).astype(np.int8)
        return rose | fell


class _RedSwings:
    """Per cell: changes to or from a saturated red, each measured from the color of the last one."""

    def __init__(self) -> None:
        self._anchor: Cells | None = None

    def changed(self, cells: Cells) -> Mask:
        now, is_red = chromaticity(cells), cells[..., 0] >= RED * np.maximum(cells.sum(axis=2), 0.01)
        if self._anchor is None:
            self._anchor, self._was_red = now, is_red
        far = np.linalg.norm(now - self._anchor, axis=2) > RED_CHANGE
        changed: Mask = far & (is_red | self._was_red)
        self._anchor = np.where(changed[..., None], now, self._anchor)
        self._was_red = np.where(changed, is_red, self._was_red)
        return changed


def chromaticity(cells: Cells) -> Cells:
    """u' and v' of each cell, ``[row, column, 2]``."""
    x, y, z = np.moveaxis(cells @ TO_XYZ.T, 2, 0)
    total = x + 15 * y + 3 * z
    dark = total < 0.02
    safe = np.where(dark, 1, total)
    pair = [np.where(dark, white, value / safe) for white, value in zip(WHITE, (4 * x, 9 * y), strict=True)]
    return np.stack(pair, axis=2).astype(np.float32)


def _stretches(changes: NDArray[np.bool_], second: int, *, is_red: bool) -> list[Flashing]:
    """``changes``: ``[frame, row, column]``."""
    counts = _within(changes, second)
    areas = _worst_field(counts > CHANGES)
    found = []
    for first, last in runs(areas >= AREA):
        worst = float(counts[first : last + 1].max()) / 2
        at = _changing(changes, first, last, second)
        found.append(Flashing(at[0], at[1], worst, float(areas[first : last + 1].max()), is_red))
    return found


def _changing(changes: NDArray[np.bool_], first: int, last: int, second: int) -> tuple[int, int]:
    """First and last frame that changed of those that were counted: the second before the stretch was, too."""
    begin = max(0, first - second + 1)
    frames = begin + np.flatnonzero(changes[begin : last + 1].any(axis=(1, 2)))
    return int(frames[0]), int(frames[-1])


def _within(changes: NDArray[np.bool_], second: int) -> NDArray[np.int32]:
    """For each frame, the changes of each cell in the second that ends with it."""
    total = np.cumsum(changes, axis=0, dtype=np.int32)
    before = np.zeros_like(total)
    before[second:] = total[:-second]
    return total - before


def _worst_field(flashing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each frame, the largest share of any field that flashes."""
    _, high, wide = flashing.shape
    down, across = max(1, round(high / FIELD)), max(1, round(wide / FIELD))
    sums = np.pad(flashing, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1, dtype=np.int32).cumsum(axis=2, dtype=np.int32)
    whole = sums[:, down:, across:] - sums[:, :-down, across:] - sums[:, down:, :-across] + sums[:, :-down, :-across]
    return whole.max(axis=(1, 2)) / (down * across)


def runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each run of marks."""
    edges = np.diff(np.concatenate(([False], marked, [False])).astype(np.int8))
    return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))
