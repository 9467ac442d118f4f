"""The gate: who gets bytes, which piece, under which headers, and never bytes that are not the stored ones."""

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from access import media, storing
from access.models import StoredFile, User
from tests import make
from tests.access.test_storing import overwrite

pytestmark = pytest.mark.django_db
Keep = Callable[..., StoredFile]
TEN = b"0123456789"


@pytest.fixture
def friend() -> Iterator[User]:
    """Somebody to whom a rule of the test grants every file; the rules of the floors stand beside it."""
    user = make.user()
    media.rule(granted := lambda file, viewer: viewer.user == user)
    yield user
    media._rules.remove(granted)


@pytest.fixture
def signed_in(client: Client, friend: User) -> Client:
    client.force_login(friend)
    return client


def ask(client: Client, file: StoredFile, wanted: str | None = None, method: str = "get") -> Any:
    headers = {"Range": wanted} if wanted else {}
    return getattr(client, method)(reverse("media", args=[file.pk]), headers=headers)


# --- ranges ----------------------------------------------------------------------------------------------------------


def test_without_a_range_the_whole_file(signed_in: Client, kept: Keep) -> None:
    answer = ask(signed_in, kept(TEN))
    assert (answer.status_code, answer.content) == (200, TEN)
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["Content-Type"] == "video/mp4"
    assert answer["Content-Length"] == "10"


@pytest.mark.parametrize(
    ("wanted", "content", "says"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=0-4", b"01234", "bytes 0-4/10"),
        ("bytes=3-5", b"345", "bytes 3-5/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=0-", TEN, "bytes 0-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", TEN, "bytes 0-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=9-9", b"9", "bytes 9-9/10"),
    ],
)
def test_a_range_gets_its_piece(wanted: str, content: bytes, says: str, signed_in: Client, kept: Keep) -> None:
    answer = ask(signed_in, kept(TEN), wanted)
    assert (answer.status_code, answer.content, answer["Content-Range"]) == (206, content, says)
    assert answer["Content-Length"] == str(len(content))


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=10-12", "bytes=99-", "bytes=5-3", "bytes=-0"])
def test_a_range_outside_the_file_is_416_and_names_the_size(wanted: str, signed_in: Client, kept: Keep) -> None:
    answer = ask(signed_in, kept(TEN), wanted)
    assert (answer.status_code, answer.content, answer["Content-Range"]) == (416, b"", "bytes */10")


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=-",
        "bytes=a-b",
        "bytes=0-1,3-4",
        "pages=1-2",
        "0-4",
        "bytes=0--4",
        "bytes=0-" + "9" * 5000,
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_what_is_no_single_range_is_answered_in_full(wanted: str, signed_in: Client, kept: Keep) -> None:
    answer = ask(signed_in, kept(TEN), wanted)
    assert (answer.status_code, answer.content) == (200, TEN)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wanted=st.one_of(
        st.from_regex(r"\Abytes=\d{0,25}-\d{0,25}\Z"), st.text(st.characters(max_codepoint=255), max_size=30)
    )
)
def test_no_range_header_breaks_the_gate(wanted: str, rf: RequestFactory, kept: Keep) -> None:
    answer = media.respond(rf.get("/", headers={"Range": wanted}), kept(TEN))
    assert answer.status_code in {200, 206, 416}
    assert isinstance(answer, HttpResponse)
    if answer.status_code == 206:
        span, _, size = answer["Content-Range"].removeprefix("bytes ").partition("/")
        first, last = map(int, span.split("-"))
        assert size == "10" and answer.content == TEN[first : last + 1] != b""


