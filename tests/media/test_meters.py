"""Levels of chosen legs: measured while somebody watches, of what is heard and of what is said."""

from __future__ import annotations

import numpy as np

from media.levels import amplitude_of
from media.meters import EVERY_TICKS, MOST, Meters
from media.slots import Kind, Slots
from media.streams import FRAME, RATE_HZ


def test_a_reading_comes_every_200_ms_and_tells_what_is_heard_from_what_is_said() -> None:
    slots, meters = Slots(4), Meters()
    alice, bob = slots.lend(Kind.LEG, "a").slot, slots.lend(Kind.LEG, "b").slot
    heard, said = np.zeros((4, FRAME), dtype=np.float32), np.zeros((4, FRAME), dtype=np.float32)
    sine = np.sin(2 * np.pi * 400 / RATE_HZ * np.arange(FRAME)).astype(np.float32)
    heard[alice.row] = amplitude_of(-20.0) * sine
    said[bob.row] = amplitude_of(-30.0) * sine
    assert meters.tick(heard, said) is None
    meters.choose((alice, bob), slots)
    readings = [meters.tick(heard, said) for _ in range(2 * EVERY_TICKS)]
    told = [reading for reading in readings if reading is not None]
    assert len(told) == 2
    assert readings[EVERY_TICKS - 1] is told[0]
    # a sine at -20 dBm0 is 23 dB under the overload point of 3.14 dBm0, and a full-scale sine -3 dBov
    assert told[1].levels == ((alice, -26, -127), (bob, -127, -36))


def test_who_is_not_lent_is_left_out_and_who_leaves_is_forgotten() -> None:
    slots, meters = Slots(MOST + 50), Meters()
    gone = slots.lend(Kind.LEG, "gone").slot
    slots.give_back(gone)
    there = [slots.lend(Kind.LEG, str(at)).slot for at in range(MOST + 20)]
    silence = np.zeros((MOST + 50, FRAME), dtype=np.float32)
    meters.choose((gone, there[0], there[0], there[1]), slots)
    slots.give_back(there[1])
    meters.forget(there[1], slots)
    told = [reading for _ in range(EVERY_TICKS) if (reading := meters.tick(silence, silence))]
    assert [slot for slot, _, _ in told[0].levels] == [there[0]]
    meters.choose(there[2:], slots)
    told = [reading for _ in range(EVERY_TICKS) if (reading := meters.tick(silence, silence))]
    assert len(told[0].levels) == MOST
    meters.choose((), slots)
    assert [meters.tick(silence, silence) for _ in range(EVERY_TICKS)] == [None] * EVERY_TICKS
