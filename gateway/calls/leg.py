"""One telephone: a SIP session and a slot of the engine, as the parts of a call see them (the seam between `sip` and `media`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import assert_never

import structlog

from gateway.calls.call import Happening
from gateway.calls.ending import Ending, outcome, sip_reason, x_headers
from gateway.calls.keys import Keys
from gateway.calls.negotiate import Negotiation
from gateway.calls.referral import Reception, Referral
from gateway.calls.until import Until
from gateway.twiml.control import HungUp
from media import events as media_events
from media.client import EngineClient
from media.commands import Arm, Close, Connect, SendDigits
from media.events import Opened
from media.streams import Slot
from sip.endpoint import Session
from sip.errors import RemoteError
from sip.events import (
    Accepted,
    Answered,
    Canceled,
    Confirmed,
    Digit,
    Ended,
    Info,
    Offered,
    Progress,
    ReferProgress,
    Referred,
    Refused,
    SessionEvent,
)
from sip.replaces import Replaces

log = structlog.get_logger(__name__)


class Leg:
    """Owns its session, its slot and the pump between them; not the call's status, nor who hears it.

    `answered` and `ended` are futures that never raise: `answered` gives False when the leg ended before.
    """

    def __init__(self, session: Session, engine: EngineClient, opened: Opened, negotiation: Negotiation) -> None:
        loop = asyncio.get_running_loop()
        self._session = session
        self._engine = engine
        self._negotiation = negotiation
        self._keys = Keys()
        self._digit_listeners: list[Callable[[str], None]] = []
        self._key_listeners: list[Callable[[str], None]] = []
        self._hung_up: Ending | None = None
        self.slot: Slot = opened.slot
        self.answered: asyncio.Future[bool] = loop.create_future()
        self.ended: asyncio.Future[Ending] = loop.create_future()
        self.on_progress: Callable[[bool], None] = lambda early_media: None
        self.reception = Reception()
        """Of the peer's REFERs."""

        self.on_refer_progress: Callable[[ReferProgress], None] = lambda progress: None
        self.peer_headers: tuple[tuple[str, str], ...] = ()
        """X- headers of the response that answered."""

        self.answered_at = 0.0
        """When the answer came, on the loop's clock."""

        self._early = False
        self._unlisten = engine.listen(opened.slot, self._engine_said)
        self._pump = loop.create_task(self._run(), name=f"leg {session.call_id}")

    @property
    def call_id(self) -> str:
        return self._session.call_id

    @property
    def is_heard(self) -> bool:
        """Whether the called side has said anything at all to our INVITE, be it 100."""
        return self._session.is_heard

    @property
    def is_early(self) -> bool:
        """Whether media flows although nobody has answered."""
        return self._early and not self.answered.done()

    def is_dialog(self, meant: Replaces) -> bool:
        """Whether this telephone's dialog is the one meant; one that rings may have several."""
        return any(meant.means(*key) for key in self._session.dialogs)

    @property
    def is_answered(self) -> bool:
        return self.answered.done() and self.answered.result()

    # -- towards a caller -------------------------------------------------------------------------------------------

    def ring(self) -> None:
        """180 Ringing; nothing after the answer or the end."""
        if not self.answered.done() and not self._session.is_uac and not self._early:
            self._session.ring()

    def early(self) -> None:
        """183 with our answer: the caller hears what is routed to it before the call is answered (and pays for)."""
        if self.answered.done() or self._session.is_uac or self._early:
            return
        sdp = self._negotiation.early_sdp()
        if sdp is None:  # an INVITE without an offer: nothing to answer yet
            self.ring()
            return
        self._early = True
        self._session.ring(sdp, status=183)
        self._connect()

    async def answer(self) -> None:
        """200 OK with our SDP, if not yet answered. Returns when audio can flow. Raises `HungUp` when the leg has ended."""
        if self.ended.done():
            raise HungUp
        if self.is_answered:
            return
        if not self._session.is_uac:
            self._session.accept(self._negotiation.local_sdp())
            self._connect()
            if self._negotiation.waits_for_answer:
                if not await asyncio.shield(self.answered):
                    raise HungUp
            elif not self.answered.done():
                self.answered.set_result(True)

    def refuse(self, status: int, what: Happening, reason: str = "") -> None:
        """A final response other than 2xx to an unanswered caller."""
        if self.answered.done():
            self.hang_up(reason)
            return
        self._hung_up = Ending(what=what, sip_code=status, reason=reason)
        self._session.refuse(status)
        self._end(self._hung_up)

    # -- towards anyone ---------------------------------------------------------------------------------------------

    def hang_up(self, reason: str = "", what: Happening = Happening.COMPLETED) -> None:
        """BYE, CANCEL or a refusal, as the state has it. Valid in any state, any number of times."""
        if self.ended.done():
            return
        if self.is_answered:
            self._session.bye(sip_reason(reason))
        elif self._session.is_uac:
            self._session.cancel(sip_reason(reason))
            what = Happening.CANCELED
        else:
            self._session.refuse(480)
            what = Happening.CANCELED if what is Happening.CANCELED else Happening.NO_ANSWER
        self._end(Ending(what=what, reason=reason))

    def on_digit(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call *listener* for every key pressed from now on; gives the function that ends it."""
        self._digit_listeners.append(listener)
        return lambda: self._digit_listeners.remove(listener)

    def on_key(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """The same without the keys that are heard as tones: those go wherever the voice goes."""
        self._key_listeners.append(listener)
        return lambda: self._key_listeners.remove(listener)

    async def send_digits(self, digits: str) -> None:
        """Send digits and wait until they are sent. `w` and `W` wait. Raises `HungUp`."""
        ticket = self._engine.number()
        sent = asyncio.Event()
        unlisten = self._engine.listen(ticket, lambda event: sent.set())
        try:
            self._engine.send(SendDigits(slot=self.slot, digits=digits, ticket=ticket))
            async with Until(self.ended, HungUp):
                await sent.wait()
        finally:
            unlisten()

    def arm(self) -> None:
        """Let the engine keep what this telephone says, for a detection that begins after its answer and hears all since."""
        self._engine.send(Arm(slot=self.slot))

    def refer(self, target: str, headers: Sequence[tuple[str, str]]) -> None:
        """Ask this telephone to call *target*; `on_refer_progress` tells how it gets on."""
        self._session.refer(target, headers)

    # -- the pump ---------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Take the session's events until it has ended."""
        while True:
            event = await self._session.next_event()
            self._handle(event)
            if Session.is_last(event):
                return

    def _handle(self, event: SessionEvent) -> None:
        match event:
            case Progress():
                self._progress(event)
            case Accepted():
                self._accepted(event)
            case Confirmed():
                self._confirmed(event)
            case Offered():
                self._offered(event)
            case Answered():
                if event.sdp is not None:
                    self._settle(event.sdp)
            case Refused() | Canceled() | Ended():
                self._over(event)
            case _:
                self._told(event)

    def _told(self, event: Digit | Info | Referred | ReferProgress) -> None:
        """What does not change the session."""
        match event:
            case Digit():
                self._digit(event.digit, "info")
            case Info():
                log.debug("INFO of no known type", call_id=self.call_id, content_type=event.content_type)
            case Referred():
                self._referred(event)
            case ReferProgress():
                self.on_refer_progress(event)
            case _:
                assert_never(event)

    def _over(self, event: Refused | Canceled | Ended) -> None:
        match event:
            case Refused():
                self._refused(event)
            case Canceled():
                self._end(Ending(what=Happening.NO_ANSWER, sip_code=487, reason="the caller left", by_peer=True))
            case Ended():
                self._end(Ending(what=Happening.COMPLETED, reason=event.cause, by_peer=event.cause == "bye"))
            case _:
                assert_never(event)

    def _progress(self, event: Progress) -> None:
        if self.answered.done() or event.response.status == 100:
            return
        early_media = event.sdp is not None and self._settle(event.sdp)
        self._early = self._early or early_media
        self.on_progress(self._early)

    def _accepted(self, event: Accepted) -> None:
        self.peer_headers = x_headers(event.response.headers)
        if event.sdp is not None and not self._settle(event.sdp):
            self._session.bye('SIP;cause=488;text="No codec in common"')
            self._end(Ending(what=Happening.FAILED, sip_code=488, reason="no common codec"))
            return
        if not self.answered.done():
            self.answered_at = asyncio.get_running_loop().time()
            self.answered.set_result(True)

    def _refused(self, event: Refused) -> None:
        headers = x_headers(event.response.headers) if event.response is not None else ()
        nobody = event.response is None and event.status == 408  # not a word: no telephone has rung
        what = Happening.FAILED if nobody else outcome(event.status)
        self._end(Ending(what=what, sip_code=event.status, reason=event.reason, headers=headers, by_peer=True))

    def _confirmed(self, event: Confirmed) -> None:
        if event.sdp is not None and not self._settle(event.sdp):
            self._session.bye()
            return
        if not self.answered.done():
            self.answered.set_result(True)

    def _offered(self, event: Offered) -> None:
        """A re-INVITE or UPDATE of the peer: hold, resume, another codec or address."""
        try:
            sdp = self._negotiation.offered(event.sdp)
        except RemoteError as fault:
            self._session.reject_offer(fault.status)
            return
        self._session.answer(sdp)
        self._connect()

    def _settle(self, sdp: bytes) -> bool:
        """Take the peer's answer to our offer. False: it can't be used."""
        try:
            self._negotiation.answered(sdp)
        except RemoteError as fault:
            log.warning("answer can't be used", call_id=self.call_id, reason=str(fault))
            return False
        self._connect()
        return True

    def _connect(self) -> None:
        params = self._negotiation.params
        if params is not None:
            self._engine.send(Connect(slot=self.slot, params=params))

    def _referred(self, event: Referred) -> None:
        self.reception.came(Referral(self._session, event))

    def _digit(self, digit: str, way: str) -> None:
        if not self._keys.is_new(digit, way, asyncio.get_running_loop().time()):
            return
        for listener in (*self._digit_listeners, *(self._key_listeners if way != "tone" else ())):
            listener(digit)

    def _engine_said(self, event: media_events.Event) -> None:
        match event:
            case media_events.Digit(digit=digit, in_band=in_band):
                self._digit(digit, "tone" if in_band else "rtp")
            case media_events.WentOver(payload_type=payload_type):
                self._negotiation.went_over(payload_type)
                self._connect()
            case media_events.Silent(silent_s=silent_s):
                log.warning("no RTP from the peer", call_id=self.call_id, silent_s=silent_s)
                self.hang_up("no RTP")

    def _end(self, ending: Ending) -> None:
        """Once: the slot goes back, whoever waits is told."""
        if self.ended.done():
            return
        self._unlisten()
        self.reception.forget()
        self._engine.send(Close(slot=self.slot))
        self.ended.set_result(ending)
        if not self.answered.done():
            self.answered.set_result(False)
