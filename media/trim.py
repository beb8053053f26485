"""Where the sound of a recording begins and ends: what is silence, or no more than background, at both ends, for all channels together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from media.levels import gain_of
from media.streams import FRAME, RATE_HZ

Shorts = NDArray[np.int16]
"""Samples as (time, channel)."""
Flags = NDArray[np.bool_]

FAINT = gain_of(-50.0) ** 2
"""Mean square below which nothing is sound …"""
LOUD = gain_of(-30.0) ** 2
"""… and above which everything is, a steady tone too."""
ABOVE_FLOOR = gain_of(9.0) ** 2
"""Between them it has to be so much above the background, and speech."""
BACKGROUND_PERCENT = 10
"""The quietest part of a span is its background."""
STRICTNESS = 1

BEGINS, OF = 3, 5
"""Sound is so many frames of sound among so many: a click alone is none."""
BREATH = gain_of(3.0) ** 2
"""What is so little above the background, next to speech, belongs to it: an f, an h, the end of an s …"""
BREATH_FRAMES = 20
"""… for 0.4 s at most."""
HISS = gain_of(-64.0) ** 2
"""Below this nothing is heard at all."""
MARGIN = 10
"""Frames left before and after: 0.2 s."""

SPAN = 1500
"""Frames looked at together: 30 s."""
CLOSE_S = 0.5
"""Shorter gaps do not part what is spoken, in pictures."""
LEAD = 50
"""Frames of the span before, so that sound at its edge is known as such."""


def bounds(read: Callable[[int, int], Shorts], samples: int) -> tuple[int, int]:
    """(first, last) sample to keep of *samples*, the last excluded; (0, 0): there is nothing but silence.

    `read(start, count)` gives samples of the recording; only the spans up to the first sound and from the last one on are read.
    """
    frames = -(-samples // FRAME)
    first = _edge(read, samples, range(0, frames, SPAN), begin=True)
    if first is None:
        return 0, 0
    last = _edge(read, samples, range((frames - 1) // SPAN * SPAN, -1, -SPAN), begin=False)
    end = frames if last is None else last + 1
    return max(0, first - MARGIN) * FRAME, min(samples, (end + MARGIN) * FRAME)


def _edge(read: Callable[[int, int], Shorts], samples: int, spans: range, *, begin: bool) -> int | None:
    """The first or the last frame that is heard."""
    for span in spans:
        start = max(0, span - LEAD)
        pcm = read(start * FRAME, min(samples - start * FRAME, (span + SPAN + LEAD - start) * FRAME))
        heard = [edge for channel in pcm.T if (edge := _edge_of(channel, begin=begin)) is not None]
        if heard:
            return start + (min(heard) if begin else max(heard))
    return None


def _edge_of(channel: Shorts, *, begin: bool) -> int | None:
    """The same of one channel's span."""
    frames = framed(channel)
    power = np.einsum("ij,ij->i", frames, frames) / FRAME
    if not begin:
        frames, power = frames[::-1], power[::-1]
    floor = float(np.percentile(power, BACKGROUND_PERCENT))
    is_sound = sounding(frames, power, floor)
    runs = np.flatnonzero(np.convolve(is_sound, np.ones(OF), "full")[OF - 1 :] >= BEGINS)
    if not len(runs):
        return None
    edge = int(runs[0]) + int(np.argmax(is_sound[runs[0] : runs[0] + OF]))
    least = max(HISS, min(floor * BREATH, LOUD))
    for _ in range(BREATH_FRAMES):
        if edge == 0 or power[edge - 1] < least:
            break
        edge -= 1
    return edge if begin else len(power) - 1 - edge


def framed(channel: Shorts) -> NDArray[np.float32]:
    """Frames of 20 ms within ±1, the last one filled up."""
    whole = np.zeros(-(-len(channel) // FRAME) * FRAME, dtype=np.float32)
    whole[: len(channel)] = channel / np.float32(32768.0)
    return whole.reshape(-1, FRAME)


def sounding(frames: NDArray[np.float32], power: NDArray[np.float32], floor: float) -> Flags:
    """Which frames are sound: loud, or speech above the background."""
    least = min(max(FAINT, floor * ABOVE_FLOOR), LOUD)
    found: Flags = power > LOUD
    model = webrtcvad.Vad(STRICTNESS)
    for at in np.flatnonzero((power > least) & ~found).tolist():
        pcm = np.rint(frames[at] * 32768.0).clip(-32768, 32767).astype("<i2")
        found[at] = model.is_speech(pcm.tobytes(), RATE_HZ)
    return found


def spoken(channel: Shorts) -> list[tuple[float, float]]:
    """Where a channel speaks: (from, to) in seconds, small gaps closed. For pictures."""
    frames = framed(channel)
    power = np.einsum("ij,ij->i", frames, frames) / FRAME
    if not len(power):
        return []
    is_sound = sounding(frames, power, float(np.percentile(power, BACKGROUND_PERCENT)))
    solid = np.convolve(is_sound, np.ones(OF), "same") >= BEGINS
    edges = np.flatnonzero(np.diff(np.concatenate(([0], solid.astype(np.int8), [0]))))
    found: list[tuple[float, float]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        begin_s, end_s = start * FRAME / RATE_HZ, end * FRAME / RATE_HZ
        if found and begin_s - found[-1][1] < CLOSE_S:
            found[-1] = (found[-1][0], end_s)
        else:
            found.append((begin_s, end_s))
    return found
