"""Keep bytes: temporary file in the same filesystem, fsync, hash, read-only, rename to the hash, only then a row."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from access import clock
from access.models import StoredFile
from access.models.files import path_of

ABANDONED_AFTER = timedelta(hours=24)
ASIDE = "orphans"  # folder under tmp, of stored files that no row names


@dataclass(frozen=True)
class Kept:
    """Bytes that are safe on the disk and have no row yet."""

    sha256: str
    size: int
    mtime_ns: int
    inode: int
    content_type: str


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder for temporary files on the store's own filesystem, gone afterwards."""
    folder = Path(settings.MEDIA_DIR) / "tmp" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        for leftover in folder.iterdir():
            leftover.unlink()
        folder.rmdir()


def clear_abandoned() -> int:
    """Remove the temporary folders that a killed process left over a day ago; how many there were."""
    now = clock.now()
    folders = [
        path for path in (Path(settings.MEDIA_DIR) / "tmp").glob("*") if path.is_dir() and path.name != "orphans"
    ]
    abandoned = [path for path in folders if now.timestamp() - path.stat().st_mtime > ABANDONED_AFTER.total_seconds()]
    for folder in abandoned:
        shutil.rmtree(folder, ignore_errors=True)
    return len(abandoned)


def clear_orphans() -> int:
    """Remove stored files that no row has named for a day: those of a process that died before its commit.

    In two steps a day apart, since a commit that names such bytes again could be on its way: a file is set aside
    first, and comes back if a row names it after all. How many were removed.
    """
    now, media = clock.now().timestamp(), Path(settings.MEDIA_DIR)
    aside = media / "tmp" / ASIDE
    aside.mkdir(parents=True, exist_ok=True)
    removed = 0
    for path in sorted(aside.iterdir()):
        if StoredFile.objects.filter(sha256=path.name).exists():
            _bring_back(path)
        elif now - path.stat().st_ctime > ABANDONED_AFTER.total_seconds():
            path.unlink()
            removed += 1
    for folder in sorted(media.glob("[0-9a-f][0-9a-f]")):
        for path in _unnamed(folder):
            if now - path.stat().st_mtime > ABANDONED_AFTER.total_seconds():
                path.rename(aside / path.name)
    return removed


def _unnamed(folder: Path) -> list[Path]:
    """The files of one folder of the store without a row."""
    named = set(StoredFile.objects.filter(sha256__startswith=folder.name).values_list("sha256", flat=True))
    return [path for path in folder.iterdir() if path.name not in named]


def _bring_back(path: Path) -> None:
    if path_of(path.name).exists():
        path.unlink()
    else:
        path.rename(path_of(path.name))


def keep(path: Path, content_type: str) -> Kept:
    """Move a finished file from a ``workspace`` into the store.

    Raises:
        OSError: the disk is full or fails; the store holds no torn file then.
    """
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    target = path_of(sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        path.chmod(0o444)
        path.rename(target)
        _sync_folder(target.parent)
    found = target.stat()
    return Kept(sha256, found.st_size, found.st_mtime_ns, found.st_ino, content_type)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_row(kept: Kept) -> StoredFile:
    """The row of kept bytes; the same bytes have one row. Call it inside the transaction that refers to it."""
    return file_rows([kept])[kept.sha256]


def file_rows(files: Iterable[Kept]) -> dict[str, StoredFile]:
    """The rows of several kept files by their hash, in a few statements however many there are."""
    wanted = {kept.sha256: kept for kept in files}
    rows = StoredFile.objects.filter(sha256__in=wanted).in_bulk(field_name="sha256")
    made = [_row(kept, clock.now()) for sha256, kept in sorted(wanted.items()) if sha256 not in rows]
    try:
        with transaction.atomic():
            StoredFile.objects.bulk_create(made)
    except IntegrityError:  # somebody else keeps the same bytes just now; or it is not that, and this says so
        made = [_found_or_made(row) for row in made]
    return rows | {row.sha256: row for row in made}


def _row(kept: Kept, at: datetime) -> StoredFile:
    return StoredFile(
        sha256=kept.sha256,
        size=kept.size,
        content_type=kept.content_type,
        mtime_ns=kept.mtime_ns,
        inode=kept.inode,
        created_at=at,
    )


def _found_or_made(row: StoredFile) -> StoredFile:
    known = StoredFile.objects.filter(sha256=row.sha256).first()
    if known is None:
        row.save(force_insert=True)
    return known or row


def forget(row: StoredFile) -> bool:
    """Delete the row of bytes that no row refers to any more, so that they become an orphan; False if one does."""
    try:
        row.delete()
    except ProtectedError:
        return False
    return True


def hash_of(path: Path) -> str:
    """SHA-256 of the whole file, in hex; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def is_untouched(row: StoredFile) -> bool:
    """Whether size, mtime and inode are those of the day it was stored: what each request can afford to ask."""
    try:
        found = row.path.stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns, found.st_ino) == (row.size, row.mtime_ns, row.inode)


def is_intact(row: StoredFile) -> bool:
    """Whether the bytes still have their hash: the full check, reading the whole file."""
    return hash_of(row.path) == row.sha256


def has_its_bytes(row: StoredFile) -> bool:
    """As each request asks: a look at the file, and all of it if that look differs from the day it was stored."""
    return is_untouched(row) or is_intact(row)
