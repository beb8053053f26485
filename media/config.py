"""What the engine is told once, when it starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Addresses, ports and limits of one engine."""

    address: str = "127.0.0.1"
    """Where RTP is bound; what SDP says is the gateway's affair."""

    first_port: int = 20_000
    """Lowest RTP port; RTP takes even ports and RTCP the odd one above."""

    last_port: int = 29_999
    port_rest_s: float = 30.0
    """How long a closed leg's port stays bound, so that stale audio cannot reach the next call."""

    rows: int = 2048
    """Legs and rooms at a time."""

    silent_s: float = 60.0
    """A peer that sends nothing for so long is reported by `Silent`."""

    silent_on_hold_s: float = 1800.0
    rtcp_interval_s: float = 5.0
    name: str = "crosspoint"
    """RTCP's CNAME."""

    realtime: bool = True
    """Run before ordinary processes (SCHED_RR, else a lower niceness) where the system allows it: the tick is short and must be on time."""

    def __post_init__(self) -> None:
        if not 1 <= self.first_port < self.last_port <= 65_535:
            raise ValueError("first_port must be below last_port, both within 1 to 65535")
        if self.rows < 1:
            raise ValueError("rows must be at least 1")
