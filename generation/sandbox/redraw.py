"""Decode an untrusted picture from stdin and write it anew to stdout: a plain RGB PNG without any metadata.

Run as ``python -I redraw.py``, in an empty environment and in a process of its own. Nothing of the site is imported.
What is wrong with the picture is said by the exit code alone (``REASONS``).
"""

import io
import resource
import sys
import warnings
from typing import BinaryIO

from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin
from PIL import WebPImagePlugin as WebPPlugin

# Everything a picture may need (EXIF is a TIFF): once confined, no module can be loaded.
READERS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPPlugin)
FORMATS = ("JPEG", "PNG", "WEBP")
PIXELS = 40_000_000  # of the picture as it comes
SIDE = 2048  # pixels at most, as it leaves
LEAST = 16  # pixels a side: less is no picture
MEMORY = 768 * 1024 * 1024  # bytes of address space: 40 megapixels with alpha, twice, and Python
WRITTEN = 32 * 1024 * 1024  # bytes: more than 2048 x 2048 pixels of noise take
SECONDS = 15  # of one core

REASONS = {10: "unreadable", 11: "too_large", 12: "animated", 13: "too_small"}


class Unusable(Exception):
    """With the exit code as its only word."""


def confine() -> None:
    """Hard limits, which nothing in this process can raise again; no file can be opened from here on."""
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, WRITTEN),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def opened(raw: bytes) -> Image.Image:
    """The picture, of which only the header has been read, if its dimensions can be taken."""
    picture = Image.open(io.BytesIO(raw), formats=FORMATS)
    width, height = picture.size
    if width * height > PIXELS:
        raise Unusable(11)
    if min(width, height) < LEAST:
        raise Unusable(13)
    # Phones put several pictures into one JPEG, of which the first is the photograph.
    if picture.format in ("PNG", "WEBP") and getattr(picture, "is_animated", False):
        raise Unusable(12)
    return picture


def redrawn(picture: Image.Image) -> Image.Image:
    """The pixels alone: upright, opaque, in sRGB, at most ``SIDE`` a side."""
    profile = picture.info.get("icc_profile")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):  # 16 bit of grey
        upright = upright.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    plain = in_srgb(opaque(upright), profile)
    return Image.frombytes("RGB", plain.size, plain.tobytes())


def opaque(picture: Image.Image) -> Image.Image:
    """On white where one could see through it."""
    if not picture.has_transparency_data:
        return picture
    above = picture.convert("RGBA")
    ground = Image.new("RGBA", above.size, "white")
    return Image.alpha_composite(ground, above).convert("RGB")


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Colors as they were meant; a profile that cannot be read or does not fit is ignored."""
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        try:
            meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            found = ImageCms.profileToProfile(picture, meant, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            found = None
        if found is not None:
            return found
    return picture.convert("RGB")


def main(source: BinaryIO, sink: BinaryIO) -> int:
    """The exit code: 0, or one of ``REASONS``."""
    Image.preinit()
    confine()
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = PIXELS
    try:
        redrawn(opened(source.read())).save(sink, "PNG", compress_level=4)
    except Unusable as why:
        return int(why.args[0])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return 11
    except Exception:  # noqa: BLE001  decoders raise anything at all of broken bytes; the reason is the same
        return 10
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
