"""The recording of a `<Dial>`: from ringing or from the answer, mono or caller and callee on a channel each."""

from __future__ import annotations

from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.recordings import Taping, taps_of
from gateway.twiml.control import RecordingPlan


class DialTape:
    """Held by one `<Dial>`. Owns when its tape begins and who is on it; without a plan it does nothing."""

    def __init__(self, exchange: Exchange, parent: LiveCall, plan: RecordingPlan | None) -> None:
        self._exchange = exchange
        self._parent = parent
        self._plan = plan
        self._taping: Taping | None = None

    @property
    def url(self) -> str:
        """RecordingUrl; `""`: nothing was recorded."""
        return self._taping.url if self._taping is not None else ""

    @property
    def hears_ringing(self) -> bool:
        """Whether what rings is recorded."""
        return self._plan is not None and self._plan.mode == "ringing"

    def ringing(self) -> None:
        """A party rings: `record-from-ringing` begins, with what the caller is told as the other side. Later calls do nothing."""
        if self._plan is not None and self._plan.mode == "ringing" and self._taping is None:
            self._begin(self._plan)
            self._mark("ringing")

    def bridged(self, party: LiveCall | None = None) -> None:
        """Two parties talk: what the caller is told is the called one's voice, or that of whom the call is transferred to.

        The last callback of the called *party* tells of the recording.
        """
        if self._plan is None:
            return
        if self._taping is None:
            self._begin(self._plan)
        self._mark("answered")
        if party is not None and self._taping is not None:
            party.tapes.append(self._taping)

    def stop(self) -> None:
        if self._taping is not None:
            self._taping.stop()

    def _begin(self, plan: RecordingPlan) -> None:
        taps = taps_of(self._parent.leg.slot, plan)
        self._taping = self._exchange.recordings.start(self._parent.call, plan, taps)

    def _mark(self, word: str) -> None:
        if self._taping is not None:
            self._taping.mark(word)