@pytest.fixture
def large(kept: Keep) -> tuple[StoredFile, bytes]:
    """More than one piece: two and a bit, no two blocks alike."""
    content = b"".join(number.to_bytes(4, "big") for number in range((2 * media.PIECE + 1000) // 4))
    return kept(content), content


def test_a_range_longer_than_a_piece_gets_a_piece_and_the_next_fits(
    signed_in: Client, large: tuple[StoredFile, bytes]
) -> None:
    file, content = large
    assert media.PIECE == 4 * 1024 * 1024
    got = b""
    while len(got) < len(content):  # as a player does
        answer = ask(signed_in, file, f"bytes={len(got)}-")
        assert answer.status_code == 206
        assert len(answer.content) <= media.PIECE
        assert answer["Content-Range"] == f"bytes {len(got)}-{len(got) + len(answer.content) - 1}/{len(content)}"
        got += answer.content
    assert got == content


def test_a_large_file_in_full_is_streamed_and_whole(rf: RequestFactory, large: tuple[StoredFile, bytes]) -> None:
    file, content = large
    answer = media.respond(rf.get("/"), file)
    assert isinstance(answer, StreamingHttpResponse) and answer.is_async
    assert answer["Content-Length"] == str(len(content))

    async def read() -> list[bytes]:
        return [block async for block in answer]

    blocks = async_to_sync(read)()
    assert b"".join(blocks) == content
    assert max(map(len, blocks)) <= media.BLOCK


# --- headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [None, "bytes=0-3", "bytes=99-"])
def test_the_bytes_travel_sealed(wanted: str | None, signed_in: Client, kept: Keep) -> None:
    answer = ask(signed_in, kept(b"<script>alert(1)</script>"), wanted)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Content-Disposition"] == "inline"


def test_a_download_has_a_name(rf: RequestFactory, kept: Keep) -> None:
    answer = media.respond(rf.get("/"), kept(TEN), download_name="clip.mp4")
    assert answer["Content-Disposition"] == 'attachment; filename="clip.mp4"'
    assert answer["X-Content-Type-Options"] == "nosniff"  # by itself, without the middleware of the site


def test_behind_nginx_only_the_path_leaves(signed_in: Client, kept: Keep, settings: Settings) -> None:
    settings.ACCEL_PREFIX = "/protected/"
    file = kept(TEN)
    answer = ask(signed_in, file)
    assert answer.content == b""
    assert answer["X-Accel-Redirect"] == f"/protected/{file.sha256[:2]}/{file.sha256}"
    assert answer["X-Content-Type-Options"] == "nosniff"
    overwrite(file, b"X")
    assert ask(signed_in, file).status_code == 404


# --- who -------------------------------------------------------------------------------------------------------------


def unmasked(page: Any) -> str:
    """The page without its CSRF token, which is masked anew in each answer."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.text)


def test_for_whom_no_rule_speaks_a_file_does_not_exist(client: Client, friend: User, kept: Keep) -> None:
    """The same answer, byte for byte, as for an id that nobody ever had: nothing tells which files there are."""
    file, unknown = kept(TEN), StoredFile(pk=uuid.uuid4())
    program = make.program()
    for user in (None, make.user(), make.artist(program=program).user, make.staff(program=program)):
        client.logout()
        if user:
            client.force_login(user)
        there, nowhere = ask(client, file), ask(client, unknown)
        assert (there.status_code, unmasked(there)) == (404, unmasked(nowhere))
    client.force_login(make.user(is_superuser=True, is_staff=True))
    assert ask(client, file).status_code == 404
    client.force_login(friend)
    assert ask(client, file).status_code == 200


def test_nothing_is_granted_by_default(kept: Keep) -> None:
    file = kept(TEN)
    assert not media.may_see(file, media.Viewer(AnonymousUser()))
    assert not media.may_see(file, media.Viewer(make.user(is_superuser=True)))
    assert not media.may_see(file, media.Viewer(AnonymousUser(), share_token="nonsense"))


def test_the_artist_sees_their_own_output_and_nobody_elses(client: Client) -> None:
    program = make.program()
    mine, theirs = make.artist(program=program), make.artist(program=program)
    make.pipeline()
    output = make.output(enrollment=mine)
    files = [made.file for made in output.renditions.all()]
    assert len(files) > 2
    for user, expected in ((mine.user, 200), (theirs.user, 404), (make.reviewer(program=program), 404)):
        client.force_login(user)
        assert [ask(client, file).status_code for file in files] == [expected] * len(files)


def test_the_gate_only_reads(signed_in: Client, kept: Keep) -> None:
    file = kept(TEN)
    assert ask(signed_in, file, method="head").status_code == 200
    for method in ("post", "put", "delete", "patch"):
        assert ask(signed_in, file, method=method).status_code == 405


# --- only the stored bytes -------------------------------------------------------------------------------------------


def gate(rf: RequestFactory, file: StoredFile) -> int:
    request: HttpRequest = rf.get("/")
    try:
        return media.respond(request, StoredFile.objects.get(pk=file.pk)).status_code
    except Http404:
        return 404


def test_one_flipped_byte_never_leaves(rf: RequestFactory, kept: Keep) -> None:
    file = kept(TEN)
    assert gate(rf, file) == 200
    overwrite(file, b"X")
    assert file.path.stat().st_size == file.size
    assert gate(rf, file) == 404


def test_another_file_in_its_place_never_leaves(rf: RequestFactory, kept: Keep) -> None:
    """A new inode, with size and mtime made right."""
    file = kept(TEN)
    stat = file.path.stat()
    swapped = file.path.with_name("swapped")
    swapped.write_bytes(b"X" * 10)
    os.utime(swapped, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    swapped.rename(file.path)
    assert gate(rf, file) == 404


def test_a_missing_or_shortened_file_is_not_found(rf: RequestFactory, kept: Keep) -> None:
    short, gone = kept(TEN), kept(b"gone")
    short.path.chmod(0o644)
    os.truncate(short.path, 5)
    gone.path.unlink()
    assert (gate(rf, short), gate(rf, gone)) == (404, 404)


def test_a_copy_restored_from_a_backup_is_hashed_and_served(rf: RequestFactory, kept: Keep) -> None:
    """Another inode and mtime, the same bytes: the full hash lets it pass."""
    file = kept(TEN)
    copy = file.path.with_name("copy")
    shutil.copyfile(file.path, copy)
    os.utime(copy, ns=(1, 1))
    copy.rename(file.path)
    assert not storing.is_untouched(file)
    assert gate(rf, file) == 200


def test_what_the_gate_cannot_see_the_daily_look_does(rf: RequestFactory, kept: Keep) -> None:
    """The honest limit: bytes changed in place, with the old mtime put back, pass the quick look at each request.

    Whoever can do that owns the disk. Approving, sharing and ``verify_media`` hash in full and find it.
    """
    file = kept(TEN)
    overwrite(file, b"X", hide=True)
    assert storing.is_untouched(file)
    assert gate(rf, file) == 200
    assert not storing.is_intact(file)
