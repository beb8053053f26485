"""A telephone of a trunk of which every packet is known: for what has to be measured to the frame."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from media.codecs.g711 import float_to_ulaw, ulaw_to_float
from tests.peers.ports import LOOPBACK

FRAME = 160
FRAME_S = 0.02
LOUD = 300.0
"""Of 32768, as root mean square of a frame: nothing that a line hums."""

SO_TIMESTAMPNS = 35
"""Of Linux; Python has no name for it."""

EVENTS = "0123456789*#ABCD"
Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One RTP packet that came. `at`: on the loop's clock."""

    at: float
    sequence: int
    timestamp: int
    payload: bytes

    @property
    def samples(self) -> Samples:
        return decode(self.payload)

    @property
    def is_loud(self) -> bool:
        return bool(np.sqrt(np.mean(self.samples.astype(np.float64) ** 2)) > LOUD)


def decode(payload: bytes) -> Samples:
    found: Samples = np.rint(ulaw_to_float(np.frombuffer(payload, np.uint8)) * 32768).astype(np.int16)
    return found


def encode(samples: Samples) -> bytes:
    return bytes(float_to_ulaw((samples / 32768).astype(np.float32)).tobytes())


class RtpPhone(asyncio.DatagramProtocol):
    """Calls a number through the gateway, sends G.711 as it is given, keeps every packet that comes."""

    def __init__(
        self, gateway: str, number: str, *, caller: str = "+15557654321", media: str = LOOPBACK, headers: str = ""
    ) -> None:
        """*headers*: more of the INVITE, whole lines."""
        host, _, port = gateway.rpartition(":")
        self._remote = (host, int(port))
        self._headers = headers
        self._number, self._caller, self._media = number, caller, media
        self.call_id, self._tag, self._branch = secrets.token_hex(8), secrets.token_hex(4), secrets.token_hex(6)
        self._to, self._route = f"<sip:{number}@{host}>", f"sip:{number}@{gateway}"
        self._cseq = 1
        self.rtp_port = 0
        self.packets: list[Packet] = []
        self.answered_at = self.ended_at = 0.0
        self.status = 0
        self.answered, self.ended = asyncio.Event(), asyncio.Event()
        self._says: Samples = np.zeros(0, np.int16)
        self._said = 0
        self._pressing = False
        self._ssrc, self._sequence, self._timestamp = secrets.randbits(32), 1, 8000
        self._rtp_remote: tuple[str, int] | None = None

    # -- the call ---------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(LOOPBACK, 0))
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.setblocking(False)
        self._rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._rtp.bind((self._media, 0))
        self.rtp_port = self._rtp.getsockname()[1]
        self._began = loop.time() - time.clock_gettime(time.CLOCK_REALTIME)
        loop.add_reader(self._rtp, self._drain)
        self._port = self._sip.get_extra_info("sockname")[1]
        self._talking = loop.create_task(self._talk())
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {self._media}\r\ns=-\r\nc=IN IP4 {self._media}\r\nt=0 0\r\n"
            f"m=audio {self.rtp_port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
        )
        self._request("INVITE", body=body, headers=f"{self._headers}Content-Type: application/sdp\r\n")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.answered.is_set() and not self.ended.is_set():
            self.hang_up()
            await asyncio.sleep(0.05)
        self._talking.cancel()
        self._sip.close()
        asyncio.get_running_loop().remove_reader(self._rtp)
        self._rtp.close()

    def hang_up(self) -> None:
        self._cseq += 1
        self._request("BYE")
        self._over()

    def info(self, digit: str) -> None:
        """A key by SIP INFO."""
        self._cseq += 1
        self._request(
            "INFO", body=f"Signal={digit}\r\nDuration=100\r\n", headers="Content-Type: application/dtmf-relay\r\n"
        )

    def _over(self) -> None:
        if not self.ended.is_set():
            self.ended_at = asyncio.get_running_loop().time()
            self.ended.set()

    def _request(self, method: str, *, body: str = "", headers: str = "", cseq: int = 0) -> None:
        branch = self._branch if method == "INVITE" else secrets.token_hex(6)
        text = (
            f"{method} {self._route} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {LOOPBACK}:{self._port};branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{self._caller}@{LOOPBACK}>;tag={self._tag}\r\nTo: {self._to}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {cseq or self._cseq} {method}\r\nContact: <sip:{self._caller}@{LOOPBACK}:{self._port}>\r\n"
            f"{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self._sip.sendto(text.encode(), self._remote)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        if text.startswith("SIP/2.0"):
            self._responded(int(text[8:11]), text)
            return
        head, _, _ = text.partition("\r\n\r\n")
        kept = [line for line in head.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq):", line)]
        self._sip.sendto("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode(), addr)
        if text.startswith("BYE"):
            self._over()

    def _responded(self, status: int, text: str) -> None:
        if status < 200 or not re.search(r"(?im)^cseq: *\d+ +INVITE", text):
            return
        found = re.search(r"(?im)^to: *(.*?)\r?$", text)
        assert found
        self._to, self.status = found[1], status
        if status >= 300:
            self._request("ACK", cseq=1)
            self._over()
            return
        contact = re.search(r"(?im)^contact: *<([^>]+)>", text)
        media = re.search(r"m=audio (\d+)", text)
        assert contact
        assert media
        self._route = contact[1]
        self._rtp_remote = (LOOPBACK, int(media[1]))
        self._request("ACK", cseq=1)
        if not self.answered.is_set():
            self.answered_at = asyncio.get_running_loop().time()
            self.answered.set()

    # -- its sound --------------------------------------------------------------------------------------------------

    def say(self, samples: Samples) -> None:
        """From the next frame on; silence behind it."""
        self._says, self._said = samples, 0

    async def press(self, digits: str, *, length_s: float = 0.1, gap_s: float = 0.1) -> list[float]:
        """Keys by RFC 4733; gives when the first packet of each left."""
        began = []
        for digit in digits:
            self._pressing = True
            began.append(asyncio.get_running_loop().time())
            frames = max(1, round(length_s / FRAME_S))
            start = self._timestamp
            for number in range(frames + 3):
                last = number >= frames
                duration = FRAME * min(number + 1, frames + 1)
                event = struct.pack("!BBH", EVENTS.index(digit), 0x80 * last | 10, duration)
                self._send(101, event, start, marker=number == 0)
                if not last:
                    await asyncio.sleep(FRAME_S)
                    self._timestamp += FRAME
            self._pressing = False
            await asyncio.sleep(gap_s)
        return began

    async def _talk(self) -> None:
        await self.answered.wait()
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if not self._pressing:
                frame = self._says[self._said : self._said + FRAME]
                self._said += FRAME
                self._send(0, encode(np.pad(frame, (0, FRAME - len(frame)))), self._timestamp)
                self._timestamp += FRAME
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _send(self, kind: int, payload: bytes, timestamp: int, *, marker: bool = False) -> None:
        if self._rtp_remote is None:
            return
        head = struct.pack("!BBHII", 0x80, kind | 0x80 * marker, self._sequence & 0xFFFF, timestamp, self._ssrc)
        self._sequence += 1
        self._rtp.sendto(head + payload, self._rtp_remote)

    def _drain(self) -> None:
        """Every packet with the moment when the kernel had it: how busy this process is does not count."""
        with suppress(BlockingIOError):
            while True:
                data, ancillary, _, _ = self._rtp.recvmsg(2048, 64)
                seconds, nanoseconds = struct.unpack("@ll", ancillary[0][2])
                _, kind, sequence, timestamp, _ = struct.unpack("!BBHII", data[:12])
                if kind & 0x7F == 0:
                    at = self._began + seconds + nanoseconds / 1e9
                    self.packets.append(Packet(at=at, sequence=sequence, timestamp=timestamp, payload=data[12:]))

    # -- what was heard ---------------------------------------------------------------------------------------------

    async def hears(self, *, within_s: float = 30.0) -> float:
        """Wait for the next sound; gives when it came."""
        already = len(self.packets)
        async with asyncio.timeout(within_s):
            while True:
                for packet in self.packets[already:]:
                    if packet.is_loud:
                        return packet.at
                already = len(self.packets)
                await asyncio.sleep(0.01)

    async def hears_no_more(self, *, for_s: float = 0.5, within_s: float = 30.0) -> float:
        """Wait until nothing has been heard for so long; gives when the last sound came."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(within_s):
            while (left := self.last_loud() + for_s - loop.time()) > 0:  # noqa: ASYNC110 - packets set no event
                await asyncio.sleep(left)
        return self.last_loud()

    def last_loud(self) -> float:
        """When the last packet with a sound came; 0: none did."""
        return next((packet.at for packet in reversed(self.packets) if packet.is_loud), 0.0)

    def sound(self) -> Samples:
        """Everything that was heard, in the order of its timestamps."""
        return self.sound_of(self.packets)

    @staticmethod
    def sound_of(packets: Sequence[Packet]) -> Samples:
        found = sorted(packets, key=lambda packet: packet.timestamp)
        return np.concatenate([packet.samples for packet in found]) if found else np.zeros(0, np.int16)

    def gaps(self) -> list[float]:
        """Seconds between packets that followed one another."""
        times = [packet.at for packet in self.packets]
        return [later - earlier for earlier, later in pairwise(times)]
