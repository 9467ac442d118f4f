"""Pictures that artists bring. What they send is never trusted and never kept: a confined process draws it anew."""

import struct
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext_lazy as _

from access import audit, clock, storing
from access.models import Enrollment
from access.refusals import AgreementUnsigned
from generation import drafting, pacing
from generation.lanes import lock_lane, lock_lanes
from generation.models import FirstFrame
from generation.policies import may_generate
from generation.refusals import PictureUnusable
from generation.sandbox.redraw import REASONS, SIDE

HEAVIEST = 10 * 1024 * 1024  # bytes
PATIENCE = 30.0  # seconds of the clock for the child, which has 15 of a core
UNUSED_FOR = timedelta(hours=24)  # then a picture that no brief and no draft uses goes
PROGRAM = Path(settings.BASE_DIR) / "generation/sandbox/redraw.py"
PNG = b"\x89PNG\r\n\x1a\n"

EMPTY = _("The file is empty. Choose a PNG, JPEG or WebP picture.")
HEAVY = _("The picture is larger than 10 MB. Save it smaller, or as a JPEG, and choose it again.")
FOREIGN = _("This is no PNG, JPEG or WebP picture. Save it as one of these and choose it again.")
AWAY = _("The picture could not be kept, through no fault of yours. Try it again in a minute.")
SENTENCES = {
    "unreadable": _("The picture is damaged or not complete. Open it, save it anew and choose it again."),
    "too_large": _("The picture has more than 40 megapixels. Save it smaller and choose it again."),
    "animated": _("The picture moves. Save one of its frames as a PNG, JPEG or WebP and choose that."),
    "too_small": _("The picture is less than 16 pixels wide or high. Choose a larger one."),
}


class Capped(FileUploadHandler):
    """Django's first upload handler: of a file that is too heavy it lets no more pass than shows that it is."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.passed = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        room = HEAVIEST + 1 - self.passed
        self.passed += min(len(raw_data), max(0, room))
        return raw_data[:room] if room > 0 else None

    def file_complete(self, file_size: int) -> None:
        """The handlers after this one have the file."""


class Upload(Protocol):
    """As much of Django's UploadedFile as is needed: neither its name nor the type it claims."""

    @property
    def size(self) -> int | None: ...

    def read(self, num_bytes: int = ..., /) -> bytes: ...


def keep_first_frame(file: Upload, *, enrollment: Enrollment) -> FirstFrame:
    """Draw an uploaded picture anew and keep that; the same picture again is the same first frame.

    A PNG, JPEG or WebP of at most 10 MB and 40 megapixels becomes an upright, opaque RGB PNG of at most 2048 pixels a
    side. Neither its own bytes nor its metadata are kept.

    Raises:
        AgreementUnsigned: it is not their turn yet.
        PictureUnusable: with the reason in a sentence.
    """
    if not may_generate(enrollment):
        raise AgreementUnsigned
    with pacing.turn(enrollment.user_id):
        kept, size = _drawn_anew(file)
    return _remember(kept, size, enrollment)


def _drawn_anew(file: Upload) -> tuple[storing.Kept, tuple[int, int]]:
    raw = _read(file)
    try:
        with storing.workspace() as folder:
            path = folder / "first_frame.png"
            redraw(raw, path)
            size = _size_of(path)
            return storing.keep(path, "image/png"), size
    except OSError as full:
        raise PictureUnusable(str(AWAY)) from full


def _read(file: Upload) -> bytes:
    if (file.size or 0) > HEAVIEST:
        raise PictureUnusable(str(HEAVY))
    raw = file.read(HEAVIEST + 1)
    if not raw:
        raise PictureUnusable(str(EMPTY))
    if len(raw) > HEAVIEST:
        raise PictureUnusable(str(HEAVY))
    if not _is_of_a_known_kind(raw):
        raise PictureUnusable(str(FOREIGN))
    return raw


def _is_of_a_known_kind(raw: bytes) -> bool:
    """By the first bytes: its name and the type that the browser claims prove nothing."""
    return raw.startswith((PNG, b"\xff\xd8\xff")) or (raw[:4] == b"RIFF" and raw[8:12] == b"WEBP")


def redraw(raw: bytes, path: Path) -> None:
    """Let the confined process decode the bytes and write the new picture to ``path``.

    Raises:
        PictureUnusable: it could not, took too long or was stopped by its limits.
    """
    with path.open("wb") as sink:
        code = _run(raw, sink)
    if code:
        raise PictureUnusable(str(SENTENCES[REASONS.get(code, "unreadable")]))


def _run(raw: bytes, sink: BinaryIO) -> int:
    command = [sys.executable, "-I", str(PROGRAM)]
    try:
        done = subprocess.run(
            command,
            input=raw,
            stdout=sink,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1
    return done.returncode


def _size_of(path: Path) -> tuple[int, int]:
    """Width and height of what the confined process wrote, after a look at whether it is what was asked for.

    Raises:
        PictureUnusable: it is not.
    """
    with path.open("rb") as file:
        head = file.read(29)
    if len(head) < 29 or not head.startswith(PNG):
        raise PictureUnusable(str(SENTENCES["unreadable"]))
    width, height, depth, color, *_rest = struct.unpack(">IIBBBBB", head[16:29])
    if (depth, color) != (8, 2) or not 0 < max(width, height) <= SIDE:
        raise PictureUnusable(str(SENTENCES["unreadable"]))
    return width, height


def _remember(kept: storing.Kept, size: tuple[int, int], enrollment: Enrollment) -> FirstFrame:
    with audit.recorded():
        lock_lane(enrollment)  # ``clear_unused`` looks for unused ones behind the same lock
        row = storing.file_row(kept)
        if known := FirstFrame.objects.usable_by(enrollment).filter(file=row).first():
            return known
        now = clock.now()
        made = FirstFrame.objects.create(enrollment=enrollment, file=row, width=size[0], height=size[1], created_at=now)
        facts = {"sha256": row.sha256, "width": size[0], "height": size[1]}
        audit.trace(
            "keep_first_frame", program=enrollment.program, at=now, actor=enrollment.user, subject=made, facts=facts
        )
    return made


def clear_unused() -> int:
    """Remove the pictures that were brought a day ago and that no brief and no draft uses; how many there were.

    Their bytes go with the store's orphans (``access.storing.clear_orphans``).
    """
    old = FirstFrame.objects.unused().filter(created_at__lt=clock.now() - UNUSED_FOR)
    return sum(map(_clear_of, Enrollment.objects.filter(pk__in=old.values("enrollment")).select_related("program")))


def _clear_of(enrollment: Enrollment) -> int:
    with audit.recorded():
        lock_lanes(enrollment)  # a picture from before a move to another cohort is sent behind the new lane
        now = clock.now()
        left = _unused_pictures(enrollment, now - UNUSED_FOR)
        for frame in left:
            facts = {"sha256": frame.file.sha256}
            audit.trace("clear_first_frame", program=enrollment.program, at=now, actor=None, subject=frame, facts=facts)
            frame.delete()
            storing.forget(frame.file)
    return len(left)


def _unused_pictures(enrollment: Enrollment, before: datetime) -> list[FirstFrame]:
    """Looked at again behind their rows' locks: a brief that is being sent holds its picture's."""
    old = enrollment.first_frames.unused().filter(created_at__lt=before)
    locked = old.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
    found = old.filter(pk__in=list(locked)).exclude(pk__in=drafting.first_frames_of(enrollment))
    return list(found.select_related("file"))
