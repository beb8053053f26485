"""`<Refer>`: ask a telephone to call somebody else, and wait for what comes of it (RFC 3515)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.calls.ending import refer_status
from gateway.calls.leg import Leg
from gateway.calls.until import first_of
from gateway.twiml.control import ReferResult
from sip.events import ReferProgress

LONGEST_S = 60.0


async def refer(leg: Leg, target: str, headers: Sequence[tuple[str, str]]) -> ReferResult:
    """Until the last NOTIFY, a refusal, the end of the leg or the longest wait."""
    over: asyncio.Future[ReferProgress] = asyncio.get_running_loop().create_future()
    sip_code: int | None = None
    notified: int | None = None

    def progress(event: ReferProgress) -> None:
        nonlocal sip_code, notified
        if event.notified:
            notified = event.status or notified
        else:
            sip_code = event.status
        if event.over and not over.done():
            over.set_result(event)

    leg.on_refer_progress = progress
    leg.refer(target, headers)
    try:
        await first_of(over, leg.ended, timeout_s=LONGEST_S)
    finally:
        leg.on_refer_progress = lambda event: None
    return ReferResult(
        status=refer_status(sip_code, notified), sip_response_code=sip_code, notify_response_code=notified
    )
