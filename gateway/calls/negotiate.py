"""SDP to media parameters and back (the seam between `sip` and `media`): codec preference, directions, and our side's description."""

from __future__ import annotations

from collections.abc import Sequence

from media.streams import Direction as MediaDirection
from media.streams import StreamParams
from sip.errors import RemoteError
from sip.sdp import parse, write
from sip.sdp.model import Attributes, AudioFormat, Direction, Media, Origin, SessionDescription

AUDIO_PREFERENCE = (
    AudioFormat(0, "PCMU", 8000),
    AudioFormat(8, "PCMA", 8000),
    AudioFormat(9, "G722", 8000),
    AudioFormat(96, "opus", 48000, 2, "useinbandfec=1"),
    AudioFormat(97, "L16", 8000),
)
"""What we offer, cheapest for the engine first: nothing is transcoded between two G.711 telephones."""

DIGITS = AudioFormat(101, "telephone-event", 8000, 1, "0-16")
_L16_RATES_HZ = frozenset({8000, 16000, 44100, 48000})


class Negotiation:
    """The media side of one session: the description we last sent, what the peer last said, and what follows for the engine.

    Raises `RemoteError` with the status to answer with where the peer's description can't be used.
    """

    def __init__(
        self,
        address: str,
        port: int,
        session_id: int,
        *,
        signalling_address: str = "",
        codecs: Sequence[AudioFormat] = AUDIO_PREFERENCE,
    ) -> None:
        self._address = address
        self._port = port
        self._origin = Origin(session_id, session_id, address)
        self._codecs = tuple(codecs)
        self._signalling_address = signalling_address
        self._ours: SessionDescription | None = None
        self._last_offer: SessionDescription | None = None
        self.params: StreamParams | None = None
        self.waits_for_answer = False
        """We made the offer (in a 2xx to an INVITE without one); the answer comes with the ACK."""

    def offer(self) -> bytes:
        """Our offer: every codec we speak on a new stream, or what is agreed on a running one (hold and the like stay)."""
        if self._ours is not None:
            self._send(self._ours)
            return write(self._ours)
        formats = (*self._codecs, DIGITS)
        self._ours = self._describe((self._audio(formats, Direction.SENDRECV),))
        self.waits_for_answer = True
        return write(self._ours)

    def offered(self, sdp: bytes | None) -> bytes:
        """Our answer to the peer's offer; our own offer where it sent none (RFC 3261 section 14.2)."""
        if sdp is None:
            return self.offer()
        offer = parse(sdp)
        answer, params = self._answer(offer)
        self._send(answer)
        self.params, self.waits_for_answer = params, False
        return write(self._ours or answer)

    def local_sdp(self) -> bytes:
        """What the 2xx of an INVITE carries: the answer made before, or our offer."""
        return write(self._ours) if self._ours is not None else self.offer()

    def answer_early(self) -> bytes | None:
        """What a 183 carries; None where the INVITE had no offer."""
        return write(self._ours) if self._ours is not None and not self.waits_for_answer else None

    def answered(self, sdp: bytes) -> None:
        """The peer's answer to our offer."""
        answer = parse(sdp)
        if self._ours is None:
            raise RemoteError(488, "an answer without an offer")
        if (audio := answer.audio) is None:
            raise RemoteError(488, "no audio in the answer")
        ours = next(media for media in self._ours.media if media.kind == "audio" and not media.is_refused)
        offered = {format.pt: format for format in ours.audio_formats}
        chosen = next((f for f in audio.audio_formats if _speaks(f) and _match(f, tuple(offered.values()))), None)
        if chosen is None:
            raise RemoteError(488, "no codec of our offer in the answer")
        mine = _match(chosen, tuple(offered.values())) or chosen
        self.params = self._params(answer, audio, mine, chosen, ours.direction or Direction.SENDRECV)
        self.waits_for_answer = False

    def _answer(self, offer: SessionDescription) -> tuple[SessionDescription, StreamParams]:
        """RFC 3264 section 6: the first audio stream we can speak is accepted, every other is refused."""
        media: list[Media] = []
        params: StreamParams | None = None
        for theirs in offer.media:
            chosen = self._choose(theirs) if params is None and theirs.kind == "audio" and not theirs.is_refused else None
            if chosen is None:
                media.append(Media(kind=theirs.kind, port=0, protocol=theirs.protocol, formats=theirs.formats or ("0",)))
                continue
            direction = offer.direction_of(theirs).reversed
            params = self._params(offer, theirs, chosen, chosen, direction)
            digits = next((f for f in theirs.audio_formats if f.is_digits and f.rate == chosen.rate), None)
            digits = digits or next((f for f in theirs.audio_formats if f.is_digits), None)
            formats = (chosen, *((digits,) if digits else ()))
            media.append(self._audio(formats, direction, mux=theirs.rtcp_mux, protocol=theirs.protocol))
        if params is None:
            raise RemoteError(488, "no audio stream that we speak")
        return self._describe(tuple(media)), params

    def _choose(self, theirs: Media) -> AudioFormat | None:
        """The best codec both speak: by our preference, under the offer's payload type."""
        if theirs.protocol not in ("RTP/AVP", "RTP/AVPF"):
            return None
        usable = [format for format in theirs.audio_formats if _speaks(format)]
        for codec in self._codecs:
            for format in usable:
                if format.name.upper() == codec.name.upper() and (codec.name == "L16" or format.rate == codec.rate):
                    return format
        return None

    def _params(
        self, theirs: SessionDescription, media: Media, mine: AudioFormat, peers: AudioFormat, direction: Direction
    ) -> StreamParams:
        """What the engine is told. *mine* is numbered as we described it, *peers* as the peer did."""
        flow = theirs.direction_of(media).reversed & direction
        digits = next((f for f in media.audio_formats if f.is_digits and f.rate == mine.rate), None)
        digits = digits or next((f for f in media.audio_formats if f.is_digits), None)
        noise = next((f for f in media.audio_formats if f.is_comfort_noise and f.rate == 8000), None)
        address = theirs.address_of(media) or ""
        rtcp = media.port if media.rtcp_mux else media.rtcp[0] if media.rtcp else None
        return StreamParams(
            codec=mine.name.upper(),
            payload_type=mine.pt,
            send_payload_type=peers.pt,
            rate_hz=mine.rate,
            channels=mine.channels,
            fmtp=peers.fmtp,
            remote_address="" if address in ("0.0.0.0", "::") else address,
            remote_port=media.port,
            remote_rtcp_port=rtcp,
            ptime_ms=media.ptime_ms or 20,
            dtmf_payload_type=digits.pt if digits else None,
            comfort_noise_payload_type=noise.pt if noise else None,
            direction=MediaDirection(str(flow)),
            signalling_address=self._signalling_address,
            on_hold=flow is not Direction.SENDRECV,
        )

    def _audio(
        self, formats: Sequence[AudioFormat], direction: Direction, *, mux: bool = False, protocol: str = "RTP/AVP"
    ) -> Media:
        attributes: list[tuple[str, str | None]] = []
        for format in formats:
            attributes.append(("rtpmap", format.rtpmap))
            if format.fmtp:
                attributes.append(("fmtp", f"{format.pt} {_our_fmtp(format)}"))
        attributes += [("ptime", "20"), (str(direction), None)]
        if mux:
            attributes.append(("rtcp-mux", None))
        return Media(
            kind="audio",
            port=self._port,
            protocol=protocol,
            formats=tuple(str(format.pt) for format in formats),
            attributes=tuple(attributes),
        )

    def _describe(self, media: tuple[Media, ...], attributes: Attributes = ()) -> SessionDescription:
        return SessionDescription(
            origin=self._origin, media=media, address=self._address, name="Crosspoint", attributes=attributes
        )

    def _send(self, description: SessionDescription) -> None:
        """The version of `o=` rises with every change of what we say (RFC 3264 section 8)."""
        if self._ours is not None and self._ours.media != description.media:
            self._origin = self._origin.next()
        self._ours = self._describe(description.media, description.attributes)


def _speaks(format: AudioFormat) -> bool:
    """Whether the engine has this codec at this rate."""
    match format.name.upper():
        case "PCMU" | "PCMA" | "G722":
            return format.rate == 8000 and format.channels == 1
        case "OPUS":
            return format.rate == 48000
        case "L16":
            return format.rate in _L16_RATES_HZ and format.channels <= 2
        case _:
            return False


def _match(format: AudioFormat, among: Sequence[AudioFormat]) -> AudioFormat | None:
    """The same codec in another description."""
    return next((f for f in among if f.name.upper() == format.name.upper() and f.rate == format.rate), None)


def _our_fmtp(format: AudioFormat) -> str:
    """What we say of a format: our own wishes for Opus, whatever the peer's were; digits 0 to 16 at most."""
    if format.name.upper() == "OPUS":
        return "useinbandfec=1"
    return "0-16" if format.is_digits else format.fmtp
