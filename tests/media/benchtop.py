"""An engine on a test's bench: sockets that are lists, a clock that is counted, phones that are numbers."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media import rtp
from media.arrived import Arrived, Job
from media.codecs import g711
from media.commands import Command, Connect, Open, OpenRoom, Route, SetRoutes
from media.config import EngineConfig
from media.engine import Engine
from media.errors import NoPortLeft
from media.events import Event, NotOpened, Opened
from media.latch import Address
from media.streams import FRAME, RATE_HZ, Slot, StreamParams

Floats = NDArray[np.float32]
TICK_S = 0.02


class FakeWire:
    """Sockets that are lists."""

    def __init__(self, rows: int, ports: int = 1000) -> None:
        self.arrived = Arrived(np.zeros((4096, 2048), dtype=np.uint8))
        self.peers: list[Address | None] = [None] * rows
        self.sent: list[tuple[int, bytes, Address]] = []
        self.reports: list[tuple[int, bytes, Address]] = []
        self.closed: list[int] = []
        self._ports = ports

    def open(self, row: int, now: float) -> int:
        if not self._ports:
            raise NoPortLeft("every RTP port is lent or rests")
        self._ports -= 1
        self.peers[row] = None
        return 20_000 + 2 * row

    def close(self, row: int, now: float) -> None:
        self.closed.append(row)
        self.peers[row] = None

    def aim(self, row: int, peer: Address | None) -> None:
        self.peers[row] = peer

    def send(self, row: int, data: bytes, target: Address) -> bool:
        self.sent.append((row, bytes(data), target))
        return True

    def send_report(self, row: int, data: bytes, target: Address) -> bool:
        self.reports.append((row, bytes(data), target))
        return True

    def send_all(self, jobs: Sequence[Job]) -> int:
        self.sent += [(row, bytes(view), target) for row, view, target in jobs]
        return len(jobs)

    def bring(self, row: int, data: bytes, source: Address, now: float) -> None:
        """A datagram comes to a row's RTP port."""
        arrived = self.arrived
        at = len(arrived.rows)
        arrived.matrix[at, : len(data)] = np.frombuffer(data, dtype=np.uint8)
        arrived.rows.append(row)
        arrived.lengths.append(len(data))
        arrived.times.append(now)
        if self.peers[row] != source:
            arrived.strange.append((at, source))


@dataclass(slots=True)
class FakePhone:
    """A telephone at one leg: what it sends is a sine, what it got is kept."""

    slot: Slot
    address: Address
    tone_hz: float = 440.0
    sequence: int = 1000
    timestamp: int = 50_000
    ssrc: int = 77
    payload_type: int = 0
    sung: int = 0
    got: list[bytes] = field(default_factory=list)

    def sing(self, count: int = FRAME) -> bytes:
        """The next packet."""
        at = np.arange(self.sung, self.sung + count)
        sine = (0.3 * np.sin(2 * np.pi * self.tone_hz * at / RATE_HZ)).astype(np.float32)
        codes = g711.float_to_ulaw(sine) if self.payload_type == 0 else g711.float_to_alaw(sine)
        data = rtp.packet(self.payload_type, self.sequence, self.timestamp, self.ssrc, codes.tobytes())
        self.sung += count
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + count) & 0xFFFFFFFF
        return data

    def sound(self, last: int = 20) -> Floats:
        """What the last packets sounded like."""
        return np.concatenate(
            [g711.ulaw_to_float(np.frombuffer(data[12:], dtype=np.uint8)) for data in self.got[-last:]]
        )


class Bench:
    """An engine, its fake wire and its counted clock."""

    def __init__(self, config: EngineConfig | None = None, ports: int = 1000, seed: int = 5) -> None:
        self.config = config or EngineConfig(rows=32)
        self.wire = FakeWire(self.config.rows, ports)
        self.now = 100.0
        self.engine = Engine(self.config, self.wire, random.Random(seed), now=self.now)
        self.phones: list[FakePhone] = []
        self.events: list[Event] = []
        self._ticket = 0

    def tick(self, *commands: Command) -> list[Event]:
        """One tick; what left is handed to the phones."""
        self.now += TICK_S
        self.wire.sent.clear()
        events = self.engine.tick(self.now, commands)
        self.events += events
        for row, data, target in self.wire.sent:
            for phone in self.phones:
                if phone.slot.row == row and phone.address == target:
                    phone.got.append(data)
        return events

    def run(self, ticks: int, singing: Iterable[FakePhone] | None = None) -> None:
        """Let phones sing for so many ticks (all of them, unless told which)."""
        some = self.phones if singing is None else list(singing)
        for _ in range(ticks):
            for phone in some:
                self.bring(phone, phone.sing())
            self.tick()

    def bring(self, phone: FakePhone, data: bytes, source: Address | None = None) -> None:
        self.wire.bring(phone.slot.row, data, source or phone.address, self.now + TICK_S / 2)

    def open(self, label: str = "") -> Slot:
        self._ticket += 1
        (event,) = [event for event in self.tick(Open(ticket=self._ticket, label=label)) if isinstance(event, Opened)]
        return event.slot

    def refusal(self) -> str:
        self._ticket += 1
        (event,) = [event for event in self.tick(Open(ticket=self._ticket)) if isinstance(event, NotOpened)]
        return event.reason

    def room(self, label: str = "") -> Slot:
        self._ticket += 1
        (event,) = [
            event for event in self.tick(OpenRoom(ticket=self._ticket, label=label)) if isinstance(event, Opened)
        ]
        return event.slot

    def phone(self, tone_hz: float = 440.0, **params: object) -> FakePhone:
        """A connected telephone."""
        slot = self.open(f"phone {len(self.phones)}")
        phone = FakePhone(slot, ("192.0.2.9", 4000 + 2 * len(self.phones)), tone_hz)
        self.phones.append(phone)
        self.connect(phone, **params)
        return phone

    def connect(self, phone: FakePhone, **params: object) -> None:
        self.tick(Connect(slot=phone.slot, params=params_of(phone, **params)))

    def bridge(self, one: FakePhone, other: FakePhone) -> None:
        self.tick(SetRoutes(add=(Route(source=one.slot, target=other.slot), Route(source=other.slot, target=one.slot))))

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def params_of(phone: FakePhone, **changes: object) -> StreamParams:
    host, port = phone.address
    usual: dict[str, object] = {
        "codec": "PCMU",
        "payload_type": phone.payload_type,
        "remote_address": host,
        "remote_port": port,
        "signalling_address": host,
        "dtmf_payload_type": 101,
    }
    return StreamParams(**{**usual, **changes})  # type: ignore[arg-type]


def strength(sound: Floats, tone_hz: float) -> float:
    """Amplitude of one frequency in *sound*."""
    at = np.arange(len(sound))
    return float(2 * np.abs(np.mean(sound * np.exp(-2j * np.pi * tone_hz * at / RATE_HZ))))
