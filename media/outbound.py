"""From what is said to each leg to packets: encoded in batches, with headers whose counters never break."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media import rtp
from media.arrived import Job, Wire
from media.codecs import g711
from media.digits import DigitSender
from media.figures import Figures
from media.legs import TABLES, Leg
from media.streams import FRAME, StreamParams

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]
SIZE = rtp.HEADER + FRAME


@dataclass(slots=True, kw_only=True)
class Groups:
    """The sending rows by how they are encoded, compiled at each change."""

    rows: Rows
    """Rows of table codecs."""
    ulaw: Rows
    """Places in `rows`."""
    alaw: Rows
    boxed: list[Leg]
    jobs: list[Job]


@dataclass(slots=True)
class Outbound:
    """Owns the sending side of all rows: SSRC, sequence and timestamp of each."""

    rows: int
    wire: Wire
    legs: dict[int, Leg]
    figures: Figures
    chance: random.Random
    sequence: NDArray[np.int64] = field(init=False)
    timestamp: NDArray[np.int64] = field(init=False)
    dialling: dict[int, DigitSender] = field(default_factory=dict)
    """RFC 4733 senders at work: their rows send digits instead of audio while a digit lasts."""
    _packets: NDArray[np.uint8] = field(init=False)
    _shorts: NDArray[np.uint16] = field(init=False)
    _words: NDArray[np.uint32] = field(init=False)
    _views: list[memoryview] = field(init=False)
    _step: NDArray[np.int64] = field(init=False)
    _fresh: set[int] = field(default_factory=set)
    """Rows whose next packet opens a talkspurt: it has the marker."""
    _groups: Groups | None = None

    def __post_init__(self) -> None:
        self.sequence, self.timestamp, self._step = (np.zeros(self.rows, dtype=np.int64) for _ in range(3))
        self._packets = np.zeros((self.rows, SIZE), dtype=np.uint8)
        self._shorts = self._packets.view(">u2")
        self._words = self._packets.view(">u4")
        self._views = [memoryview(packet) for packet in self._packets]

    def open(self, leg: Leg) -> None:
        row = leg.row
        self.sequence[row] = self.chance.randrange(0x8000)  # RFC 3550 section 5.1: random, and far from the wrap
        self.timestamp[row] = self.chance.randrange(0x80000000)
        self._step[row] = FRAME
        self._packets[row, 0] = 0x80
        self._words[row, 2] = leg.ssrc

    def connect(self, leg: Leg, params: StreamParams) -> None:
        """Send a row by what signalling agreed: the counters go on."""
        row, before = leg.row, leg.params
        self._step[row] = params.rate_hz // 50
        self._packets[row, 1] = payload_type_of(params)
        if before is None or before.direction.sends != params.direction.sends or before.codec != params.codec:
            self._fresh.add(row)
        self.changed()

    def forget(self, row: int) -> None:
        self.dialling.pop(row, None)
        self._fresh.discard(row)
        self.changed()

    def changed(self) -> None:
        """A peer, a direction or a codec is another: compile anew."""
        self._groups = None

    def skip(self, ticks: int) -> None:
        """Ticks were given up: timestamps go on, as time has."""
        self.timestamp += self._step * ticks

    def send(self, said: Floats) -> None:
        """One tick: a packet to each leg that is sent to."""
        groups = self._groups = self._groups or self._compile()
        sent = 0
        if len(groups.rows):
            self._encode(groups, said)
        rows, jobs = groups.rows, groups.jobs
        if self.dialling:
            busy = {row for row in list(self.dialling) if self._dial(row)}
            jobs = [job for job in jobs if job[0] not in busy]
            rows = rows[~np.isin(rows, list(busy))] if busy else rows
        else:
            busy = set()
        marked = [row for row in self._fresh if row not in busy]
        for row in marked:
            self._packets[row, 1] |= 0x80
        if len(rows):
            self._shorts[rows, 1] = self.sequence[rows] & 0xFFFF
            self._words[rows, 1] = self.timestamp[rows] & 0xFFFFFFFF
            sent += self.wire.send_all(jobs)
            self.sequence[rows] += 1
            self.figures.sent[rows] += 1
            self.figures.octets[rows] += FRAME
        for leg in groups.boxed:
            if leg.row not in busy:
                sent += self._box(leg, said[leg.row])
        for row in marked:
            self._packets[row, 1] &= 0x7F
            self._fresh.discard(row)
        self.figures.packets_out += sent
        self.timestamp += self._step

    def _encode(self, groups: Groups, said: Floats) -> None:
        rows, packets = groups.rows, self._packets
        if len(groups.ulaw) == len(rows):
            packets[rows, rtp.HEADER :] = g711.float_to_ulaw(said[rows])
        elif len(groups.alaw) == len(rows):
            packets[rows, rtp.HEADER :] = g711.float_to_alaw(said[rows])
        else:
            ulaw, alaw = rows[groups.ulaw], rows[groups.alaw]
            packets[ulaw, rtp.HEADER :] = g711.float_to_ulaw(said[ulaw])
            packets[alaw, rtp.HEADER :] = g711.float_to_alaw(said[alaw])

    def _box(self, leg: Leg, samples: Floats) -> int:
        """Encode and send one frame of a codec with a memory."""
        boxes, target = leg.boxes, leg.latch.target
        if boxes is None or target is None:
            return 0
        payload = boxes.coder.encode(samples)
        if not payload:
            return 0
        return self._put(leg, int(self._packets[leg.row, 1]), int(self.timestamp[leg.row]), payload)

    def _put(self, leg: Leg, kind: int, timestamp: int, payload: bytes) -> int:
        """Send one packet that is not of the batch."""
        row, target = leg.row, leg.latch.target
        if target is None:
            return 0
        head = rtp.header(kind & 0x7F, kind >= 0x80, int(self.sequence[row]), timestamp, leg.ssrc)
        self.sequence[row] += 1
        self.figures.sent[row] += 1
        self.figures.octets[row] += len(payload)
        return int(self.wire.send(row, head + payload, target))

    def _dial(self, row: int) -> bool:
        """Send a tick's part of a digit; whether it takes the place of audio."""
        leg = self.legs[row]
        kind = leg.params.dtmf_payload_type if leg.params else None
        pieces = self.dialling[row].pull(int(self.timestamp[row]))
        if leg.params is None or kind is None or not leg.params.direction.sends:
            return False
        for payload, timestamp, marker in pieces:
            self.figures.packets_out += self._put(leg, kind | marker << 7, timestamp, payload)
        return bool(pieces)

    def _compile(self) -> Groups:
        table: list[tuple[int, str]] = []
        boxed: list[Leg] = []
        jobs: list[Job] = []
        for row in sorted(self.legs):
            leg = self.legs[row]
            target = leg.latch.target
            if leg.params is None or target is None or not leg.params.direction.sends:
                continue
            if leg.params.codec in TABLES:
                table.append((row, leg.params.codec))
                jobs.append((row, self._views[row], target))
            elif leg.boxes is not None:
                boxed.append(leg)
        return Groups(
            rows=np.array([row for row, _ in table], dtype=np.intp),
            ulaw=np.array([place for place, (_, name) in enumerate(table) if name == "PCMU"], dtype=np.intp),
            alaw=np.array([place for place, (_, name) in enumerate(table) if name == "PCMA"], dtype=np.intp),
            boxed=boxed,
            jobs=jobs,
        )


def payload_type_of(params: StreamParams) -> int:
    return params.payload_type if params.send_payload_type is None else params.send_payload_type
