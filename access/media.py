"""The one gate through which bytes leave. It asks the floors' media rules who may see exactly this file.

A floor registers in its ``media_rules.py``::

    @media.rule
    def my_outputs(file: StoredFile, viewer: Viewer) -> bool: ...
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import IO

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from access import storing
from access.models import StoredFile, User

PIECE = 4 * 1024 * 1024  # the most one answer carries; a player asks for the next piece by itself
BLOCK = 256 * 1024
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})$")  # no file is longer; Python refuses numbers of thousands of digits


@dataclass(frozen=True)
class Viewer:
    """Who asks: a user or nobody, and the share token they came with, if any."""

    user: User | AnonymousUser
    share_token: str = ""


Rule = Callable[[StoredFile, Viewer], bool]
_rules: list[Rule] = []


def rule(function: Rule) -> Rule:
    _rules.append(function)
    return function


def may_see(file: StoredFile, viewer: Viewer) -> bool:
    """Whether any floor grants this viewer this file. Nothing is granted by default."""
    return any(grants(file, viewer) for grants in _rules)


def respond(request: HttpRequest, file: StoredFile, *, download_name: str = "") -> HttpResponseBase:
    """The file, or the range asked for, after the bytes proved to be the stored ones.

    Raises:
        Http404: they are not. So a damaged file looks like one that was never there.
    """
    if not storing.has_its_bytes(file):
        raise Http404
    if settings.ACCEL_PREFIX:
        response: HttpResponseBase = HttpResponse(content_type=file.content_type)
        response["X-Accel-Redirect"] = f"{settings.ACCEL_PREFIX}{file.sha256[:2]}/{file.sha256}"
    else:
        response = _ranged(request, file)
    return seal(response, download_name)


def seal(response: HttpResponseBase, download_name: str = "") -> HttpResponseBase:
    """The headers under which all private bytes travel."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Content-Disposition"] = f'attachment; filename="{download_name}"' if download_name else "inline"
    return response


def _ranged(request: HttpRequest, file: StoredFile) -> HttpResponseBase:
    """206 with the range of RFC 9110 §14, 416 for one outside the file, 200 when none was asked for."""
    asked = RANGE.match(request.headers.get("Range", ""))
    if not asked or asked.groups() == ("", ""):
        response = _stream(file, 0, file.size, status=200)
        response["Accept-Ranges"] = "bytes"
        return response
    start, end = _bounds(*asked.groups(), size=file.size)
    if start >= file.size or start > end:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{file.size}"
        return response
    end = min(end, file.size - 1, start + PIECE - 1)
    response = _stream(file, start, end - start + 1, status=206)
    response["Content-Range"] = f"bytes {start}-{end}/{file.size}"
    return response


def is_beginning(request: HttpRequest, file: StoredFile) -> bool:
    """Whether the answer begins with the file's first byte: the whole was asked for, or a range from there."""
    asked = RANGE.match(request.headers.get("Range", ""))
    if not asked or asked.groups() == ("", ""):
        return True
    return _bounds(*asked.groups(), size=file.size)[0] == 0


def _bounds(first: str, last: str, *, size: int) -> tuple[int, int]:
    if not first:  # the last n bytes
        return max(size - int(last), 0), size - 1
    return int(first), int(last) if last else size - 1


def _stream(file: StoredFile, start: int, length: int, *, status: int) -> HttpResponseBase:
    if length <= PIECE:
        with file.path.open("rb") as source:
            source.seek(start)
            return HttpResponse(source.read(length), status=status, content_type=file.content_type)
    response = StreamingHttpResponse(
        _blocks(file.path.open("rb"), start, length), status=status, content_type=file.content_type
    )
    response["Content-Length"] = str(length)
    return response


async def _blocks(source: IO[bytes], start: int, length: int) -> AsyncIterator[bytes]:
    """The bytes a block at a time; asynchronous, since Django would read a plain iterator into memory whole."""
    with source:
        for block in _read(source, start, length):
            yield block


def _read(source: IO[bytes], start: int, length: int) -> Iterator[bytes]:
    source.seek(start)
    while length > 0 and (block := source.read(min(BLOCK, length))):
        length -= len(block)
        yield block
