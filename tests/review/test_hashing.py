"""PDQ hashes: digits in the order of everybody's lists, turns by their names, bars off, crops."""

from collections.abc import Callable

import numpy as np
import pytest

from review import hashing
from review.hashing import Bars, Hashed
from review.models import FrameHash
from tests.review import clips

LIKE = hashing.ALIKE


def of(picture: clips.Frames) -> Hashed:
    return hashing.hashed(picture)


def far(one: str, other: str) -> int:
    return int(hashing.distances([one], [other])[0, 0])


def test_a_hash_is_64_digits_and_the_same_each_time() -> None:
    first, again = of(clips.picture(1)), of(clips.picture(1))
    assert first == again
    assert [len(pdq) for pdq in first.turned] == [64] * 8
    assert first.quality >= FrameHash.GOOD


def test_other_pictures_are_far_away() -> None:
    assert far(of(clips.picture(1)).turned[0], of(clips.picture(2)).turned[0]) > 2 * LIKE


@pytest.mark.parametrize(
    ("name", "turned"),
    [
        ("turn90", lambda p: np.rot90(p)),
        ("turn180", lambda p: np.rot90(p, 2)),
        ("turn270", lambda p: np.rot90(p, 3)),
        ("flip", lambda p: np.flipud(p)),
        ("mirror", lambda p: np.fliplr(p)),
    ],
)
def test_a_turn_is_the_hash_of_the_turned_picture(name: str, turned: Callable[[clips.Frames], clips.Frames]) -> None:
    picture = clips.picture(3)
    expected = of(turned(picture)).turned[0]
    distances = [far(each, expected) for each in of(picture).turned]
    assert min(distances) <= LIKE
    assert hashing.TURNS[distances.index(min(distances))] == name


def test_every_orientation_is_among_the_eight() -> None:
    picture = clips.picture(4)
    eight = [np.rot90(side, turns) for side in (picture, np.fliplr(picture)) for turns in range(4)]
    found = hashing.distances(of(picture).turned, [of(each).turned[0] for each in eight])
    assert sorted(found.argmin(axis=0)) == list(range(8))
    assert (found.min(axis=0) <= LIKE + 4).all()  # a right angle costs some 30 bits of 256 by itself


@pytest.mark.parametrize("percent", [4, 8, 12, 16, 20])
def test_a_crop_is_like_one_of_the_crops_alone(percent: int) -> None:
    whole, cut = of(clips.picture(5)), of(clips.cropped(clips.picture(5)[None], percent)[0])
    assert min(far(cut.turned[0], crop) for crop in whole.crops) <= LIKE


@pytest.mark.parametrize("color", [0, 128, 255])
def test_bars_of_any_color_are_found(color: int) -> None:
    frames = clips.boxed(clips.moving(6, frames=3), rows=60, color=color)
    bars = hashing.common_bars(list(frames))
    assert 60 <= bars.top <= 63
    assert 60 <= bars.bottom <= 63
    assert (bars.left, bars.right) == (0, 0)
    assert far(of(bars.off(frames[0])).turned[0], of(clips.moving(6)[0]).turned[0]) <= LIKE


def test_a_plain_frame_hides_no_bars_and_makes_none() -> None:
    boxed = clips.boxed(clips.moving(7, frames=2), rows=20)
    black = np.zeros_like(boxed[:1])
    assert hashing.common_bars(list(np.concatenate([black, boxed]))).top >= 20
    assert hashing.common_bars(list(black)) == Bars()


def test_a_small_thing_on_a_plain_ground_is_no_picture_with_bars() -> None:
    frame = clips.plain(200, frames=1)[0]
    frame[100:110, 90:100] = 10
    assert hashing.common_bars([frame]) == Bars()


def test_a_plain_picture_has_no_quality_and_no_crops() -> None:
    found = of(clips.plain(120, frames=1)[0])
    assert found.quality < FrameHash.GOOD
    assert found.crops == ()
