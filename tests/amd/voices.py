"""Who speaks in the made calls: programs that read a text, and people whose recordings a package carries. Half of them for development."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from av.error import FFmpegError
from numpy.typing import NDArray

from media.clips import decoded
from tests.amd import packages, texts

Floats = NDArray[np.float32]
RATE_HZ = 8000
BLOCK = 80
"""Samples by which speech is told from its pauses in a clean recording: 10 ms."""
EDGE_DB, ABOVE_DB = -26.0, 9.0
"""What is so much softer than a recording's loud parts is no speech, nor what is hardly louder than its softest."""
PAUSE_MS = 120
"""A shorter gap belongs to the words around it."""


class Split(IntEnum):
    """Who is heard in which sets."""

    DEV = 0
    HELD = 1
    """Not developed with, but looked at while the rules were tuned."""
    NEW = 2
    """Never heard, nor looked at, before all of that was over."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Clean speech without the silence around it, its loud parts at 1.0 RMS, and where in it somebody speaks (ms)."""

    sound: Floats
    spans: tuple[tuple[int, int], ...]

    @property
    def ms(self) -> int:
        return len(self.sound) * 1000 // RATE_HZ


def clip_of(sound: Floats) -> Clip | None:
    """Trim, measure, bring to level; None for nothing worth hearing."""
    blocks = len(sound) // BLOCK
    if blocks < 10:
        return None
    levels = 10 * np.log10(np.mean(sound[: blocks * BLOCK].reshape(blocks, BLOCK) ** 2, axis=1) + 1e-12)
    loud = float(np.percentile(levels, 95))
    if loud < -60:
        return None
    softest = float(np.percentile(levels, 5))
    active = np.flatnonzero(levels > max(loud + EDGE_DB, min(softest + ABOVE_DB, loud - 14)))
    spans: list[list[int]] = []
    for at in active.tolist():
        if spans and (at - spans[-1][1]) * 10 <= PAUSE_MS:
            spans[-1][1] = at + 1
        else:
            spans.append([at, at + 1])
    spans = [span for span in spans if span[1] - span[0] >= 4] or spans
    first, last = spans[0][0], spans[-1][1]
    rms = np.sqrt(np.mean(10 ** (levels[levels > loud - 20] / 10)))
    return Clip(
        (sound[first * BLOCK : last * BLOCK] / rms).astype(np.float32),
        tuple(((a - first) * 10, (b - first) * 10) for a, b in spans),
    )


def join(clips: list[Clip], pauses_ms: list[int]) -> Clip:
    """One after the other, with a pause between each two."""
    pieces: list[Floats] = []
    spans: list[tuple[int, int]] = []
    at = 0
    for number, clip in enumerate(clips):
        if number:
            pieces.append(np.zeros(pauses_ms[number - 1] * 8, dtype=np.float32))
            at += pauses_ms[number - 1]
        spans += [(a + at, b + at) for a, b in clip.spans]
        pieces.append(clip.sound)
        at += clip.ms
    return Clip(np.concatenate(pieces), tuple(spans))


@dataclass(frozen=True, slots=True)
class Reader:
    """A program's voice."""

    name: str
    language: str
    split: Split
    make: Callable[[str, Path], list[str]]
    """Text and where to write: the command."""

    def say(self, text: str) -> Clip | None:
        """What the program makes of a text; kept, as some need a second for it."""
        key = hashlib.sha256(f"{self.name}|{text}".encode()).hexdigest()[:20]
        kept = packages.folder() / "read" / f"{key}.wav"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            half = kept.with_suffix(".half.wav")
            environment = {**os.environ, "LD_LIBRARY_PATH": packages.libraries(), "LC_ALL": "C"}
            try:
                subprocess.run(self.make(text, half), capture_output=True, timeout=60, env=environment, check=True)
            except (OSError, subprocess.SubprocessError):
                return None
            if not half.exists():
                return None
            half.rename(kept)
        return clip_of(load(kept))


def load(path: Path) -> Floats:
    """A recording at 8 kHz; `.raw` is 16 bits at 8 kHz (codec2's) or 16 (pocketsphinx's)."""
    if path.suffix == ".raw":
        pcm = np.frombuffer(path.read_bytes(), dtype="<i2").astype(np.float32) / 32768
        if "pocketsphinx" in str(path):
            pcm = soxr.resample(pcm, 16_000, RATE_HZ)
        return pcm.astype(np.float32)
    pieces = list(decoded(str(path)))
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32)


