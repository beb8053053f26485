"""Offer and answer (RFC 3264) as algebra on descriptions: make an offer, answer one, check an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from sip.errors import RemoteError
from sip.sdp.model import AudioFormat, Direction, Media, Origin, SessionDescription

RTP_PROFILES = ("RTP/AVP", "RTP/AVPF")

Pair = tuple[AudioFormat, AudioFormat]
"""One format as we number it, and as the peer does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What we can do on one audio stream."""

    address: str
    port: int
    formats: tuple[AudioFormat, ...]
    """In order of preference, under the payload types that we offer; telephone-event and CN among them."""

    direction: Direction = Direction.SENDRECV
    ptime_ms: int = 20
    protocols: tuple[str, ...] = RTP_PROFILES
    """Profiles that are accepted; the first is the one that we offer."""

    attributes: tuple[tuple[str, str | None], ...] = ()
    """More attributes of the stream (keys, ICE …), written as they are."""

    rtcp_mux: bool = False
    prefer_ours: bool = False
    """Whether our order of formats wins over the offerer's."""

    one_codec: bool = False
    """Whether an answer names one audio format only (and its events), so that the peer can't change it unasked."""

    name: str = "-"
    """`s=`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedFormat:
    """One format under both numbers: what we put on packets, and what the peer puts on packets to us."""

    send: AudioFormat
    receive: AudioFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What offer and answer came to for the one audio stream."""

    local: SessionDescription
    remote: SessionDescription
    index: int
    """Which m-line it is."""

    formats: tuple[AgreedFormat, ...]
    """Audio formats, the one to use first; events and comfort noise are apart."""

    digits: AgreedFormat | None
    comfort_noise: AgreedFormat | None
    address: str
    """Where our packets go; `0.0.0.0` when the peer holds as RFC 2543 did."""

    port: int
    rtcp_port: int
    rtcp_address: str
    direction: Direction
    """What *we* do."""

    ptime_ms: int
    """Packet length that the peer would like to get."""

    @property
    def ours(self) -> Media:
        """Our m-line."""
        return self.local.media[self.index]

    @property
    def theirs(self) -> Media:
        """The peer's m-line."""
        return self.remote.media[self.index]

    @property
    def rtcp_mux(self) -> bool:
        """Whether both sides put RTCP on the RTP port."""
        return self.ours.rtcp_mux and self.theirs.rtcp_mux


def offer(local: Local, origin: Origin, *, previous: SessionDescription | None = None) -> SessionDescription:
    """An offer of one audio stream.

    After *previous* (our last description in this session) it keeps that one's m-lines, the others refused, and its
    session id; the version rises by one if anything has changed (RFC 3264 section 8).
    """
    if previous is None:
        return SessionDescription(
            origin=origin, name=local.name, address=local.address, media=(_stream(local, local.formats),)
        )
    at = _our_stream(previous)
    profile = previous.media[at].protocol if previous.media[at].protocol in local.protocols else local.protocols[0]
    media = [_refused(old) for old in previous.media]
    media[at] = _stream(local, local.formats, protocol=profile)
    return next_version(replace(previous, address=local.address, media=tuple(media)), previous)


def next_version(changed: SessionDescription, previous: SessionDescription) -> SessionDescription:
    """*changed* with the session's identity: the same version when nothing but `o=` differs, else the next one."""
    same = replace(changed, origin=previous.origin)
    return same if same == previous else replace(changed, origin=previous.origin.next())


