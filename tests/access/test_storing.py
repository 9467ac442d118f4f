"""Bytes are safe before their row is written, are named by their hash, and a full disk leaves nothing torn."""

import errno
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from access import clock, storing, verifying
from access.models import StoredFile
from access.models.files import path_of

pytestmark = pytest.mark.django_db
Keep = Callable[..., StoredFile]


def files_in(store: Path) -> list[str]:
    return sorted(str(path.relative_to(store)) for path in store.rglob("*") if path.is_file())


def test_a_kept_file_is_named_by_its_hash_and_read_only(store: Path, kept: Keep) -> None:
    row = kept(b"a clip")
    sha256 = hashlib.sha256(b"a clip").hexdigest()
    assert files_in(store) == [f"{sha256[:2]}/{sha256}"]
    assert row.path.read_bytes() == b"a clip"
    assert row.path.stat().st_mode & 0o777 == 0o444
    found = row.path.stat()
    assert (row.sha256, row.size, row.content_type) == (sha256, 6, "video/mp4")
    assert (row.mtime_ns, row.inode) == (found.st_mtime_ns, found.st_ino)
    assert storing.is_untouched(row) and storing.is_intact(row)


def test_the_same_bytes_are_one_file_and_one_row(store: Path, kept: Keep) -> None:
    first, second = kept(b"a clip"), kept(b"a clip")
    assert first == second
    assert (StoredFile.objects.count(), len(files_in(store))) == (1, 1)
    assert storing.is_untouched(first), "the second time must not replace the first file"
    assert kept(b"another").pk != first.pk


def test_the_workspace_lies_on_the_stores_filesystem_and_goes(store: Path) -> None:
    with storing.workspace() as folder:
        (folder / "left over").write_bytes(b"x")
        assert folder.is_relative_to(store)
        assert folder.stat().st_dev == store.stat().st_dev
    assert not folder.exists()


def test_the_workspace_goes_also_when_the_work_fails(store: Path) -> None:
    def fails() -> None:
        with storing.workspace() as folder:
            (folder / "left over").write_bytes(b"x")
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert list((store / "tmp").iterdir()) == []


@contextmanager
def full_disk(call: str) -> Iterator[None]:
    """The operating system refuses this call as a full disk does."""
    owner = Path if call in {"rename", "mkdir"} else os
    with mock.patch.object(owner, call, side_effect=OSError(errno.ENOSPC, "No space left on device")):
        yield


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_full_disk_leaves_no_torn_file_no_row_and_no_workspace(call: str, store: Path, kept: Keep) -> None:
    safe = kept(b"kept before")
    with pytest.raises(OSError, match="No space"), full_disk(call):
        kept(b"a clip")
    assert files_in(store) == [str(safe.path.relative_to(store))]
    assert StoredFile.objects.get() == safe
    assert list((store / "tmp").iterdir()) == [], "a temporary file is left over"


def test_once_there_is_room_again_the_same_bytes_are_kept(store: Path, kept: Keep) -> None:
    with pytest.raises(OSError, match="No space"), full_disk("fsync"):
        kept(b"a clip")
    assert storing.is_intact(kept(b"a clip"))


def test_the_order_is_fsync_then_rename_then_row(kept: Keep) -> None:
    """Never the reverse: a crash in between may leave a file without a row, which is listed, and never a row alone."""
    order: list[str] = []

    def noting(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            order.append(name)
            assert not StoredFile.objects.exists()
            return real(*args, **kwargs)

        return call

    with (
        mock.patch.object(os, "fsync", side_effect=noting("fsync", os.fsync)),
        mock.patch.object(Path, "rename", autospec=True, side_effect=noting("rename", Path.rename)),
    ):
        kept(b"a clip")
    assert order == ["fsync", "rename", "fsync"], "the file, its name, the folder that holds the name"


def test_the_schema_keeps_hash_and_size(kept: Keep) -> None:
    row = kept(b"a clip")
    for change in ({"sha256": "0" * 64}, {"size": 7}):
        with pytest.raises(IntegrityError, match="stored_bytes_never_change"), transaction.atomic():
            StoredFile.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        kept(b"")


def test_reconcile_lists_both_kinds_of_orphans_and_changes_nothing(store: Path, kept: Keep) -> None:
    both, row_alone = kept(b"both"), kept(b"row alone")
    row_alone.path.unlink()
    stray = store / "ab" / ("ab" + "0" * 62)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"file alone")
    before = files_in(store)
    out = io.StringIO()
    call_command("reconcile", stdout=out)
    assert out.getvalue().splitlines() == [
        f"row without a file: {row_alone.sha256}",
        f"file without a row: {stray.name}",
        "1 match, 1 rows and 1 files stand alone.",
    ]
    assert files_in(store) == before
    assert both.path.exists()


