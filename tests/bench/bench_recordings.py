"""What recording costs: CPU per channel and 20 ms with its files, MP3s in times real time, trimming, and 500 recorded calls at once."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from gateway.storage.workshop import Workshop
from media.commands import Record, Side, Tap
from media.slots import Kind, Slots
from media.streams import FRAME
from media.tapes import Tapes
from media.writer import Writer
from tests.bench.bench_media import measure
from tests.media.drifting import record, skews

CALLS = 500
MINUTES = 10


def tape_cost_us(calls: int, ticks: int = 500) -> float:
    """Microseconds of CPU for each channel and 20 ms: tapes, the writing thread and the kernel's part of the files."""
    folder = Path(tempfile.mkdtemp(prefix="bench-recordings-"))
    try:
        slots, writer = Slots(2 * calls + 1), Writer()
        tapes = Tapes(writer)
        rows = 2 * calls + 1
        rng = np.random.default_rng(1)
        heard = (rng.standard_normal((rows, FRAME)) * 0.1).astype(np.float32)
        said = heard[::-1].copy()
        for number in range(calls):
            parent, _ = slots.lend(Kind.LEG, "").slot, slots.lend(Kind.LEG, "")
            taps = (Tap(slot=parent), Tap(slot=parent, side=Side.SAID, channel=1))
            command = Record(tape=number, path=str(folder / f"{number}.wav"), taps=taps, channels=2)
            tapes.apply(command, slots, lambda event: None)
        for _ in range(50):
            tapes.push(heard, said, lambda event: None)
        begun = time.process_time()
        for _ in range(ticks):
            tapes.push(heard, said, lambda event: None)
        while writer.behind:
            time.sleep(0.001)
        spent = time.process_time() - begun
        tapes.shut(lambda event: None)
        return spent / ticks / calls / 2 * 1e6
    finally:
        shutil.rmtree(folder)


async def _work(job: str, minutes: int) -> float:
    """How many times faster than it lasts a two-channel recording is worked on, by a worker that is there already."""
    folder = Path(tempfile.mkdtemp(prefix="bench-recordings-"))
    try:
        source = folder / "call.wav"
        await asyncio.to_thread(_write, source, minutes)
        words = {"source": str(source), "target": str(folder / f"call.{job}"), "kind": "mp3", "mixed": False}
        async with Workshop(1) as workshop:
            await workshop.do({"job": "draw", "marks": [], "title": "", "names": [], **words})
            begun = time.monotonic()
            await workshop.do({"job": job, **words})
            return minutes * 60 / (time.monotonic() - begun)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder)


def _write(path: Path, minutes: int) -> None:
    """Silence, then two voices that are noise in syllables, then silence."""
    rng = np.random.default_rng(2)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        for second in range(minutes * 60):
            sound = rng.standard_normal((8000, 2)) * (0.0 if second < 30 or second > minutes * 60 - 30 else 3000)
            sound *= np.abs(np.sin(np.arange(8000) / 8000 * 4 * np.pi))[:, None]
            file.writeframes(np.rint(sound).clip(-32768, 32767).astype("<i2").tobytes())


def rows() -> list[tuple[str, float, str]]:
    """The table of `make bench`."""
    table = [
        (f"recording: CPU per channel and 20 ms, {calls} calls", round(tape_cost_us(calls), 2), "us")
        for calls in (20, 100, CALLS)
    ]
    table.append(("recording: MP3 of two channels", round(asyncio.run(_work("shape", MINUTES)), 0), "x real time"))
    table.append(("recording: trimming", round(asyncio.run(_work("trim", MINUTES)), 0), "x real time"))
    with tempfile.TemporaryDirectory(prefix="bench-recordings-") as name:
        plain, taped = measure(2 * CALLS), measure(2 * CALLS, folder=Path(name))
        files = len(list(Path(name).glob("*.wav")))
        drifted = skews(record(Path(name) / "hour.wav", 3600.0, ppm=200.0, loss=0.02, jitter_s=0.004))
    table += [
        (f"recording: {files} calls at once, CPU per leg and 20 ms more", round(taped.cpu_us - plain.cpu_us, 1), "us"),
        (f"recording: {files} calls at once, late ticks of {taped.ticks}", float(taped.late_ticks), ""),
        ("recording: the same without recording", float(plain.late_ticks), ""),
        (f"recording: {files} calls at once, ticks given up", float(taped.skipped_ticks), ""),
        ("recording: delay added, p99", round(taped.delay_p99_ms, 1), "ms"),
        ("recording: skew of both channels after an hour, mean", round(float(drifted[-30:].mean()) * 1000, 1), "ms"),
        ("recording: skew within that hour, greatest", round(float(np.abs(drifted).max()) * 1000, 1), "ms"),
    ]
    return table


if __name__ == "__main__":
    for name, value, unit in rows():
        print(f"{name:65} {value:>10} {unit}")
