"""What the caller hears while somebody is rung: the far end's own early media, else a ring tone, else what 180 makes its telephone play."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from gateway.calls.bridging import one_way, playing, routed
from gateway.calls.exchange import Exchange, LiveCall
from gateway.calls.leg import Leg
from gateway.twiml.control import DialPlan
from media.commands import Tone
from media.ringtones import DEFAULT_RINGTONE, RINGTONES


class Ringback:
    """Held while a `<Dial>` rings. Owns the ring tone or the early route to the caller, never more than one of them."""

    def __init__(
        self,
        exchange: Exchange,
        parent: LiveCall,
        plan: DialPlan,
        *,
        early_media: bool,
        is_taped: bool = False,
        on_ringing: Callable[[], None] = lambda: None,
    ) -> None:
        """*on_ringing* hears of everything that rings; *is_taped*: a recording hears the tone that the caller's telephone makes itself."""
        self._engine = exchange.engine
        self._leg = parent.leg
        self._tone_name = plan.ring_tone
        self._early_media = early_media
        self._is_taped = is_taped
        self._on_ringing = on_ringing
        self._playing = ExitStack()
        self._heard: Leg | None = None
        self._rings = False

    def __enter__(self) -> Self:
        if self._tone_name:
            self.ringing()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._playing.close()

    def ringing(self) -> None:
        """A party rings without media of its own. Before the answer the caller's telephone makes the tone, unless one was asked for."""
        self._on_ringing()
        if self._rings or self._heard is not None:
            return
        if not self._leg.is_answered:
            if self._tone_name:
                self._leg.early()
            else:
                self._leg.ring()
                if not (self._is_taped or self._leg.is_early):
                    return
        self._rings = True
        self._playing.enter_context(playing(self._engine, self._leg.slot, ring_tone(self._tone_name)))

    def early(self, leg: Leg) -> None:
        """A party sends media before its answer: the caller hears that instead, if it is the only party (else ringing)."""
        if not self._early_media or self._tone_name:
            self.ringing()
            return
        self._on_ringing()
        if self._heard is not None:
            return
        self._heard, self._rings = leg, False
        if not self._leg.is_answered:
            self._leg.early()
        self._playing.close()
        self._playing.enter_context(routed(self._engine, one_way(leg.slot, self._leg.slot)))
        leg.ended.add_done_callback(lambda _: self.over(leg))

    def over(self, leg: Leg) -> None:
        """This leg's early media is no ringing any more: it has ended, or answered and is asked something in private."""
        if self._heard is leg:
            self._heard = None
            self._playing.close()


def ring_tone(name: str) -> Tone:
    """Twilio's name of a ring tone, or the default."""
    return RINGTONES.get(name, RINGTONES[DEFAULT_RINGTONE])
