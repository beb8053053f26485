"""RTCP of all legs: when each one's report is due, what it says, and what the peers' reports say."""

from __future__ import annotations

import random
from collections.abc import Mapping

from media import rtcp
from media.arrived import Wire
from media.config import EngineConfig
from media.figures import Figures
from media.latch import Address
from media.legs import Leg
from media.outbound import Outbound


class Reporter:
    """Owns the schedule of reports. The wall clock is the monotonic one plus an offset, as NTP times need it."""

    def __init__(
        self,
        config: EngineConfig,
        wire: Wire,
        figures: Figures,
        outbound: Outbound,
        chance: random.Random,
        wall_offset_s: float,
    ) -> None:
        self._interval_s = config.rtcp_interval_s
        self._name = config.name
        self._wire = wire
        self._figures = figures
        self._outbound = outbound
        self._chance = chance
        self._wall_offset_s = wall_offset_s
        self._next_at = 0.0

    def connect(self, leg: Leg, now: float) -> None:
        """The first report of a leg comes after half the interval (RFC 3550 section 6.2)."""
        if leg.reports.due_at == float("inf"):
            leg.reports.due_at = now + self._interval_s / 2 * self._chance.uniform(0.5, 1.5)
            self._next_at = min(self._next_at, leg.reports.due_at)

    def tick(self, legs: Mapping[int, Leg], now: float) -> None:
        if now < self._next_at:
            return
        soonest = now + self._interval_s
        for leg in legs.values():
            if leg.reports.due_at <= now:
                leg.reports.due_at = now + self._interval_s * self._chance.uniform(0.5, 1.5)
                self._send(leg, now, goodbye=False)
            soonest = min(soonest, leg.reports.due_at)
        self._next_at = soonest

    def bye(self, leg: Leg, now: float) -> None:
        """The last report of a leg that closes."""
        if leg.params is not None:
            self._send(leg, now, goodbye=True)

    def heard(self, leg: Leg, data: bytes, source: Address, now: float) -> None:
        """Take RTCP that came for a leg: only from where its peer is, and nothing in it ends the leg."""
        if leg.params is None or not leg.latch.may_report(source[0]):
            self._figures.refuse(leg.row)
            return
        report = rtcp.parse(data)
        if report is None:
            self._figures.malformed[leg.row] += 1
            self._figures.total_malformed += 1
            return
        leg.reports.heard(report, leg.ssrc, now, rtcp.ntp_of(now + self._wall_offset_s))

    def _send(self, leg: Leg, now: float, *, goodbye: bool) -> None:
        target, muxed = leg.report_target()
        if target is None:
            return
        row, figures = leg.row, self._figures
        sent = None
        if figures.sent[row]:
            sent = rtcp.Sent(
                ntp=rtcp.ntp_of(now + self._wall_offset_s),
                rtp_timestamp=int(self._outbound.timestamp[row]) & 0xFFFFFFFF,
                packets=int(figures.sent[row]),
                octets=int(figures.octets[row]),
            )
        block = None
        if figures.ssrc[row] >= 0:
            block = leg.reports.block(
                int(figures.ssrc[row]),
                figures.expected(row),
                int(figures.received[row]),
                int(figures.highest[row]),
                float(figures.jitter[row]),
                now,
            )
        data = rtcp.compound(leg.ssrc, self._name, sent, block, goodbye=goodbye)
        if muxed:
            self._wire.send(row, data, target)
        else:
            self._wire.send_report(row, data, target)
