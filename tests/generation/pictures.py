"""Pictures that tests bring as first frames, and artists who bring them."""

import io
from typing import Any

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from access.models import Enrollment
from generation import jobs, uploading
from generation.models import Brief, FirstFrame
from tests import make

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'


def drawn(width: int = 48, height: int = 32, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(width * height).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def raw(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, kind, **options)
    return sink.getvalue()


def keep(artist: Enrollment, sent: bytes, name: str = "picture.png", claimed: str = "image/png") -> FirstFrame:
    return uploading.keep_first_frame(SimpleUploadedFile(name, sent, claimed), enrollment=artist)


def sent_with(frame: FirstFrame, artist: Enrollment) -> Brief:
    wish = jobs.Wish("a red circle", first_frame=frame)
    return jobs.submit(wish, enrollment=artist, pipeline=make.pipeline(), credential=None, key=make.key())


def stored(frame: FirstFrame) -> Image.Image:
    return Image.open(io.BytesIO(frame.file.path.read_bytes()))
