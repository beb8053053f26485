"""`<Record>`: a beep, then the caller's voice into one file until silence, a key, the limit or the hang-up."""

from __future__ import annotations

import asyncio

from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.playing import play
from gateway.calls.transcribing import transcribe
from gateway.calls.until import Until, first_of
from gateway.twiml.control import HungUp, Recorded, RecordPlan
from media.commands import Tap
from media.streams import RATE_HZ
from media.tones import BEEP

DISK_S = 2.0
"""How long the call waits for the file to be closed."""
TRIM_S = 5.0
"""How long `action` waits for RecordingDuration, which is that after trimming."""


async def record(exchange: Exchange, live: LiveCall, plan: RecordPlan) -> Recorded:
    """Record and wait for the file. A caller who hangs up ends it with `digits="hangup"`; nothing but silence gives an empty sid."""
    leg = live.leg
    if plan.play_beep:
        async with Until(leg.ended, HungUp):
            await play(exchange.engine, leg.slot, BEEP)
    key: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def pressed(digit: str) -> None:
        if digit in plan.finish_on and not key.done():
            key.set_result(digit)

    silence_ms = int(plan.timeout_s * 1000) or None
    taping = exchange.recordings.start(
        live.call,
        plan.recording,
        (Tap(slot=leg.slot),),
        max_ms=int(plan.max_length_s * 1000),
        silence_ms=silence_ms,
    )
    unlisten = leg.on_digit(pressed)
    try:
        await first_of(taping.ended, key, leg.ended)
    finally:
        unlisten()
        taping.stop()
    await asyncio.wait([taping.ended], timeout=DISK_S)
    digits = key.result() if key.done() else "hangup" if leg.ended.done() else ""
    key.cancel()
    if not taping.ended.done():  # a disk that does not answer keeps no call waiting: its recording will fail by itself
        return Recorded(sid=taping.sid, url=taping.url, digits=digits)
    ended = taping.ended.result()
    only_silence = (
        ended.cause == "silence" and silence_ms is not None and ended.samples * 1000 <= (silence_ms + 100) * RATE_HZ
    )
    if only_silence or not ended.samples:
        return Recorded(digits=digits)
    await asyncio.wait([taping.finished], timeout=TRIM_S)
    is_known = taping.finished.done()
    if (
        is_known and taping.finished.result().status == "absent"
    ):  # silence until a key or the limit: trimming leaves nothing
        return Recorded(digits=digits)
    if plan.transcribe:
        work = transcribe(exchange, live.call, taping, plan.transcribe_callback)
        exchange.spawn(work, f"transcription of {taping.sid}")
    duration_s = taping.finished.result().duration_s if is_known else int(ended.samples / RATE_HZ + 0.5)
    return Recorded(sid=taping.sid, url=taping.url, duration_s=duration_s, digits=digits)