def answer(
    offered: SessionDescription, local: Local, origin: Origin, *, previous: SessionDescription | None = None
) -> Agreement:
    """Our answer: the first audio stream that shares a format with us; every other m-line is refused with port 0.

    RemoteError 488 when there is none. *previous* is our last description in this session, as for `offer`.
    """
    at, formats = _choose(offered, local)
    theirs = offered.media[at]
    direction = offered.direction_of(theirs).reversed & local.direction  # section 6.1
    streams = [_refused(media) for media in offered.media]
    streams[at] = _stream(
        local,
        [mine.with_pt(remote.pt) for mine, remote in formats],  # the numbers of the offer (section 6.1)
        protocol=theirs.protocol,
        direction=direction,
        rtcp_mux=local.rtcp_mux and theirs.rtcp_mux,
    )
    ours = SessionDescription(
        origin=origin, name=local.name, address=local.address, timing=offered.timing, media=tuple(streams)
    )
    if previous is not None:
        ours = next_version(ours, previous)
    agreed = [AgreedFormat(send=remote, receive=mine.with_pt(remote.pt)) for mine, remote in formats]
    return _agree(ours, offered, at, agreed, direction)


def _choose(offered: SessionDescription, local: Local) -> tuple[int, list[Pair]]:
    """The m-line to accept, and the formats that both sides have there."""
    for at, media in enumerate(offered.media):
        if media.kind == "audio" and not media.is_refused and media.protocol in local.protocols:
            formats = _common(media.audio_formats, local)
            if _has_audio(formats):
                return at, _one_codec(formats) if local.one_codec else formats
    raise RemoteError(488, "Not Acceptable Here")


def _one_codec(formats: list[Pair]) -> list[Pair]:
    """The first audio format, the events at its clock rate (or any) and comfort noise."""
    codec = next(pair for pair in formats if pair[1].is_audio)
    digits = [pair for pair in formats if pair[1].is_digits]
    digits = [pair for pair in digits if pair[1].rate == codec[1].rate] or digits
    noise = [pair for pair in formats if pair[1].is_comfort_noise and pair[1].rate == codec[1].rate]
    return [codec, *digits[:1], *noise[:1]]


def check(offered: SessionDescription, answered: SessionDescription, local: Local) -> Agreement:
    """What an answer to our offer comes to; RemoteError 488 when it is none that our offer allows (section 6)."""
    if len(answered.media) != len(offered.media):
        raise RemoteError(488, "Answer Has Other Media Streams Than the Offer")
    at = _our_stream(offered)
    ours, theirs = offered.media[at], answered.media[at]
    if theirs.kind != ours.kind or theirs.is_refused:
        raise RemoteError(488, "Answer Refuses the Audio Stream")
    if theirs.protocol.removesuffix("F") != ours.protocol.removesuffix("F"):  # AVP for AVPF does no harm
        raise RemoteError(488, "Answer Has Another Transport")
    known = {str(audio.pt): audio for audio in (*ours.audio_formats, *theirs.audio_formats)}
    remote = [known[pt] for pt in theirs.formats if pt in known]  # a number of ours may come back without rtpmap
    formats = _common(remote, replace(local, formats=ours.audio_formats, prefer_ours=False))
    if not _has_audio(formats):
        raise RemoteError(488, "Answer Shares No Format With the Offer")
    direction = answered.direction_of(theirs).reversed & (ours.direction or Direction.SENDRECV)
    agreed = [AgreedFormat(send=remote, receive=mine) for mine, remote in formats]
    return _agree(offered, answered, at, agreed, direction)


def held(description: SessionDescription, direction: Direction) -> SessionDescription:
    """Our description with another direction on its audio stream, one version on: hold and resume (section 8.4)."""
    at = _our_stream(description)
    stream = description.media[at]
    attributes = tuple(item for item in stream.attributes if item[0] not in set(Direction))
    media = list(description.media)
    media[at] = replace(stream, attributes=(*attributes, (str(direction), None)))
    return next_version(replace(description, media=tuple(media)), description)


