"""The telephones of one party rung together: the first that answers is the party's, the others are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from gateway.calls.call import Call
from gateway.calls.destinations import Destination
from gateway.calls.ending import CallFailed, worst
from gateway.calls.leg import Leg, Telephones

Progressed = Callable[[Leg, bool], None]
"""(leg, whether it sends early media)."""


class Ringing:
    """Owns the legs of one party from the INVITE to the answer. `stop()` in any state."""

    def __init__(self, telephones: Telephones, call: Call, on_progress: Progressed) -> None:
        self._telephones = telephones
        self._call = call
        self._on_progress = on_progress
        self._legs: list[Leg] = []

    async def ring(self, destinations: Sequence[Destination]) -> Leg:
        """The telephone that answered. Raises `CallFailed` when none is left; cancelling it does not stop the ringing."""
        for destination in destinations:
            leg = await self._telephones.place(destination)
            leg.on_progress = partial(self._on_progress, leg)
            self._legs.append(leg)
            self._call.sip_call_id = self._call.sip_call_id or leg.call_id
        waiting = set(self._legs)
        while waiting:
            await asyncio.wait([leg.answered for leg in waiting], return_when=asyncio.FIRST_COMPLETED)
            for leg in [leg for leg in waiting if leg.answered.done()]:
                waiting.discard(leg)
                if leg.answered.result():
                    self._call.sip_call_id = leg.call_id
                    self.stop(leg)
                    return leg
        endings = [leg.ended.result() for leg in self._legs]
        what = worst([ending.what for ending in endings])
        ending = next(ending for ending in endings if ending.what is what)
        raise CallFailed(what, ending.reason, sip_code=ending.sip_code, headers=ending.headers)

    def stop(self, answered: Leg | None = None) -> None:
        """End every leg but the one that answered."""
        for leg in self._legs:
            if leg is not answered:
                leg.hang_up("answered elsewhere" if answered is not None else "")
