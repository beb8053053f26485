"""What `<Start>` begins and `<Stop>` ends: recordings of the whole call, whatever its documents do meanwhile."""

from __future__ import annotations

import asyncio

from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.recordings import taps_of
from gateway.twiml.control import RecordingPlan

SOURCE = "StartCallRecordingTwiML"


def start_recording(exchange: Exchange, live: LiveCall, plan: RecordingPlan, name: str) -> bool:
    """Record until it is stopped or the call ends; of a call that rings, from its answer on. False: that name is taken."""
    if name and any(taping.name == name for taping in exchange.recordings.of_call(live.call.sid)):
        return False

    def begin(answered: asyncio.Future[bool]) -> None:
        if answered.result() and not live.leg.ended.done():
            exchange.recordings.start(live.call, plan, taps_of(live.leg.slot, plan), name=name)

    if live.leg.answered.done():
        begin(live.leg.answered)
    else:
        live.leg.answered.add_done_callback(begin)
    return True


def stop_recording(exchange: Exchange, live: LiveCall, name: str) -> bool:
    """End the one of that name, or (`""`) all that `<Start>` began. False: there is none."""
    found = [
        taping
        for taping in exchange.recordings.of_call(live.call.sid)
        if taping.recording.plan.source == SOURCE and (not name or taping.name == name)
    ]
    for taping in found:
        taping.stop()
    return bool(found)
