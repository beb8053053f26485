"""Both channels of a recording are on the clock of the call: drift and loss of either telephone part them by no more than a packet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.media.drifting import EVERY_S, bursts, record, skews

SECONDS, PPM = 120.0, 800.0
"""As much drift as 8 minutes at the 200 ppm of a bad telephone; `make bench` records a whole hour."""


def test_channels_stay_together_while_both_clocks_drift_and_packets_are_lost(tmp_path: Path) -> None:
    recording = record(tmp_path / "t.wav", SECONDS, ppm=PPM, loss=0.02, jitter_s=0.004)
    assert len(recording) == (SECONDS / 0.02 + 1) * 160, "the recording is as long as the call"
    found = skews(recording)
    assert len(found) >= SECONDS / EVERY_S - 2
    begin, end = np.mean(found[: len(found) // 2]), np.mean(found[len(found) // 2 :])
    assert abs(end) < 0.02
    assert abs(end - begin) < 0.015, "it does not grow"
    assert np.abs(found).max() < 0.03
    for channel in recording.T:
        late = (bursts(channel) + EVERY_S / 2) % EVERY_S - EVERY_S / 2
        assert late.max() < 0.08, "what is said is on the recording when the call hears it"
        assert late.min() > 0
