"""Session descriptions as frozen data (RFC 8866), with the attributes that a gateway reads from audio streams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

Attributes = tuple[tuple[str, str | None], ...]


class Direction(StrEnum):
    """Which way media flows, as the writer of the description sees it (RFC 3264 section 5.1)."""

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

    @property
    def reversed(self) -> Direction:
        """The same flow as the other side words it."""
        return Direction.of(sends=self.receives, receives=self.sends)

    def __and__(self, other: Direction) -> Direction:
        """What both allow."""
        return Direction.of(sends=self.sends and other.sends, receives=self.receives and other.receives)

    @staticmethod
    def of(*, sends: bool, receives: bool) -> Direction:
        """The direction of one who sends, receives, both or neither."""
        if sends:
            return Direction.SENDRECV if receives else Direction.SENDONLY
        return Direction.RECVONLY if receives else Direction.INACTIVE


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A payload type and what it stands for: rtpmap and fmtp in one."""

    pt: int
    name: str
    rate: int
    channels: int = 1
    fmtp: str = ""

    @property
    def is_digits(self) -> bool:
        """Whether these are RFC 4733 events, not audio."""
        return self.name.lower() == "telephone-event"

    @property
    def is_comfort_noise(self) -> bool:
        """Whether this is RFC 3389 comfort noise."""
        return self.name.upper() == "CN"

    @property
    def is_audio(self) -> bool:
        """Whether this is a codec."""
        return not self.is_digits and not self.is_comfort_noise

    @property
    def parameters(self) -> dict[str, str]:
        """The fmtp's `name=value` items, names in lower case."""
        items = (item.partition("=") for item in self.fmtp.split(";") if item.strip())
        return {name.strip().lower(): value.strip() for name, _, value in items}

    @property
    def rtpmap(self) -> str:
        """The value of `a=rtpmap`, payload type included."""
        return f"{self.pt} {self.name}/{self.rate}" + (f"/{self.channels}" if self.channels > 1 else "")

    def with_pt(self, pt: int) -> AudioFormat:
        """The same format under another payload type."""
        return replace(self, pt=pt)


