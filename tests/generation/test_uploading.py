"""First frames from people one does not trust: what comes out is a plain picture or a sentence, and nothing else."""

import io
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from access import storing
from access.models import Enrollment, Entry, Program, StoredFile
from access.refusals import AgreementUnsigned
from generation import uploading
from generation.models import FirstFrame
from generation.refusals import PictureUnusable
from generation.sandbox import redraw
from tests import make
from tests.generation.pictures import SVG, drawn, keep, raw, stored

pytestmark = pytest.mark.django_db

GPS, ORIENTATION, COMMENT = 0x8825, 0x0112, 0x9286


# --- what is taken --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_drawn_anew_and_its_own_bytes_are_not_kept(artist: Enrollment, kind: str) -> None:
    sent = raw(drawn(), kind)
    frame = keep(artist, sent, name="holiday.exe", claimed="text/html")
    found = stored(frame)
    assert (found.format, found.mode, found.size, found.info) == ("PNG", "RGB", (48, 32), {})
    assert (frame.width, frame.height, frame.file.content_type) == (48, 32, "image/png")
    assert frame.file.path.read_bytes() != sent and storing.is_intact(frame.file)
    if kind == "PNG":
        assert np.array_equal(np.asarray(found), np.asarray(drawn()))


@pytest.mark.parametrize(
    ("picture", "kind", "options"),
    [
        (drawn(mode="CMYK"), "JPEG", {}),
        (drawn(mode="L"), "JPEG", {}),
        (drawn(mode="P"), "PNG", {}),
        (drawn(mode="1"), "PNG", {}),
        (drawn(mode="LA"), "PNG", {}),
        (drawn(), "JPEG", {"icc_profile": b"no profile at all"}),
        (drawn(), "JPEG", {"progressive": True}),
    ],
    ids=["CMYK", "grey", "palette", "two colors", "grey with alpha", "broken profile", "progressive"],
)
def test_pictures_of_every_make(artist: Enrollment, picture: Image.Image, kind: str, options: dict[str, Any]) -> None:
    found = stored(keep(artist, raw(picture, kind, **options)))
    assert (found.mode, found.size) == ("RGB", (48, 32))


def test_sixteen_bits_become_eight(artist: Enrollment) -> None:
    deep = Image.fromarray(np.full((32, 32), 32768, dtype=np.uint16))
    assert stored(keep(artist, raw(deep))).getpixel((5, 5)) == (128, 128, 128)


def test_what_one_could_see_through_is_white(artist: Enrollment) -> None:
    assert stored(keep(artist, raw(Image.new("RGBA", (32, 32), (255, 0, 0, 0))))).getpixel((5, 5)) == (255, 255, 255)


