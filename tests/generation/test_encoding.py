"""Frames to files: what players need, what the archive needs, and what happens when the machine cannot."""

import errno
import os
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings

from access.models import Enrollment
from access.models.files import path_of
from access.storing import hash_of
from generation import encoding, worker
from generation.encoding import encode, encode_rest, ffmpeg_binary, frames_of
from generation.engine import Clip
from generation.models import Job, Pipeline
from generation.refusals import OutOfMemory, Trouble
from generation.rendering import Rendered
from tests import make
from tests.generation.conftest import DrawnEngine


def clip(rows: int = 64, columns: int = 96, frames: int = 17) -> Clip:
    noise = np.random.default_rng(5).integers(0, 255, (frames, rows, columns, 3), dtype=np.uint8)
    return Clip(frames=noise, frame_rate=8.0, making=lambda: [noise[0], noise[-1]])


def said_of(path: Path) -> str:
    """What ffmpeg says of a file, and of each frame's instant."""
    command = [ffmpeg_binary(), "-hide_banner", "-i", str(path), "-map", "0:v", "-f", "framecrc", "-c", "copy", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr + done.stdout


def torn(media: Path) -> list[Path]:
    """Files whose name is not their hash, and whatever a workspace left behind."""
    files = [path for path in media.rglob("*") if path.is_file()]
    return [path for path in files if path.name != hash_of(path)]


@pytest.fixture
def rendered() -> Rendered:
    """The clip with everything that is made of it, whether at once or afterwards."""
    first = encode(clip(), width=768)
    return replace(first, renditions={**first.renditions, **encode_rest(clip(), width=768)})


def test_the_playable_plays_everywhere(rendered: Rendered) -> None:
    kept = rendered.renditions["playable"]
    said = said_of(path_of(kept.sha256))
    assert kept.content_type == "video/mp4"
    assert "h264" in said and re.search(r"yuv420p\W", said)
    size = re.search(r"h264.*?, (\d+)x(\d+)", said)
    assert size and (int(size[1]), int(size[2])) == (768, 512)


def test_a_small_playable_is_its_own_proxy(rendered: Rendered) -> None:
    assert rendered.renditions["proxy"] == rendered.renditions["playable"]
    assert "proxy" not in encode_rest(clip(), width=768)


def test_the_proxy_of_a_tall_clip_has_540_lines() -> None:
    tall = clip(rows=96, columns=64)
    assert "proxy" not in encode(tall, width=768).renditions
    proxy = encode_rest(tall, width=768)["proxy"]
    assert re.search(r"h264.*?, 360x540\W", said_of(path_of(proxy.sha256)))


def test_a_clip_is_never_delivered_smaller_than_it_was_drawn() -> None:
    wide, declared = Pipeline(), Pipeline(declared={"deliver_width": 640})
    assert [encoding.delivered_width(wide, drawn=drawn) for drawn in (96, 768, 1280)] == [768, 768, 1280]
    assert [encoding.delivered_width(declared, drawn=drawn) for drawn in (96, 1280)] == [640, 640]


def test_a_large_clip_is_delivered_as_it_was_drawn_and_its_proxy_is_smaller() -> None:
    large = clip(rows=720, columns=1280, frames=2)
    width = encoding.delivered_width(Pipeline(), drawn=1280)
    made = encode(large, width=width)
    assert "proxy" not in made.renditions
    assert re.search(r"h264.*?, 1280x720\W", said_of(path_of(made.renditions["playable"].sha256)))
    proxy = encode_rest(large, width=width)["proxy"]
    assert re.search(r"h264.*?, 960x540\W", said_of(path_of(proxy.sha256)))
    assert proxy.size < made.renditions["playable"].size


def test_a_master_gives_back_every_pixel(rendered: Rendered) -> None:
    frames = frames_of(path_of(rendered.master.sha256), width=96, height=64)
    assert np.array_equal(frames, clip().frames)


def test_the_playable_starts_before_it_is_loaded(rendered: Rendered) -> None:
    data = path_of(rendered.renditions["playable"].sha256).read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_playable_has_a_constant_rate_and_every_frame(rendered: Rendered) -> None:
    rows = [line.split(",") for line in said_of(path_of(rendered.renditions["playable"].sha256)).splitlines()]
    shown = sorted(int(row[2]) for row in rows if len(row) >= 6 and row[0].strip() == "0")
    assert len(shown) == 17
    assert len({late - early for early, late in zip(shown, shown[1:], strict=False)}) == 1


@pytest.mark.parametrize(("rows", "columns"), [(33, 47), (61, 99), (96, 64)])
def test_odd_sizes_become_even_ones(rows: int, columns: int) -> None:
    made = encode(clip(rows, columns, frames=3), width=768)
    size = re.search(r"h264.*?, (\d+)x(\d+)", said_of(path_of(made.renditions["playable"].sha256)))
    assert size and int(size[1]) == 768 and int(size[2]) % 2 == 0
    assert abs(int(size[2]) - 768 * rows / columns) <= 1
    assert (made.width, made.height) == (columns, rows)


def test_an_odd_width_is_not_asked_of_the_encoder() -> None:
    made = encode(clip(frames=3), width=769)
    size = re.search(r"h264.*?, (\d+)x(\d+)", said_of(path_of(made.renditions["playable"].sha256)))
    assert size and int(size[1]) % 2 == 0


@pytest.mark.parametrize(("rows", "columns"), [(64, 96), (33, 47)])
def test_the_master_is_the_frames_to_the_last_bit(rows: int, columns: int) -> None:
    drawn = clip(rows, columns)
    master = path_of(encode(drawn, width=768).master.sha256)
    command = [ffmpeg_binary(), "-v", "error", "-i", str(master), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == drawn.frames.tobytes()


def test_the_same_clip_gives_the_same_files(rendered: Rendered) -> None:
    """So that a second attempt after a crash leaves nothing behind it twice."""
    again = encode(clip(), width=768)
    assert again.master == rendered.master
    assert {**again.renditions, **encode_rest(clip(), width=768)} == rendered.renditions


def test_files_are_read_only_and_named_by_their_hash(rendered: Rendered, media_dir: Path) -> None:
    for kept in (rendered.master, *rendered.renditions.values()):
        path = path_of(kept.sha256)
        assert hash_of(path) == kept.sha256 and path.stat().st_mode & 0o777 == 0o444
        assert path.stat().st_size == kept.size
    assert set(rendered.renditions) == {"playable", "poster", "contact_sheet", "proxy", "making"}
    assert not torn(media_dir) and not list((media_dir / "tmp").iterdir())


def test_the_files_say_nothing_about_where_they_were_made(rendered: Rendered) -> None:
    for kept in (rendered.master, *rendered.renditions.values()):
        data = path_of(kept.sha256).read_bytes()
        assert os.uname().nodename.encode() not in data or len(os.uname().nodename) < 4
        assert b"creation_time" not in data and str(path_of("")).encode() not in data


@pytest.mark.parametrize(
    "binary",
    ["/nowhere/ffmpeg", "{here}", "{here}/empty", "{here}/words"],
    ids=["missing", "folder", "no x", "no program"],
)
def test_without_ffmpeg_it_says_what_to_set(
    settings: LazySettings, tmp_path: Path, media_dir: Path, binary: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "words").write_text("not a program")
    (tmp_path / "words").chmod(0o755)
    settings.FFMPEG_BINARY = binary.format(here=tmp_path)
    with pytest.raises(Trouble, match="FFMPEG_BINARY"):
        encode(clip(), width=768)
    assert not [path for path in media_dir.rglob("*") if path.is_file()]


def test_an_ffmpeg_that_fails_is_quoted(settings: LazySettings, tmp_path: Path, media_dir: Path) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\ncat > /dev/null\necho 'Unknown encoder' >&2\nexit 1\n")
    script.chmod(0o755)
    settings.FFMPEG_BINARY = str(script)
    with pytest.raises(Trouble, match="ffmpeg failed: Unknown encoder"):
        encode(clip(), width=768)
    assert not [path for path in media_dir.rglob("*") if path.is_file()]


@pytest.mark.parametrize("call", ["fsync", "rename", "mkdir"])
def test_a_full_disk_is_trouble_and_leaves_no_torn_file(
    monkeypatch: pytest.MonkeyPatch, media_dir: Path, call: str
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, call, full)
    with pytest.raises(Trouble, match="No space left on device"):
        encode(clip(), width=768)
    monkeypatch.undo()
    assert not torn(media_dir) and not list(media_dir.rglob("*.*"))


def test_a_disk_that_is_full_in_earnest(media_dir: Path, settings: LazySettings) -> None:
    """RLIMIT_FSIZE stops ffmpeg, a child, in the middle of a file, as a full disk does."""
    script = media_dir.parent / "ffmpeg"
    script.write_text(f'#!/bin/sh\nulimit -f 8\nexec "{encoding._found_ffmpeg()}" "$@"\n')
    script.chmod(0o755)
    settings.FFMPEG_BINARY = str(script)
    with pytest.raises(Trouble):
        encode(clip(rows=128, columns=128), width=768)
    assert not [path for path in media_dir.rglob("*") if path.is_file()]


EMPTY = -1


def cells(frames: int) -> list[int]:
    """The numbers of the frames that a contact sheet of so many shows, row by row."""
    gray = 250 // frames
    flat = np.stack([np.full((64, 96, 3), (number + 1) * gray, np.uint8) for number in range(frames)])
    sheet = np.asarray(encoding.contact_sheet(flat))[:, :, 0]
    middles = sheet[171 // 2 :: 171, 256 // 2 :: 256].ravel()
    return [int(value) // gray - 1 if value else EMPTY for value in middles]


def test_a_contact_sheet_shows_every_frame_in_its_order() -> None:
    assert cells(17) == [*range(17), EMPTY]
    assert cells(24) == list(range(24))
    assert cells(2) == [0, 1]
    assert cells(1) == [0]
    assert encoding.contact_sheet(clip(frames=17).frames).size == (6 * 256, 3 * 171)


def test_a_contact_sheet_of_many_frames_shows_24_evenly_spread_with_the_first_and_the_last() -> None:
    shown = cells(97)
    assert encoding.contact_sheet(clip(frames=97).frames).size == (6 * 256, 4 * 171)
    assert (len(shown), shown[0], shown[-1]) == (24, 0, 96)
    assert {late - early for early, late in zip(shown, shown[1:], strict=False)} == {4, 5}


def test_drawn_clips_of_the_factories_encode() -> None:
    made = encode(make.clip(), width=512)
    assert made.frames == 5


def test_what_ffmpeg_says_is_told_without_its_addresses() -> None:
    said = "[out#0/matroska @ 0x559dfaffac80] Error writing trailer: No space left on device\n[out#0 @ 0x5] more"
    assert encoding._words_of(said) == "The disk of the store is full. Clips wait until there is room."
    said = "\n[libx264 @ 0x559dfaffac80] height not divisible by 2 (768x511)\nmore"
    assert encoding._words_of(said) == "ffmpeg failed: height not divisible by 2 (768x511)"
    assert encoding._words_of("") == "ffmpeg failed: it did not say why"


def test_no_memory_for_a_thread_is_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(encoding.ThreadPoolExecutor, "submit", refuse)
    with pytest.raises(OutOfMemory):
        encode(clip(), width=96)


def test_another_error_is_not_called_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(encoding.ThreadPoolExecutor, "submit", refuse)
    with pytest.raises(RuntimeError, match="after shutdown"):
        encode(clip(), width=96)


@pytest.fixture
def hanging(settings: LazySettings, tmp_path: Path) -> None:
    """An ffmpeg that never ends."""
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    settings.FFMPEG_BINARY = str(script)


@pytest.mark.usefixtures("hanging")
def test_an_ffmpeg_that_hangs_is_given_up_before_the_lease_ends(media_dir: Path) -> None:
    began = time.monotonic()
    with pytest.raises(Trouble, match=r"did not end within 0\.9 seconds"):
        encode(clip(), width=96, lease=1.0)
    assert time.monotonic() - began < 10
    assert not [path for path in media_dir.rglob("*") if path.is_file()]


@pytest.mark.usefixtures("hanging")
def test_a_worker_gives_an_encoder_the_lease_of_its_model(artist: Enrollment, engine: DrawnEngine) -> None:
    Pipeline.objects.update(leases={"encode": 2})
    make.job(enrollment=artist, steps=8)
    assert worker.drain() == 1
    assert "ffmpeg did not end within 1.8 seconds" in Pipeline.objects.get().trouble
    assert Job.objects.get().state == "queued"
