"""Two parties that hear each other, whoever brought them together. Either may be replaced while they talk: a transfer."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import structlog

from gateway.calls.bridging import bridge, keys_passed, routed
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.referral import Referral

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True, kw_only=True)
class Party:
    """One side of a talk. It may go from one talk to another; `over` is done once it is in none."""

    live: LiveCall
    steered: bool = False
    """A document waits for the end of the talk. Else the leg ends with it."""

    talk: Talk | None = None
    over: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def other(self) -> Party | None:
        """Whom it talks with."""
        return self.talk.other(self) if self.talk is not None else None


class Talk:
    """Owns the routes between two parties. It ends when one of them leaves; whoever is then steered by nobody is hung up."""

    def __init__(
        self, exchange: Exchange, one: Party, other: Party, *, refer_url: str = "", refer_method: str = "POST"
    ) -> None:
        """*refer_url*: the document that says what becomes of a REFER of either party; `""`: the gateway knows Replaces only."""
        self._exchange = exchange
        self._parties = [one, other]
        self._held = ExitStack()
        self._paused_by: Party | None = None
        self.is_asked = False
        """A transfer is under way: another REFER has to wait."""

        self.refer_url, self.refer_method = refer_url, refer_method

    def begin(self) -> None:
        """Both have answered, neither has left. One that comes from another talk ends that."""
        for party in self._parties:
            self._enter(party)
        self._connect()

    def other(self, party: Party) -> Party:
        return self._parties[1 - self._parties.index(party)]

    def end(self, spare: Party | None = None) -> None:
        """Part them. *spare* is not hung up: somebody else steers it from now on."""
        parties, self._parties = self._parties, []
        self._held.close()
        for party in parties:
            self._leave(party)
        for party in parties:
            if not party.steered and party is not spare:
                party.live.leg.hang_up()

    def pause(self, asker: Party) -> None:
        """Nobody hears anybody while a transfer that *asker* wants is tried. It may leave meanwhile; without the other one all is over."""
        self._paused_by = asker
        self._held.close()

    def resume(self) -> None:
        """The transfer has come to nothing: they go on, if both are still there."""
        asker, self._paused_by = self._paused_by, None
        if asker is None or asker.talk is not self:
            return
        if asker.live.leg.ended.done():
            self.end()
        else:
            self._connect()

    def replace(self, old: Party, new: Party) -> None:
        """*new* talks with the other one of *old* from now on; the talk it comes from is over. What becomes of *old* is the caller's."""
        self._held.close()
        self._parties[self._parties.index(old)] = new
        self._leave(old)
        self._enter(new)
        self._connect()

    def left(self, party: Party) -> None:
        """This side has hung up."""
        if party is not self._paused_by:
            self.end()

    def _lose(self, moved: Party) -> None:
        """One side goes on elsewhere; the other is left alone, and not hung up: a transfer does that once all is said."""
        self._held.close()
        parties, self._parties = self._parties, []
        for party in parties:
            if party is not moved:
                self._leave(party)

    def _enter(self, party: Party) -> None:
        if party.talk is not None:
            party.talk._lose(party)
        party.talk, party.live.party = self, party
        leg = party.live.leg
        leg.reception.open(partial(self._referred, party))
        leg.ended.add_done_callback(lambda _: party.talk.left(party) if party.talk is not None else None)

    def _leave(self, party: Party) -> None:
        party.talk = party.live.party = None
        party.live.leg.reception.close()
        if not party.over.done():
            party.over.set_result(None)

    def _connect(self) -> None:
        one, other = (party.live.leg for party in self._parties)
        self._held.enter_context(routed(self._exchange.engine, bridge(one.slot, other.slot)))
        self._held.enter_context(keys_passed(self._exchange.engine, one, other))

    def _referred(self, party: Party, referral: Referral) -> None:
        if self.is_asked:
            referral.refuse(491)
            return
        self.is_asked = True
        self._exchange.referred(self, party, referral)
