"""What the engine tells the gateway: a closed union of frozen data, one batch a tick."""

from __future__ import annotations

from dataclasses import dataclass

from media.streams import Slot, StreamStats


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    ticket: int
    slot: Slot
    port: int
    """RTP port, even; RTCP is the odd one above. 0 for a room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOpened:
    ticket: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A row was given back; its last figures."""

    slot: Slot
    stats: StreamStats


@dataclass(frozen=True, slots=True, kw_only=True)
class Digit:
    """A key was pressed on a leg: told once, when it begins."""

    slot: Slot
    digit: str
    in_band: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsSent:
    slot: Slot
    ticket: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAudio:
    """The first RTP packet of a leg was accepted."""

    slot: Slot
    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WentOver:
    """The peer sends another codec of those agreed (`StreamParams.others`): its audio is heard once `Connect` says that codec."""

    slot: Slot
    payload_type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """Nothing has come from the peer for the limit (60 s, or 30 min on hold): the call should end. Told once."""

    slot: Slot
    silent_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    playing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dry:
    """A playing has played its last sample."""

    playing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPlayed:
    """A clip can't be decoded or its target is gone."""

    playing: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeStarted:
    tape: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeEnded:
    """The file is whole and closed. `samples` a channel; `cause`: stopped, closed, limit, silence, or failed with `error`."""

    tape: int
    samples: int
    channels: int
    cause: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """Speech began (`speaking`) or ended on a watched leg."""

    slot: Slot
    speaking: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """20 ms heard from a leg: 16-bit little-endian mono PCM at the bus rate."""

    slot: Slot
    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who answered, after `Detect`: human, machine_start, machine_end_beep, machine_end_silence, machine_end_other, fax or unknown."""

    slot: Slot
    answered_by: str
    ms: int
    """From the detection's beginning to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """How loud the legs of `Meter` have been since the last one: (slot, heard, said) in dBov, -127 being silence."""

    levels: tuple[tuple[Slot, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    slot: Slot
    ticket: int
    stats: StreamStats


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The engine's own state, once a second. Times in ms over that second."""

    rows: int
    tick_p50_ms: float
    tick_p99_ms: float
    late_ticks: int
    skipped_ticks: int
    packets_in: int
    packets_out: int
    packets_malformed: int
    packets_refused: int


Event = (
    Opened
    | NotOpened
    | Closed
    | Digit
    | DigitsSent
    | FirstAudio
    | WentOver
    | Silent
    | Playing
    | Dry
    | NotPlayed
    | TapeStarted
    | TapeEnded
    | Speech
    | Heard
    | Verdict
    | Levels
    | Stats
    | Health
)
