"""One pass over a real file: key frames, black, frozen and flashing stretches, and what cannot be seen."""

from pathlib import Path

import numpy as np
import pytest

from access.models import Enrollment
from generation.models import Output
from generation.refusals import Trouble
from review import hashing, seeing
from review.models import FrameHash
from tests import make
from tests.review import clips
from tests.review.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def artist(cast: Cast) -> Enrollment:
    return cast.artist


def seen(frames: clips.Frames, artist: Enrollment, rate: float = clips.RATE) -> seeing.Sight:
    return seeing.see(clips.output(frames, enrollment=artist, rate=rate))


def test_key_frames_come_four_a_second_with_their_instants(artist: Enrollment) -> None:
    cuts = np.concatenate([clips.moving(seed, frames=2) for seed in range(8)])
    assert [key.at_ms for key in seen(cuts, artist).keys] == [250 * number for number in range(8)]


def test_what_shows_the_same_is_one_key_frame(artist: Enrollment) -> None:
    still = np.repeat(clips.picture(1)[None], 16, axis=0)
    assert [key.at_ms for key in seen(still, artist).keys] == [0]


def test_a_long_clip_has_them_further_apart() -> None:
    chosen = seeing.Chosen(10.0)
    for number in range(2000):
        chosen.add(number, clips.picture(number))
    instants = [key.at_ms for key in chosen.key_frames()]
    assert len(instants) <= seeing.KEYS_AT_MOST
    assert instants[-1] > 180_000
    assert min(b - a for a, b in zip(instants, instants[1:], strict=False)) > 4000


def test_a_moving_clip_has_nothing_to_tell(artist: Enrollment) -> None:
    sight = seen(clips.moving(2, frames=16), artist)
    assert (sight.black, sight.frozen, sight.flashing) == ([], [], [])
    assert all(key.hashed.quality >= FrameHash.GOOD for key in sight.keys)


def test_black_is_told_with_its_stretch_and_not_as_frozen(artist: Enrollment) -> None:
    sight = seen(np.concatenate([clips.moving(3, frames=8), clips.plain(0, frames=12)]), artist)
    assert sight.black == [seeing.Stretch(1000, 2500)]
    assert sight.frozen == []


def test_three_black_frames_are_a_cut(artist: Enrollment) -> None:
    frames = np.concatenate([clips.moving(3, frames=8), clips.plain(0, frames=3), clips.moving(4, frames=8)])
    assert seen(frames, artist).black == []


def test_frozen_is_told_with_its_stretch(artist: Enrollment) -> None:
    still = np.repeat(clips.picture(5)[None], 12, axis=0)
    (stretch,) = seen(np.concatenate([clips.moving(4, frames=8), still]), artist).frozen
    assert stretch.to_ms == 2500
    assert 1000 <= stretch.from_ms <= 1250


def test_a_clip_shorter_than_the_rule_is_frozen_if_all_of_it_is(artist: Enrollment) -> None:
    (stretch,) = seen(np.repeat(clips.picture(6)[None], 4, axis=0), artist).frozen
    assert stretch == seeing.Stretch(0, 500)


def test_flashes_survive_the_encoder(artist: Enrollment) -> None:
    ((stretch, flash),) = seen(clips.flashing(6), artist, rate=24.0).flashing
    assert stretch.from_ms < 200
    assert 1800 < stretch.to_ms <= 2000
    assert flash.per_second == pytest.approx(6, abs=0.5)


def test_bars_are_off_before_a_frame_is_hashed(artist: Enrollment) -> None:
    whole = seen(clips.moving(7, frames=2), artist).keys[0].hashed
    boxed = seen(clips.boxed(clips.moving(7, frames=2), rows=40), artist).keys[0].hashed
    assert hashing.distances(whole.turned[:1], boxed.turned[:1])[0, 0] <= hashing.ALIKE


def without_copies(output: Output) -> Output:
    output._prefetched_objects_cache = {"renditions": []}
    return output


def test_what_cannot_be_seen_is_trouble(artist: Enrollment, tmp_path: Path) -> None:
    output = make.output(enrollment=artist)
    with pytest.raises(Trouble, match="has not been made yet"):
        seeing.see(without_copies(output))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no clip at all")
    with pytest.raises(Trouble, match="ffmpeg failed"):
        seeing.look(broken, width=96, height=64, frame_rate=8.0)


def test_a_copy_that_is_cut_short_is_trouble(artist: Enrollment, tmp_path: Path) -> None:
    whole = clips.output(clips.moving(8), enrollment=artist).rendition("proxy").file.path.read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Trouble):
        seeing.look(tmp_path / "half.mp4", width=384, height=256, frame_rate=8.0)


def test_a_look_that_is_broken_off_leaves_no_ffmpeg_behind(artist: Enrollment) -> None:
    output = clips.output(clips.moving(9, frames=40), enrollment=artist)
    frames = seeing.decoded(output.rendition("proxy").file.path, shape=(341, 512))
    assert next(frames).shape == (341, 512, 3)
    frames.close()
