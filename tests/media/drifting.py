"""Two telephones whose clocks drift apart, over links that lose and delay, recorded on two channels in virtual time."""

from __future__ import annotations

import random
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media import rtp
from media.codecs import g711
from media.commands import Record, Side, StopTape, Tap
from media.streams import FRAME, RATE_HZ
from tests.media.benchtop import TICK_S, Bench, FakePhone

Shorts = NDArray[np.int16]
BURST_S = 0.1
EVERY_S = 10.0
"""Both telephones sing for a moment, at the same moment of the true time, so often."""


@dataclass(slots=True, kw_only=True)
class Drifter:
    """A telephone with a clock of its own. What it says at a true moment is in the packet of its own clock's moment."""

    phone: FakePhone
    ppm: float
    loss: float
    jitter_s: float
    chance: random.Random
    sent: int = 0
    waiting: list[tuple[float, bytes]] = field(default_factory=list)
    codes: dict[bytes, bytes] = field(default_factory=dict)

    def packets(self, now: float) -> list[bytes]:
        """What arrives up to *now*, seconds from the beginning."""
        while (left_at := (self.sent + 1) * TICK_S / (1 + self.ppm * 1e-6)) <= now:
            data = rtp.packet(
                0, self.sent & 0xFFFF, self.sent * FRAME & 0xFFFFFFFF, self.phone.ssrc, self._frame(self.sent)
            )
            self.sent += 1
            if self.chance.random() >= self.loss:
                self.waiting.append((left_at + self.chance.random() * self.jitter_s, data))
        due = [data for at, data in self.waiting if at <= now]
        self.waiting = [one for one in self.waiting if one[0] > now]
        return due

    def _frame(self, number: int) -> bytes:
        at_s = (number * FRAME + np.arange(FRAME)) / (RATE_HZ * (1 + self.ppm * 1e-6))
        samples = np.where(at_s % EVERY_S < BURST_S, 0.3 * np.sin(2 * np.pi * 1000.0 * at_s), 0.0)
        return g711.float_to_ulaw(samples.astype(np.float32)).tobytes()


def record(path: Path, seconds: float, *, ppm: float, loss: float, jitter_s: float, seed: int = 3) -> Shorts:
    """A call of so many seconds between clocks *ppm* too fast and *ppm* too slow: its recording."""
    bench = Bench(seed=seed)
    phones = [bench.phone(), bench.phone()]
    bench.bridge(*phones)
    drifters = [
        Drifter(phone=phone, ppm=sign * ppm, loss=loss, jitter_s=jitter_s, chance=random.Random(seed + sign))
        for phone, sign in zip(phones, (1, -1), strict=True)
    ]
    taps = (Tap(slot=phones[0].slot), Tap(slot=phones[0].slot, side=Side.SAID, channel=1))
    begun = bench.now
    bench.tick(Record(tape=1, path=str(path), taps=taps, channels=2))
    for _ in range(round(seconds / TICK_S)):
        for one in drifters:
            for data in one.packets(bench.now + TICK_S / 2 - begun):
                bench.bring(one.phone, data)
        bench.tick()
        for phone in phones:
            phone.got.clear()
    bench.tick(StopTape(tape=1))
    bench.engine.tapes.shut(bench.events.append)
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)


def bursts(channel: Shorts) -> NDArray[np.float64]:
    """When each burst begins on a channel, in seconds; one whose first packet was lost begins later."""
    found: NDArray[np.float64] = _edges(channel)[0]
    return found


def _edges(channel: Shorts) -> NDArray[np.float64]:
    """When each burst begins, and when it ends."""
    at = np.flatnonzero(np.abs(channel.astype(np.int32)) > 1500)
    apart = np.diff(at) > RATE_HZ
    found: NDArray[np.float64] = np.stack([at[np.append(True, apart)], at[np.append(apart, True)]]) / RATE_HZ
    return found


def skews(recording: Shorts) -> NDArray[np.float64]:
    """Seconds by which the second channel is later than the first, at each moment that both have.

    By the beginning or the end of the burst, whichever says less: a lost packet is a hole at one of them, not a clock that is late.
    """
    first, second = _edges(recording[:, 0]), _edges(recording[:, 1])
    pairs = [(a, second[:, np.argmin(np.abs(second[0] - a[0]))]) for a in first.T]
    both = np.array([b - a for a, b in pairs if abs(b[0] - a[0]) < 1.0])
    found: NDArray[np.float64] = both[np.arange(len(both)), np.abs(both).argmin(axis=1)]
    return found
