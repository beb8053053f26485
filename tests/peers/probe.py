"""Scripted telephones, many in one process: SIP by hand, a tone of one's own, and what is heard as it comes.

They call as the gateway's trunk does, without credentials, and answer calls at their own address.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tests.peers.audio import mulaw_of, pcm_of
from tests.peers.ports import LOOPBACK
from tests.peers.process import PeerFailed

FRAME, RATE_HZ, TICK_S = 160, 8000, 0.02
KEPT = 1500
"""Packets of what was heard: 30 s."""
T1_S = 0.5
QUIET = b"\xff" * FRAME

SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"
)


class Probe(asyncio.DatagramProtocol):
    """One telephone and, after `call` or an INVITE that it answers, one call. Hertz must be whole, so that its second has no seam."""

    def __init__(
        self,
        name: str,
        tone: int = 0,
        *,
        level: float = 0.3,
        answers: int = 200,
        song: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """*answers*: what an INVITE gets after a 180; 0: it rings on. *song*: instead of a tone."""
        self.name, self.tone, self.answers = name, tone, answers
        self.heard: deque[bytes] = deque(maxlen=KEPT)
        self.sent = self.received = 0
        self.established: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """`bye`, or the status that refused the call."""

        self.rang = asyncio.Event()
        self.sings = True
        second = np.sin(2 * np.pi * tone * np.arange(RATE_HZ) / RATE_HZ) * level
        codes = mulaw_of(second if song is None else song.astype(np.float64))
        whole = range(0, len(codes) - FRAME + 1, FRAME)
        self._song = [codes[at : at + FRAME] for at in whole] if tone or song is not None else [QUIET]
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._rtp.bind((LOOPBACK, 0))
        self._rtp.setblocking(False)
        self._to: tuple[str, int] | None = None
        self._keys: deque[bytes] = deque()
        self._pressed_at = 0
        self._ssrc, self._sequence = secrets.randbits(32), secrets.randbits(15)
        self._call_id, self._tag = secrets.token_hex(8), secrets.token_hex(4)
        self._branch = ""
        self._cseq = 1
        self._peer: tuple[str, int] | None = None
        self._remote, self._target = "", ""
        self._invite = ""
        self._progress = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(LOOPBACK, 0))
        self._port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.established.done() and not self.closed.done():
            self.hang_up()
            await asyncio.wait([self.closed], timeout=2.0)
        self._transport.close()
        self._rtp.close()

    @property
    def uri(self) -> str:
        return f"sip:{self.name}@{LOOPBACK}:{self._port}"

    # -- signalling -------------------------------------------------------------------------------------------------

    async def call(self, gateway: str, user: str, *, within_s: float = 15.0) -> None:
        """Call *user* at the gateway's host:port; returns when it has answered. Raises `PeerFailed`."""
        host, port = gateway.rsplit(":", 1)
        self._peer, self._target = (host, int(port)), f"sip:{user}@{gateway}"
        self._local = f"<sip:{self.name}@{LOOPBACK}>;tag={self._tag}"
        self._remote = f"<sip:{user}@{host}>"
        sdp = SDP.format(host=LOOPBACK, port=self._rtp.getsockname()[1])
        request = self._request("INVITE", sdp)
        try:
            async with asyncio.timeout(within_s):
                while not self._progress.is_set():
                    self._send(request)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._progress.wait(), T1_S)
                both: list[asyncio.Future[Any]] = [self.established, self.closed]
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise PeerFailed(f"{self.name}: {user} did not answer within {within_s} s") from None
        if not self.established.done():
            raise PeerFailed(f"{self.name}: {user} refused: {self.closed.result()}")

    def hang_up(self) -> None:
        """BYE; `closed` is done when it is answered."""
        self._cseq += 1
        self._send(self._request("BYE"))

    def press(self, key: str) -> None:
        """A key by RFC 4733, 100 ms long."""
        event = "0123456789*#".index(key)
        self._keys += [struct.pack(">BBH", event, 10, FRAME * n) for n in range(1, 6)]
        self._keys += [struct.pack(">BBH", event, 0x8A, FRAME * 6)] * 3

    def _request(self, method: str, sdp: str = "") -> str:
        self._branch = f"z9hG4bK{secrets.token_hex(6)}"
        return self._lines(method, self._cseq, self._branch, sdp)

    def _lines(self, method: str, cseq: int, branch: str, sdp: str = "") -> str:
        kind = "Content-Type: application/sdp\r\n" if sdp else ""
        return (
            f"{method} {self._target} SIP/2.0\r\nVia: SIP/2.0/UDP {LOOPBACK}:{self._port};branch={branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {self._local}\r\nTo: {self._remote}\r\nCall-ID: {self._call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <{self.uri}>\r\n{kind}Content-Length: {len(sdp)}\r\n\r\n{sdp}"
        )

    def _send(self, text: str) -> None:
        self._transport.sendto(text.encode(), self._peer)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        if text.startswith("SIP/2.0 "):
            self._response(int(text[8:11]), text)
        elif not text.startswith("ACK "):
            self._asked(text, addr)

    def _response(self, status: int, text: str) -> None:
        self._progress.set()
        if _header(text, "CSeq").endswith(" BYE"):
            self._close("bye")
        elif 200 <= status < 300:
            self._remote = _header(text, "To")
            self._target = _between(_header(text, "Contact"), "<", ">")
            self._send(self._lines("ACK", self._cseq, f"z9hG4bK{secrets.token_hex(6)}"))
            self._media(text)
        elif status >= 300:
            self._remote = _header(text, "To")
            self._send(self._lines("ACK", self._cseq, self._branch))
            self._close(str(status))
        elif status > 100:
            self.rang.set()

    def _asked(self, text: str, addr: tuple[str, int]) -> None:
        """A request of the gateway's."""
        method = text.split(" ", 1)[0]
        if method in ("BYE", "CANCEL"):
            self._transport.sendto(self._reply(text, 200).encode(), addr)
            if method == "CANCEL":
                self._transport.sendto(self._reply(self._invite, 487).encode(), addr)
            self._close(method.lower())
        elif method == "INVITE" and not self.established.done():
            self._peer, self._invite = addr, text
            self._local = f"{_header(text, 'To')};tag={self._tag}"
            self._remote, self._call_id = _header(text, "From"), _header(text, "Call-ID")
            self._target = _between(_header(text, "Contact"), "<", ">")
            self._transport.sendto(self._reply(text, 180).encode(), addr)
            self.rang.set()
            if self.answers:
                self.answer(self.answers)

    def answer(self, status: int = 200) -> None:
        """Answer, or refuse, the INVITE that rings."""
        if status == 200:
            sdp = SDP.format(host=LOOPBACK, port=self._rtp.getsockname()[1])
            self._send(self._reply(self._invite, 200, sdp))
            self._media(self._invite)
        else:
            self._send(self._reply(self._invite, status))
            self._close(str(status))

    def _reply(self, text: str, status: int, sdp: str = "") -> str:
        head = text.split("\r\n\r\n", 1)[0].split("\r\n")[1:]
        kept = [line for line in head if re.match(r"(via|from|call-id|cseq|record-route):", line, re.IGNORECASE)]
        to = _header(text, "To")
        kept.append(f"To: {to if ';tag=' in to else f'{to};tag={self._tag}'}")
        kind = ["Content-Type: application/sdp"] if sdp else []
        lines = [f"SIP/2.0 {status} So", *kept, f"Contact: <{self.uri}>", *kind, f"Content-Length: {len(sdp)}"]
        return "\r\n".join(lines) + "\r\n\r\n" + sdp

    def _media(self, text: str) -> None:
        found = re.search(r"^m=audio (\d+) ", text, re.MULTILINE)
        if found:
            self._to = (LOOPBACK, int(found[1]))
        if not self.established.done():
            self.established.set_result(None)

    def _close(self, why: str) -> None:
        self._to = None
        if not self.closed.done():
            self.closed.set_result(why)

    # -- media ------------------------------------------------------------------------------------------------------

    def tick(self, number: int) -> None:
        """Every 20 ms: take what came, send a packet."""
        while True:
            try:
                data = self._rtp.recv(2048)
            except BlockingIOError:
                break
            if len(data) == 12 + FRAME and data[1] & 0x7F == 0:
                self.heard.append(data[12:])
                self.received += 1
        if self._to is None:
            return
        kind, payload, at = 0, self._song[number % len(self._song)] if self.sings else QUIET, number
        if self._keys:
            kind, payload = 101, self._keys.popleft()
            if payload[2:] == struct.pack(">H", FRAME):
                self._pressed_at = number  # of which all packets of an event bear the timestamp
            at = self._pressed_at
        head = struct.pack(">BBHII", 0x80, kind, self._sequence, at * FRAME & 0xFFFFFFFF, self._ssrc)
        self._sequence = self._sequence + 1 & 0xFFFF
        self._rtp.sendto(head + payload, self._to)
        self.sent += 1

    def sound(self, seconds: float) -> npt.NDArray[np.float64]:
        """What was heard last, within ±1."""
        count = int(seconds / TICK_S)
        return pcm_of(b"".join(list(self.heard)[-count:]))

    def strength(self, hertz: float, seconds: float = 1.0) -> float:
        """Amplitude of one frequency in what was heard last."""
        sound = self.sound(seconds)
        if not len(sound):
            return 0.0
        at = np.arange(len(sound)) / RATE_HZ
        return float(2 * np.abs(np.mean(sound * np.exp(-2j * np.pi * hertz * at))))

    def level(self, hertz: float, seconds: float = 1.0, *, window_s: float = 0.1) -> float:
        """Amplitude of one frequency whatever its phase did: the median of windows of `window_s`.

        A telephone that sends late by some milliseconds moves its tone's phase; the sum over a second would tell that as
        a quiet tone.  Tones that are compared lie at least two windows' width (2 / window_s) apart.
        """
        sound, length = self.sound(seconds), round(window_s * RATE_HZ)
        whole = sound[: len(sound) // length * length].reshape(-1, length)
        if not len(whole):
            return 0.0
        taper = np.hanning(length)
        wave = taper * np.exp(-2j * np.pi * hertz * np.arange(length) / RATE_HZ)
        return float(np.median(2 * np.abs(whole @ wave) / taper.sum()))

    def hears(self, others: Iterable[Probe], *, least: float = 0.03, seconds: float = 1.0) -> set[str]:
        """Whose tones were in what was heard last."""
        return {one.name for one in others if self.strength(one.tone, seconds) > least}

    def is_in_silence(self, seconds: float = 0.5) -> bool:
        return bool(np.abs(self.sound(seconds)).max(initial=0.0) < 0.005)


class Choir:
    """Keeps the time of several probes: `async with Choir(*probes)`."""

    def __init__(self, *probes: Probe) -> None:
        self.probes = list(probes)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        for probe in self.probes:
            await probe.__aenter__()
        self._task = asyncio.create_task(self._sing())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(probe.__aexit__(None, None, None) for probe in self.probes))
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _sing(self) -> None:
        clock = asyncio.get_running_loop().time
        number, due = 0, clock()
        while True:
            for probe in self.probes:
                probe.tick(number)
            number += 1
            due += TICK_S
            await asyncio.sleep(max(0.0, due - clock()))

    async def until(self, what: Callable[[], bool], *, within_s: float = 5.0) -> None:
        """Wait until *what* holds: what is heard follows what is asked by a moment."""
        clock = asyncio.get_running_loop().time
        end = clock() + within_s
        while not what():
            if clock() > end:
                raise AssertionError(f"it did not come about within {within_s} s: {self.who_hears_whom()}")
            await asyncio.sleep(0.1)

    def who_hears_whom(self, probes: Sequence[Probe] = ()) -> dict[str, set[str]]:
        some = probes or self.probes
        return {one.name: one.hears(self.probes, seconds=0.6) for one in some}

    async def hear(self, expected: dict[str, set[str]], *, within_s: float = 6.0) -> None:
        """Wait until each hears exactly those."""
        await self.until(
            lambda: (
                {one.name: one.hears(self.probes, seconds=0.6) for one in self.probes if one.name in expected}
                == expected
            ),
            within_s=within_s,
        )


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*?)\r?$", text, re.MULTILINE | re.IGNORECASE)
    return found[1].strip() if found else ""


def _between(text: str, first: str, last: str) -> str:
    return text.partition(first)[2].partition(last)[0] or text
