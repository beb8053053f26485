"""Reading an answer's body: no more than a cap, whatever it unpacks to."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from aiohttp import ClientError, ClientResponse

from gateway.errors import WebhookFault
from gateway.twilio_codes import Code


async def read(response: ClientResponse, most: int) -> bytes:
    """The whole body, unpacked. Raises `WebhookFault` (11750) as soon as it is more than *most* octets."""
    found = bytearray()
    async for piece in pieces(response):
        found += piece
        if len(found) > most:
            raise WebhookFault(Code.BODY_TOO_LARGE, f"the body has more than {most} octets", url=str(response.url))
    return bytes(found)


async def glimpse(response: ClientResponse, most: int, seconds: float) -> bytes:
    """The beginning of a body, as much as comes in that time; whatever is wrong with it, what was read."""
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in pieces(response):
                found += piece
                if len(found) >= most:
                    break
    except (TimeoutError, WebhookFault, ClientError):
        pass
    return bytes(found[:most])


async def pieces(response: ClientResponse) -> AsyncIterator[bytes]:
    """The body as it comes, unpacked in pieces of bounded size."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        async for chunk in response.content.iter_any():
            yield chunk
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise WebhookFault(Code.HTTP_PROTOCOL, f"content coding {coding[:50]!r} was not asked for")
    unpack = zlib.decompressobj(wbits=47)  # gzip or zlib, as its first octets say
    is_begun = False
    try:
        async for chunk in response.content.iter_any():
            packed, is_begun = chunk, True
            while packed:
                yield unpack.decompress(packed, 65_536)
                packed = unpack.unconsumed_tail
        if is_begun and not unpack.eof:
            raise WebhookFault(Code.HTTP_PROTOCOL, "the packed body is cut off")
    except zlib.error as fault:
        raise WebhookFault(Code.HTTP_PROTOCOL, f"the body does not unpack: {fault}") from fault