def test_colors_come_out_as_they_were_meant(artist: Enrollment) -> None:
    """A profile whose red and green are swapped shows whether profiles are minded at all."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, green = lab.index(b"rXYZ"), lab.index(b"gXYZ")
    swapped = bytearray(lab)
    swapped[red : red + 4], swapped[green : green + 4] = lab[green : green + 4], lab[red : red + 4]
    plain = stored(keep(artist, raw(Image.new("RGB", (32, 32), (200, 30, 30)), icc_profile=lab))).getpixel((5, 5))
    meant = stored(keep(artist, raw(Image.new("RGB", (32, 32), (200, 30, 30)), icc_profile=bytes(swapped))))
    assert isinstance(plain, tuple) and max(abs(a - b) for a, b in zip(plain, (200, 30, 30), strict=True)) <= 2
    r, g, _ = meant.getpixel((5, 5))  # type: ignore[misc]
    assert g > 150 > r


def test_a_large_picture_comes_out_at_2048_a_side(artist: Enrollment) -> None:
    frame = keep(artist, raw(Image.new("RGB", (4096, 1024), "teal"), "JPEG"))
    assert (frame.width, frame.height) == (2048, 512) == stored(frame).size


def test_a_picture_stands_upright_and_says_nothing_about_its_maker(artist: Enrollment) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # a quarter to the right
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (52.0, 31.0, 12.0)
    exif[COMMENT] = b"taken at home"
    sent = raw(drawn(), "JPEG", exif=exif, comment=b"taken at home")
    assert Image.open(io.BytesIO(sent)).getexif().get_ifd(GPS)
    frame = keep(artist, sent)
    found, kept = stored(frame), frame.file.path.read_bytes()
    assert found.size == (32, 48)
    assert not dict(found.getexif()) and b"home" not in kept and b"eXIf" not in kept
    assert chunks_of(kept) <= {b"IHDR", b"IDAT", b"IEND"}


def chunks_of(png: bytes) -> set[bytes]:
    found, at = set(), 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found.add(png[at + 4 : at + 8])
        at += 12 + length
    return found


def test_a_photograph_with_a_second_one_inside_is_a_photograph(artist: Enrollment) -> None:
    sent = raw(drawn(), "MPO", save_all=True, append_images=[drawn(32, 32)])
    assert stored(keep(artist, sent)).size == (48, 32)


def test_the_same_picture_again_is_the_same_first_frame(artist: Enrollment, program: Program) -> None:
    assert keep(artist, raw(drawn())) == keep(artist, raw(drawn(), compress_level=0))
    assert FirstFrame.objects.count() == 1
    theirs = keep(make.artist(program=program), raw(drawn()))
    assert theirs.file == FirstFrame.objects.get(enrollment=artist).file and FirstFrame.objects.count() == 2


def test_it_is_recorded(artist: Enrollment) -> None:
    frame = keep(artist, raw(drawn()))
    entry = Entry.objects.get(act="keep_first_frame")
    assert entry.subject == f"firstframe:{frame.pk}" and frame.file.sha256 in entry.facts


# --- what is not ----------------------------------------------------------------------------------------------------
def bomb() -> bytes:
    """169 megapixels in 20 kB."""
    return raw(Image.new("1", (13_000, 13_000)))


def lying_bomb() -> bytes:
    """Says 100 x 100 and brings pixels for 20,000 times as many."""
    body = zlib.compress(b"\0" * 200_000_000, 9)
    return png_of(100, 100, body)


def png_of(width: int, height: int, idat: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return uploading.PNG + chunk(b"IHDR", head) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


MOVING = {"save_all": True, "append_images": [Image.new("RGB", (48, 32), "red")]}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "is empty"),
        (b"Dear artist,", "no PNG, JPEG or WebP"),
        (SVG, "no PNG, JPEG or WebP"),
        (raw(drawn(), "GIF"), "no PNG, JPEG or WebP"),
        (raw(drawn(), "TIFF"), "no PNG, JPEG or WebP"),
        (raw(drawn(), "BMP"), "no PNG, JPEG or WebP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) print", "no PNG, JPEG or WebP"),
        (b"GIF89a" + raw(drawn()), "no PNG, JPEG or WebP"),
        (uploading.PNG, "damaged or not complete"),
        (uploading.PNG + b"%!PS-Adobe-3.0 EPSF-3.0", "damaged or not complete"),
        (b"\xff\xd8\xff" + b"\0" * 500, "damaged or not complete"),
        (b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\0" * 100, "damaged or not complete"),
        (raw(drawn(480, 320), "JPEG")[:9000], "damaged or not complete"),
        (raw(drawn(480, 320), "PNG")[:9000], "damaged or not complete"),
        (raw(drawn(480, 320), "WEBP")[:9000], "damaged or not complete"),
        (png_of(0, 0, zlib.compress(b"")), "damaged or not complete"),
        (png_of(50_000, 50_000, zlib.compress(b"\0" * 1000)), "more than 40 megapixels"),
        (png_of(2**31 - 1, 2**31 - 1, zlib.compress(b"")), "more than 40 megapixels"),
        (raw(Image.new("RGB", (8, 200))), "less than 16 pixels"),
        (raw(drawn(), "WEBP", **MOVING), "The picture moves"),
        (raw(drawn(), "PNG", **MOVING), "The picture moves"),
        (b"\xff\xd8\xff" + b"x" * uploading.HEAVIEST, "larger than 10 MB"),
    ],
    ids=[
        "nothing", "text", "SVG", "GIF", "TIFF", "BMP", "EPS", "GIF before PNG", "signature alone", "EPS as PNG",
        "JPEG of zeros", "WebP of zeros", "half a JPEG", "half a PNG", "half a WebP", "no pixels", "2,500 megapixels",
        "the largest PNG", "a line", "moving WebP", "moving PNG", "11 MB",
    ],
)  # fmt: skip
def test_what_is_no_picture_gets_a_sentence_and_leaves_nothing(artist: Enrollment, sent: bytes, words: str) -> None:
    with pytest.raises(PictureUnusable) as refused:
        keep(artist, sent)
    assert words in str(refused.value.sentence)
    assert_nothing_is_left()


def assert_nothing_is_left() -> None:
    assert not FirstFrame.objects.exists() and not StoredFile.objects.exists()
    assert [path for path in Path(uploading.settings.MEDIA_DIR).rglob("*") if path.is_file()] == []


def test_a_bomb_does_not_go_off(artist: Enrollment) -> None:
    sent = bomb()
    assert len(sent) < 25_000
    began = time.monotonic()
    with pytest.raises(PictureUnusable, match="more than 40 megapixels"):
        keep(artist, sent)
    assert time.monotonic() - began < 5
    assert_nothing_is_left()


def test_a_picture_that_lies_about_its_size_is_contained(artist: Enrollment) -> None:
    """Whatever the decoder makes of it: what comes out has the size that was said, or nothing comes out."""
    sent = lying_bomb()
    assert len(sent) < 250_000
    try:
        assert stored(keep(artist, sent)).size == (100, 100)
    except PictureUnusable:
        assert_nothing_is_left()


def test_nothing_that_follows_the_picture_survives(artist: Enrollment) -> None:
    page = b"<html><script>alert(document.cookie)</script></html>"
    for sent in (raw(drawn()) + page, raw(drawn(), "JPEG") + page, raw(drawn(), "JPEG", comment=page)):
        kept = keep(artist, sent).file.path.read_bytes()
        assert b"script" not in kept and kept.endswith(b"IEND\xaeB`\x82")


# --- who ------------------------------------------------------------------------------------------------------------
def test_the_agreement_comes_first(artist: Enrollment, program: Program) -> None:
    make.agreement(program=program)
    with pytest.raises(AgreementUnsigned):
        keep(artist, raw(drawn()))
    assert_nothing_is_left()


# --- the confined process -------------------------------------------------------------------------------------------
CHILDREN = {
    "crashes": "import os; os.abort()",
    "hangs": "import time; time.sleep(60)",
    "says nothing": "",
    "writes no picture": "import sys; sys.stdin.buffer.read(); sys.stdout.write('<html>' * 99)",
    "writes another picture": "import sys; sys.stdout.buffer.write(bytes.fromhex('{}'))".format(
        raw(Image.new("L", (20, 20))).hex()
    ),
    "writes too large a picture": "import sys; sys.stdout.buffer.write(bytes.fromhex('{}'))".format(
        raw(Image.new("RGB", (3000, 20))).hex()
    ),
    "an exit code of its own": "raise SystemExit(77)",
}


@pytest.mark.parametrize("does", CHILDREN)
def test_whatever_becomes_of_the_child_there_is_a_sentence(
    artist: Enrollment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, does: str
) -> None:
    child = tmp_path / "child.py"
    child.write_text(CHILDREN[does])
    monkeypatch.setattr(uploading, "PROGRAM", child)
    monkeypatch.setattr(uploading, "PATIENCE", 2.0)
    with pytest.raises(PictureUnusable, match="damaged or not complete"):
        keep(artist, raw(drawn()))
    assert_nothing_is_left()


NOBODY = "import os; os.geteuid() or (os.setgroups([]), os.setgid(65534), os.setuid(65534))"  # root may do anything


def confined(code: str) -> "subprocess.CompletedProcess[str]":
    """What becomes of code that an attacker would run inside the confined process."""
    program = f"import runpy; ours = runpy.run_path({str(uploading.PROGRAM)!r}); {NOBODY}; ours['confine'](); {code}"
    return subprocess.run([sys.executable, "-I", "-c", program], env={}, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("open('/etc/passwd')", "Too many open files"),
        ("import socket; socket.socket()", "Too many open files"),
        ("bytearray(2 ** 30)", "MemoryError"),
        ("import resource; resource.setrlimit(resource.RLIMIT_AS, (2 ** 40, 2 ** 40))", "not allowed to raise"),
    ],
    ids=["files", "network", "memory", "more memory"],
)
def test_the_child_cannot(code: str, error: str) -> None:
    done = confined(code)
    assert done.returncode == 1 and error in done.stderr


def test_the_child_writes_no_more_than_it_may(tmp_path: Path) -> None:
    sink = tmp_path / "sink"
    program = (
        f"import runpy; ours = runpy.run_path({str(uploading.PROGRAM)!r}); ours['confine']()\n"
        "import sys\nwhile True: sys.stdout.buffer.write(bytes(2 ** 20))"
    )
    with sink.open("wb") as file:
        done = subprocess.run([sys.executable, "-I", "-c", program], env={}, stdout=file, stderr=subprocess.PIPE)
    assert done.returncode != 0 and sink.stat().st_size <= redraw.WRITTEN


def test_the_child_knows_nothing_of_the_site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spy = tmp_path / "spy.py"
    spy.write_text("import os, sys; sys.stdout.write(repr((dict(os.environ), os.getcwd(), sys.flags.isolated)))")
    monkeypatch.setattr(uploading, "PROGRAM", spy)
    monkeypatch.setenv("SECRET_KEY", "a secret")
    told = tmp_path / "told"
    uploading.redraw(b"", told)
    environment, folder, isolated = eval(told.read_text())
    assert "SECRET_KEY" not in environment and folder == "/" and isolated == 1
