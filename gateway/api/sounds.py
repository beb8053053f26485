"""Files as players fetch them: whole, a range or several (RFC 9110 section 14), and only if they have changed."""

from __future__ import annotations

import asyncio
import math
import os
import re
import secrets
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from gateway.api.errors import ApiError

MOST_RANGES = 16
MOST_BYTES = 1_000_000
"""Of several ranges in one answer; whoever asks for more gets the whole file."""

_SPEC = re.compile(r"(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.ASCII)


class Unsatisfiable(ValueError):
    """Nothing of what was asked for is there, or it is no range at all."""


def ranges_of(header: str, size: int) -> list[range] | None:
    """The bytes that a `Range` names, of *size*. None: it does not count, all is sent. Raises `Unsatisfiable`."""
    unit, _, specs = header.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    found: list[range] = []
    for spec in filter(None, (part.strip() for part in specs.split(","))):
        match = _SPEC.fullmatch(spec)
        if match is None:
            raise Unsatisfiable(spec)
        first, last, suffix = match.groups()
        if suffix is not None:
            span = range(max(0, size - int(suffix)), size)
        elif last and int(last) < int(first):
            raise Unsatisfiable(spec)
        else:
            span = range(int(first), min(size, int(last) + 1) if last else size)
        if span:
            found.append(span)
    if not found:
        raise Unsatisfiable(header)
    is_too_much = len(found) > MOST_RANGES or (len(found) > 1 and sum(map(len, found)) > MOST_BYTES)
    return None if is_too_much else found


class Sound(web.FileResponse):
    """A file with a `Range` that is already understood: `bytes=0-99`, or `""` for all of it."""

    def __init__(self, path: Path, content_type: str, wanted: str = "") -> None:
        super().__init__(path, headers={"Content-Type": content_type, "Accept-Ranges": "bytes"})
        self._wanted = wanted

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        headers = CIMultiDict((name, value) for name, value in request.headers.items() if value.isascii())
        for name in ("Range", "If-Range"):
            headers.popall(name, None)
        if self._wanted:
            headers["Range"] = self._wanted
        return await super().prepare(request.clone(headers=headers))


async def sound_of(request: web.Request, path: Path, content_type: str) -> web.StreamResponse:
    """The answer to a GET or HEAD for a file. Raises `ApiError` 416, and `OSError`."""
    asked = request.headers.get("Range", "")
    if not asked:
        return Sound(path, content_type)
    stat = await asyncio.to_thread(path.stat)
    if not _is_the_same(request.headers.get("If-Range", ""), stat):
        return Sound(path, content_type)
    try:
        found = ranges_of(asked, stat.st_size)
    except Unsatisfiable as fault:
        headers = {"Content-Range": f"bytes */{stat.st_size}", "Accept-Ranges": "bytes"}
        raise ApiError(20416, "The range cannot be satisfied", status=416, headers=headers) from fault
    if found is None or len(found) == 1:
        return Sound(path, content_type, f"bytes={found[0].start}-{found[0].stop - 1}" if found else "")
    boundary = secrets.token_hex(12)
    body = await asyncio.to_thread(_parts, path, found, stat.st_size, content_type, boundary)
    return web.Response(
        status=206,
        body=body,
        headers={
            "Content-Type": f"multipart/byteranges; boundary={boundary}",
            "Accept-Ranges": "bytes",
            "ETag": _etag(stat),
        },
    )


def _parts(path: Path, spans: Iterable[range], size: int, content_type: str, boundary: str) -> bytes:
    found = bytearray()
    with path.open("rb") as file:
        for span in spans:
            file.seek(span.start)
            head = f"Content-Type: {content_type}\r\nContent-Range: bytes {span.start}-{span.stop - 1}/{size}"
            found += f"\r\n--{boundary}\r\n{head}\r\n\r\n".encode() + file.read(len(span))
    return bytes(found + f"\r\n--{boundary}--\r\n".encode())


def _etag(stat: os.stat_result) -> str:
    """As aiohttp makes it of a file."""
    return f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'


def _is_the_same(if_range: str, stat: os.stat_result) -> bool:
    """RFC 9110 section 13.1.5: a strong ETag, or the very date; anything else is another file."""
    if not if_range:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range == _etag(stat)
    try:
        return math.ceil(stat.st_mtime) == int(parsedate_to_datetime(if_range).timestamp())  # as aiohttp says it
    except (ValueError, TypeError, OverflowError):
        return False
