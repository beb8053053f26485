"""Calls that the REST API creates: paced, placed, answered, then steered by documents like any other."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import structlog

from gateway.calls.call import Call, Happening
from gateway.calls.calls import Calls
from gateway.calls.ending import CallFailed
from gateway.calls.exchange import LiveCall
from gateway.calls.leg import Leg
from gateway.calls.recordings import Taping
from gateway.calls.ringing import Ringing
from gateway.ids import CallSid
from gateway.twiml.control import DialTarget, RecordingPlan
from gateway.twiml.interpreter import DocumentRequest
from media.commands import Side, Tap

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


class Outbound:
    """Owns the queue of created calls, and those that ring."""

    def __init__(self, calls: Calls, calls_per_second: float) -> None:
        self._calls = calls
        self._interval_s = 1.0 / calls_per_second
        self._queue: deque[Order] = deque()
        self._next_at = 0.0
        self._ringing: dict[CallSid, Ringing] = {}
        self._canceled: dict[CallSid, Happening] = {}
        self._pump: asyncio.Task[None] | None = None

    def create(self, order: Order) -> None:
        """Queue a call; it leaves when its turn comes (`limits.calls_per_second`)."""
        self._queue.append(order)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._send(), name="outbound queue")

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def cancel(self, sid: CallSid, what: Happening = Happening.CANCELED) -> bool:
        """End a call that waits (no callback at all then) or rings. False: it does neither."""
        for order in self._queue:
            if order.call.sid == sid:
                self._queue.remove(order)
                order.call.status_callback = None
                order.call.happened(Happening.CANCELED)
                return True
        ringing = self._ringing.get(sid)
        if ringing is None:
            return False
        self._canceled[sid] = what
        ringing.stop()
        return True

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            wait = self._next_at - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            self._next_at = loop.time() + self._interval_s
            order = self._queue.popleft()
            self._calls.spawn(self._place(order), f"outbound {order.call.sid}")

    async def _place(self, order: Order) -> None:
        call = order.call
        call.happened(Happening.INITIATED)
        ringing = self._ringing[call.sid] = Ringing(
            self._calls.telephones, call, lambda leg, early: self._progress(order)
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
        await self._talk(order, leg)

    def _progress(self, order: Order) -> None:
        order.call.happened(Happening.RINGING)

    async def _talk(self, order: Order, leg: Leg) -> None:
        call = order.call
        call.extras = (*call.extras, *((f"SipHeader_{name}", value) for name, value in leg.peer_headers))
        call.happened(Happening.ANSWERED)
        taping = self._record(order, leg)
        live = LiveCall(call=call, leg=leg)
        try:
            async with asyncio.timeout(order.time_limit_s):
                if order.target.send_digits:
                    await leg.send_digits(order.target.send_digits)
                await self._calls.run(live, order.first)
        except TimeoutError:
            leg.hang_up("time limit")
        finally:
            if taping is not None:
                taping.stop()

    def _record(self, order: Order, leg: Leg) -> Taping | None:
        """`Record=true`: what the called party says, and what it is told."""
        plan = order.recording
        if plan is None:
            return None
        told = 1 if plan.channels == 2 and plan.track == "both" else 0
        taps = []
        if plan.track != "outbound":
            taps.append(Tap(slot=leg.slot))
        if plan.track != "inbound":
            taps.append(Tap(slot=leg.slot, side=Side.SAID, channel=told))
        return self._calls.recordings.start(order.call, plan, tuple(taps))


def target_of(to: str, send_digits: str = "") -> DialTarget:
    """`To` of a created call: a SIP URI, `client:name`, or a number."""
    lower = to.strip().lower()
    kind = "sip" if lower.startswith(("sip:", "sips:")) else "client" if lower.startswith("client:") else "number"
    return DialTarget(kind=kind, address=to.strip(), send_digits=send_digits)
