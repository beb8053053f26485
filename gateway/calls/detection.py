"""Answering-machine detection of one outbound leg: asked of the engine at the answer, told once, whatever becomes of the leg."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog

from gateway.calls.call import Call
from gateway.calls.exchange import Exchange, LiveCall
from gateway.twilio_codes import Code
from gateway.twiml.control import MachineDetection
from media.commands import Detect
from media.events import Event, Verdict
from media.streams import Slot

log = structlog.get_logger(__name__)

GRACE_S = 1.0
"""How long the engine's verdict may come after its time-out, or after the leg's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """Who answered, in Twilio's words, and how long after the answer that was known."""

    answered_by: str = "unknown"
    ms: int = 0


def detect_command(slot: Slot, asked: MachineDetection, since: float = 0.0) -> Detect:
    """Twilio's parameters as the engine takes them."""
    return Detect(
        slot=slot,
        message_end=asked.mode == "DetectMessageEnd",
        timeout_ms=asked.timeout_s * 1000,
        speech_ms=asked.speech_threshold_ms,
        speech_end_ms=asked.speech_end_threshold_ms,
        silence_ms=asked.silence_timeout_ms,
        since=since,
    )


def begin(exchange: Exchange, live: LiveCall, asked: MachineDetection, *, tells: bool = True) -> asyncio.Future[None]:
    """Listen to an armed leg from its answer on; the future is done when its call knows who answered, and never raises.

    *tells*: the verdict is posted to the detection's own callback. Whoever waits for it (the documents of a synchronous
    detection) has it in the call's parameters instead.
    """
    if tells and asked.callback is None:
        exchange.notify(live.call, Code.AMD_CALLBACK_MISSING, "asynchronous machine detection has no status callback")
    live.detected = asyncio.get_running_loop().create_future()
    exchange.spawn(_follow(exchange, live, asked, live.detected, tells), f"detection {live.call.sid}")
    return live.detected


async def _follow(
    exchange: Exchange, live: LiveCall, asked: MachineDetection, known: asyncio.Future[None], tells: bool
) -> None:
    try:
        found = await _verdict(exchange, live, asked)
        _keep(live.call, found)
        log.info("answered by", call_sid=live.call.sid, answered_by=found.answered_by, ms=found.ms)
        exchange.detected(live.call, asked.callback if tells else None)
    finally:
        if not known.done():
            known.set_result(None)


async def _verdict(exchange: Exchange, live: LiveCall, asked: MachineDetection) -> Detected:
    """What the engine says in time; unknown where it says nothing."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    told: asyncio.Future[Detected] = loop.create_future()

    def hear(event: Event) -> None:
        if isinstance(event, Verdict) and not told.done():
            told.set_result(Detected(answered_by=event.answered_by, ms=event.ms))

    unlisten = exchange.engine.listen(live.leg.slot, hear)
    try:
        exchange.engine.send(detect_command(live.leg.slot, asked, live.leg.answered_at))
        await asyncio.wait(
            (told, live.leg.ended), timeout=asked.timeout_s + GRACE_S, return_when=asyncio.FIRST_COMPLETED
        )
        if live.leg.ended.done():
            with suppress(TimeoutError):  # the engine says what it knew when the leg was closed
                await asyncio.wait_for(asyncio.shield(told), GRACE_S)
    finally:
        unlisten()
    return told.result() if told.done() else Detected(ms=round((loop.time() - begun) * 1000))


def _keep(call: Call, found: Detected) -> None:
    call.answered_by, call.machine_detection_ms = found.answered_by, found.ms