def espeak(voice: str, pace: int, pitch: int) -> Callable[[str, Path], list[str]]:
    def make(text: str, path: Path) -> list[str]:
        data = packages.library("espeak-ng-data")
        command = [str(packages.program("espeak-ng")), "--path", str(data), "-v", voice, "-s", str(pace)]
        return [*command, "-p", str(pitch), "-w", str(path), text]

    return make


def flite(voice: str) -> Callable[[str, Path], list[str]]:
    return lambda text, path: [str(packages.program("flite")), "-voice", voice, "-t", text, "-o", str(path)]


def festival(voice: str) -> Callable[[str, Path], list[str]]:
    def make(text: str, path: Path) -> list[str]:
        base, script = packages.root() / "usr", path.with_suffix(".scm")
        quoted = text.replace('"', "")
        script.write_text(
            f'(voice_{voice})\n(utt.save.wave (utt.synth (Utterance Text "{quoted}")) "{path}")\n', encoding="latin-1"
        )
        command = [str(packages.program("festival")), "--datadir", str(base / "share/festival")]
        return [*command, "--libdir", str(base / "lib/festival"), "-b", str(script)]

    return make


READERS = (
    Reader("espeak en-us", "en", Split.DEV, espeak("en-us", 165, 50)),
    Reader("espeak en-us f2", "en", Split.DEV, espeak("en-us+f2", 175, 60)),
    Reader("espeak en-gb m3", "en", Split.DEV, espeak("en-gb+m3", 150, 40)),
    Reader("espeak de m1", "de", Split.DEV, espeak("de+m1", 160, 45)),
    Reader("flite kal16", "en", Split.DEV, flite("kal16")),
    Reader("flite awb", "en", Split.DEV, flite("awb")),
    Reader("festival ked", "en", Split.DEV, festival("ked_diphone")),
    Reader("festival lj", "fi", Split.DEV, festival("suo_fi_lj_diphone")),
    Reader("espeak scotland f4", "en", Split.HELD, espeak("en-gb-scotland+f4", 155, 55)),
    Reader("espeak en-us m7", "en", Split.HELD, espeak("en-us+m7", 185, 35)),
    Reader("espeak en-029 f1", "en", Split.HELD, espeak("en-029+f1", 165, 65)),
    Reader("espeak fr f5", "fr", Split.HELD, espeak("fr+f5", 165, 55)),
    Reader("flite rms", "en", Split.HELD, flite("rms")),
    Reader("flite slt", "en", Split.HELD, flite("slt")),
    Reader("festival slt", "en", Split.HELD, festival("cmu_us_slt_arctic_hts")),
    Reader("festival lp", "it", Split.HELD, festival("lp_diphone")),
    Reader("festival mv", "fi", Split.HELD, festival("hy_fi_mv_diphone")),
    Reader("festival dita", "cs", Split.HELD, festival("czech_dita")),
    Reader("festival ona", "ca", Split.HELD, festival("upc_ca_ona_hts")),
    Reader("festival kal", "en", Split.NEW, festival("kal_diphone")),
    Reader("espeak en-us f5", "en", Split.NEW, espeak("en-us+f5", 170, 62)),
    Reader("espeak en-gb-x-rp m5", "en", Split.NEW, espeak("en-gb-x-rp+m5", 158, 42)),
    Reader("espeak en-gb-x-gbcwmd m2", "en", Split.NEW, espeak("en-gb-x-gbcwmd+m2", 180, 38)),
    Reader("espeak de f3", "de", Split.NEW, espeak("de+f3", 170, 60)),
    Reader("espeak it m4", "it", Split.NEW, espeak("it+m4", 160, 45)),
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A person whose recordings a package carries; `kind`: `prompts` of a telephone system, `words`, or `story`."""

    name: str
    kind: str
    split: Split
    pattern: str

    def files(self) -> list[Path]:
        return _files(self.pattern)

    def prompt(self, name: str) -> Clip | None:
        """One of a telephone system's prompts."""
        found = [path for path in self.files() if path.stem == name]
        return _clip(found[0]) if found else None

    def within(self, shortest_ms: int, longest_ms: int) -> list[Clip]:
        """The recordings of a length, in order of name (sixty looked at)."""
        files = self.files()
        some = files[:: max(1, len(files) // 60)]
        return [clip for path in some if (clip := _clip(path)) is not None and shortest_ms <= clip.ms <= longest_ms]


@cache
def _files(pattern: str) -> list[Path]:
    return sorted(packages.root().glob(pattern))


@cache
def _clip(path: Path) -> Clip | None:
    try:
        return clip_of(load(path))
    except (OSError, ValueError, FFmpegError):
        return None


def _asterisk(name: str, split: Split) -> Recorded:
    return Recorded(f"asterisk {name}", "prompts", split, f"usr/share/asterisk/sounds/{name}/*.wav")


def _words(package: str, language: str, split: Split) -> Recorded:
    pattern = {
        "ktuberling": f"usr/share/ktuberling/sounds/{language}/*",
        "klettres": f"usr/share/klettres/{language}/*/*.ogg",
        "tuxpaint": f"usr/share/tuxpaint/stamps/**/*_desc_{language}.ogg",
        "hedgewars": f"usr/share/games/hedgewars/Data/Sounds/voices/{language}/*.ogg",
    }[package]
    return Recorded(f"{package} {language}", "words", split, pattern)


PEOPLE = (
    _asterisk("en_US_f_Allison", Split.DEV),
    _asterisk("fr_CA_f_June", Split.DEV),
    _asterisk("it_IT_m_Carlo", Split.DEV),
    *(_words("ktuberling", language, Split.DEV) for language in ("de", "en", "fr", "ca", "nn")),
    *(_words("klettres", language, Split.DEV) for language in ("en", "cs", "de", "hu")),
    *(_words("tuxpaint", language, Split.DEV) for language in ("fr", "ca")),
    *(_words("hedgewars", voice, Split.DEV) for voice in ("British", "Mobster", "Default_pl")),
    Recorded("pocketsphinx cards", "story", Split.DEV, "usr/share/pocketsphinx/test/data/cards/*.wav"),
    _asterisk("es_MX_f_Allison", Split.HELD),
    _asterisk("it_IT_f_Menardi", Split.HELD),
    _asterisk("ru_RU_f_IvrvoiceRU", Split.HELD),
    _asterisk("es", Split.HELD),
    _asterisk("fr", Split.HELD),
    *(_words("ktuberling", language, Split.HELD) for language in ("uk", "ru", "lt", "wa", "el")),
    *(_words("klettres", language, Split.HELD) for language in ("en_GB", "da", "nl", "es")),
    *(_words("tuxpaint", language, Split.HELD) for language in ("es", "el", "ro")),
    *(_words("hedgewars", voice, Split.HELD) for voice in ("Default", "Surfer", "HillBilly", "Default_ru")),
    Recorded("librivox", "story", Split.HELD, "usr/share/pocketsphinx/test/data/librivox/*.wav"),
    Recorded("codec2", "story", Split.HELD, "usr/share/codec2/raw/[fghm][1-9ot]*.raw"),
    # of sentences, so greetings are made of these; the cartoon voices below say nothing that a machine would
    *(_words("tuxpaint", language, Split.NEW) for language in ("ru", "bg", "da", "be", "nl")),
    *(
        _words("ktuberling", language, Split.NEW)
        for language in ("da", "es", "fi", "ga", "gl", "it", "nl", "pt", "sl", "sv")
    ),
    *(_words("klettres", language, Split.NEW) for language in ("fr", "he", "lt", "nb", "nds", "pt_BR", "ru", "uk")),
    *(_words("hedgewars", voice, Split.NEW) for voice in ("Classic", "Pirate", "Default_es", "Default_uk", "Russian")),
)


def readers(split: Split) -> tuple[Reader, ...]:
    return tuple(reader for reader in READERS if reader.split == split)


def people(split: Split, *kinds: str) -> tuple[Recorded, ...]:
    return tuple(one for one in PEOPLE if one.split == split and one.kind in kinds and one.files())


def prompted(one: Recorded, rng: np.random.Generator, longest: int) -> Clip | None:
    """A voice mail message of up to so many of a telephone system's prompts."""
    names = texts.PROMPTS[int(rng.integers(len(texts.PROMPTS)))][:longest]
    clips = [clip for name in names if (clip := one.prompt(name)) is not None]
    if not clips:
        return None
    return join(clips, [int(rng.integers(150, 500)) for _ in clips[1:]])


def told(one: Recorded, rng: np.random.Generator, at_least_ms: int) -> Clip | None:
    """Words or sentences of one person strung together until they last."""
    found = one.within(500, 8000)
    if not found:
        return None
    chosen: list[Clip] = []
    while sum(clip.ms for clip in chosen) < at_least_ms:
        chosen.append(found[int(rng.integers(len(found)))])
    return join(chosen, [int(rng.integers(120, 450)) for _ in chosen[1:]])


def speakers() -> Iterator[str]:
    """All names, for the report."""
    yield from (reader.name for reader in READERS)
    yield from (one.name for one in PEOPLE if one.files())
