"""The composition root: the only place that constructs. `async with App(config)` is a gateway's whole life."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from gateway import tls
from gateway.api import openapi
from gateway.api.app import PREFIX, api_application
from gateway.api.auth import Gatekeeper
from gateway.api.calls import end_call, withdraw
from gateway.api.departures import Departures
from gateway.api.recordings import Recordings as ApiRecordings
from gateway.api.services import Services
from gateway.audio import AudioFiles
from gateway.bins import SCHEME, Bins
from gateway.calls.arrival import arrival
from gateway.calls.calls import Calls
from gateway.calls.child import Child
from gateway.calls.destinations import Destinations
from gateway.calls.exchange import LiveCall
from gateway.calls.live_calls import ApiCalls
from gateway.calls.live_rooms import ApiQueues, ApiRooms
from gateway.calls.outbound import Outbound
from gateway.calls.recordings import Recordings
from gateway.calls.recovery import finish, recover
from gateway.calls.telephones import Telephones
from gateway.calls.transfer import replaced_by_invite
from gateway.config import Config, StorageConfig
from gateway.console.app import PREFIX as CONSOLE
from gateway.console.app import Parts, console_application, lines_of, slots_of, to_console
from gateway.console.live import House
from gateway.directory.directory import Directory
from gateway.directory.keeper import Keeper
from gateway.http import HttpServer, tls_listen
from gateway.ledger import Ledger
from gateway.metrics import Metrics
from gateway.routing.inbound import Doorkeeper
from gateway.routing.registrations import Registrations, wall_clock
from gateway.routing.trunks import TrunkKeeper
from gateway.speech.espeak import EspeakSpeaker
from gateway.speech.sphinx import SphinxListener
from gateway.storage.keeping import Keeping
from gateway.storage.media import Media
from gateway.storage.objects import Bucket
from gateway.storage.resources import NumberRow
from gateway.storage.store import Store
from gateway.storage.workshop import Workshop
from gateway.trace import Trace
from gateway.twiml.interpreter import Interpreter
from gateway.webhooks.callbacks import Callbacks
from gateway.webhooks.client import Exchange, WebhookClient
from gateway.webhooks.documents import Documents
from gateway.webhooks.guard import Guard
from gateway.webhooks.journal import event_of
from gateway.webhooks.outbox import Outbox, Undelivered
from media.client import EngineClient, EngineConfig
from media.events import Health
from sip.endpoint import Endpoint, ServerRequest, Session
from sip.errors import RemoteError
from sip.limits import TokenBuckets
from sip.resolve import Resolver
from sip.session import ALLOW
from sip.transport import Flow

log = structlog.get_logger(__name__)


class App:
    """Owns one of each. `stop_taking_calls` and `drain` before leaving make the end graceful."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.metrics = Metrics()
        self.trace = Trace()
        self._opened = AsyncExitStack()
        self._taking_calls = False
        self._hurry = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open storage, engine, sockets. Raises `StorageFault`, `OSError`; what was opened is closed again."""
        async with AsyncExitStack() as opened:
            await self._open(opened)
            self._opened = opened.pop_all()
        self._taking_calls = True
        return self

    async def _open(self, opened: AsyncExitStack) -> None:
        config = self.config
        self.store = await opened.enter_async_context(Store(config.storage.database))
        self.directory = Directory(config)
        keeper = Keeper(self.directory, self.store)
        await keeper.load()
        self.workshop = await opened.enter_async_context(Workshop())
        media = await asyncio.to_thread(_media, config.storage, self.workshop)
        unfinished = await recover(self.store, media, config.http.public_url)
        self.keeping = await opened.enter_async_context(
            Keeping(self.store, media, makes_mp3=config.storage.mp3 == "after-call")
        )
        self.client = await opened.enter_async_context(
            WebhookClient(
                auth_token=config.account.auth_token,
                guard=Guard(config.http.allow_private),
                bins=Bins({item.name: item.twiml for item in config.bins}),
                on_exchange=self._exchanged,
                token_of=self.directory.token_of,
            )
        )
        self.outbox = Outbox(self.store, Callbacks(self.client), failed=self._callback_failed)
        documents = Documents(self.client)
        self.ledger = Ledger(self.store, self.outbox, self.metrics, config.account.sid, documents.last)
        await opened.enter_async_context(self.outbox)
        self.engine = await opened.enter_async_context(EngineClient(engine_config(config)))
        self.engine.on_health = self._health
        self.engine.on_death = self._engine_died
        speaker = await opened.enter_async_context(EspeakSpeaker())
        listener = await opened.enter_async_context(SphinxListener())
        self.doorkeeper = Doorkeeper(config, self.directory)
        self.registrations = Registrations(config.sip, self.store)
        await self.registrations.load()
        self.directory.on_leave = self.registrations.forget
        self.endpoint = await opened.enter_async_context(
            Endpoint(
                config.sip.listen,
                admit=self.doorkeeper.admit,
                on_invite=self._on_invite,
                on_request=self._on_request,
                resolver=Resolver(),
                on_trace=self._traced,
                allow=TokenBuckets().take,
                session_expires_s=config.sip.session_expires_s,
                public_host=_public_host(config),
                server_tls=tls.of_sip(config.sip.listen, config.sip.certificate, config.sip.private_key),
            )
        )
        telephones = Telephones(self.endpoint, self.engine, config.rtp.address)
        self.trunks = await opened.enter_async_context(TrunkKeeper(config, self.endpoint))
        clips = opened.enter_context(tempfile.TemporaryDirectory(prefix="crosspoint-audio-"))
        recordings = Recordings(
            self.engine,
            media,
            config.http.public_url,
            on_change=self.ledger.recorded,
            on_kept=self.keeping.keep,
            spawn=self._spawn,
        )
        self.calls = Calls(
            config=config,
            engine=self.engine,
            telephones=telephones,
            destinations=Destinations(
                config, self.registrations.registrar, self.doorkeeper, self.directory, self._own_address, wall_clock
            ),
            interpreter=Interpreter(documents),
            recordings=recordings,
            speaker=speaker,
            listener=listener,
            audio=AudioFiles(self.client, Path(clips), documents.visit),
            ledger=self.ledger,
            forget=documents.forget,
        )
        self.http = HttpServer(
            config.http.listen,
            ready=lambda: self._taking_calls,
            figures=self._figures,
            alive=lambda: self.engine.alive,
            tls=tls_listen(config.http),
        )
        live = ApiCalls(self.calls, Outbound(self.calls))
        departures = await opened.enter_async_context(
            Departures(
                self.store,
                live,
                config.limits.calls_per_second,
                open_=lambda: self._taking_calls,
            )
        )
        services = Services(
            config=config,
            store=self.store,
            directory=self.directory,
            keeper=keeper,
            calls=live,
            rooms=ApiRooms(self.calls),
            queues=ApiQueues(self.calls),
            departures=departures,
            media=media,
            keep=self.keeping.keep,
        )
        self.calls.rooms.withdraw = lambda sid: self._spawn(withdraw(services, sid), f"withdraw {sid}")
        self._spawn(finish(unfinished, recordings), "recordings of an earlier run")
        gate = Gatekeeper(self.directory, asyncio.get_running_loop().time)
        self.http.add_routes([web.get("/", to_console)])
        self.http.mount(CONSOLE, console_application(self._console(services, gate)))
        self.http.mount(PREFIX, api := api_application(services, gate))
        self.http.add_routes(openapi.routes(api, config.http.public_url))
        await opened.enter_async_context(self.http)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_taking_calls()
        await self.calls.drain(0.0, now=self._hurry)
        await self._opened.aclose()

    def _console(self, services: Services, gate: Gatekeeper) -> Parts:
        """What the console looks at."""
        house = House(
            config=self.config,
            calls=self.ledger.live,
            booked=lambda: services.departures.waiting,
            rooms=self.calls.rooms.all,
            lines=lines_of(self.calls),
            telephones=lambda user: self.registrations.registrar.bindings(user, wall_clock()),
            trunks=lambda: self.trunks.up,
            numbers=lambda account: self.directory.all(NumberRow, account),
            is_taking_calls=lambda: self._taking_calls,
        )
        return Parts(
            house=house,
            store=self.store,
            trace=self.trace,
            engine=self.engine,
            gate=gate,
            slots=slots_of(self.calls),
            end=lambda row, status: end_call(services, row, status),
            sound=ApiRecordings(services).sound,
            clock=asyncio.get_running_loop().time,
        )

    # -- the end ----------------------------------------------------------------------------------------------------

    def stop_taking_calls(self) -> None:
        """New calls get 503, `/ready` says so; what is there goes on."""
        self._taking_calls = False
        self.endpoint.stack.refusing = True

    def hurry(self) -> None:
        """End what is left now."""
        self._hurry.set()

    async def drain(self) -> None:
        """Wait for calls to end by themselves, at most `limits.drain_seconds`; then end them."""
        self.stop_taking_calls()
        await self.calls.drain(self.config.limits.drain_seconds, now=self._hurry)

    # -- what comes in ----------------------------------------------------------------------------------------------

    async def _on_invite(self, session: Session) -> None:
        try:
            arrived = arrival(session, self.directory)
            replaced = await replaced_by_invite(
                session.request, self.calls.live.values(), self.calls.ringing.values(), arrived.call.account_sid
            )
        except RemoteError as fault:
            session.refuse(fault.status, fault.reason)
            return
        most = self.config.limits.max_calls
        if most and len(self.calls.live) >= most:
            session.refuse(503, headers=[("Retry-After", "10")])
            return
        leg = await self.calls.telephones.inbound(session)
        if leg is None:
            return
        match replaced:
            case LiveCall():
                await self.calls.take_over(arrived.call, leg, replaced)
            case Child():
                await self.calls.pick_up(leg, replaced)
            case None:
                await self.calls.inbound(arrived.call, leg, arrived.first)

    async def _on_request(self, request: ServerRequest) -> None:
        match request.request.method:
            case "REGISTER":
                self.registrations.register(request)
            case "OPTIONS":
                request.reply(200, headers=[("Allow", ALLOW), ("Accept", "application/sdp")])
            case _:
                request.reply(405, headers=[("Allow", ALLOW)])

    def _traced(self, sent: bool, flow: Flow, data: bytes) -> None:
        self.trace.add(asyncio.get_running_loop().time(), sent, flow, data)

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        self.calls.spawn(work, name)

    def _own_address(self) -> tuple[str, str, int]:
        """(transport, host, port) where we reach ourselves."""
        name, _, address = self.endpoint.addresses[0].partition("://")
        host, _, port = address.rpartition(":")
        return name, "127.0.0.1" if host in ("0.0.0.0", "::") else host, int(port)

    # -- figures ----------------------------------------------------------------------------------------------------

    def _callback_failed(self, what: Undelivered) -> None:
        self.ledger.callback_failed(what)

    def _exchanged(self, exchange: Exchange) -> None:
        if not exchange.fetch.url.startswith(SCHEME):
            self.metrics.webhook(exchange.duration_ms / 1000)
        event = event_of(exchange)
        if event is not None:
            self.store.put(event)

    def _health(self, health: Health) -> None:
        self.metrics.engine({name: float(value) for name, value in dataclasses.asdict(health).items()})

    def _engine_died(self) -> None:
        """Its legs are lost: their calls end, and say so. New ones are refused until somebody starts us again."""
        log.error("the media engine has ended: every call ends")
        self.stop_taking_calls()
        self.calls.recordings.engine_died()
        for live in tuple(self.calls.live.values()):
            live.leg.hang_up("the media engine has ended")

    def _figures(self) -> bytes:
        self.metrics.live({status.value: count for status, count in self.calls.statuses().items()})
        self.metrics.sip(self.endpoint.counters, *self.endpoint.stack.load)
        registered = len(self.registrations.registrar.users(wall_clock()))
        self.metrics.house(registered=registered, callbacks=self.outbox.waiting)
        self.metrics.trunks(self.trunks.up)
        self.metrics.held(
            legs=self.calls.telephones.count,
            calls=len(self.calls.live),
            rows=self.engine.lent,
            tasks=len(asyncio.all_tasks()),
        )
        recordings = self.calls.recordings
        states = {
            "running": len(recordings.running),
            "finishing": recordings.finishing,
            "keeping": self.keeping.waiting,
        }
        self.metrics.recordings(states, self.workshop.figures())
        return self.metrics.text()


def _public_host(config: Config) -> str:
    """What Via and Contact say where we listen on every address, which is none to call: the one that SDP names; where that is
    this machine's own (`""`), the one that the peer sees."""
    hosts = [text.partition("://")[2].rpartition(":")[0] for text in config.sip.listen]
    is_own = ip_address(config.rtp.address).is_loopback
    return config.rtp.address if {"0.0.0.0", "[::]"} & set(hosts) and not is_own else ""


def _media(storage: StorageConfig, workshop: Workshop) -> Media:
    """The folder of recordings, made if need be, as an absolute path (the engine's working directory is another). Raises `StorageFault`."""
    objects = None
    if storage.is_remote:
        objects = Bucket(storage.recordings, endpoint=storage.endpoint, region=storage.region)
    folder = Path(storage.spool if storage.is_remote else storage.recordings).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return Media(folder, workshop, objects)


def engine_config(config: Config) -> EngineConfig:
    """The engine's part of the configuration."""
    first, last = config.rtp.ports
    return EngineConfig(
        address=config.rtp.bind or config.rtp.address,
        first_port=first,
        last_port=last,
        port_rest_s=config.rtp.port_rest_s,
        silent_s=config.rtp.silence_s,
        silent_on_hold_s=config.rtp.hold_silence_s,
        name=config.sip.domain,
    )
