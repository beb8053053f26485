"""Calls that the REST API creates: placed, answered, then steered by documents like any other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import structlog

from gateway.calls import detection
from gateway.calls.call import Call, Happening
from gateway.calls.calls import Calls
from gateway.calls.ending import CallFailed
from gateway.calls.exchange import LiveCall
from gateway.calls.leg import Leg
from gateway.calls.recordings import Taping, taps_of
from gateway.calls.ringing import Ringing
from gateway.ids import CallSid
from gateway.twiml.control import DialTarget, MachineDetection, RecordingPlan
from gateway.twiml.interpreter import DocumentRequest

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a created call is to do, all checked. Times in seconds."""

    call: Call
    target: DialTarget
    first: DocumentRequest
    timeout_s: float = 60.0
    time_limit_s: float = 14_400.0
    recording: RecordingPlan | None = None
    detection: MachineDetection | None = None
    detects_async: bool = False
    """The documents do not wait for who answered."""


class Outbound:
    """Owns the created calls that ring. Pacing and the queue are the REST API's (`gateway/api/departures.py`)."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._ringing: dict[CallSid, Ringing] = {}
        self._canceled: dict[CallSid, Happening] = {}
        self._orders: dict[CallSid, Order] = {}

    def place(self, order: Order) -> None:
        """Dial now. Whatever fails ends the call with its status."""
        self._orders[order.call.sid] = order
        self._calls.spawn(self._place(order), f"outbound {order.call.sid}")

    def redirect(self, sid: CallSid, first: DocumentRequest) -> bool:
        """Another first document for a call that still rings. False: it does not."""
        order = self._orders.get(sid)
        if order is None:
            return False
        self._orders[sid] = replace(order, first=first)
        return True

    def cancel(self, sid: CallSid, what: Happening = Happening.CANCELED) -> bool:
        """End a call that still rings. False: it does not."""
        ringing = self._ringing.get(sid)
        if ringing is None:
            return False
        self._canceled[sid] = what
        ringing.stop()
        return True

    def call(self, sid: CallSid) -> Call | None:
        """The call that still rings."""
        order = self._orders.get(sid)
        return order.call if order is not None else None

    async def _place(self, order: Order) -> None:
        call = order.call
        call.happened(Happening.INITIATED)
        ringing = self._ringing[call.sid] = Ringing(
            self._calls.telephones,
            call,
            lambda leg, early: self._progress(order, leg, early),
            arms=order.detection is not None,
        )
        try:
            async with asyncio.timeout(order.timeout_s):
                leg = await ringing.ring(self._calls.destinations.of(order.target, call))
        except TimeoutError:
            ringing.stop()
            call.happened(Happening.NO_ANSWER)
            return
        except CallFailed as failed:
            if failed.notification:
                self._calls.notify(call, failed.notification, str(failed))
            call.sip_response_code = failed.ending.sip_code
            call.happened(self._canceled.pop(call.sid, failed.ending.what))
            return
        finally:
            self._ringing.pop(call.sid, None)
            order = self._orders.pop(call.sid, order)
        await self._talk(order, leg)

    def _progress(self, order: Order, leg: Leg, early: bool) -> None:
        order.call.happened(Happening.RINGING)
        self._calls.rooms.early(order.call.sid, leg.slot if early else None)

    async def _talk(self, order: Order, leg: Leg) -> None:
        call = order.call
        call.answered_with(leg.peer_headers)
        call.happened(Happening.ANSWERED)
        live = LiveCall(call=call, leg=leg)
        if order.detection is not None:
            detection.begin(self._calls, live, order.detection, tells=order.detects_async)
        taping = self._record(order, live)
        try:
            async with asyncio.timeout(order.time_limit_s):
                if order.target.send_digits:
                    await leg.send_digits(order.target.send_digits)
                if await self._detected(order, live):
                    await self._calls.run(live, order.first)
        except TimeoutError:
            leg.hang_up("time limit")
        finally:
            if taping is not None:
                taping.stop()

    async def _detected(self, order: Order, live: LiveCall) -> bool:
        """Wait for who answered, where the documents do. False: the call is over, or an update has taken it and ended it."""
        if live.detected is None or order.detects_async:
            return True
        self._calls.adopt(live)
        taken = asyncio.ensure_future(live.taken.wait())
        try:
            await asyncio.wait((live.detected, taken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            taken.cancel()
        if live.taken.is_set():
            await asyncio.wait((live.leg.ended,))
        return not live.leg.ended.done()

    def _record(self, order: Order, live: LiveCall) -> Taping | None:
        """`Record=true`: what the called party says, and what it is told."""
        plan = order.recording
        if plan is None:
            return None
        taping = self._calls.recordings.start(order.call, plan, taps_of(live.leg.slot, plan))
        live.tapes.append(taping)
        return taping


def target_of(to: str, send_digits: str = "") -> DialTarget:
    """`To` of a created call: a SIP URI, `client:name`, or a number."""
    lower = to.strip().lower()
    kind = "sip" if lower.startswith(("sip:", "sips:")) else "client" if lower.startswith("client:") else "number"
    return DialTarget(kind=kind, address=to.strip(), send_digits=send_digits)
