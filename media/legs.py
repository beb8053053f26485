"""One leg's own objects, those that are not columns: who its peer is, its reports, its digits and its codec."""

from __future__ import annotations

from dataclasses import dataclass, field

from media.boxes import Boxes
from media.latch import Address, Latch
from media.rtcp import Reports
from media.streams import Slot, StreamParams

TABLES = ("PCMU", "PCMA")
"""Codecs that are one table gather for all legs at once."""


@dataclass(slots=True, kw_only=True)
class Leg:
    """A telephone's media; its samples and counters are in the columns of its row."""

    slot: Slot
    ssrc: int
    latch: Latch = field(default_factory=Latch)
    reports: Reports = field(default_factory=Reports)
    params: StreamParams | None = None
    boxes: Boxes | None = None
    """The codec, where it is none of `TABLES`."""
    silent_told: bool = False
    strange: int = 0
    """Packets of another agreed codec since the last `Connect`."""

    @property
    def row(self) -> int:
        return self.slot.row

    def report_target(self) -> tuple[Address | None, bool]:
        """Where RTCP goes, and whether it leaves by the RTP port (RFC 5761)."""
        target = self.latch.target
        if target is None or self.params is None:
            return None, False
        asked = self.params.remote_rtcp_port
        if asked is not None and asked == self.params.remote_port:
            return target, True
        moved = self.latch.locked is not None and self.latch.locked != self.latch.expected
        return (target[0], target[1] + 1 if asked is None or moved else asked), False


def address_of(params: StreamParams) -> Address | None:
    """Where SDP says that the peer listens, if anywhere."""
    if params.remote_address in ("", "0.0.0.0", "::") or not params.remote_port:
        return None
    return params.remote_address, params.remote_port