# --- the daily look in full ------------------------------------------------------------------------------------------


def overwrite(row: StoredFile, content: bytes, *, hide: bool = False) -> None:
    """Change the bytes in place, as a failing disk or an intruder with the right to write would."""
    before = row.path.stat()
    row.path.chmod(0o644)
    with row.path.open("rb+") as file:
        file.write(content)
    row.path.chmod(0o444)
    if hide:
        os.utime(row.path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("hide", [False, True])
def test_verify_media_finds_one_flipped_byte_also_under_its_old_mtime(hide: bool, kept: Keep) -> None:
    good, bad = kept(b"a good clip"), kept(b"a bad clip!")
    overwrite(bad, b"A", hide=hide)
    assert bad.path.stat().st_size == bad.size
    with pytest.raises(CommandError, match=bad.sha256) as error:
        call_command("verify_media", stdout=io.StringIO())
    assert good.sha256 not in str(error.value)


def test_the_store_is_verified_a_little_at_a_time_the_longest_unseen_first(
    kept: Keep, monkeypatch: pytest.MonkeyPatch, at: Callable[[datetime], None], caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = (kept(bytes([number]) * 9) for number in (1, 2, 3))
    monkeypatch.setattr(verifying, "AT_A_TIME", 0.0)
    assert verifying.verify_some() == 1 and StoredFile.objects.filter(verified_at=None).count() == 2
    monkeypatch.setattr(verifying, "AT_A_TIME", 5.0)
    assert verifying.verify_some() == 2 and verifying.verify_some() == 0
    third.path.chmod(0o644)
    third.path.write_bytes(b"other byt")
    at(clock.now() + timedelta(days=1, seconds=1))
    assert verifying.verify_some() == 3
    assert [record.getMessage() for record in caplog.records] == [
        f"stored file {third.sha256} does not have its hash any more"
    ]
    assert first.path.exists() and second.path.exists()


def test_verify_media_finds_a_missing_file(kept: Keep) -> None:
    row = kept(b"a clip")
    call_command("verify_media", stdout=io.StringIO())
    row.path.unlink()
    with pytest.raises(CommandError, match=row.sha256):
        call_command("verify_media", stdout=io.StringIO())


def test_what_a_killed_process_left_goes_after_a_day_and_not_before(store: Path) -> None:
    now = clock.now()
    for name, hours in (("old", 25), ("young", 23)):
        folder = store / "tmp" / name
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"torn")
        left_at = (now - timedelta(hours=hours)).timestamp()
        os.utime(folder, (left_at, left_at))
    assert storing.clear_abandoned() == 1
    assert [path.name for path in (store / "tmp").iterdir()] == ["young"]


# --- bytes that nobody named ------------------------------------------------------------------------------------------
DAY = timedelta(hours=25)


def stored(words: bytes, *, age: timedelta) -> Path:
    """Bytes in the store without a row, as a process leaves them that dies before its commit."""
    with storing.workspace() as folder:
        (folder / "file").write_bytes(words)
        path = path_of(storing.keep(folder / "file", "text/plain").sha256)
    then = (clock.now() - age).timestamp()
    os.utime(path, (then, then))
    return path


def test_bytes_that_nobody_named_go_after_two_days(store: Path, at: Callable[[datetime], None]) -> None:
    path, now = stored(b"nobody's", age=DAY), clock.now()
    assert storing.clear_orphans() == 0 and not path.exists(), "set aside first"
    at(now + timedelta(hours=1))
    assert storing.clear_orphans() == 0
    at(now + DAY)
    assert storing.clear_orphans() == 1
    assert not [left for left in store.rglob("*") if left.is_file()]


def test_bytes_of_today_and_those_with_a_row_stay(store: Path) -> None:
    young = stored(b"young", age=timedelta(hours=1))
    with storing.workspace() as folder:
        (folder / "file").write_bytes(b"named")
        named = storing.file_row(storing.keep(folder / "file", "text/plain"))
    os.utime(named.path, (0, 0))
    storing.clear_orphans()
    assert young.exists() and named.path.exists()


def test_bytes_that_are_named_after_all_come_back_as_they_were(store: Path) -> None:
    path = stored(b"late", age=DAY)
    found = path.stat()
    storing.clear_orphans()
    kept = storing.Kept(path.name, found.st_size, found.st_mtime_ns, found.st_ino, "text/plain")
    row = storing.file_row(kept)
    assert not path.exists()
    storing.clear_orphans()
    assert path.exists() and storing.is_untouched(row)
