"""One call's stay in a room: wait for the start, talk, leave."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import structlog

from gateway.calls.call import utc_now
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.live_room import LiveRoom
from gateway.calls.recordings import Taping, taps_of
from gateway.calls.room import Member, Wait
from gateway.calls.until import Until, first_of
from gateway.ids import CallSid
from gateway.twilio_codes import Code
from gateway.twiml.control import ConferencePlan, DialResult, HungUp
from media.errors import MediaError

log = structlog.get_logger(__name__)


class Stay:
    """`<Dial><Conference>` of one call. However it ends, the call is out of the room afterwards."""

    def __init__(self, exchange: Exchange, live: LiveCall, plan: ConferencePlan) -> None:
        self._exchange = exchange
        self._live = live
        self._plan = plan
        self._taping: Taping | None = None

    async def run(self) -> DialResult:
        call, leg, plan = self._live.call, self._live.leg, self._plan
        await leg.answer()
        try:
            room = await self._exchange.rooms.get(call.account_sid, plan.name)
        except MediaError as fault:
            self._exchange.notify(call, Code.CONFERENCE_NOT_JOINED, f"no room can be opened: {fault}")
            return DialResult(status="failed")
        if (refusal := self._refusal(room)) is not None:
            self._exchange.rooms.forget_empty(room)
            return refusal
        member = self._member()
        over = room.join(self._live, plan, member)
        reason = "participant_hung_up"
        try:
            async with Until(leg.ended, HungUp), asyncio.timeout(plan.time_limit_s):
                await self._stay(over)
        except (HungUp, TimeoutError) as why:
            log.info("left the conference", call_sid=call.sid, by=type(why).__name__)
        except asyncio.CancelledError:
            reason = "participant_updated_via_api"
            raise
        finally:
            missed = over.done() and not over.cancelled() and over.result() == "waitUrl"
            status = call.status.value if leg.ended.done() else "in-progress"
            room.leave(member, "participant_add_failed" if missed else reason, call_status=status)
            self._exchange.rooms.forget_empty(room)
        url = self._taping.url if self._taping is not None else ""
        return DialResult(status="failed" if missed else "answered", recording_url=url)

    def _member(self) -> Member:
        now, plan = utc_now(), self._plan
        return Member(
            sid=self._live.call.sid,
            slot=self._live.leg.slot,
            joined_at=now,
            updated_at=now,
            muted=plan.muted,
            waiting=Wait(url=plan.wait_url, method=plan.wait_method),
            coach=plan.coach,
            start_on_enter=plan.start_on_enter,
            end_on_exit=plan.end_on_exit,
            label=plan.label,
            beep=plan.beep,
            queue_time_ms=self._live.call.queue_time_ms,
        )

    def _refusal(self, room: LiveRoom) -> DialResult | None:
        """Why this call may not enter, told to the application."""
        plan, members, call = self._plan, room.room.members, self._live.call
        if plan.label and room.room.has_label(plan.label, besides=call.sid):
            self._exchange.notify(call, Code.PARTICIPANT_LABEL_IN_USE, f"label {plan.label!r} is taken")
            return DialResult(status="failed", falls_through=True)
        if plan.coach and CallSid(plan.coach) not in members:
            self._exchange.notify(call, Code.CONFERENCE_COACH, f"coach: {plan.coach!r} is not in the room")
            return DialResult(status="failed")
        if len(members) >= plan.max_participants:
            message = f"the conference has its {plan.max_participants} participants"
            self._exchange.notify(call, Code.CONFERENCE_FULL, message)
            return DialResult(status="failed")
        return None

    async def _stay(self, over: asyncio.Future[str]) -> None:
        """Until `*`, or until the room ends or wants it out. A hang-up cancels this."""
        with ExitStack() as held:
            if self._plan.hangup_on_star:
                held.callback(
                    self._live.leg.on_digit(
                        lambda digit: over.set_result("star") if digit == "*" and not over.done() else None
                    )
                )
            self._tape(held)
            await first_of(over)

    def _tape(self, held: ExitStack) -> None:
        """`<Dial record>` around a conference: this call, what it says and what it is told."""
        plan = self._plan.call_recording
        if plan is None:
            return
        taps = taps_of(self._live.leg.slot, plan)
        self._taping = self._exchange.recordings.start(self._live.call, plan, taps)
        held.callback(self._taping.stop)
