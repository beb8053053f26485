"""One call's documents: fetch, run verb by verb, follow what the verbs say, fall back on faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from gateway.errors import GatewayError, TwimlFault, WebhookFault
from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, DialPlan, DocumentFault, HungUp, Utterance
from gateway.twiml.document import Document, parse
from gateway.twiml.reply import Reply, document
from gateway.twiml.ssml import plain
from gateway.twiml.verb import Ended, FallThrough, Finish, Next, Redirect
from gateway.twiml.verbs.dial import Dial

__all__ = [
    "ANNOUNCEMENT",
    "CALL",
    "QUEUED",
    "WAITING_LINE",
    "WAITING_ROOM",
    "WHISPER",
    "DocumentRequest",
    "Finish",
    "Interpreter",
    "Rules",
]

log = structlog.get_logger(__name__)

MAX_HOPS = 1_000
"""Documents that may follow one another at once; one more for each second that the call lasts."""

MAX_FALLBACKS = 5
"""How often the fallback is asked at once, where what it leads to fails again; once more for each second that the call lasts."""

SORRY = "We are sorry, an application error has occurred. Goodbye."


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRequest:
    """A document to be fetched, or (`twiml`) one that is there. `params` come on top of the call's own."""

    url: str = ""
    method: str = "POST"
    params: tuple[tuple[str, str], ...] = ()
    fallback_url: str = ""
    fallback_method: str = "POST"
    twiml: str = ""
    reply: Reply | None = None
    """What `url` has answered already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a kind of document may hold (`verbs` empty: everything but `<Leave>`) and what is done around it."""

    verbs: frozenset[str] = frozenset()
    code: int = Code.SCHEMA
    """Tells of a verb that may not stand here."""

    loops_audio: bool = False
    """A file instead of a document is played for as long as anybody waits."""

    answers: bool = False
    """A document that runs out answers an unanswered call before it is hung up; a fault is spoken."""


_PROMPTS = frozenset({"Play", "Say", "Pause", "Redirect"})
CALL = Rules(answers=True)
WHISPER = Rules(verbs=_PROMPTS | {"Gather", "Hangup", "Dial"})
"""`<Dial>` may stand here only to be refused with its own code."""

WAITING_LINE = Rules(verbs=_PROMPTS | {"Hangup", "Leave", "Gather"})
WAITING_ROOM = Rules(verbs=_PROMPTS, code=Code.CONFERENCE_WAIT_VERB, loops_audio=True)
"""Before a conference starts, and for a participant on hold."""

ANNOUNCEMENT = Rules(verbs=_PROMPTS)
QUEUED = Rules(verbs=_PROMPTS)
"""What a `<Queue url>` tells the caller who waited."""

Fetch = Callable[[CallControl, DocumentRequest], Awaitable[Reply]]
"""Asks the application. Raises `WebhookFault`."""


