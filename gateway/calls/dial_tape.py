"""The recording of a `<Dial>`: from ringing or from the answer, mono or caller and callee on a channel each."""

from __future__ import annotations

from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.leg import Leg
from gateway.calls.recordings import Taping
from gateway.twiml.control import RecordingPlan
from media.commands import Side, Tap


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

    def ringing(self) -> None:
        """The caller's telephone is there: `record-from-ringing` begins, with what the caller is told as the other side."""
        if self._plan is not None and self._plan.mode == "ringing" and self._parent.leg.is_answered:
            told = Tap(slot=self._parent.leg.slot, side=Side.SAID, channel=self._callee_channel)
            self._begin((*self._caller_taps(), *((told,) if self._plan.track != "inbound" else ())))

    def bridged(self, other: Leg) -> None:
        """Two parties talk."""
        if self._plan is None or self._taping is not None:
            return
        callee = Tap(slot=other.slot, channel=self._callee_channel)
        self._begin((*self._caller_taps(), *((callee,) if self._plan.track != "inbound" else ())))

    def stop(self) -> None:
        if self._taping is not None:
            self._taping.stop()

    @property
    def _callee_channel(self) -> int:
        return 1 if self._plan is not None and self._plan.channels == 2 and self._plan.track == "both" else 0

    def _caller_taps(self) -> tuple[Tap, ...]:
        if self._plan is None or self._plan.track == "outbound":
            return ()
        return (Tap(slot=self._parent.leg.slot),)

    def _begin(self, taps: tuple[Tap, ...]) -> None:
        if self._plan is not None:
            self._taping = self._exchange.recordings.start(self._parent.call, self._plan, taps)
