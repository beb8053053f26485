"""Live calls: documents that steer them, live updates, children, hang-up, drain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from gateway.calls.call import Call, Happening, Status, utc_now
from gateway.calls.child import Child
from gateway.calls.conferences import Rooms
from gateway.calls.control import Control
from gateway.calls.destinations import Destinations
from gateway.calls.ending import NOTIFIED, Ending
from gateway.calls.exchange import AudioCache, LiveCall, Speaker
from gateway.calls.leg import Leg
from gateway.calls.live_room import RoomLedger
from gateway.calls.queues import LineLedger, Lines
from gateway.calls.recordings import Recordings, recording_params
from gateway.calls.referral import Referral
from gateway.calls.talk import Party, Talk
from gateway.calls.telephones import Telephones
from gateway.calls.transfer import Transfer, replaced_by_address, take_over
from gateway.config import Config
from gateway.ids import CallSid, new_call_sid
from gateway.speech import Listener
from gateway.storage.models import TranscriptionRow
from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, DialPlan, DialTarget, HungUp, StatusCallback, Whisper
from gateway.twiml.interpreter import DocumentRequest, Finish, Interpreter, Rules
from gateway.twiml.nouns.caller import caller_id
from media.client import EngineClient

log = structlog.get_logger(__name__)

LAST_WORD_S = 15.0
"""How long a call's last callback waits for its recording to be trimmed and counted."""


class Ledger(RoomLedger, LineLedger, Protocol):
    """Where what happens to calls is kept and told: storage, status callbacks, metrics."""

    def keep_will(self, call: Call) -> None:
        """What is told of its end in any case has changed."""
        ...

    def happened(self, call: Call, what: Happening) -> None: ...

    async def transcribed(
        self, row: TranscriptionRow, lane: str, callback: StatusCallback | None, params: list[tuple[str, str]]
    ) -> None: ...

    def notified(self, call: Call, code: int, message: str, url: str = "") -> None: ...

    def detected(self, call: Call, callback: StatusCallback | None) -> None: ...


