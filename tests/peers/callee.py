"""Telephones by hand: one UDP port that answers calls for any user and plays to each what was put down for it, as well or badly as told."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from media.codecs import codec_for
from media.codecs.g711 import float_to_alaw, float_to_ulaw
from media.streams import StreamParams
from tests.peers.ports import LOOPBACK

Floats = NDArray[np.float32]
FRAME = 160
TICK_S = 0.02
Coded = tuple[tuple[bytes, ...], bytes]
CODECS = {"PCMU": (0, "PCMU/8000", 160), "PCMA": (8, "PCMA/8000", 160), "G722": (9, "G722/8000", 160)} | {
    "OPUS": (96, "opus/48000/2", 960)
}
"""Payload type, name in SDP, RTP ticks a packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one user does. Times in ms from its 200."""

    sound: Floats
    codec: str = "PCMU"
    ring_ms: int = 200
    early: Floats | None = None
    """Sent with a 183 before the answer, while it rings."""

    starts_ms: int = 0
    """When its first packet leaves."""

    sends: bool = True
    hangs_up_ms: int = 0
    """When it says BYE; 0: never."""

    new_ssrc_ms: int = 0
    """When its stream becomes another one."""

    other_codec_ms: int = 0
    """When it goes on in A-law, which the answer allows beside the first codec."""

    loss: float = 0.0
    jitter_ms: int = 0


@dataclass(slots=True, eq=False)
class _Call:
    """One INVITE that was answered."""

    answer: Answer
    source: tuple[str, int]
    invite: dict[str, str]
    remote: tuple[str, int]
    rtp: asyncio.DatagramTransport
    coded: Coded = ((), b"")
    """What it says, packet by packet, and a packet of the silence that follows."""
    early: Coded = ((), b"")
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    task: asyncio.Task[None] | None = None
    response: bytes = b""

    def send(self, packet: bytes) -> None:
        """A packet that is late may come after the call."""
        if not self.rtp.is_closing():
            self.rtp.sendto(packet, self.remote)


class Callees(asyncio.DatagramProtocol):
    """Owns the SIP port and all its calls. `answers[user]` says what a user does; others get 404."""

    def __init__(self, seed: int = 1, port: int = 0) -> None:
        """*port*: where it listens, as a trunk must; 0: anywhere."""
        self.answers: dict[str, Answer] = {}
        self.port = port
        self.answered: dict[str, int] = {}
        """How often each user was called."""

        self.late_ms = 0.0
        """By how much a packet left late at most: what is measured of a gateway is no better than this."""

        self.ended: dict[str, asyncio.Event] = {}
        self._random = random.Random(seed)
        self._calls: dict[str, _Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def uri(self, user: str) -> str:
        return f"sip:{user}@{LOOPBACK}:{self.port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(LOOPBACK, self.port))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for call in self._calls.values():
            call.rtp.close()
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        head, _, body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            headers[name] = f"{headers[name]}\r\n{name}:{value}" if name in headers else value.strip()
        method = first.split(" ", 1)[0]
        call = self._calls.get(headers.get("call-id", ""))
        if method == "INVITE" and call is None:
            self._task(self._answer(first, headers, body, addr))
        elif method == "INVITE" and call is not None and call.response:
            self._send(call.response, addr)
        elif method in ("BYE", "CANCEL"):
            self._send(_response("200 OK", headers, call.tag if call else ""), addr)
            if call is not None:
                self._stop(call)

    def _task(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None:
            self._transport.sendto(data, addr)

    def _stop(self, call: _Call) -> None:
        user = _user(call.invite["line"])
        self.ended.setdefault(user, asyncio.Event()).set()
        if call.task is not None:
            call.task.cancel()
        call.coded = ((), b"")
        call.rtp.close()

    async def _answer(self, first: str, headers: dict[str, str], body: str, addr: tuple[str, int]) -> None:
        headers["line"] = first
        user = _user(first)
        answer = self.answers.get(user)
        if answer is None:
            self._send(_response("404 Not Found", headers, secrets.token_hex(4)), addr)
            return
        self.answered[user] = self.answered.get(user, 0) + 1
        loop = asyncio.get_running_loop()
        rtp, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(LOOPBACK, 0))
        host, port = re.search(r"c=IN IP4 (\S+)", body), re.search(r"m=audio (\d+)", body)
        assert host is not None
        assert port is not None
        call = _Call(answer, addr, headers, (host[1], int(port[1])), rtp)
        self._calls[headers["call-id"]] = call
        call.coded = await asyncio.to_thread(_coded, answer, answer.sound)
        if answer.early is not None:
            call.early = await asyncio.to_thread(_coded, answer, answer.early)
        sdp = self._sdp(answer, rtp.get_extra_info("sockname")[1], body)
        contact = f"Contact: <{self.uri(user)}>\r\n"
        if answer.early is not None:
            self._send(_response("183 Session Progress", headers, call.tag, contact, sdp), addr)
            await self._play(call, call.early, forever=False)
        else:
            self._send(_response("180 Ringing", headers, call.tag, contact), addr)
            await asyncio.sleep(answer.ring_ms / 1000)
        call.response = _response("200 OK", headers, call.tag, contact, sdp)
        self._send(call.response, addr)
        call.task = asyncio.ensure_future(self._talk(call))
        self._tasks.add(call.task)
        call.task.add_done_callback(self._tasks.discard)

    def _sdp(self, answer: Answer, port: int, offer: str) -> str:
        number, name, _ = CODECS[answer.codec]
        if found := re.search(rf"a=rtpmap:(\d+) {re.escape(name)}\r", offer, re.IGNORECASE):
            number = int(found[1])
        more, rtpmap = ("", "") if not answer.other_codec_ms else (" 8", "a=rtpmap:8 PCMA/8000\r\n")
        return (
            f"v=0\r\no=- 1 1 IN IP4 {LOOPBACK}\r\ns=-\r\nc=IN IP4 {LOOPBACK}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {number}{more}\r\na=rtpmap:{number} {name}\r\n{rtpmap}a=sendrecv\r\n"
        )

    async def _talk(self, call: _Call) -> None:
        answer = call.answer
        try:
            async with asyncio.timeout(answer.hangs_up_ms / 1000 if answer.hangs_up_ms else None):
                if not answer.sends:
                    await asyncio.Event().wait()
                await asyncio.sleep(answer.starts_ms / 1000)
                await self._play(call, call.coded, forever=True)
        except TimeoutError:
            self._bye(call)

    async def _play(self, call: _Call, said: Coded, *, forever: bool) -> None:
        """Packets of 20 ms by the clock; silence behind the sound where it goes on *forever*."""
        answer, loop = call.answer, asyncio.get_running_loop()
        number, _, step = CODECS[answer.codec]
        sequence, stamp = self._random.randrange(60_000), self._random.randrange(1 << 30)
        coded, silence = said
        ssrc = self._random.randrange(1 << 32)
        begun = loop.time()
        at = 0
        while forever or at < len(coded):
            now_ms = at * 20
            if answer.new_ssrc_ms and now_ms == answer.new_ssrc_ms:
                sequence, stamp, ssrc = self._random.randrange(60_000), self._random.randrange(1 << 30), ssrc ^ 0x5A5A
            if answer.other_codec_ms and now_ms == answer.other_codec_ms:
                number = 8
            payload = coded[at] if at < len(coded) else silence
            head = struct.pack("!BBHII", 0x80, number, sequence & 0xFFFF, stamp & 0xFFFFFFFF, ssrc)
            if self._random.random() >= answer.loss:
                late = self._random.random() * answer.jitter_ms / 1000
                if late:
                    loop.call_later(late, call.send, head + payload)
                else:
                    call.send(head + payload)
            self.late_ms = max(self.late_ms, 1000 * (loop.time() - begun - at * TICK_S))
            at, sequence, stamp = at + 1, sequence + 1, stamp + step
            await asyncio.sleep(max(0.0, begun + at * TICK_S - loop.time()))

    def _bye(self, call: _Call) -> None:
        invite = call.invite
        target = re.search(r"<(sip:[^>]+)>", invite["contact"])
        assert target is not None
        self._send(
            (
                f"BYE {target[1]} SIP/2.0\r\nVia: SIP/2.0/UDP {LOOPBACK}:{self.port};branch=z9hG4bK{secrets.token_hex(6)}\r\n"
                f"Max-Forwards: 70\r\nFrom: {invite['to']};tag={call.tag}\r\nTo: {invite['from']}\r\n"
                f"Call-ID: {invite['call-id']}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
            call.source,
        )
        self.ended.setdefault(_user(invite["line"]), asyncio.Event()).set()
        call.rtp.close()


def _coded(answer: Answer, sound: Floats) -> Coded:
    count = -(-len(sound) // FRAME)
    frames = np.zeros((count + 1, FRAME), dtype=np.float32)
    frames.reshape(-1)[: len(sound)] = sound
    turns = answer.other_codec_ms // 20 or count + 2
    if answer.codec in ("PCMU", "PCMA"):
        encode = float_to_ulaw if answer.codec == "PCMU" else float_to_alaw
        coded = [encode(frame).tobytes() for frame in frames[:turns]]
    else:
        params = StreamParams(codec=answer.codec, payload_type=0, remote_address=LOOPBACK, remote_port=9)
        coder = codec_for(params)[0]
        coded = [coder.encode(frame) for frame in frames[:turns]]
    coded += [float_to_alaw(frame).tobytes() for frame in frames[turns:]]
    return tuple(coded[:-1]), coded[-1]


def _user(line: str) -> str:
    found = re.match(r"\S+ sips?:([^@;>]+)@", line)
    return found[1] if found else ""


def _response(status: str, request: dict[str, str], tag: str, more: str = "", body: str = "") -> bytes:
    to = request["to"] if "tag=" in request["to"] or not tag else f"{request['to']};tag={tag}"
    kind = "Content-Type: application/sdp\r\n" if body else ""
    routes = f"Record-Route: {request['record-route']}\r\n" if "record-route" in request else ""
    return (
        f"SIP/2.0 {status}\r\nVia: {request['via']}\r\n{routes}From: {request['from']}\r\nTo: {to}\r\n"
        f"Call-ID: {request['call-id']}\r\nCSeq: {request['cseq']}\r\n{more}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
