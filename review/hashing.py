"""PDQ hashes of pictures: bars taken off, eight orientations, centre crops. Loads numpy and pdqhash: for workers only.

PDQ is a hash of 256 bits of which a similar picture keeps most, with a quality from 0 to 100; its authors call two
pictures of quality 50 and more alike up to a distance of 31 bits (ThreatExchange, ``pdq/README.md``). What it does and
does not recognize was measured: docs/decisions/0009-perceptual-matching.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pdqhash
from numpy.typing import NDArray

from generation.engine import Picture
from review.models import FrameHash

ALIKE = 31  # bits by which two pictures may differ and still be called alike
TURNS = ("", "turn90", "turn180", "turn270", "flip", "mirror", "turn90_flip", "turn90_mirror")  # pdqhash's order
CROPPED = (4, 8, 12, 16, 20)  # percent of width and height that the centre crops leave out
BAR_FLAT = 3.0  # of 255: how far a row of a bar may be from one color, on average
BAR_SAME = 8.0  # of 255: how far its color may be from that of the outermost row
BAR_LIMIT = 0.4  # of a side that can be bar; beyond that it is a picture with a plain ground
BAR_EDGE = 2  # pixels beside a bar that its own blur has changed


@dataclass(frozen=True)
class Hashed:
    """A picture's hashes, 64 hex digits each: as it is and turned, and in the other cuts that have the quality: its
    centre crops, and with its bars where it had any."""

    quality: int
    turned: tuple[str, ...]
    crops: tuple[str, ...]


@dataclass(frozen=True)
class Bars:
    """Pixels to take off at the top, bottom, left and right."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def off(self, picture: Picture) -> Picture:
        high, wide = picture.shape[:2]
        return picture[self.top : high - self.bottom, self.left : wide - self.right]


NO_BARS = Bars()


def hashed(whole: Picture, bars: Bars = NO_BARS) -> Hashed:
    """The hashes of a picture ``[row, column, RGB]`` that has these bars."""
    picture = bars.off(whole)
    vectors, quality = pdqhash.compute_dihedral(np.ascontiguousarray(picture))
    cuts = [centre(picture, percent) for percent in CROPPED] + ([whole] if bars != NO_BARS else [])
    cut = [pdqhash.compute(np.ascontiguousarray(each)) for each in cuts]
    crops = tuple(_hex(vector) for vector, how_good in cut if how_good >= FrameHash.GOOD)
    return Hashed(int(quality), tuple(_hex(vector) for vector in vectors), crops)


def _hex(vector: NDArray[np.int64]) -> str:
    return np.packbits(vector.astype(np.uint8)).tobytes().hex()


def centre(picture: Picture, percent: int) -> Picture:
    """The middle of a picture, with so many percent of its width and of its height gone."""
    high, wide = picture.shape[:2]
    down, across = round(high * percent / 200), round(wide * percent / 200)
    return picture[down : high - down, across : wide - across]


def codes(hashes: Sequence[str]) -> NDArray[np.uint8]:
    """Hashes as bytes, ``[hash, 32]``."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(-1, 32)


def distances(ours: Sequence[str], theirs: Sequence[str]) -> NDArray[np.int64]:
    """The bits by which each of ours differs from each of theirs, ``[ours, theirs]``."""
    differing = codes(ours)[:, None, :] ^ codes(theirs)[None, :, :]
    return np.bitwise_count(differing).sum(axis=2, dtype=np.int64)


def common_bars(pictures: Sequence[Picture]) -> Bars:
    """The bars that all pictures of a clip have, apart from pictures of one color, which are nothing but bar."""
    found = [bars for picture in pictures if (bars := _bars(picture))]
    if not found:
        return NO_BARS
    sides = [min(getattr(bars, side) for bars in found) for side in ("top", "bottom", "left", "right")]
    return Bars(*(side + BAR_EDGE if side else 0 for side in sides))


def _bars(picture: Picture) -> Bars | None:
    """The bars of one picture; None if it is plain all over."""
    rows = picture.astype(np.float32)
    top, bottom = _plain(rows), _plain(rows[::-1])
    if top == len(rows):
        return None
    columns = rows[top : len(rows) - bottom].swapaxes(0, 1)
    left, right = _plain(columns), _plain(columns[::-1])
    return Bars(*_sane(top, bottom, len(rows)), *_sane(left, right, len(columns)))


def _plain(rows: NDArray[np.float32]) -> int:
    """How many rows from the first on are of its one color."""
    colors = np.median(rows, axis=1)
    flat = np.abs(rows - colors[:, None]).mean(axis=(1, 2)) <= BAR_FLAT
    same = np.abs(colors - colors[0]).max(axis=1) <= BAR_SAME
    other = np.flatnonzero(~(flat & same))
    return int(other[0]) if len(other) else len(rows)


def _sane(first: int, last: int, length: int) -> tuple[int, int]:
    """Bars that leave less than is likely are none."""
    return (first, last) if max(first, last) <= BAR_LIMIT * length else (0, 0)
