"""SDP to media parameters and back (the seam between `sip` and `media`): codec preference, and our side's description."""

from __future__ import annotations

from dataclasses import replace

from media.streams import Direction, StreamParams
from sip.errors import RemoteError
from sip.sdp import parse, write
from sip.sdp.model import AudioFormat, Origin, SessionDescription
from sip.sdp.offer import Agreement, Local, answer, check, offer

FORMATS = (
    AudioFormat(0, "PCMU", 8000),
    AudioFormat(8, "PCMA", 8000),
    AudioFormat(9, "G722", 8000),
    AudioFormat(96, "opus", 48000, 2, "useinbandfec=1"),
    AudioFormat(97, "L16", 8000),
    AudioFormat(98, "L16", 16000),
    AudioFormat(101, "telephone-event", 8000, 1, "0-16"),
    AudioFormat(102, "telephone-event", 48000, 1, "0-16"),
    AudioFormat(13, "CN", 8000),
)
"""What we speak, cheapest for the engine first: nothing is transcoded between two G.711 telephones."""


class Negotiation:
    """The media side of one session: what we last said, what the peer last said, and what follows for the engine.

    Raises `RemoteError` with the status to answer with where the peer's description can't be used.
    """

    def __init__(self, address: str, port: int, session_id: int, *, signalling_address: str = "") -> None:
        self._local = Local(
            address=address,
            port=port,
            formats=FORMATS,
            prefer_ours=True,
            one_codec=True,
            rtcp_mux=True,
            name="Crosspoint",
        )
        self._origin = Origin(session_id, session_id, address)
        self._signalling_address = signalling_address
        self._ours: SessionDescription | None = None
        self._agreement: Agreement | None = None
        self.params: StreamParams | None = None
        self.waits_for_answer = False
        """We made the last offer; its answer has not come yet."""

    def offer(self) -> bytes:
        """Our offer of everything that we speak; it keeps the session's m-lines after the first."""
        self._ours = offer(replace(self._local, rtcp_mux=False), self._origin, previous=self._ours)
        self.waits_for_answer = True
        return write(self._ours)

    def offered(self, sdp: bytes | None) -> bytes:
        """Our answer to the peer's offer; our own offer where it sent none (RFC 3261 section 14.2)."""
        if sdp is None:
            return self.offer()
        agreement = answer(parse(sdp), self._local, self._origin, previous=self._ours)
        self._agreed(agreement)
        return write(agreement.local)

    def local_sdp(self) -> bytes:
        """What the 2xx to an INVITE carries: the answer made before, or our offer."""
        return write(self._ours) if self._ours is not None else self.offer()

    def early_sdp(self) -> bytes | None:
        """What a 183 carries; None where the INVITE had no offer."""
        return write(self._ours) if self._ours is not None and not self.waits_for_answer else None

    def answered(self, sdp: bytes) -> None:
        """Take the peer's answer to our offer."""
        if self._ours is None:
            raise RemoteError(488, "An Answer Without an Offer")
        self._agreed(check(self._ours, parse(sdp), self._local))

    def went_over(self, payload_type: int) -> None:
        """The peer sends another codec of those agreed: from now on it gets that one, too."""
        if self._agreement is not None:
            formats = sorted(self._agreement.formats, key=lambda one: one.receive.pt != payload_type)
            self._agreement = replace(self._agreement, formats=tuple(formats))
            self.params = stream_params(self._agreement, self._signalling_address)

    def _agreed(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._ours = agreement.local
        self.params = stream_params(agreement, self._signalling_address)
        self.waits_for_answer = False


def stream_params(agreement: Agreement, signalling_address: str = "") -> StreamParams:
    """What the engine is told of an agreed stream."""
    codec = agreement.formats[0]
    direction = Direction(str(agreement.direction))
    nowhere = agreement.address in ("0.0.0.0", "::")
    return StreamParams(
        codec=codec.receive.name.upper(),
        payload_type=codec.receive.pt,
        others=tuple(one.receive.pt for one in agreement.formats[1:]),
        send_payload_type=codec.send.pt,
        rate_hz=codec.receive.rate,
        channels=codec.receive.channels,
        fmtp=codec.send.fmtp,
        remote_address="" if nowhere else agreement.address,
        remote_port=agreement.port,
        remote_rtcp_port=agreement.port if agreement.rtcp_mux else agreement.rtcp_port,
        ptime_ms=agreement.ptime_ms,
        dtmf_payload_type=agreement.digits.receive.pt if agreement.digits is not None else None,
        comfort_noise_payload_type=agreement.comfort_noise.receive.pt if agreement.comfort_noise is not None else None,
        direction=direction,
        signalling_address=signalling_address,
        on_hold=nowhere or direction is not Direction.SENDRECV,
    )