STATIC_FORMATS = {  # RFC 3551 section 6
    0: AudioFormat(0, "PCMU", 8000),
    3: AudioFormat(3, "GSM", 8000),
    4: AudioFormat(4, "G723", 8000),
    5: AudioFormat(5, "DVI4", 8000),
    6: AudioFormat(6, "DVI4", 16000),
    7: AudioFormat(7, "LPC", 8000),
    8: AudioFormat(8, "PCMA", 8000),
    9: AudioFormat(9, "G722", 8000),
    10: AudioFormat(10, "L16", 44100, 2),
    11: AudioFormat(11, "L16", 44100),
    12: AudioFormat(12, "QCELP", 8000),
    13: AudioFormat(13, "CN", 8000),
    14: AudioFormat(14, "MPA", 90000),
    15: AudioFormat(15, "G728", 8000),
    16: AudioFormat(16, "DVI4", 11025),
    17: AudioFormat(17, "DVI4", 22050),
    18: AudioFormat(18, "G729", 8000),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """`o=`: who wrote the description, and which version of it this is."""

    session_id: int
    version: int
    address: str
    username: str = "-"

    def next(self) -> Origin:
        """The same session, one version on (RFC 3264 section 8)."""
        return replace(self, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One m-line and what belongs to it."""

    kind: str
    port: int
    protocol: str = "RTP/AVP"
    formats: tuple[str, ...] = ()
    """Formats as written: payload types for RTP."""

    address: str | None = None
    """Its own `c=`; None: the session's."""

    attributes: Attributes = ()

    @property
    def is_refused(self) -> bool:
        """Port 0: not offered, or not accepted (RFC 3264 section 6)."""
        return self.port == 0

    def attribute(self, name: str) -> str | None:
        """The first value; "" for a flag, None when it is not there."""
        return next((value or "" for key, value in self.attributes if key == name), None)

    def all(self, name: str) -> list[str]:
        """All values of an attribute."""
        return [value or "" for key, value in self.attributes if key == name]

    @property
    def audio_formats(self) -> tuple[AudioFormat, ...]:
        """The payload types in the writer's order of preference; unknown ones without rtpmap are left out."""
        maps = _by_payload_type(self.all("rtpmap"))
        fmtps = _by_payload_type(self.all("fmtp"))
        found: dict[int, AudioFormat] = {}
        for text in self.formats:
            pt = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 128
            if pt < 128 and pt not in found and (audio := _audio_format(pt, maps.get(pt), fmtps.get(pt, ""))):
                found[pt] = audio
        return tuple(found.values())

    @property
    def direction(self) -> Direction | None:
        """The stream's own direction attribute; None when it has none."""
        return read_direction(self.attributes)

    @property
    def ptime_ms(self) -> int | None:
        """Packet length that the writer would like to receive, in ms."""
        return _positive(self.attribute("ptime"))

    @property
    def maxptime_ms(self) -> int | None:
        """Longest packet that the writer takes, in ms."""
        return _positive(self.attribute("maxptime"))

    @property
    def rtcp_mux(self) -> bool:
        """Whether RTCP shares the RTP port (RFC 5761)."""
        return self.attribute("rtcp-mux") is not None

    @property
    def rtcp(self) -> tuple[int, str | None] | None:
        """Port and, where given, address for RTCP (RFC 3605); None: the port after RTP's."""
        parts = (self.attribute("rtcp") or "").split()
        port = _positive(parts[0]) if parts else None
        if port is None or port > 65_535:
            return None
        return port, parts[3] if len(parts) == 4 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDescription:
    """A whole description."""

    origin: Origin
    media: tuple[Media, ...] = ()
    address: str | None = None
    """`c=` of the session; None: each stream has its own."""

    name: str = "-"
    timing: str = "0 0"
    attributes: Attributes = ()

    def address_of(self, media: Media) -> str | None:
        """Where this stream's packets go."""
        return media.address if media.address is not None else self.address

    def direction_of(self, media: Media) -> Direction:
        """The stream's direction, or the session's; `c=0.0.0.0` is how RFC 2543 puts one on hold."""
        direction = media.direction or read_direction(self.attributes) or Direction.SENDRECV
        if self.address_of(media) in ("0.0.0.0", "::"):
            return direction & Direction.SENDONLY
        return direction

    @property
    def audio(self) -> Media | None:
        """The first audio stream that is not refused."""
        return next((media for media in self.media if media.kind == "audio" and not media.is_refused), None)


def read_direction(attributes: Attributes) -> Direction | None:
    """The last direction attribute of these, None when there is none."""
    found = [key for key, value in attributes if value is None and key in _DIRECTIONS]
    return Direction(found[-1]) if found else None


_DIRECTIONS = frozenset(str(direction) for direction in Direction)


def _positive(text: str | None) -> int | None:
    """A number above 0; some write `ptime:20.0`. None for anything else."""
    whole = (text or "").strip().partition(".")[0]
    return int(whole) or None if whole.isascii() and whole.isdigit() and len(whole) <= 6 else None


def _by_payload_type(values: list[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for value in values:
        pt, _, rest = value.strip().partition(" ")
        if pt.isascii() and pt.isdigit() and len(pt) <= 3:
            found.setdefault(int(pt), rest.strip())
    return found


def _audio_format(pt: int, rtpmap: str | None, fmtp: str) -> AudioFormat | None:
    """What a payload type stands for; None for a dynamic one without a readable rtpmap."""
    if rtpmap is None:
        known = STATIC_FORMATS.get(pt)
        return replace(known, fmtp=fmtp) if known and fmtp else known
    name, _, rest = rtpmap.partition("/")
    rate, _, channels = rest.partition("/")
    clock, count = _positive(rate), _positive(channels) if channels else 1
    if not name or clock is None or count is None:
        return None
    return AudioFormat(pt, name, clock, count, fmtp)
