"""What the parts of a call share: the live call, and what the house offers them (the protocol that `calls.py` fulfils)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.calls.call import Call
from gateway.calls.leg import Leg
from gateway.config import Config
from gateway.speech import Listener
from gateway.storage.models import TranscriptionRow
from gateway.twiml.control import DialPlan, DialTarget, StatusCallback, Utterance, Whisper
from gateway.twiml.interpreter import DocumentRequest, Finish, Rules
from media.client import EngineClient

if TYPE_CHECKING:
    from gateway.calls.child import Child
    from gateway.calls.conferences import Rooms
    from gateway.calls.destinations import Destinations
    from gateway.calls.queues import Lines
    from gateway.calls.recordings import Recordings, Taping
    from gateway.calls.referral import Referral
    from gateway.calls.talk import Party, Talk
    from gateway.calls.telephones import Telephones


@dataclass(eq=False, slots=True, kw_only=True)
class LiveCall:
    """A call that has a telephone: the resource, its leg, and the documents that steer it."""

    call: Call
    leg: Leg
    document: asyncio.Task[Finish] | None = None
    replacement: DocumentRequest | None = None
    """What a live update asked for: the running document is cancelled and this one begins."""

    detected: asyncio.Future[None] | None = None
    """Done when it is known who answered, where that is asked; the call's end is told after that."""

    party: Party | None = None
    """Its side of the talk that it is in."""

    tapes: list[Taping] = field(default_factory=list)
    """Recordings that the call's last callback tells of, so it waits for them."""

    prepared: Child | None = None
    """Who has answered already, for the `<Dial>` that comes next: a transfer found out before it gave the old call up."""

    taken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when an update takes a dialled child from its `<Dial>`: the parent's verb ends, the child lives on."""


class Speaker(Protocol):
    """Speech out: text to samples, in pieces as they are made."""

    @property
    def rate_hz(self) -> int: ...

    def speak(self, utterance: Utterance) -> AsyncIterator[bytes]:
        """16-bit mono PCM. Raises `DocumentFault` where the voice can't be had."""
        ...


class AudioCache(Protocol):
    """Audio for `<Play>`: fetched once, kept by ETag."""

    async def fetch(self, url: str, call_sid: str = "") -> Path:
        """A file on this machine, with the cookies and logins of that call. Raises `DocumentFault`."""
        ...


class Exchange(Protocol):
    """The house as the parts of a call see it: one of each, and the few things that concern all calls."""

    @property
    def config(self) -> Config: ...

    @property
    def engine(self) -> EngineClient: ...

    @property
    def telephones(self) -> Telephones: ...

    @property
    def destinations(self) -> Destinations: ...

    @property
    def recordings(self) -> Recordings: ...

    @property
    def rooms(self) -> Rooms: ...

    @property
    def lines(self) -> Lines: ...

    @property
    def speaker(self) -> Speaker: ...

    @property
    def listener(self) -> Listener: ...

    @property
    def transcribing(self) -> asyncio.Semaphore:
        """Held while a recording is written down."""
        ...

    @property
    def audio(self) -> AudioCache: ...

    def child_of(self, parent: Call, target: DialTarget, plan: DialPlan) -> Call:
        """A new outbound-dial call for a target, not yet placed."""
        ...

    def rings(self, call: Call, child: Child | None) -> None:
        """A child rings; None: it does not any more."""
        ...

    def referred(self, talk: Talk, party: Party, referral: Referral) -> None:
        """One side of a talk asks us to connect the other with somebody else."""
        ...

    async def replaced(self, target: DialTarget, call: Call) -> LiveCall | None:
        """The live call whose dialog a `<Sip>` address wants replaced; None: it says nothing of that."""
        ...

    def adopt(self, live: LiveCall) -> None:
        """Keep an answered call in the table of live calls until its leg ends."""
        ...

    async def whisper(self, live: LiveCall, whisper: Whisper) -> bool:
        """Run a whisper document on a called party. False: it hung up or was hung up, and is not to be bridged."""
        ...

    async def wait(
        self,
        live: LiveCall,
        request: DocumentRequest,
        rules: Rules,
        more: Callable[[], Sequence[tuple[str, str]]] = tuple,
    ) -> Finish:
        """Run a document for a call that waits in a room or a line; *more* parameters go with each of its webhooks."""
        ...

    def last_word(self, live: LiveCall, request: DocumentRequest) -> None:
        """Ask the application for a verb that was cut off; what it answers is not looked at."""
        ...

    def notify(self, call: Call, code: int, message: str, url: str = "") -> None:
        """Keep a notification with a call and log it. *url*: what was asked; else it is the running document."""
        ...

    def tell(self, lane: str, callback: StatusCallback, params: list[tuple[str, str]]) -> None:
        """Promise a callback; those of one *lane* leave in order."""
        ...

    async def transcribed(
        self, row: TranscriptionRow, lane: str, callback: StatusCallback | None, params: list[tuple[str, str]]
    ) -> None:
        """Keep what has become of a transcription and, together with it, the promise of its callback."""
        ...

    def detected(self, call: Call, callback: StatusCallback | None) -> None:
        """Keep who answered a call, and tell *callback*."""
        ...

    def spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        """Run *work* beside the calls; it is awaited at shutdown."""
        ...
