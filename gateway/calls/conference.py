"""One call's stay in a room: wait for the start, talk, leave."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack

import structlog

from gateway.calls.bridging import playing
from gateway.calls.call import utc_now
from gateway.calls.conferences import HOLD_MUSIC, LiveRoom
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.room import Member
from gateway.calls.until import Until, first_of
from gateway.ids import CallSid
from gateway.twilio_codes import Code
from gateway.twiml.control import ConferencePlan, DialResult, HungUp
from gateway.twiml.interpreter import WAITING_ROOM, DocumentRequest, Finish
from media.commands import Side, Tap

log = structlog.get_logger(__name__)


class Stay:
    """`<Dial><Conference>` of one call. However it ends, the call is out of the room afterwards."""

    def __init__(self, exchange: Exchange, live: LiveCall, plan: ConferencePlan) -> None:
        self._exchange = exchange
        self._live = live
        self._plan = plan

    async def run(self) -> DialResult:
        call, leg, plan = self._live.call, self._live.leg, self._plan
        await leg.answer()
        room = await self._exchange.rooms.get(call.account_sid, plan.name)
        if (refusal := self._refusal(room)) is not None:
            self._exchange.rooms.forget_empty(room)
            return refusal
        now = utc_now()
        member = Member(
            sid=call.sid,
            slot=leg.slot,
            joined_at=now,
            updated_at=now,
            muted=plan.muted,
            coach=plan.coach,
            start_on_enter=plan.start_on_enter,
            end_on_exit=plan.end_on_exit,
            label=plan.label,
            beep=plan.beep,
        )
        over = room.join(call, plan, member)
        try:
            async with Until(leg.ended, HungUp), asyncio.timeout(plan.time_limit_s):
                await self._stay(room, over)
        except (HungUp, TimeoutError) as why:
            log.info("left the conference", call_sid=call.sid, by=type(why).__name__)
        except asyncio.CancelledError:
            room.leave(member, "participant_updated_via_api")
            raise
        finally:
            room.leave(member)
            self._exchange.rooms.forget_empty(room)
        return DialResult(status="answered")

    def _refusal(self, room: LiveRoom) -> DialResult | None:
        """Why this call may not enter, told to the application."""
        plan, members = self._plan, room.room.members
        if plan.label and any(member.label == plan.label for member in members.values()):
            self._exchange.notify(self._live.call, Code.PARTICIPANT_LABEL_IN_USE, f"label {plan.label!r} is taken")
            return DialResult(status="failed", falls_through=True)
        if plan.coach and CallSid(plan.coach) not in members:
            message = f"coach: {plan.coach!r} is not in the room"
            self._exchange.notify(self._live.call, Code.CONFERENCE_COACH, message)
            return DialResult(status="failed")
        if len(members) >= plan.max_participants:
            log.info("conference is full", call_sid=self._live.call.sid, name=plan.name)
            return DialResult(status="failed")
        return None

    async def _stay(self, room: LiveRoom, over: asyncio.Future[str]) -> None:
        """Until `*`, or until the room ends or wants it out. A hang-up cancels this."""
        with ExitStack() as held:
            if self._plan.hangup_on_star:
                out = over
                held.callback(
                    self._live.leg.on_digit(
                        lambda digit: out.set_result("star") if digit == "*" and not out.done() else None
                    )
                )
            self._tape(held)
            if not room.started.is_set() and not await self._wait(room, over):
                return
            await first_of(over)

    async def _wait(self, room: LiveRoom, over: asyncio.Future[str]) -> bool:
        """Be entertained until the conference starts or is over. False: the waitUrl failed, and the call leaves."""
        async with AsyncExitStack() as held:
            started: asyncio.Future[bool] = asyncio.ensure_future(room.started.wait())
            held.callback(started.cancel)
            if self._plan.wait_url is None:
                held.enter_context(playing(self._exchange.engine, self._live.leg.slot, HOLD_MUSIC))
            if not self._plan.wait_url:
                await first_of(started, over)
                return True
            request = DocumentRequest(url=self._plan.wait_url, method=self._plan.wait_method)
            document = asyncio.create_task(self._exchange.wait(self._live, request, WAITING_ROOM))
            held.push_async_callback(_stopped, document)
            await first_of(started, over, document)
            if document.done() and document.result() is Finish.FAILED and not started.done():
                return False
            await first_of(started, over)
            return True

    def _tape(self, held: ExitStack) -> None:
        """`<Dial record>` around a conference: this call, what it says and what it is told."""
        plan = self._plan.call_recording
        if plan is None:
            return
        told = 1 if plan.channels == 2 and plan.track == "both" else 0
        slot = self._live.leg.slot
        taps = (
            *((Tap(slot=slot),) if plan.track != "outbound" else ()),
            *((Tap(slot=slot, side=Side.SAID, channel=told),) if plan.track != "inbound" else ()),
        )
        held.callback(self._exchange.recordings.start(self._live.call, plan, taps).stop)


async def _stopped(document: asyncio.Task[Finish]) -> None:
    """Cancel and wait: nothing of it sounds afterwards."""
    document.cancel()
    await asyncio.wait([document])
