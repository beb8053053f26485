"""The ring tones that `<Dial ringTone>` names: frequencies and cadences of ITU-T E.180 supplement 2 and of the national plans."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from media.commands import Tone
from media.tones import Segment, tone

DEFAULT_RINGTONE = "us"

_SINGLE_DBM0 = -13.0
_DUAL_DBM0 = -16.0


def _ring(*frequencies: float, cadence: tuple[int, ...], modulation_hz: float = 0.0) -> Tone:
    """`cadence`: on, off, on, off … in ms."""
    segments: list[Segment] = [
        (frequencies, on_ms, off_ms) for on_ms, off_ms in zip(cadence[::2], cadence[1::2], strict=True)
    ]
    level = _SINGLE_DBM0 if len(frequencies) == 1 else _DUAL_DBM0
    return tone(*segments, level_dbm0=level, modulation_hz=modulation_hz)


_ONE_FOUR = (1000, 4000)
_ONE_FIVE = (1000, 5000)
_ONE_THREE = (1000, 3000)
_DOUBLE = (400, 200, 400, 2000)
"""The double ring of Britain and of what learned from it."""

RINGTONES: Mapping[str, Tone] = MappingProxyType(
    {
        "at": _ring(420.0, cadence=_ONE_FIVE),
        "au": _ring(413.0, 438.0, cadence=_DOUBLE),
        "be": _ring(425.0, cadence=_ONE_THREE),
        "bg": _ring(425.0, cadence=_ONE_FOUR),
        "br": _ring(425.0, cadence=_ONE_FOUR),
        "ch": _ring(425.0, cadence=_ONE_FOUR),
        "cl": _ring(400.0, cadence=_ONE_THREE),
        "cn": _ring(450.0, cadence=_ONE_FOUR),
        "cz": _ring(425.0, cadence=_ONE_FOUR),
        "de": _ring(425.0, cadence=_ONE_FOUR),
        "dk": _ring(425.0, cadence=_ONE_FOUR),
        "ee": _ring(425.0, cadence=_ONE_FOUR),
        "es": _ring(425.0, cadence=(1500, 3000)),
        "fi": _ring(425.0, cadence=_ONE_FOUR),
        "fr": _ring(440.0, cadence=(1500, 3500)),
        "gr": _ring(425.0, cadence=_ONE_FOUR),
        "hu": _ring(425.0, cadence=(1250, 3750)),
        "il": _ring(400.0, cadence=_ONE_THREE),
        "in": _ring(400.0, cadence=_DOUBLE, modulation_hz=25.0),
        "it": _ring(425.0, cadence=_ONE_FOUR),
        "jp": _ring(400.0, cadence=(1000, 2000), modulation_hz=16.0),
        "lt": _ring(425.0, cadence=_ONE_FOUR),
        "mx": _ring(425.0, cadence=_ONE_FOUR),
        "my": _ring(425.0, cadence=_DOUBLE),
        "nl": _ring(425.0, cadence=_ONE_FOUR),
        "no": _ring(425.0, cadence=_ONE_FOUR),
        "nz": _ring(400.0, 450.0, cadence=_DOUBLE),
        "ph": _ring(425.0, 480.0, cadence=_ONE_FOUR),
        "pl": _ring(425.0, cadence=_ONE_FOUR),
        "pt": _ring(425.0, cadence=_ONE_FIVE),
        "ru": _ring(425.0, cadence=_ONE_FOUR),
        "se": _ring(425.0, cadence=_ONE_FIVE),
        "sg": _ring(425.0, cadence=_DOUBLE, modulation_hz=24.0),
        "th": _ring(400.0, cadence=_ONE_FOUR, modulation_hz=20.0),
        "tw": _ring(440.0, 480.0, cadence=(1000, 2000)),
        "uk": _ring(400.0, 450.0, cadence=_DOUBLE),
        "us": _ring(440.0, 480.0, cadence=(2000, 4000)),
        "us-old": _ring(420.0, cadence=(2000, 4000), modulation_hz=40.0),
        "ve": _ring(425.0, cadence=_ONE_FOUR),
        "za": _ring(400.0, cadence=_DOUBLE, modulation_hz=33.0),
    }
)
