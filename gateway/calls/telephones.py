"""Makes telephones: a port of the engine and a SIP session brought together (a seam between `sip` and `media`, as `leg.py` is)."""

from __future__ import annotations

import asyncio
import secrets

from gateway.calls.call import Happening
from gateway.calls.destinations import Destination
from gateway.calls.ending import CallFailed, Ending
from gateway.calls.leg import Leg
from gateway.calls.negotiate import Negotiation
from media.client import EngineClient
from media.commands import Close
from media.errors import MediaError
from media.events import Opened
from sip.endpoint import Endpoint, Session
from sip.errors import RemoteError, SipError
from sip.message import sdp
from sip.transport import Flow


class Telephones:
    """Makes legs: of sessions that came in, and of destinations to be called."""

    def __init__(self, endpoint: Endpoint, engine: EngineClient, rtp_address: str) -> None:
        self._endpoint = endpoint
        self._engine = engine
        self._rtp_address = rtp_address
        self.count = 0
        """Legs that have not ended."""

    def _made(self, leg: Leg) -> Leg:
        self.count += 1
        leg.ended.add_done_callback(self._ended)
        return leg

    def _ended(self, _ended: asyncio.Future[Ending]) -> None:
        self.count -= 1

    async def inbound(self, session: Session) -> Leg | None:
        """The caller's telephone, its offer answered but not yet accepted. None: refused (488, 503) or gone."""
        try:
            opened = await self._engine.open(session.call_id)
        except MediaError:
            session.refuse(503, headers=[("Retry-After", "10")])
            return None
        negotiation = self._negotiation(opened, session.flow.remote[0])
        try:
            body = sdp(session.request)
            if body is not None:
                negotiation.offered(body)
        except RemoteError as fault:
            self._engine.send(Close(slot=opened.slot))
            session.refuse(fault.status, fault.reason)
            return None
        return self._made(Leg(session, self._engine, opened, negotiation))

    async def place(self, destination: Destination) -> Leg:
        """Call somebody. Raises `CallFailed` where there is no port left."""
        try:
            opened = await self._engine.open(str(destination.uri))
        except MediaError as fault:
            raise CallFailed(Happening.FAILED, f"no media: {fault}", sip_code=503) from fault
        hop = destination.next_hops[0] if destination.next_hops else None
        source = hop.remote[0] if isinstance(hop, Flow) else hop.address if hop is not None else ""
        negotiation = self._negotiation(opened, source)
        session: Session | None = None
        try:
            session = await self._endpoint.invite(
                destination.uri,
                from_=destination.from_,
                to=destination.to,
                sdp=negotiation.offer(),
                headers=destination.headers,
                next_hops=destination.next_hops,
                credentials=destination.credentials,
            )
        except SipError as fault:
            raise CallFailed(Happening.FAILED, f"can't be called: {fault}") from fault
        finally:
            if session is None:  # nor does anybody wait for it any more: the row goes back
                self._engine.send(Close(slot=opened.slot))
        return self._made(Leg(session, self._engine, opened, negotiation))

    def _negotiation(self, opened: Opened, signalling_address: str) -> Negotiation:
        return Negotiation(
            self._rtp_address, opened.port, secrets.randbelow(2**31), signalling_address=signalling_address
        )