class Calls:
    """Owns the table of live calls and runs their documents. The `Exchange` of every part of a call."""

    def __init__(
        self,
        *,
        config: Config,
        engine: EngineClient,
        telephones: Telephones,
        destinations: Destinations,
        interpreter: Interpreter,
        recordings: Recordings,
        speaker: Speaker,
        listener: Listener,
        audio: AudioCache,
        ledger: Ledger,
        forget: Callable[[CallSid], None] = lambda sid: None,
    ) -> None:
        """*forget* is told of a call that has made its last request."""
        self.config = config
        self.engine = engine
        self.telephones = telephones
        self.destinations = destinations
        self.recordings = recordings
        self.rooms = Rooms(self, ledger)
        self.lines = Lines(ledger)
        self.speaker = speaker
        self.listener = listener
        self.transcribing = asyncio.Semaphore(1)
        self.audio = audio
        self.live: dict[CallSid, LiveCall] = {}
        self.ringing: dict[CallSid, Child] = {}
        """Of `<Dial>`s."""

        self._interpreter = interpreter
        self._ledger = ledger
        self._forget = forget
        self._tasks: set[asyncio.Task[None]] = set()
        self._steering: set[asyncio.Task[object] | None] = set()
        """The tasks of calls with a document, which may go on a little after the call's end."""

        self._none_left = asyncio.Event()
        self._none_left.set()

    # -- a call's life ----------------------------------------------------------------------------------------------

    async def inbound(self, call: Call, leg: Leg, first: DocumentRequest) -> None:
        """An inbound call from its first ring to its end: this coroutine is the call's task."""
        call.watcher = self.happened
        live = LiveCall(call=call, leg=leg)
        leg.ring()
        call.happened(Happening.RINGING)
        await self.run(live, first)

    async def take_over(self, call: Call, leg: Leg, replaced: LiveCall) -> None:
        """An inbound call that is no new one: it goes on with whom *replaced* talks with, and that one is hung up."""
        call.watcher = self.happened
        live = LiveCall(call=call, leg=leg)
        call.happened(Happening.RINGING)
        self.adopt(live)
        await take_over(live, replaced)

    async def pick_up(self, leg: Leg, child: Child) -> None:
        """An inbound call that is no new one: its telephone answers instead of that which rings (RFC 3891 section 3)."""
        try:
            await leg.answer()
        except HungUp:
            return
        if not child.pick_up(leg):
            leg.hang_up("answered elsewhere")

    async def run(self, live: LiveCall, first: DocumentRequest) -> None:
        """Steer an adopted call by documents until they run out, then hang up."""
        self.adopt(live)
        steering = asyncio.current_task()
        self._steering.add(steering)
        request: DocumentRequest | None = first
        with structlog.contextvars.bound_contextvars(call_sid=live.call.sid, call_id=live.leg.call_id):
            try:
                while request is not None:
                    live.document = asyncio.create_task(
                        self._interpreter.run(Control(self, live), request), name=f"document {live.call.sid}"
                    )
                    await asyncio.wait([live.document])
                    request, live.replacement = live.replacement, None
            finally:
                if live.document is not None:
                    live.document.cancel()
                live.leg.hang_up()
                self._forget(live.call.sid)
                self._steering.discard(steering)

    def adopt(self, live: LiveCall) -> None:
        """Keep a call in the table until its leg has ended; then its status is final."""
        if live.call.sid in self.live:
            return
        self.live[live.call.sid] = live
        self._none_left.clear()
        live.leg.answered.add_done_callback(lambda answered: self._answered(live) if answered.result() else None)
        live.leg.ended.add_done_callback(lambda _: self._ended(live))
        live.leg.reception.on_refused = lambda referral: self.notify(
            live.call, Code.REFER_WITHOUT_URL, f"REFER to {referral.refer_to} outside a <Dial>"
        )

    def _answered(self, live: LiveCall) -> None:
        """Whatever answered it: a verb, or a `<Dial>` that bridged."""
        live.call.happened(Happening.ANSWERED)

    def _ended(self, live: LiveCall) -> None:
        if live.detected is not None and not live.detected.done():  # the last callback says who had answered
            live.detected.add_done_callback(lambda _: self._ended(live))
            return
        ending, call = live.leg.ended.result(), live.call
        call.sip_response_code = call.sip_response_code or ending.sip_code
        self.live.pop(call.sid, None)
        if live.document is None:  # steered by nothing of its own: a party of a <Dial>
            self._forget(call.sid)
        if not self.live:
            self._none_left.set()
        if any(not tape.finished.done() for tape in live.tapes):
            self.spawn(self._close_after(live, ending, utc_now()), f"last word of {call.sid}")
        else:
            self._close(live, ending, None)

    async def _close_after(self, live: LiveCall, ending: Ending, at: datetime) -> None:
        """The last callback says how long the recording is."""
        await asyncio.wait([tape.finished for tape in live.tapes], timeout=LAST_WORD_S)
        for tape in live.tapes:
            if tape.finished.done():
                live.call.recording = recording_params(tape.finished.result())
        self._close(live, ending, at)

    def _close(self, live: LiveCall, ending: Ending, at: datetime | None) -> None:
        if ending.reason in NOTIFIED:
            self.notify(live.call, *NOTIFIED[ending.reason])
        live.call.happened(ending.what, at)
        log.info("call ended", call_sid=live.call.sid, status=live.call.status.value, reason=ending.reason)

    def child_of(self, parent: Call, target: DialTarget, plan: DialPlan) -> Call:
        call = Call(
            sid=new_call_sid(),
            account_sid=parent.account_sid,
            direction="outbound-dial",
            from_=caller_id(target.kind, plan.caller_id) or parent.from_,
            to=f"client:{target.address.removeprefix('client:')}" if target.kind == "client" else target.address,
            parent=parent,
            hops=parent.hops - 1,
            reason=plan.call_reason,
            referred_by=plan.referred_by,
            status_callback=target.status_callback,
        )
        call.watcher = self.happened
        return call

    def rings(self, call: Call, child: Child | None) -> None:
        if child is not None:
            self.ringing[call.sid] = child
        else:
            self.ringing.pop(call.sid, None)

    def referred(self, talk: Talk, party: Party, referral: Referral) -> None:
        self.spawn(Transfer(self, talk, party, referral).run(), f"transfer {party.live.call.sid}")

    async def replaced(self, target: DialTarget, call: Call) -> LiveCall | None:
        if target.kind != "sip":
            return None
        return await replaced_by_address(target.address, self.live.values(), call.account_sid)

    async def fetch(self, live: LiveCall, request: DocumentRequest) -> tuple[DocumentRequest, DialPlan | None]:
        """Ask for a document before what runs is given up for it; what it dials, if that is all it does. Raises `GatewayError`."""
        return await self._interpreter.fetched(Control(self, live), request)

    async def whisper(self, live: LiveCall, whisper: Whisper) -> bool:
        control = Control(self, live, is_whisper=True)
        finish = await self._interpreter.run(control, DocumentRequest(url=whisper.url, method=whisper.method))
        return finish is Finish.ENDED and not live.leg.ended.done()

    async def wait(
        self,
        live: LiveCall,
        request: DocumentRequest,
        rules: Rules,
        more: Callable[[], Sequence[tuple[str, str]]] = tuple,
    ) -> Finish:
        return await self._interpreter.run(Control(self, live, more=more), request, rules)

    def notify(self, call: Call, code: int, message: str, url: str = "") -> None:
        self._ledger.notified(call, code, message, url)

    def tell(self, lane: str, callback: StatusCallback, params: list[tuple[str, str]]) -> None:
        self._ledger.tell(lane, callback, params)

    async def transcribed(
        self, row: TranscriptionRow, lane: str, callback: StatusCallback | None, params: list[tuple[str, str]]
    ) -> None:
        await self._ledger.transcribed(row, lane, callback, params)

    async def perform(self, control: CallControl, request: DocumentRequest, rules: Rules) -> Finish:
        """Run a document for whatever *control* steers: an announcement to a room is no call's."""
        return await self._interpreter.run(control, request, rules)

    def last_word(self, live: LiveCall, request: DocumentRequest) -> None:
        self.spawn(self._interpreter.tell(Control(self, live), request), f"last word {live.call.sid}")

    def detected(self, call: Call, callback: StatusCallback | None) -> None:
        self._ledger.detected(call, callback)

    def callback_changed(self, call: Call) -> None:
        self._ledger.keep_will(call)

    def happened(self, call: Call, what: Happening) -> None:
        """The watcher of every call."""
        self._ledger.happened(call, what)
        self.rooms.call_changed(call, what)

    def limit(self, live: LiveCall, seconds: float) -> None:
        """End a live call so long after its answer, whatever it does (`TimeLimit`)."""
        left = max(0.0, seconds - live.call.duration_s)
        handle = asyncio.get_running_loop().call_later(left, live.leg.hang_up, "time limit")
        live.leg.ended.add_done_callback(lambda _: handle.cancel())

    # -- what the REST API asks -------------------------------------------------------------------------------------

    def update(self, sid: CallSid, request: DocumentRequest) -> bool:
        """Give a live call a new document at once: what runs is cancelled; a bridged child leaves its parent. False: not live."""
        live = self.live.get(sid)
        if live is None:
            return False
        if live.document is not None and not live.document.done():
            live.replacement = request
            live.document.cancel()
        else:
            live.taken.set()
            if live.party is not None and live.party.talk is not None:
                live.party.talk.end(spare=live.party)
            self.spawn(self.run(live, request), f"taken {sid}")
        return True

    def hang_up(self, sid: CallSid, what: Happening = Happening.COMPLETED) -> bool:
        """End a live call. False: not live."""
        live = self.live.get(sid)
        if live is None:
            return False
        live.leg.hang_up("by the application", what)
        return True

    # -- shutdown ---------------------------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("a task failed", task=task.get_name(), exc_info=fault)

    async def drain(self, seconds: float, *, now: asyncio.Event) -> None:
        """Wait for calls to end by themselves; after *seconds*, or when *now* is set, end them. Then wait for what they owe."""
        waits = [asyncio.create_task(self._none_left.wait()), asyncio.create_task(now.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        for live in tuple(self.live.values()):
            live.leg.hang_up("shutdown")
        owed = {task for task in (*self._tasks, *self._steering) if task is not None}
        if owed:  # a document may still have to ask its action
            await asyncio.wait(owed, timeout=10.0)

    def statuses(self) -> dict[Status, int]:
        """How many live calls there are in each status."""
        counted: dict[Status, int] = {}
        for live in self.live.values():
            counted[live.call.status] = counted.get(live.call.status, 0) + 1
        return counted
