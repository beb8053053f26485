"""What a leg's media is, as frozen data: the parameters that signalling agreed and the figures that come back."""

from __future__ import annotations

from dataclasses import dataclass

from media.words import Word

RATE_HZ = 8000
"""The bus has one rate; codecs of another rate resample at their edge."""

TICK_MS = 20
FRAME = RATE_HZ * TICK_MS // 1000
"""Samples of one row in one tick: 160."""


class Direction(Word):
    """What *we* do on a stream, as SDP words it (RFC 3264 section 5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A handle on a row of the bus: the row number and its generation, never reused silently."""

    row: int
    generation: int

    def __str__(self) -> str:
        return f"{self.row}.{self.generation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamParams:
    """A leg's media as agreed by offer and answer."""

    codec: str
    """SDP encoding name in upper case: PCMU, PCMA, G722, OPUS, L16."""

    payload_type: int
    """Number that the peer puts on packets to us and that we put on packets to it."""

    rate_hz: int = 8000
    """RTP clock rate as in the rtpmap (G722 says 8000, OPUS 48000, L16 as offered)."""

    channels: int = 1
    others: tuple[int, ...] = ()
    """Payload types of codecs that were agreed beside this one: the peer may go over to them unasked (RFC 3264 section 7)."""

    send_payload_type: int | None = None
    """Where the peer wants another number than ours (RFC 3264 section 5.1); None: the same."""

    fmtp: str = ""
    remote_address: str = ""
    """Where SDP says the peer listens; `""` or `0.0.0.0`: nowhere yet (hold in the style of RFC 2543)."""

    remote_port: int = 0
    remote_rtcp_port: int | None = None
    """`a=rtcp`; None: the port above. Equal to `remote_port` with rtcp-mux."""

    ptime_ms: int = 20
    dtmf_payload_type: int | None = None
    """telephone-event number in both directions (RFC 4733); None: not agreed, in-band digits are listened for."""

    comfort_noise_payload_type: int | None = None
    direction: Direction = Direction.SENDRECV
    signalling_address: str = ""
    """Source address of the peer's SIP: the address that latching prefers (reference/reliability.md)."""

    on_hold: bool = False
    """Either side holds: the silence limit is the long one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStats:
    """What one leg's RTP has been like so far. Jitter and delay in ms; `mos` by the E-model (ITU-T G.107)."""

    packets_received: int = 0
    packets_sent: int = 0
    packets_lost: int = 0
    packets_late: int = 0
    packets_duplicate: int = 0
    packets_malformed: int = 0
    packets_refused: int = 0
    """Dropped by latching: from somebody who is not the peer."""

    frames_concealed: int = 0
    jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    buffer_ms: float = 0.0
    remote_lost_fraction: float | None = None
    """What the peer's last RTCP report said of our packets, 0 to 1."""

    mos: float | None = None
