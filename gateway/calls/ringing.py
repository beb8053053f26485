"""The telephones of one party rung together: the first that answers is the party's, the others are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from gateway.calls.call import Call, Happening
from gateway.calls.destinations import Destination
from gateway.calls.ending import CallFailed, Ending, worst
from gateway.calls.leg import Leg
from gateway.calls.telephones import Telephones
from gateway.calls.until import first_of
from sip.replaces import Replaces

log = structlog.get_logger(__name__)

Progressed = Callable[[Leg, bool], None]
"""(leg, whether it sends early media)."""

DEAF_S = 4.0
"""How long a way that says nothing at all is waited for where there is another."""

GOES_ON = frozenset({408, 500, 502, 503, 504})
"""A way that can't take the call now (RFC 3263 section 4.3); anything else is an answer of the called party."""


class Ringing:
    """Owns the legs of one party from the INVITE to the answer. `stop()` in any state."""

    def __init__(self, telephones: Telephones, call: Call, on_progress: Progressed, *, arms: bool = False) -> None:
        """*arms*: it will be asked who answered."""
        self._telephones = telephones
        self._arms = arms
        self._call = call
        self._on_progress = on_progress
        self._legs: list[Leg] = []
        self._rang: set[Leg] = set()
        self._stopped = False
        self._picked_up: asyncio.Future[Leg] = asyncio.get_running_loop().create_future()

    async def ring(self, destinations: Sequence[Destination]) -> Leg:
        """The telephone that answered. Raises `CallFailed` when none is left; cancelling it does not stop the ringing."""
        tasks = [asyncio.create_task(self._reach(destination)) for destination in destinations]
        pending: set[asyncio.Task[Leg | Ending]] = set(tasks)
        try:
            while pending:
                await first_of(*pending, self._picked_up)
                pending = {task for task in pending if not task.done()}
                found = next((r for task in tasks if task.done() and isinstance(r := task.result(), Leg)), None)
                if found is None and self._picked_up.done():
                    found = self._picked_up.result()
                if found is not None:
                    self._call.sip_call_id = found.call_id
                    self.stop(found)
                    return found
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        endings = [ending for task in tasks if isinstance(ending := task.result(), Ending)]
        what = worst([ending.what for ending in endings])
        ending = next(ending for ending in endings if ending.what is what)
        raise CallFailed(what, ending.reason, sip_code=ending.sip_code, headers=ending.headers)

    async def _reach(self, destination: Destination) -> Leg | Ending:
        """One telephone, by the first of its ways that takes the call."""
        while True:
            try:
                leg = await self._telephones.place(destination)
            except CallFailed as failed:
                return failed.ending
            self._legs.append(leg)
            if self._arms:
                leg.arm()
            leg.on_progress = partial(self._progressed, leg)
            self._call.sip_call_id = self._call.sip_call_id or leg.call_id
            if self._stopped:
                leg.hang_up()
            otherwise = destination.otherwise
            if otherwise is not None:
                await asyncio.wait([leg.answered], timeout=DEAF_S)
                if not leg.is_heard and not self._stopped:
                    leg.hang_up("no response", Happening.FAILED)
            await asyncio.wait([leg.answered])  # to await the future itself would cancel it with this task
            if leg.answered.result():
                return leg
            ending = leg.ended.result()
            if otherwise is None or self._stopped or leg in self._rang or not _goes_on(ending):
                return ending
            log.info("another way", call_sid=self._call.sid, after=ending.sip_code or ending.reason)
            destination = otherwise

    def _progressed(self, leg: Leg, early_media: bool) -> None:
        self._rang.add(leg)
        self._on_progress(leg, early_media)

    def is_dialog(self, meant: Replaces) -> bool:
        """Whether one of the telephones rings in the dialog meant."""
        return any(leg.is_dialog(meant) for leg in self._legs if not leg.ended.done())

    def pick_up(self, leg: Leg) -> bool:
        """Another telephone has answered in their place. False: it comes too late."""
        if self._stopped or self._picked_up.done() or any(one.is_answered for one in self._legs):
            return False
        self._picked_up.set_result(leg)
        return True

    def stop(self, answered: Leg | None = None, reason: str = "") -> None:
        """End every leg but the one that answered."""
        self._stopped = True
        for leg in self._legs:
            if leg is not answered:
                leg.hang_up("answered elsewhere" if answered is not None else reason)


def _goes_on(ending: Ending) -> bool:
    return ending.sip_code in GOES_ON or ending.reason == "no response"
