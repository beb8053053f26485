"""RTCP (RFC 3550 section 6): compound reports out and in, and the MOS that delay and loss allow (ITU-T G.107)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE = 200, 201, 202, 203
INTERVAL_S = 5.0
BLOCK = 24
NTP_EPOCH_S = 2_208_988_800
"""From 1900 to 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBlock:
    """What one end says of the other's packets (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: float
    lost: int
    highest_sequence: int
    jitter: int
    last_report: int = 0
    """Middle 32 bits of the NTP time of the last sender report that came; 0: none."""
    delay_since: int = 0
    """In 1/65536 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What one compound packet said."""

    ssrc: int = 0
    ntp: int | None = None
    """64-bit NTP time of a sender report."""
    rtp_timestamp: int = 0
    packets: int = 0
    octets: int = 0
    blocks: tuple[ReportBlock, ...] = ()
    goodbye: tuple[int, ...] = ()


def ntp_of(wall_s: float) -> int:
    return int((wall_s + NTP_EPOCH_S) * 2**32) & 0xFFFFFFFFFFFFFFFF


def middle(ntp: int) -> int:
    return (ntp >> 16) & 0xFFFFFFFF


def parse(data: bytes) -> Reported | None:
    """Read a compound packet; None where it is malformed. Unknown kinds are passed over (section 6.1)."""
    at, ssrc, ntp = 0, 0, None
    stamp = packets = octets = 0
    blocks: list[ReportBlock] = []
    goodbye: tuple[int, ...] = ()
    if len(data) < 8 or data[1] not in (SENDER_REPORT, RECEIVER_REPORT):
        return None
    while at < len(data):
        if len(data) - at < 4:
            return None
        first, kind, words = struct.unpack_from(">BBH", data, at)
        end = at + 4 * (words + 1)
        if first >> 6 != 2 or end > len(data):
            return None
        count, body = first & 0x1F, at + 4
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            start = body + (24 if kind == SENDER_REPORT else 4)
            if start + count * BLOCK > end:
                return None
            (ssrc,) = struct.unpack_from(">I", data, body)
            if kind == SENDER_REPORT:
                ntp, stamp, packets, octets = struct.unpack_from(">QIII", data, body + 4)
            blocks += [_block(data, start + BLOCK * i) for i in range(count)]
        elif kind == GOODBYE:
            if body + 4 * count > end:
                return None
            goodbye += struct.unpack_from(f">{count}I", data, body)
        at = end
    return Reported(
        ssrc=ssrc,
        ntp=ntp,
        rtp_timestamp=stamp,
        packets=packets,
        octets=octets,
        blocks=tuple(blocks),
        goodbye=goodbye,
    )


def _block(data: bytes, at: int) -> ReportBlock:
    ssrc, lost, highest, jitter, last, delay = struct.unpack_from(">IIIIII", data, at)
    total = lost & 0xFFFFFF
    return ReportBlock(
        ssrc=ssrc,
        fraction_lost=(lost >> 24) / 256,
        lost=total - 0x1000000 if total & 0x800000 else total,
        highest_sequence=highest,
        jitter=jitter,
        last_report=last,
        delay_since=delay,
    )


def _write_block(block: ReportBlock) -> bytes:
    fraction = min(255, max(0, int(block.fraction_lost * 256)))
    lost = min(0x7FFFFF, max(-0x800000, block.lost)) & 0xFFFFFF
    return struct.pack(
        ">IIIIII",
        block.ssrc,
        fraction << 24 | lost,
        block.highest_sequence & 0xFFFFFFFF,
        block.jitter & 0xFFFFFFFF,
        block.last_report,
        block.delay_since & 0xFFFFFFFF,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a sender report says of our own stream."""

    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int


def compound(ssrc: int, name: str, sent: Sent | None, block: ReportBlock | None, *, goodbye: bool = False) -> bytes:
    """A report, the source's name, and a BYE where the stream ends (section 6.1 wants them in this order)."""
    blocks = _write_block(block) if block else b""
    if sent:
        report = struct.pack(
            ">IQIII", ssrc, sent.ntp, sent.rtp_timestamp, sent.packets & 0xFFFFFFFF, sent.octets & 0xFFFFFFFF
        )
    else:
        report = struct.pack(">I", ssrc)
    kind = SENDER_REPORT if sent else RECEIVER_REPORT
    text = name.encode()[:255]
    item = struct.pack(">IBB", ssrc, 1, len(text)) + text
    item += bytes(4 - len(item) % 4)  # at least one null octet ends the list (section 6.5)
    packet = _packet(kind, bool(block), report + blocks) + _packet(DESCRIPTION, 1, item)
    return packet + _packet(GOODBYE, 1, struct.pack(">I", ssrc)) if goodbye else packet


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0x80 | count, kind, len(body) // 4) + body


@dataclass(slots=True)
class Reports:
    """One leg's RTCP: what the peer's reports said, and when ours is due."""

    due_at: float = math.inf
    last_report: int = 0
    last_report_at: float = 0.0
    remote_lost: float | None = None
    round_trip_ms: float | None = None
    goodbye: bool = False
    _expected_before: int = 0
    _received_before: int = 0
    remote_jitter: int = field(default=0)

    def heard(self, report: Reported, ours: int, now: float, ntp: int) -> None:
        """Take the peer's report on the stream with the SSRC *ours*; *ntp* is the wall clock at its arrival."""
        if report.ntp is not None:
            self.last_report, self.last_report_at = middle(report.ntp), now
        for block in report.blocks:
            if block.ssrc != ours:
                continue
            self.remote_lost, self.remote_jitter = block.fraction_lost, block.jitter
            if block.last_report:  # section 6.4.1: A - LSR - DLSR
                trip = (middle(ntp) - block.last_report - block.delay_since) & 0xFFFFFFFF
                if trip < 0x80000000:
                    self.round_trip_ms = trip * 1000.0 / 65536
        self.goodbye |= bool(report.goodbye)

    def block(self, ssrc: int, expected: int, received: int, highest: int, jitter: float, now: float) -> ReportBlock:
        """Our own report on the peer's stream, the fraction since the last one (RFC 3550 appendix A.3)."""
        expected_now, received_now = expected - self._expected_before, received - self._received_before
        self._expected_before, self._received_before = expected, received
        lost_now = expected_now - received_now
        return ReportBlock(
            ssrc=ssrc,
            fraction_lost=lost_now / expected_now if expected_now > 0 and lost_now > 0 else 0.0,
            lost=expected - received,
            highest_sequence=highest,
            jitter=int(jitter),
            last_report=self.last_report,
            delay_since=int((now - self.last_report_at) * 65536) if self.last_report else 0,
        )


def mos(loss: float, delay_ms: float, *, compressed: bool = False) -> float:
    """The mean opinion score, 1 to 4.5, of a one-way *delay_ms* and a share of packets lost, by the E-model (G.107, defaults of G.113)."""
    delay_impairment = 0.024 * delay_ms + (0.11 * (delay_ms - 177.3) if delay_ms > 177.3 else 0.0)
    equipment, robustness = (11.0, 19.0) if compressed else (0.0, 25.1)  # G.113: G.711 with concealment has Bpl 25.1
    lost = 100.0 * min(max(loss, 0.0), 1.0)
    effective = equipment + (95.0 - equipment) * lost / (lost + robustness)
    r = 93.2 - delay_impairment - effective
    if r <= 0:
        return 1.0
    score = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6
    return round(min(max(score, 1.0), 4.5), 2)
