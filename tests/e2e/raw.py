"""SIP by hand: datagrams as text, for what no well-behaved phone would send."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tests.peers.ports import LOOPBACK


class RawPeer(asyncio.DatagramProtocol):
    """A UDP socket, or several of one address; what arrives at any is kept as octets in order. The first one sends."""

    def __init__(self, remote: str, *, address: str = LOOPBACK, ports: Sequence[int] = (0,)) -> None:
        host, port = remote.rsplit(":", 1)
        self._remote = (host, int(port))
        self._address, self._ports = address, ports
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._transports: list[asyncio.DatagramTransport] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for port in self._ports:
            transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self._address, port))
            self._transports.append(transport)
        self.port = self._transports[0].get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for transport in self._transports:
            transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.arrived.put_nowait(data)

    def send(self, data: bytes) -> None:
        self._transports[0].sendto(data, self._remote)

    async def next(self, *, within_s: float = 2.0) -> bytes | None:
        try:
            async with asyncio.timeout(within_s):
                return await self.arrived.get()
        except TimeoutError:
            return None

    async def final(self, *, within_s: float = 2.0) -> tuple[int, str] | None:
        """Status and text of the next final response; requests and provisional responses are passed over."""
        while (data := await self.next(within_s=within_s)) is not None:
            found = re.match(rb"SIP/2\.0 (\d{3})", data)
            if found and int(found[1]) >= 200:
                return int(found[1]), data.decode("utf-8", "replace")
        return None

    def request(
        self, method: str, uri: str, user: str, *, call_id: str = "", cseq: int = 1, headers: str = "", body: str = ""
    ) -> bytes:
        """A request from *user* with a fresh branch; *headers*: whole lines."""
        here = f"{LOOPBACK}:{self.port}"
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{secrets.token_hex(6)};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@{LOOPBACK}>;tag={secrets.token_hex(4)}\r\nTo: <sip:{user}@{LOOPBACK}>\r\n"
            f"Call-ID: {call_id or secrets.token_hex(8)}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:{user}@{here}>\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    async def ping(self, *, within_s: float = 2.0) -> bool:
        """Whether an OPTIONS is answered 200; other answers that come meanwhile are passed over."""
        host, port = self._remote
        call_id = secrets.token_hex(8)
        self.send(self.request("OPTIONS", f"sip:{host}:{port}", "pinger", call_id=call_id))
        while (answer := await self.final(within_s=within_s)) is not None:
            if call_id in answer[1]:
                return answer[0] == 200
        return False


def authorization(
    response: str, method: str, uri: str, user: str, password: str, *, nc: int = 1, algorithm: str = "MD5"
) -> str:
    """An Authorization line for the challenge with *algorithm* in a 401 (RFC 7616)."""
    lines = [line for line in response.split("\r\n") if line.lower().startswith("www-authenticate:")]
    challenge = next(
        line
        for line in lines
        if f"algorithm={algorithm}" in line.replace('"', "") or (algorithm == "MD5" and "algorithm" not in line)
    )
    fields = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', challenge)}
    digest = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def hashed(text: str) -> str:
        return digest(text.encode()).hexdigest()

    cnonce, count = secrets.token_hex(4), f"{nc:08x}"
    secret = hashed(f"{user}:{fields['realm']}:{password}")
    answer = hashed(f"{secret}:{fields['nonce']}:{count}:{cnonce}:auth:{hashed(f'{method}:{uri}')}")
    return (
        f'Authorization: Digest username="{user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}", '
        f'response="{answer}", algorithm={algorithm}, cnonce="{cnonce}", qop=auth, nc={count}'
        + (f', opaque="{fields["opaque"]}"' if "opaque" in fields else "")
        + "\r\n"
    )