def _agree(
    local: SessionDescription,
    remote: SessionDescription,
    at: int,
    formats: Sequence[AgreedFormat],
    direction: Direction,
) -> Agreement:
    theirs = remote.media[at]
    address = _literal(remote.address_of(theirs))
    rtcp_port, rtcp_address = theirs.rtcp or (theirs.port + 1, None)
    audio = tuple(item for item in formats if item.send.is_audio)
    digits = [item for item in formats if item.send.is_digits]
    at_same_rate = [item for item in digits if item.send.rate == audio[0].send.rate]
    return Agreement(
        local=local,
        remote=remote,
        index=at,
        formats=audio,
        digits=next(iter(at_same_rate or digits), None),
        comfort_noise=next((item for item in formats if item.send.is_comfort_noise), None),
        address=address,
        port=theirs.port,
        rtcp_port=theirs.port if local.media[at].rtcp_mux and theirs.rtcp_mux else rtcp_port,
        rtcp_address=_literal(rtcp_address) if rtcp_address else address,
        direction=direction,
        ptime_ms=theirs.ptime_ms or 20,
    )


def _literal(address: str | None) -> str:
    """An IP address as it is; names in `c=` are not resolved here."""
    try:
        ip_address(address or "")
    except ValueError:
        raise RemoteError(488, "Media Address Is No IP Address") from None
    return address or ""


def _our_stream(description: SessionDescription) -> int:
    """The index of the audio stream that is ours: the first one with a port."""
    for at, media in enumerate(description.media):
        if media.kind == "audio" and not media.is_refused:
            return at
    raise RemoteError(488, "No Audio Stream")


def _has_audio(formats: Iterable[Pair]) -> bool:
    return any(remote.is_audio for _, remote in formats)


def _common(remote: Sequence[AudioFormat], local: Local) -> list[Pair]:
    """Pairs of formats that both have, in the order that wins."""
    pairs = [(mine, theirs) for theirs in remote for mine in local.formats if same_format(mine, theirs)]
    unique: dict[int, Pair] = {}
    for mine, theirs in pairs:
        unique.setdefault(theirs.pt, (mine, theirs))
    found = list(unique.values())
    if local.prefer_ours:
        order = {mine: at for at, mine in enumerate(local.formats)}
        found.sort(key=lambda pair: order[pair[0]])
    return found


def same_format(mine: AudioFormat, theirs: AudioFormat) -> bool:
    """Whether two formats can talk: name, clock rate and channels, and the fmtp parameters that divide variants."""
    name = mine.name.upper()
    if (name, mine.rate) != (theirs.name.upper(), theirs.rate):
        return False
    if mine.channels != theirs.channels and name != "OPUS":  # RFC 7587 says `/2` whatever is sent; some leave it out
        return False
    decisive = _DECISIVE.get(name, {})
    return all(mine.parameters.get(key, usual) == theirs.parameters.get(key, usual) for key, usual in decisive.items())


_DECISIVE: dict[str, dict[str, str]] = {  # parameters that must be equal, with their default
    "ILBC": {"mode": "30"},
    "AMR": {"octet-align": "0"},
    "AMR-WB": {"octet-align": "0"},
    "G723": {"annexa": "yes"},
    "MP4A-LATM": {"object": "2"},
}


def _stream(
    local: Local,
    formats: Sequence[AudioFormat],
    *,
    protocol: str | None = None,
    direction: Direction | None = None,
    rtcp_mux: bool | None = None,
) -> Media:
    attributes: list[tuple[str, str | None]] = []
    for audio in formats:
        attributes.append(("rtpmap", audio.rtpmap))
        if audio.fmtp:
            attributes.append(("fmtp", f"{audio.pt} {audio.fmtp}"))
    attributes.append(("ptime", str(local.ptime_ms)))
    if local.rtcp_mux if rtcp_mux is None else rtcp_mux:
        attributes.append(("rtcp-mux", None))
    attributes += local.attributes
    attributes.append((str(direction or local.direction), None))
    return Media(
        kind="audio",
        port=local.port,
        protocol=protocol or local.protocols[0],
        formats=tuple(str(audio.pt) for audio in formats),
        attributes=tuple(attributes),
    )


def _refused(media: Media) -> Media:
    """An m-line kept in its place with port 0 (section 6)."""
    return Media(kind=media.kind, port=0, protocol=media.protocol, formats=media.formats[:1])
