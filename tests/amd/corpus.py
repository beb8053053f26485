"""The made calls: by set and number, always the same ones from the same packages; kept on disk once made."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.amd import line, packages, sounds
from tests.amd.scenarios import SCENARIOS
from tests.amd.scene import AFTER_MS, NoVoice, Scene
from tests.amd.voices import Split

Floats = NDArray[np.float32]
SEED = 7
GAP_MS = 1200
"""A silence as long as this ends the first utterance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCall:
    """A labelled call. Times in ms from the answer; 0 where there is no such thing."""

    name: str
    category: str
    expected: str
    """human, machine, fax, or unknown."""

    accept: tuple[str, ...]
    """All that is right."""

    ends: tuple[str, ...] = ()
    """What is right in DetectMessageEnd, for a machine; empty: anything that is a machine."""

    hard: bool = False
    voices: str = ""
    about: str = ""
    """Noise, level, codec: for the picture."""

    spans: tuple[tuple[int, int], ...] = ()
    first_end_ms: int = 0
    """End of the first utterance."""

    greeting_end_ms: int = 0
    beep_from_ms: int = 0
    beep_until_ms: int = 0
    beep_about: str = ""
    sound: Floats

    @property
    def key(self) -> str:
        """Of what it sounds like."""
        return f"{zlib.crc32(self.sound.tobytes()):08x}-{len(self.sound)}"


def make(category: str, number: int, *, split: Split, seed: int = SEED) -> MadeCall | None:
    """One call; None where the packages lack its voices."""
    rng = np.random.default_rng([seed, zlib.crc32(category.encode()), number, split])
    scene = Scene(rng, split)
    try:
        SCENARIOS[category][1](scene)
    except NoVoice:
        return None
    sound, about = on_the_line(scene)
    spans = tuple(sorted(scene.spans))
    first_end = 0
    for begin, end in spans:
        if first_end and begin - first_end >= GAP_MS:
            break
        first_end = max(first_end, end)
    beep = scene.beep or (0, 0, 0.0, "")
    return MadeCall(
        name=f"{split.name.lower()} {category} {number}",
        category=category,
        expected=scene.expected,
        accept=(scene.expected, *scene.accept),
        ends=scene.ends,
        hard=scene.hard,
        voices=", ".join(scene.voices),
        about=about,
        spans=spans,
        first_end_ms=first_end,
        greeting_end_ms=scene.greeting_end_ms,
        beep_from_ms=beep[0],
        beep_until_ms=beep[1],
        beep_about=f"{beep[3]} {beep[2]:.0f} Hz" if beep[3] else "",
        sound=sound,
    )


def on_the_line(scene: Scene) -> tuple[Floats, str]:
    """Everything that was placed, at a level, in noise, through a codec."""
    rng = scene.rng
    full = scene.at_least_ms if scene.ends and "machine_end_other" in scene.ends else scene.end_ms + AFTER_MS
    count = max(full, scene.at_least_ms) * 8 // 160 * 160
    total = np.zeros(count, dtype=np.float32)
    for at_ms, sound, louder in scene.placed:
        piece = sound[: max(0, count - at_ms * 8)]
        total[at_ms * 8 : at_ms * 8 + len(piece)] += piece * np.float32(10 ** (louder / 20))
    if scene.hands_free:
        total = line.room(total, rng)
    names = sounds.noises(scene.split)
    name = str(rng.choice(sorted(names)))
    snr = float(rng.uniform(*scene.snr_db))
    level = float(np.clip(rng.normal(-25, 4), -34, -16))
    noise = names[name](count, rng) * np.float32(10 ** (-snr / 20))
    quiet_line = rng.random() < 0.1
    if quiet_line:  # the far end sends nothing where nothing is said
        loud = np.convolve(total**2, np.ones(1600) / 1600, "same") > 1e-4
        noise *= loud
    total = (total + noise) * np.float32(10 ** (level / 20))
    codec = str(rng.choice(("pcmu", "pcmu", "pcmu", "pcma", "gsm")))
    total = line.gsm(total) if codec == "gsm" else line.pcma(total) if codec == "pcma" else total
    share = float(rng.uniform(0.01, 0.06)) if rng.random() < 0.15 else 0.0
    if share:
        total = line.lossy(total, rng, share, str(rng.choice(("zero", "repeat"))))
    about = f"{name} {snr:.0f} dB below, {level:.0f} dBov, {codec}"
    about += (f", {share:.0%} lost" if share else "") + (", noise gated" if quiet_line else "")
    return line.pcmu(total), about


def calls(*, split: Split, seed: int = SEED, share: float = 1.0) -> Iterator[MadeCall]:
    """A whole set, or a share of each scenario (at least one)."""
    for category, (count, _) in SCENARIOS.items():
        for number in range(max(1, round(count * share))):
            call = make(category, number, split=split, seed=seed)
            if call is not None:
                yield call


def kept(*, split: Split, seed: int = SEED) -> list[MadeCall]:
    """A whole set, made once for as long as its makers stay the same."""
    here = Path(__file__).parent
    makers = ("texts", "voices", "sounds", "line", "scene", "scenarios", "corpus", "packages")
    version = zlib.crc32(b"".join((here / f"{name}.py").read_bytes() for name in makers))
    path = packages.folder() / "made" / f"{version:08x}-{seed}-{split.name.lower()}.pickle"
    if path.exists():
        made: list[MadeCall] = pickle.loads(path.read_bytes())
        return made
    made = list(calls(split=split, seed=seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(made))
    return made
