"""Labelled calls of somebody else's: a folder of 8 kHz WAV files (PCM or mu-law) and `labels.csv`.

Columns: file, category, expected, accept, end_expected (both divided by |), hard (0 or 1), first_utt_end_ms, beep_start_ms,
beep_end_ms, greeting_end_ms, speech_segments (JSON).
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from media.clips import decoded
from tests.amd.corpus import MadeCall


def read(folder: Path) -> list[MadeCall]:
    """All calls of a folder, or of the folders within it."""
    if not (folder / "labels.csv").exists():
        inner = sorted(path.parent for path in folder.glob("*/labels.csv"))
        return [call for one in inner for call in read(one)]
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return [_call(folder, row) for row in csv.DictReader(file)]


def _call(folder: Path, row: dict[str, str]) -> MadeCall:
    sound = np.concatenate(list(decoded(str(folder / row["file"]))))
    return MadeCall(
        name=row["file"].removesuffix(".wav"),
        category=row["category"],
        expected=row["expected"],
        accept=tuple(row["accept"].split("|")),
        ends=tuple(filter(None, row["end_expected"].split("|"))),
        hard=row["hard"] == "1",
        voices=row.get("voices", ""),
        about=" ".join(row.get(name, "") for name in ("noise", "snr_db", "level_dbov", "codec")),
        spans=tuple((begin, end) for begin, end in json.loads(row.get("speech_segments") or "[]")),
        first_end_ms=_ms(row["first_utt_end_ms"]) if row["expected"] == "human" else 0,
        greeting_end_ms=_ms(row.get("greeting_end_ms", "")),
        beep_from_ms=_ms(row.get("beep_start_ms", "")),
        beep_until_ms=_ms(row["beep_end_ms"]) if row["expected"] == "machine" else 0,
        beep_about=f"{row.get('beep_kind', '')} {row.get('beep_hz', '')} Hz" if row["beep_end_ms"] else "",
        sound=sound,
    )


def _ms(text: str) -> int:
    return round(float(text)) if text else 0
