"""`jitterBufferSize`: how much later a leg is heard, in virtual time."""

from __future__ import annotations

import numpy as np

from media.commands import Buffer
from media.streams import TICK_MS
from tests.media.benchtop import Bench


def delay_ms(asked: int | None) -> int:
    """From the first packet of one to the first sound for the other."""
    bench = Bench()
    alice, bob = bench.phone(440.0), bench.phone(700.0)
    bench.bridge(alice, bob)
    bench.tick(Buffer(slot=alice.slot, ms=asked))
    for ticks in range(20):
        if bob.got and np.abs(bob.sound(1)).max() > 0.05:
            return ticks * TICK_MS
        bench.run(1, [alice])
    raise AssertionError("nothing was heard")


def test_a_leg_is_heard_as_late_as_its_buffer_says_and_not_later() -> None:
    delays = {name: delay_ms(ms) for name, ms in (("off", 0), ("small", 20), ("medium", 40), ("large", 60))}
    assert {name: delay - delays["off"] for name, delay in delays.items()} == {
        "off": 0,
        "small": 20,
        "medium": 40,
        "large": 60,
    }
    assert delays["off"] <= delay_ms(None) <= delays["small"], "a bridge of two waits for no more than the network asks"
