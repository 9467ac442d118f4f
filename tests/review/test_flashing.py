"""The flash warning: more than three a second, on enough of the view, dark enough, or red. Each with its opposite."""

import numpy as np
import pytest

from review.flashing import Flashing, FlashMeter
from tests.review import clips


def found(frames: clips.Frames, rate: float = 24.0) -> list[Flashing]:
    meter = FlashMeter(rate)
    for frame in frames:
        meter.add(frame)
    return meter.found()


@pytest.mark.parametrize("per_second", [4, 6, 12])
def test_more_than_three_flashes_a_second_are_told(per_second: int) -> None:
    (flash,) = found(clips.flashing(per_second))
    assert flash.per_second == pytest.approx(per_second, abs=0.5)
    assert flash.area == 1.0
    assert not flash.is_red
    assert flash.first < 6
    assert flash.last > 40


@pytest.mark.parametrize("per_second", [1, 2, 3])
def test_three_flashes_a_second_are_not(per_second: int) -> None:
    assert found(clips.flashing(per_second)) == []


def test_at_a_low_frame_rate_too() -> None:
    assert found(clips.flashing(4, rate=8), rate=8.0)
    assert not found(clips.flashing(2, rate=8), rate=8.0)


def test_a_change_of_less_than_a_tenth_is_none() -> None:
    assert not found(clips.flashing(6, dark=120, bright=140))
    assert found(clips.flashing(6, dark=120, bright=160))


def test_between_bright_and_brighter_is_none() -> None:
    """The darker of the two is at 0.8 or more of the brightest."""
    assert not found(clips.flashing(6, dark=232, bright=255))


def in_a_corner(high: int, wide: int) -> clips.Frames:
    frames = clips.plain(30, frames=48)
    frames[:, :high, :wide] = clips.flashing(6)[:, :high, :wide]
    return frames


def test_a_quarter_of_a_third_of_the_screen_is_enough_and_less_is_not() -> None:
    """The view is a third of 256 x 384 pixels: 85 x 128, a quarter of which is 2,720 pixels."""
    (flash,) = found(in_a_corner(56, 56))
    assert flash.area >= 0.25
    assert not found(in_a_corner(48, 48))


def test_a_fine_pattern_that_swaps_is_none() -> None:
    checks = np.indices((clips.HIGH, clips.WIDE)).sum(axis=0) % 2 * 255
    frames = np.stack([np.repeat((checks if n % 2 else 255 - checks)[..., None], 3, axis=2) for n in range(48)])
    assert not found(frames.astype(np.uint8))


def test_saturated_red_is_told_where_luminance_alone_says_nothing() -> None:
    """From red to a blue-green of the same luminance, and back, four times a second."""
    red, other = (255, 0, 0), (0, 130, 130)
    frames = np.zeros((48, clips.HIGH, clips.WIDE, 3), np.uint8)
    for number in range(48):
        frames[number] = red if number // 3 % 2 else other
    flashes = found(frames)
    assert [flash.is_red for flash in flashes] == [True]
    assert flashes[0].per_second == pytest.approx(4, abs=0.5)


def test_a_slow_fade_and_a_picture_that_slides_are_none() -> None:
    fade = np.stack([np.full((clips.HIGH, clips.WIDE, 3), 5 * number, np.uint8) for number in range(48)])
    assert not found(fade)
    assert not found(np.stack([np.roll(clips.picture(1), number, axis=1) for number in range(48)]))


def test_it_says_where() -> None:
    quiet = clips.plain(0, frames=48)
    (flash,) = found(np.concatenate([quiet, clips.flashing(6), quiet]))
    assert 48 <= flash.first <= 52
    assert 90 <= flash.last <= 96


def test_no_frames_no_flashes() -> None:
    assert FlashMeter(24.0).found() == []
