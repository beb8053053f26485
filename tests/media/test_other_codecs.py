"""A peer that sends another of the codecs that were agreed, without asking (RFC 3264 section 7)."""

from __future__ import annotations

import numpy as np

from media.commands import Route, SetRoutes
from media.events import WentOver
from media.streams import RATE_HZ
from tests.media.benchtop import Bench, Floats


def _strength(sound: Floats, hertz: float) -> float:
    at = np.arange(len(sound)) / RATE_HZ
    return float(2 * np.abs(np.mean(sound * np.exp(-2j * np.pi * hertz * at))))


def test_a_peer_that_goes_over_to_another_agreed_codec_is_told_once_and_then_heard() -> None:
    bench = Bench()
    alice, bob = bench.phone(440.0), bench.phone(700.0)
    bench.tick(SetRoutes(add=(Route(source=alice.slot, target=bob.slot),)))
    bench.connect(alice, others=(8,))
    bench.run(30)
    assert _strength(bob.sound(), 440.0) > 0.25
    alice.payload_type = 8
    bench.run(2)
    assert bench.told(WentOver) == [], "one or two may be old packets, overtaken"
    bench.run(40)
    assert bench.told(WentOver) == [WentOver(slot=alice.slot, payload_type=8)]
    assert _strength(bob.sound(), 440.0) < 0.01, "nothing of a codec that is not connected is heard"
    bench.connect(alice, codec="PCMA", payload_type=8, others=(0,))
    bench.run(40)
    assert _strength(bob.sound(), 440.0) > 0.25
    assert len(bench.told(WentOver)) == 1
