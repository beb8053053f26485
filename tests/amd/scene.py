"""A call being put together: who speaks when, and what is true of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tests.amd import sounds, texts
from tests.amd.voices import Clip, Reader, Recorded, Split, people, prompted, readers, told

Floats = NDArray[np.float32]
Rng = np.random.Generator
T = TypeVar("T")
AFTER_MS = 6000
"""What a call goes on for after its last sound."""


@dataclass(slots=True)
class Scene:
    """A call being put together; sounds are at 1.0 RMS of speech, times in ms from the answer."""

    rng: Rng
    split: Split
    placed: list[tuple[int, Floats, float]] = field(default_factory=list)
    """Where, what, how much louder than speech in dB."""
    spans: list[tuple[int, int]] = field(default_factory=list)
    """Where the callee speaks."""
    voices: list[str] = field(default_factory=list)
    expected: str = ""
    accept: tuple[str, ...] = ()
    """What is right besides what is expected."""
    ends: tuple[str, ...] = ()
    """What is right in DetectMessageEnd."""
    hard: bool = False
    snr_db: tuple[float, float] = (15.0, 40.0)
    greeting_end_ms: int = 0
    beep: tuple[int, int, float, str] | None = None
    """From, until, Hz, kind."""
    at_least_ms: int = 9000
    hands_free: bool = False

    def put(self, at_ms: int, sound: Floats, louder_db: float = 0.0) -> int:
        """Place a sound; answers its end."""
        self.placed.append((at_ms, sound, louder_db))
        return at_ms + len(sound) // 8

    def say(self, at_ms: int, clip: Clip, voice: str) -> int:
        """Place the callee's words; answers their end."""
        self.spans += [(a + at_ms, b + at_ms) for a, b in clip.spans]
        if voice not in self.voices:
            self.voices.append(voice)
        return self.put(at_ms, clip.sound)

    def between(self, low: float, high: float) -> int:
        return int(self.rng.uniform(low, high))

    def one(self, some: Sequence[T]) -> T:
        return some[int(self.rng.integers(len(some)))]

    @property
    def end_ms(self) -> int:
        return max([at + len(sound) // 8 for at, sound, _ in self.placed], default=0)


class NoVoice(Exception):
    """The packages that were had do not have what is wanted."""


def spoken(scene: Scene, table: Mapping[str, tuple[str, ...]], *, only_in_table: bool = False) -> tuple[Clip, Reader]:
    """A text read by a program's voice."""
    some = [one for one in readers(scene.split) if not only_in_table or one.language in table]
    for _ in range(12):
        reader = scene.one(some)
        clip = reader.say(scene.one(texts.of(table, reader.language)))
        if clip is not None:
            return clip, reader
    raise NoVoice(f"none of {len(some)} voices can be had")


def recorded(scene: Scene, shortest_ms: int, longest_ms: int) -> tuple[Clip, Recorded]:
    """Some recorded words of a length."""
    some = people(scene.split, "words", "prompts", "story")
    for _ in range(40):
        one = scene.one(some) if some else None
        found = one.within(shortest_ms, longest_ms) if one else []
        if one and found:
            return scene.one(found), one
    raise NoVoice("no recorded words can be had")


def answer(scene: Scene, *, tts: bool, longer: bool, at_ms: int | None = None) -> int:
    """A person's answer, and the same person again some seconds later. Answers the end of the first."""
    scene.expected = "human"
    start = scene.between(200, 1500) if at_ms is None else at_ms
    name: str
    if tts:
        for _ in range(8):
            first, reader = spoken(scene, texts.THIS_IS if longer else texts.HELLO)
            if first.ms <= 2050:
                break
        else:
            raise NoVoice("too slow a voice")
        again, name = reader.say(scene.one(texts.of(texts.HELLO, reader.language))) or first, reader.name
    else:
        first, person = recorded(scene, *((900, 2050) if longer else (280, 1100)))
        again, name = scene.one(person.within(300, 1500) or [first]), person.name
    end = scene.say(start, first, name)
    scene.say(end + scene.between(2300, 3600), again, name)
    scene.at_least_ms = end + 8000
    return end


def message(scene: Scene, *, tts: bool, at_ms: int | None = None, at_least_ms: int = 3300) -> int:
    """A machine's greeting. Answers its end."""
    scene.expected, scene.ends = "machine", ("machine_end_beep",)
    start = scene.between(300, 1600) if at_ms is None else at_ms
    for _ in range(20):
        clip: Clip | None
        if tts:
            clip, reader = spoken(scene, texts.GREETING)
            name = reader.name
        else:
            some = people(scene.split, "prompts") + people(scene.split, "story", "words")[:4]
            if not some:
                raise NoVoice("no recorded prompts can be had")
            person = scene.one(some)
            name = person.name
            clip = prompted(person, scene.rng, 3) if person.kind == "prompts" else told(person, scene.rng, 4000)
        if clip is not None and at_least_ms <= clip.ms <= 16_000 and longest_pause(clip) < 1000:
            scene.greeting_end_ms = scene.say(start, clip, name)
            return scene.greeting_end_ms
    raise NoVoice("no greeting of that length")


def longest_pause(clip: Clip) -> int:
    """In ms."""
    return max((b[0] - a[1] for a, b in pairwise(clip.spans)), default=0)


def beeped(scene: Scene, after_ms: int, gap: tuple[int, int] = (120, 1300)) -> None:
    """The beep after a greeting."""
    sound, hz, kind = sounds.beep(scene.rng)
    start = after_ms + scene.between(*gap)
    scene.beep = (start, scene.put(start, sound, scene.rng.uniform(-6, 4)), hz, kind)