class Interpreter:
    """Runs documents; one for all calls. Cancelling `run` stops the verb that runs: that is how a live update begins."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def fetched(self, call: CallControl, request: DocumentRequest) -> tuple[DocumentRequest, DialPlan | None]:
        """The same request with its answer, which is a document; the plan, if all that it does is to dial. Raises `GatewayError`."""
        reply = await self._fetch(call, request)
        verbs = document(reply).verbs
        call.base_url = reply.url
        match verbs:
            case (Dial() as dial,) if dial.only_rings:
                return replace(request, reply=reply), dial.plan(call)
        return replace(request, reply=reply), None

    async def run(self, call: CallControl, first: DocumentRequest, rules: Rules | None = None) -> Finish:
        """From the first document to the end of the last. Never raises but `CancelledError`."""
        rules = rules or (WHISPER if call.is_whisper else CALL)
        try:
            return await _Run(self._fetch, call, first, rules).follow()
        except HungUp:
            return Finish.GONE
        except Exception:
            log.exception("internal failure after a document's fault", call_sid=call.call_sid)
            return Finish.FAILED

    async def tell(self, call: CallControl, request: DocumentRequest) -> None:
        """Make a request whose answer nobody looks at. Never raises but `CancelledError`."""
        await _Run(self._fetch, call, request, CALL).last(request)


class _Run:
    """The state of one run: where it is, and whether the fallback has been used."""

    def __init__(self, fetch: Fetch, call: CallControl, first: DocumentRequest, rules: Rules) -> None:
        self._fetch = fetch
        self._call = call
        self._first = first
        self._rules = rules
        self._in_fallback = False
        self._fallbacks = 0
        self._dialled = False
        self._hops = 0
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()

    async def follow(self) -> Finish:
        request: DocumentRequest | None = self._first
        while request is not None:
            try:
                self._count_hop()
                step = await self._run(await self._load(request))
            except HungUp:
                raise
            except (GatewayError, DocumentFault) as fault:
                request = self._fallback(fault, request)
                continue
            except Exception as bug:
                log.exception("internal failure while a document ran", call_sid=self._call.call_sid)
                internal = TwimlFault(Code.INTERNAL, f"internal failure: {type(bug).__name__}")
                request = self._fallback(internal, request)
                continue
            if isinstance(step, Finish):
                return step
            self._in_fallback = False
            request = DocumentRequest(url=step.url, method=step.method, params=step.params)
            if self._call.is_over:
                await self.last(request)
                return Finish.GONE
            await asyncio.sleep(0)
        if self._call.is_over:
            return Finish.GONE
        await self._apologise()
        return Finish.FAILED

    async def _load(self, request: DocumentRequest) -> Document:
        if request.twiml:
            self._call.base_url = ""
            found = parse(
                request.twiml.removeprefix("\ufeff").encode(), "utf-8"
            )  # whatever it declares: it was read as text
        else:
            reply = request.reply or await self._fetch(self._call, request)
            self._call.base_url = reply.url
            found = document(reply, loops=0 if self._rules.loops_audio else 1)
        for note in found.notes:
            self._call.notify(note.code, note.message)
        return found

    async def _run(self, found: Document) -> Finish | Redirect:
        for verb in found.verbs:
            if self._call.is_over:
                return Finish.GONE
            if not self._may_stand(verb.element):
                self._call.notify(self._rules.code, f"<{verb.element}> may not stand in this document: passed over")
                continue
            self._dialled = self._dialled or isinstance(verb, Dial)
            log.debug("verb", call_sid=self._call.call_sid, verb=verb.element)
            step: Next = await verb.run(self._call)
            if not isinstance(step, FallThrough):
                return step.finish if isinstance(step, Ended) else step
        if self._rules.answers and not self._dialled and not self._call.is_over:
            await self._call.answer()
        return Finish.ENDED

    def _may_stand(self, element: str) -> bool:
        return element in self._rules.verbs if self._rules.verbs else element != "Leave"

    def _count_hop(self) -> None:
        self._hops += 1
        if self._hops > MAX_HOPS + self._loop.time() - self._began_at:
            self._in_fallback = True  # the fallback would only go on with it
            message = f"{MAX_HOPS} documents followed one another at once"
            raise TwimlFault(Code.TOO_MANY_REDIRECTS, message, url=self._call.base_url)

    def _fallback(self, fault: GatewayError | DocumentFault, request: DocumentRequest) -> DocumentRequest | None:
        """What is asked after a fault: the fallback URL with the code, unless it is the fallback that failed or nobody is there."""
        url = fault.url or self._call.base_url or request.url
        log.warning(
            "document fault", call_sid=self._call.call_sid, code=int(fault.code), fault=fault.message, error_url=url
        )
        self._call.notify(fault.code, f"{fault.message} ({url})" if url else fault.message, fault.url)
        if self._in_fallback or not self._first.fallback_url or self._call.is_over:
            return None
        self._in_fallback = True
        self._fallbacks += 1
        if self._fallbacks > MAX_FALLBACKS + self._loop.time() - self._began_at:
            return None
        more = (("ErrorCode", str(int(fault.code))), ("ErrorUrl", url))
        return DocumentRequest(
            url=self._first.fallback_url, method=self._first.fallback_method, params=(*request.params, *more)
        )

    async def last(self, request: DocumentRequest) -> None:
        """The action of a verb whose caller has left: it is told, and what it answers is not looked at."""
        try:
            await self._fetch(self._call, request)
        except WebhookFault as fault:
            log.warning("last action failed", call_sid=self._call.call_sid, code=fault.code, fault=fault.message)
            self._call.notify(fault.code, f"{fault.message} ({fault.url or request.url})", fault.url)

    async def _apologise(self) -> None:
        """Nobody is left in silence: say that something went wrong, where there is a voice."""
        if not self._rules.answers:
            return
        try:
            await self._call.say(Utterance(ssml=plain(SORRY)))
        except DocumentFault as fault:
            log.warning(
                "nothing could be said", call_sid=self._call.call_sid, code=int(fault.code), fault=fault.message
            )
