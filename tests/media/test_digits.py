"""Digits: RFC 4733 packets become presses and presses packets; tones in the audio are found, voices are not taken for them."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from media.codecs import g711
from media.digits import EVENTS, DigitReceiver, DigitSender
from media.goertzel import Detector
from media.streams import FRAME
from media.tones import HIGH_HZ, KEYS, LOW_HZ, digits_tone, key_hz, render
from tests.media.sounds import sine, voice

Press = list[tuple[bytes, int, bool]]


def press(digits: str, *, start: int = 1000, step: int = FRAME) -> Press:
    """Every packet of the digits, from a sender run until it is done."""
    sender, packets, timestamp = DigitSender(digits, step=step), [], start
    while not sender.done:
        packets += sender.pull(timestamp)
        timestamp += step
    return packets


def heard(packets: Press, rate_hz: int = 8000) -> str:
    receiver = DigitReceiver(rate_hz=rate_hz)
    return "".join(receiver.packet(*packet) or "" for packet in packets)


def event(code: int, duration: int, *, ended: bool = False) -> bytes:
    return struct.pack("!BBH", code, 0x80 * ended | 10, duration)


def test_a_press_has_one_beginning_a_rising_duration_and_three_ends() -> None:
    packets = press("5")
    codes, flags, durations = zip(*(struct.unpack("!BBH", payload) for payload, _, _ in packets), strict=True)
    assert set(codes) == {5}
    assert [timestamp for _, timestamp, _ in packets] == [1000] * 8
    assert [marker for _, _, marker in packets] == [True] + [False] * 7
    assert [flag >> 7 for flag in flags] == [0] * 5 + [1] * 3
    assert list(durations) == [160, 320, 480, 640, 800, 800, 800, 800]


def test_every_key_is_told_once() -> None:
    assert heard(press(EVENTS + "11ww1W#d")) == EVENTS + "111#D"


def test_a_clock_of_48_khz_counts_in_its_own_units() -> None:
    packets = press("12", step=960)
    assert struct.unpack_from("!H", packets[4][0], 2) == (4800,)
    assert heard(packets, rate_hz=48000) == "12"


@pytest.mark.parametrize("seed", range(20))
def test_presses_survive_loss_duplication_and_reordering(seed: int) -> None:
    rng = np.random.default_rng(seed)
    digits = "".join(rng.choice(list(EVENTS), 30))
    packets = press(digits, start=0xFFFF0000)
    arriving: Press = []
    for timestamp in dict.fromkeys(timestamp for _, timestamp, _ in packets):
        own = [packet for packet in packets if packet[1] == timestamp]
        kept = rng.choice(len(own), int(rng.integers(1, len(own) + 1)), replace=True)
        stale = [arriving[-1]] if arriving and rng.random() < 0.5 else []
        arriving += [own[kept[0]], *stale, *(own[i] for i in kept.tolist())]
    assert heard(arriving) == digits


def test_a_packet_overtaken_is_not_another_press() -> None:
    packets = press("12")
    assert heard([*packets, packets[3]]) == "12"


def test_a_press_of_twenty_seconds_is_one_digit_in_segments() -> None:
    receiver = DigitReceiver()
    told = [receiver.packet(event(7, 0xFFFF), 5000, True)]
    told.append(receiver.packet(event(7, 0xFFFF), 5000 + 0xFFFF, False))
    told.append(receiver.packet(event(7, 30000, ended=True), 5000 + 2 * 0xFFFF, False))
    assert told == ["7", None, None]
    assert receiver.packet(event(7, 160), 5000 + 2 * 0xFFFF + 30000 + 800, True) == "7"


def test_a_sender_that_counts_the_timestamp_up_within_a_press_presses_once() -> None:
    receiver = DigitReceiver()
    told = [receiver.packet(event(3, 160 * (i + 1)), 800 + 160 * i, i == 0) for i in range(10)]
    assert [digit for digit in told if digit] == ["3"]


def test_a_new_stream_with_far_lower_timestamps_is_heard() -> None:
    receiver = DigitReceiver()
    assert receiver.packet(event(1, 160), 4_000_000_000, True) == "1"
    assert receiver.packet(event(2, 160), 3_999_000_000, True) == "2"


@pytest.mark.parametrize("payload", [b"", b"\1\2\3", event(16, 160), event(36, 160)])
def test_what_is_no_digit_is_passed_over(payload: bytes) -> None:
    assert DigitReceiver().packet(payload, 1, True) is None


def listen(samples: np.typing.NDArray[np.float32], offset: int = 0) -> str:
    """The digits in samples, as a leg's row would have them."""
    detector = Detector(3)
    line = np.concatenate((np.zeros(offset, dtype=np.float32), samples, np.zeros(2 * FRAME, dtype=np.float32)))
    line = g711.ulaw_to_float(g711.float_to_ulaw(line))
    found = ""
    for at in range(0, len(line) - FRAME, FRAME):
        rows = np.zeros((3, FRAME), dtype=np.float32)
        rows[2] = line[at : at + FRAME]
        found += "".join(digit for _, digit in detector.listen(np.array([1, 2]), rows))
    return found


@pytest.mark.parametrize("offset", [0, 41, 97])
@pytest.mark.parametrize("level_dbm0", [-3.0, -12.0, -25.0])
@pytest.mark.parametrize("on_ms", [40, 100])
def test_tones_of_forty_milliseconds_are_heard_at_every_level(offset: int, level_dbm0: float, on_ms: int) -> None:
    tones = render(digits_tone(KEYS + "1122", on_ms=on_ms, off_ms=40, level_dbm0=level_dbm0))
    assert listen(tones, offset) == KEYS + "1122"


@pytest.mark.parametrize("off", [-0.015, 0.015])
def test_tones_off_by_what_q24_allows_are_heard_in_noise(off: float) -> None:
    rng = np.random.default_rng(4)
    pieces = []
    for key in KEYS:
        low, high = key_hz(key)
        pieces += [sine(low * (1 + off), 0.06, 0.12) + sine(high * (1 + off), 0.06, 0.16), np.zeros(480, np.float32)]
    line = np.concatenate(pieces)
    assert listen(line + rng.standard_normal(len(line)).astype(np.float32) * 0.02) == KEYS


@pytest.mark.parametrize(
    "frequencies", [(697.0,), (697.0, 770.0), (440.0, 480.0), (697.0 * 1.05, 1209.0), (1209.0, 1477.0)]
)
def test_other_tones_are_no_digits(frequencies: tuple[float, ...]) -> None:
    assert listen(np.sum([sine(hz, 1.0, 0.2) for hz in frequencies], axis=0, dtype=np.float32)) == ""


def test_a_gap_of_ten_milliseconds_does_not_press_twice_and_one_of_forty_does() -> None:
    low, high = LOW_HZ[1], HIGH_HZ[2]
    tone = sine(low, 0.2, 0.2) + sine(high, 0.2, 0.2)
    for gap_ms, expected in ((10, "6"), (40, "66")):
        line = tone.copy()
        line[800 : 800 + 8 * gap_ms] = 0.0
        assert listen(line) == expected, gap_ms


@pytest.mark.parametrize("seed", range(4))
def test_voices_press_nothing(seed: int) -> None:
    assert listen(voice(8.0, seed)) == ""
