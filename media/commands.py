"""What the gateway may ask of the engine: a closed union of frozen data, sent over a local socket and applied between two ticks."""

from __future__ import annotations

from dataclasses import dataclass

from media.streams import Slot, StreamParams
from media.words import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An edge: *target* is told what *source* says, times *gain*."""

    source: Slot
    target: Slot
    gain: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Lend a row with an RTP and an RTCP port bound for a leg. Answered by `Opened` or `NotOpened` with the same `ticket`."""

    ticket: int
    label: str = ""
    """For `engine.explain` and logs, e.g. the CallSid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoom:
    """Lend a row without a port: a room that sums what is routed to it. Answered by `Opened` (port 0) or `NotOpened`."""

    ticket: int
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Set or replace what a leg's stream is. The outgoing SSRC, sequence and timestamps go on unbroken."""

    slot: Slot
    params: StreamParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Give a row back (leg or room): its routes and playings go, RTCP BYE leaves, its ports rest. Answered by `Closed`."""

    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRoutes:
    """Change who hears whom: *remove* first (by source and target, whatever the gain), then *add* (an existing edge is replaced)."""

    remove: tuple[Route, ...] = ()
    add: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """A cadence of sines: segments of (frequencies in Hz, on for ms, then off for ms), repeated `cycles` times (0: endless).

    A segment without frequencies is silence. `level_dbm0` is each frequency's level.
    """

    segments: tuple[tuple[tuple[float, ...], int, int], ...]
    cycles: int = 0
    level_dbm0: float = -13.0
    modulation_hz: float = 0.0
    """Full amplitude modulation, e.g. Britain's older or India's ring tone; 0: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A file on this machine that the engine decodes off the tick (any container and codec that FFmpeg reads)."""

    path: str
    loops: int = 1
    """0: endless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Samples that arrive in pieces by `Pour` (speech being made, a web socket). Ends when a `Pour` says `last` and all is played."""

    rate_hz: int = 8000


Source = Tone | Clip | Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Play *source* to *target* (a leg hears it; a room's members all hear it). `playing` is the caller's own number for it.

    Reported by `Playing` at the first sample and `Dry` at the end, or `NotPlayed`.
    """

    playing: int
    target: Slot
    source: Source
    gain: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pour:
    """More samples for a `Feed`: 16-bit little-endian mono PCM."""

    playing: int
    pcm: bytes
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Stop a playing at the next tick. No `Dry` follows. An unknown or finished number is ignored."""

    playing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDigits:
    """Send digits to a leg: `0-9 * # A-D`, `w` waits 0.5 s and `W` 1 s; RFC 4733 where agreed, else in-band tones. Then `DigitsSent`."""

    slot: Slot
    digits: str
    ticket: int = 0


class Side(Word):
    HEARD = "heard"
    """What the engine hears from the row."""

    SAID = "said"
    """What the engine says to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """One contribution to one channel of a tape."""

    slot: Slot
    side: Side = Side.HEARD
    channel: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Start a tape: the sum of each channel's taps goes to a WAV file at `path` (valid at every second). `tape` is the caller's number.

    Reported by `TapeStarted`, then `TapeEnded` once (stopped, all of its rows closed, the limit reached, or the disk failed).
    """

    tape: int
    path: str
    taps: tuple[Tap, ...]
    channels: int = 1
    max_ms: int | None = None
    silence_ms: int | None = None
    """End after so much silence heard on the taps (`<Record timeout>`); None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retap:
    """Add taps to a running tape or remove them (the child of a `<Dial>` joins a tape that began at ringing)."""

    tape: int
    add: tuple[Tap, ...] = ()
    remove: tuple[Tap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseTape:
    """Pause: with `silence` the file goes on with silence, else the time is skipped. `ResumeTape` goes on."""

    tape: int
    silence: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeTape:
    tape: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTape:
    tape: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Report speech on a leg by `Speech` events (`<Gather input="speech">`, conference speaker events); `on=False` ends it."""

    slot: Slot
    on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hear:
    """Send what is heard from a leg to the gateway as `Heard` events of 20 ms each (speech recognition, streams); `on=False` ends it."""

    slot: Slot
    on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """How late a leg is played out at least (`jitterBufferSize`), in ms; None: as little as its network allows."""

    slot: Slot
    ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Keep the sound of a leg that rings, as `Detect` will ask who has answered it: nothing is missed in between."""

    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Detect:
    """Tell who has answered a leg: `Verdict`, once. A second one for the slot begins anew. Times in ms."""

    slot: Slot
    message_end: bool = False
    """DetectMessageEnd: a machine is told when its greeting is over, not when it is recognised."""

    timeout_ms: int = 30_000
    """MachineDetectionTimeout."""

    speech_ms: int = 2_400
    """MachineDetectionSpeechThreshold: a greeting as long as this is a machine's."""

    speech_end_ms: int = 1_200
    """MachineDetectionSpeechEndThreshold: a silence as long as this ends a greeting."""

    silence_ms: int = 5_000
    """MachineDetectionSilenceTimeout: nothing heard for so long is nobody known."""

    since: float = 0.0
    """When the leg was answered (s, the machine's monotonic clock), if it was armed before; 0: now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Say how loud these legs are, by `Levels` a few times a second; these and no others, so an empty one ends it."""

    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStats:
    """Answered by one `Stats` for the slot."""

    slot: Slot
    ticket: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """Close every tape and port and leave. The socket closes when all is on disk."""


Command = (
    Open
    | OpenRoom
    | Connect
    | Close
    | SetRoutes
    | Play
    | Pour
    | Stop
    | SendDigits
    | Record
    | Retap
    | PauseTape
    | ResumeTape
    | StopTape
    | Watch
    | Hear
    | Buffer
    | Arm
    | Detect
    | Meter
    | AskStats
    | Shutdown
)
