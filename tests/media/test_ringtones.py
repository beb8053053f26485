"""All forty ring tones, measured as they are rendered: frequencies to 1 Hz, cadence to 10 ms, level, modulation.

| value of `ringTone` | ITU-T E.180 supplement 2 and national plans: Hz (+ together, x modulated by), then on - off in seconds |
| --- | --- |
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.twiml.verbs.dial import RING_TONES
from media.ringtones import DEFAULT_RINGTONE, RINGTONES
from media.streams import RATE_HZ
from media.tones import render

Floats = NDArray[np.float64]

TABLE = """
at      420      1.0 - 5.0
au      413+438  0.4 - 0.2 - 0.4 - 2.0
be      425      1.0 - 3.0
bg      425      1.0 - 4.0
br      425      1.0 - 4.0
ch      425      1.0 - 4.0
cl      400      1.0 - 3.0
cn      450      1.0 - 4.0
cz      425      1.0 - 4.0
de      425      1.0 - 4.0
dk      425      1.0 - 4.0
ee      425      1.0 - 4.0
es      425      1.5 - 3.0
fi      425      1.0 - 4.0
fr      440      1.5 - 3.5
gr      425      1.0 - 4.0
hu      425      1.25 - 3.75
il      400      1.0 - 3.0
in      400x25   0.4 - 0.2 - 0.4 - 2.0
it      425      1.0 - 4.0
jp      400x16   1.0 - 2.0
lt      425      1.0 - 4.0
mx      425      1.0 - 4.0
my      425      0.4 - 0.2 - 0.4 - 2.0
nl      425      1.0 - 4.0
no      425      1.0 - 4.0
nz      400+450  0.4 - 0.2 - 0.4 - 2.0
ph      425+480  1.0 - 4.0
pl      425      1.0 - 4.0
pt      425      1.0 - 5.0
ru      425      1.0 - 4.0
se      425      1.0 - 5.0
sg      425x24   0.4 - 0.2 - 0.4 - 2.0
th      400x20   1.0 - 4.0
tw      440+480  1.0 - 2.0
uk      400+450  0.4 - 0.2 - 0.4 - 2.0
us      440+480  2.0 - 4.0
us-old  420x40   2.0 - 4.0
ve      425      1.0 - 4.0
za      400x33   0.4 - 0.2 - 0.4 - 2.0
"""
ROWS = {
    name: (tones, cadence) for name, tones, cadence in (line.split(maxsplit=2) for line in TABLE.split("\n") if line)
}


def envelope(samples: Floats) -> NDArray[np.bool_]:
    """Whether there is sound, millisecond by millisecond; the zeroes of a wave and of its modulation are sound."""
    per_ms = RATE_HZ // 1000
    blocks = np.abs(samples[: len(samples) // per_ms * per_ms]).reshape(-1, per_ms)
    sound: NDArray[np.bool_] = blocks.max(axis=1) > 1e-4
    at = np.flatnonzero(sound)
    for gap in np.flatnonzero(np.diff(at) < 70):
        sound[at[gap] : at[gap + 1]] = True
    return sound


def cadence_s(samples: Floats) -> list[float]:
    """Lengths of sound and silence in turn, in seconds; the tone begins with sound."""
    sound = envelope(samples)
    edges = [0, *(np.flatnonzero(np.diff(sound.astype(int))) + 1), len(sound)]
    return [(b - a) / 1000 for a, b in pairwise(edges)]


def frequencies(samples: Floats) -> list[float]:
    """The lines of the first burst's spectrum that are within 12 dB of the strongest, to a tenth of 1 Hz."""
    sound = envelope(samples)
    burst = samples[: int(np.argmin(sound) or len(sound)) * RATE_HZ // 1000]
    size = RATE_HZ * 10
    spectrum = np.abs(np.fft.rfft(burst * np.hanning(len(burst)), size))
    peaks = [
        at / 10
        for at in range(1, len(spectrum) - 1)
        if spectrum[at] > spectrum.max() / 4 and spectrum[at - 1] < spectrum[at] >= spectrum[at + 1]
    ]
    return [float(peak) for peak in peaks]


def test_there_are_forty_and_dial_knows_them() -> None:
    assert len(RINGTONES) == 40
    assert set(RINGTONES) == set(ROWS) == RING_TONES
    assert DEFAULT_RINGTONE == "us"


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_ring_tone_is_what_the_table_says(name: str) -> None:
    tones, cadence = ROWS[name]
    samples = render(RINGTONES[name]).astype(np.float64)
    heard = np.concatenate([samples, samples[: RATE_HZ // 2]])  # the next round begins at once, without a gap
    wanted = [float(part) for part in cadence.split(" - ")]
    measured = cadence_s(heard)
    assert measured[: len(wanted)] == pytest.approx(wanted, abs=0.01)
    carrier, _, modulation = tones.partition("x")
    lines = [float(hz) for hz in carrier.split("+")]
    if modulation:  # full amplitude modulation: both sidebands, 6 dB below
        lines = [lines[0] - float(modulation), lines[0], lines[0] + float(modulation)]
    assert frequencies(samples) == pytest.approx(lines, abs=1.0)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_ring_tone_is_neither_too_loud_nor_too_soft(name: str) -> None:
    """A tone at the level of speech: its burst between -22 and -8 dBm0 (full scale of G.711 is +3.14)."""
    samples = render(RINGTONES[name]).astype(np.float64)
    burst = samples[envelope(samples).repeat(RATE_HZ // 1000)]
    rms_dbm0 = 10 * np.log10((burst**2).mean() * 2) + 3.14
    assert -22 < rms_dbm0 < -8
    assert np.abs(samples).max() < 1.0
