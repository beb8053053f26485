"""One tick of the engine, pure: commands and datagrams in, packets and events out; a test hands it arrays and a counted clock."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from media import commands as asked
from media.arrived import Wire
from media.boxes import boxes_for
from media.commands import Command
from media.config import EngineConfig
from media.detectors import Detectors
from media.errors import NoPortLeft, NoRowLeft, NoSuchCodec
from media.events import Closed, DigitsSent, Event, NotOpened, NotPlayed, Opened, Silent, Stats
from media.figures import Figures
from media.inbound import Inbound
from media.jitter import CELL_MS
from media.keypad import Keypad
from media.legs import TABLES, Leg, address_of
from media.limiter import Limiter
from media.meters import Meters
from media.outbound import Outbound
from media.player import Player
from media.reporter import Reporter
from media.routes import Routes
from media.slots import Kind, Slots
from media.streams import FRAME, Slot, StreamParams, StreamStats
from media.tapes import Tapes

log = logging.getLogger("media.engine")
Floats = NDArray[np.float32]
CHECK_TICKS = 25
"""Silence is looked for every half second."""


class Engine:
    """Owns the bus and everything on it; the sockets and the clock are its driver's."""

    def __init__(
        self, config: EngineConfig, wire: Wire, chance: random.Random, *, now: float, wall_offset_s: float = 0.0
    ) -> None:
        rows = config.rows
        self._config = config
        self._wire = wire
        self._chance = chance
        self._now = now
        self._events: list[Event] = []
        self._ticks = 0
        self.ended = False
        self.slots = Slots(rows)
        self.legs: dict[int, Leg] = {}
        self.routes = Routes()
        self.figures = Figures(rows)
        self.heard: Floats = np.zeros((rows, FRAME), dtype=np.float32)
        self.said: Floats = np.zeros((rows, FRAME), dtype=np.float32)
        self.outbound = Outbound(rows, wire, self.legs, self.figures, chance)
        self.reporter = Reporter(config, wire, self.figures, self.outbound, chance, wall_offset_s)
        self.keypad = Keypad(self.outbound, self._events.append)
        self.inbound = Inbound(
            rows,
            wire,
            self.legs,
            self.figures,
            self._events.append,
            self.keypad.packet,
            self._report,
            lambda leg: self.outbound.changed(),
        )
        self.detectors = Detectors(rows, self.legs, self._events.append)
        self._players = {Kind.LEG: Player(), Kind.ROOM: Player()}
        self._rooms: list[int] = []
        self._limiter = Limiter(rows)
        self.tapes = Tapes()
        self._meters = Meters()

    def tick(self, now: float, commands: Sequence[Command]) -> list[Event]:
        """Apply *commands*, then take every row 20 ms further; answers what happened."""
        self._now = now
        self._ticks += 1
        heard, said = self.heard, self.said
        self.inbound.take()  # first: what came is for the legs that were open when it came
        for command in commands:
            self._apply(command)
        self.inbound.frames(heard)
        self.detectors.listen(heard, now)
        self._mix(self.slots.top)
        self.tapes.push(heard, said, self._events.append)
        self.outbound.send(said)
        if (reading := self._meters.tick(heard, said)) is not None:
            self._events.append(reading)
        self.reporter.tick(self.legs, now)
        if self._ticks % CHECK_TICKS == 0:
            self._check_silence()
        events = self._events.copy()
        self._events.clear()
        return events

    def skip(self, ticks: int) -> None:
        """Ticks were given up after a stall: the streams' time goes on without them."""
        self.outbound.skip(ticks)
        self.inbound.skip(ticks)
        self.tapes.skip(ticks, self._events.append)

    def shut(self, now: float) -> list[Event]:
        """Close every tape and leg."""
        self._now = now
        for lent in self.slots.all():
            self._close(lent.slot)
        self.tapes.shut(self._events.append)
        events = self._events.copy()
        self._events.clear()
        return events

    def explain(self, slot: Slot) -> str:
        """Who hears whom at a row, as a line for people."""
        lent = self.slots.of(slot)
        if lent is None:
            return f"{slot}: not lent"
        hears = [self._name(row, gain) for row, gain in self.routes.sources_of(slot.row)]
        told = [self._name(row, gain) for row, gain in self.routes.targets_of(slot.row)]
        leg = self.legs.get(slot.row)
        parts = [
            f"hears {' + '.join(hears)}" if hears else "hears nobody",
            f"is heard by {', '.join(told)}" if told else "unheard",
        ]
        parts += [f"playing {number}" for number in self._players[lent.kind].numbers_at(slot.row)]
        parts += [f"taped on {number}" for number in self.tapes.numbers_at(slot.row)]
        if leg is not None:
            peer = leg.latch.target
            parts.append(
                f"{leg.params.codec if leg.params else 'unconnected'} with {peer[0]}:{peer[1]}" if peer else "no peer"
            )
        return f"{lent.label or slot} ({lent.kind.value} {slot}): {'; '.join(parts)}"

    def _name(self, row: int, gain: float) -> str:
        lent = self.slots.at(row)
        return (lent.label or str(lent.slot)) + ("" if gain == 1.0 else f" x {gain:g}")

    def _mix(self, top: int) -> None:
        """Rooms first, then what legs are told, then what is played to either."""
        heard, said = self.heard, self.said
        rooms, legs = self.routes.plans()
        if self._rooms:
            heard[self._rooms] = 0.0
            rooms.mix(heard, heard)
            self._events += self._players[Kind.ROOM].pull(heard)
        said[:top] = 0.0
        legs.mix(heard, said)
        self._events += self._players[Kind.LEG].pull(said)
        self._limiter.limit(said, legs.sums)
        self.keypad.pull(said, self.legs)

    def _apply(self, command: Command) -> None:  # noqa: C901, PLR0912  # one line a command: a table in the form that mypy checks
        match command:
            case asked.Open(ticket=ticket, label=label):
                self._open(ticket, label)
            case asked.OpenRoom(ticket=ticket, label=label):
                self._open_room(ticket, label)
            case asked.Connect(slot=slot, params=params):
                self._connect(slot, params)
            case asked.Close(slot=slot):
                self._close(slot)
            case asked.SetRoutes():
                self._route(command)
            case asked.Play():
                self._play(command)
            case asked.Pour(playing=playing, pcm=pcm, last=last):
                for player in self._players.values():
                    player.pour(playing, pcm, last)
            case asked.Stop(playing=playing):
                for player in self._players.values():
                    player.stop(playing)
            case asked.SendDigits(slot=slot, digits=digits, ticket=ticket):
                self._dial(slot, digits, ticket)
            case asked.Record() | asked.Retap() | asked.PauseTape() | asked.ResumeTape() | asked.StopTape():
                self.tapes.apply(command, self.slots, self._events.append)
            case asked.Watch(slot=slot, on=on):
                if self.slots.of(slot) is not None:
                    self.detectors.watch(slot, on)
            case asked.Hear(slot=slot, on=on):
                if self.slots.of(slot) is not None:
                    self.detectors.hear(slot, on)
            case asked.Buffer(slot=slot, ms=ms):
                if self._leg(slot) is not None:
                    self.inbound.jitter.hold(slot.row, None if ms is None else ms // CELL_MS)
            case asked.Arm(slot=slot):
                if self._leg(slot) is not None:
                    self.detectors.answers.arm(slot)
            case asked.Detect(slot=slot):
                if self._leg(slot) is not None:
                    self.detectors.answers.detect(command)
            case asked.Meter(slots=slots):
                self._meters.choose(slots, self.slots)
            case asked.AskStats(slot=slot, ticket=ticket):
                self._events.append(Stats(slot=slot, ticket=ticket, stats=self._stats(slot)))
            case asked.Shutdown():
                self.ended = True
            case _:
                assert_never(command)

    def _open(self, ticket: int, label: str) -> None:
        lent = None
        try:
            lent = self.slots.lend(Kind.LEG, label)
            lent.port = self._wire.open(lent.slot.row, self._now)
        except (NoRowLeft, NoPortLeft) as fault:
            if lent is not None:
                self.slots.give_back(lent.slot)
            self._events.append(NotOpened(ticket=ticket, reason=str(fault)))
            return
        leg = Leg(slot=lent.slot, ssrc=self._chance.getrandbits(32))
        self.legs[leg.row] = leg
        self.figures.open(leg.row, self._now)
        self.inbound.open(leg.row)
        self.outbound.open(leg)
        self._clear(leg.row)
        self._events.append(Opened(ticket=ticket, slot=lent.slot, port=lent.port))

    def _open_room(self, ticket: int, label: str) -> None:
        try:
            lent = self.slots.lend(Kind.ROOM, label)
        except NoRowLeft as fault:
            self._events.append(NotOpened(ticket=ticket, reason=str(fault)))
            return
        self._rooms.append(lent.slot.row)
        self.routes.add_room(lent.slot.row)
        self._clear(lent.slot.row)
        self._events.append(Opened(ticket=ticket, slot=lent.slot, port=0))

    def _clear(self, row: int) -> None:
        self.heard[row] = 0.0
        self.said[row] = 0.0
        self._limiter.forget(row)

    def _connect(self, slot: Slot, params: StreamParams) -> None:
        leg = self._leg(slot)
        if leg is None:
            return
        if leg.params is None or (leg.params.codec, leg.params.rate_hz, leg.params.channels, leg.params.fmtp) != (
            params.codec,
            params.rate_hz,
            params.channels,
            params.fmtp,
        ):
            try:
                leg.boxes = None if params.codec in TABLES else boxes_for(params)
            except NoSuchCodec:
                log.warning(
                    "no codec %s: the leg keeps what it has", params.codec
                )  # signalling offers what codecs has: a bug
                return
        leg.latch.connect(address_of(params), params.signalling_address, self._now)
        self._wire.aim(leg.row, leg.latch.locked)
        self.inbound.connect(leg, params)
        self.outbound.connect(leg, params)
        self.detectors.connect(leg, params)
        self.reporter.connect(leg, self._now)
        leg.params = params
        leg.silent_told, leg.strange = False, 0
        self.figures.heard_at[leg.row] = self._now
        if not params.direction.receives:
            self.heard[leg.row] = 0.0

    def _close(self, slot: Slot) -> None:
        lent = self.slots.of(slot)
        if lent is None:
            return
        row, stats = slot.row, self._stats(slot)
        self.tapes.forget(slot, self._events.append)
        self._players[lent.kind].drop(row)
        self.routes.forget(row)
        self.detectors.forget(slot)
        self._meters.forget(slot, self.slots)
        if lent.kind is Kind.ROOM:
            self._rooms.remove(row)
        else:
            leg = self.legs.pop(row)
            self.reporter.bye(leg, self._now)
            self.keypad.forget(leg)
            self.inbound.forget(row)
            self.outbound.forget(row)
            self._wire.close(row, self._now)
        self.slots.give_back(slot)
        self._events.append(Closed(slot=slot, stats=stats))

    def _route(self, command: asked.SetRoutes) -> None:
        for route in command.remove:
            if self.slots.of(route.source) and self.slots.of(route.target):
                self.routes.remove(route.source.row, route.target.row)
        for route in command.add:
            if self.slots.of(route.source) and self.slots.of(route.target):
                self.routes.add(route.source.row, route.target.row, route.gain)

    def _play(self, command: asked.Play) -> None:
        lent = self.slots.of(command.target)
        if lent is None:
            self._events.append(NotPlayed(playing=command.playing, reason="its target is gone"))
            return
        self._players[lent.kind].start(command.playing, command.target.row, command.source, command.gain)

    def _dial(self, slot: Slot, digits: str, ticket: int) -> None:
        leg = self._leg(slot)
        if leg is None or not digits:
            self._events.append(DigitsSent(slot=slot, ticket=ticket))
        else:
            self.keypad.dial(leg, digits, ticket)

    def _leg(self, slot: Slot) -> Leg | None:
        leg = self.legs.get(slot.row)
        return leg if leg is not None and leg.slot == slot else None

    def _report(self, row: int, data: bytes, source: tuple[str, int]) -> None:
        if (leg := self.legs.get(row)) is not None:
            self.reporter.heard(leg, data, source, self._now)

    def _stats(self, slot: Slot) -> StreamStats:
        leg = self._leg(slot)
        if leg is None:
            return StreamStats()
        row, jitter = leg.row, self.inbound.jitter
        return self.figures.stats(
            row,
            rate_hz=leg.params.rate_hz if leg.params else 8000,
            late=int(jitter.late[row]),
            duplicate=int(jitter.duplicate[row]),
            buffer_ms=jitter.delay_ms(row),
            round_trip_ms=leg.reports.round_trip_ms,
            remote_lost=leg.reports.remote_lost,
            compressed=leg.params is not None and leg.params.codec == "OPUS",
        )

    def _check_silence(self) -> None:
        for leg in self.legs.values():
            if leg.params is None:
                continue
            silent_s = self._now - float(self.figures.heard_at[leg.row])
            held = leg.params.on_hold or not leg.params.direction.receives
            limit_s = self._config.silent_on_hold_s if held else self._config.silent_s
            if silent_s < limit_s:
                leg.silent_told = False
            elif not leg.silent_told:
                leg.silent_told = True
                self._events.append(Silent(slot=leg.slot, silent_s=silent_s))
