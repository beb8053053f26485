"""Made sounds that several tests use: sines, a voice-like buzz, and how much of a frequency is in something."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
RATE = 8000


def sine(hz: float, seconds: float, amplitude: float = 0.5, rate_hz: int = RATE) -> Floats:
    made: Floats = (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(
        np.float32
    )
    return made


def share(samples: Floats, hz: float, rate_hz: int = RATE) -> float:
    """Share of the energy that a sine of *hz* explains, 0 to 1."""
    turns = 2 * np.pi * hz * np.arange(len(samples)) / rate_hz
    basis = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, samples.astype(np.float64), rcond=None)
    made = basis @ fit
    return float(made @ made / max(float(samples.astype(np.float64) @ samples), 1e-12))


def voice(seconds: float, seed: int = 0, level: float = 0.15) -> Floats:
    """Something like speech: a gliding pitch with formants, in syllables with pauses."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    t = np.arange(count) / RATE
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * t + rng.uniform(0, 6)) + 10 * np.sin(2 * np.pi * 3.1 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    made = np.zeros(count)
    for k in range(1, 25):
        hz = k * pitch
        weight = 1 / (1 + ((hz - 550) / 180) ** 2) + 0.5 / (1 + ((hz - 1500) / 250) ** 2)
        made += weight * np.sin(k * phase) * (hz < 3600)
    syllables = np.clip(1.6 * np.sin(2 * np.pi * 3.3 * t) + 0.5, 0, 1)
    made *= syllables
    samples: Floats = (made / np.sqrt(np.mean(made**2)) * level).astype(np.float32)
    return samples


def snr_db(wanted: Floats, got: Floats) -> float:
    error = got.astype(np.float64) - wanted
    return float(10 * np.log10((wanted.astype(np.float64) @ wanted) / max(float(error @ error), 1e-12)))
