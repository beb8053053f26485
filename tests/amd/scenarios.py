"""What may answer: one function a scenario, each giving what is heard and what is true of it."""

from __future__ import annotations

from collections.abc import Callable

from tests.amd import sounds, texts
from tests.amd.scene import AFTER_MS, NoVoice, Scene, answer, beeped, message, recorded, spoken
from tests.amd.voices import join


def human(*, tts: bool, longer: bool) -> Callable[[Scene], None]:
    def build(scene: Scene) -> None:
        answer(scene, tts=tts, longer=longer)

    return build


def human_late(scene: Scene) -> None:
    answer(scene, tts=scene.rng.random() < 0.5, longer=scene.rng.random() < 0.5, at_ms=scene.between(1700, 3600))


def human_repeat(scene: Scene) -> None:
    """Two hellos within the end threshold are one greeting."""
    clip, person = recorded(scene, 280, 700)
    both = join([clip, clip], [scene.between(400, 1000)])
    end = scene.say(scene.between(200, 1200), both, person.name)
    scene.expected, scene.at_least_ms = "human", end + 7000


def human_ring(scene: Scene) -> None:
    """Ringing goes on for a moment after the answer."""
    ring = sounds.cadence(scene.one(("ringing us", "ringing eu", "ringing fr")), 4000)
    length = scene.between(400, 2000)
    end = scene.put(50, ring[: length * 8], scene.rng.uniform(-8, 0))
    answer(scene, tts=scene.rng.random() < 0.5, longer=False, at_ms=end + scene.between(600, 1800))


def human_click(scene: Scene) -> None:
    for _ in range(scene.between(1, 4)):
        scene.put(scene.between(0, 500), sounds.click(scene.rng), 0.0)
    answer(scene, tts=scene.rng.random() < 0.3, longer=True, at_ms=scene.between(520, 1200))


def human_hands_free(scene: Scene) -> None:
    scene.hands_free = True
    answer(scene, tts=False, longer=scene.rng.random() < 0.5)


def human_breath(scene: Scene) -> None:
    """Breathes in, then speaks."""
    end = scene.put(scene.between(100, 400), sounds.breath(scene.rng), -14.0)
    answer(scene, tts=False, longer=True, at_ms=end + scene.between(50, 300))


def human_noisy(scene: Scene) -> None:
    scene.hard, scene.snr_db = True, (6.0, 12.0)
    answer(scene, tts=scene.rng.random() < 0.3, longer=scene.rng.random() < 0.5)


def human_crowd(scene: Scene) -> None:
    """People talk behind the one who answers."""
    scene.hard = True
    answer(scene, tts=False, longer=scene.rng.random() < 0.5)
    scene.put(0, sounds.crowd(scene.split)((scene.end_ms + AFTER_MS) * 8, scene.rng), -scene.rng.uniform(14, 24))


def human_music(scene: Scene) -> None:
    """A radio plays in the room."""
    scene.hard = True
    answer(scene, tts=False, longer=scene.rng.random() < 0.5)
    music = sounds.music((scene.end_ms + AFTER_MS) * 8, scene.rng, scene.split)
    scene.put(0, music, -scene.rng.uniform(12, 22))


def human_business(scene: Scene) -> None:
    """Longer than the speech threshold: Twilio's own rule says machine."""
    scene.hard, scene.expected = True, "human"
    clip, reader = spoken(scene, texts.BUSINESS)
    end = scene.say(scene.between(300, 1200), clip, reader.name)
    scene.at_least_ms = end + 6000


def machine(*, tts: bool) -> Callable[[Scene], None]:
    def build(scene: Scene) -> None:
        beeped(scene, message(scene, tts=tts))

    return build


def machine_late(scene: Scene) -> None:
    beeped(scene, message(scene, tts=scene.rng.random() < 0.5, at_ms=scene.between(1800, 3200)))


def machine_ring(scene: Scene) -> None:
    ring = sounds.cadence(scene.one(("ringing us", "ringing eu", "ringing fr")), 4000)
    end = scene.put(50, ring[: scene.between(800, 2000) * 8], scene.rng.uniform(-8, 0))
    beeped(scene, message(scene, tts=scene.rng.random() < 0.5, at_ms=end + scene.between(700, 1500)))


def machine_noisy(scene: Scene) -> None:
    scene.snr_db = (10.0, 15.0)
    beeped(scene, message(scene, tts=scene.rng.random() < 0.5))


def machine_music(scene: Scene) -> None:
    """Speech and beep over music, which stops with the beep, or goes on."""
    beeped(scene, message(scene, tts=scene.rng.random() < 0.5))
    assert scene.beep is not None
    end = scene.greeting_end_ms if scene.rng.random() < 0.5 else scene.beep[1] + scene.between(0, 600)
    scene.put(0, sounds.music(end * 8, scene.rng, scene.split), -scene.rng.uniform(14, 22))


def machine_silent(scene: Scene) -> None:
    message(scene, tts=scene.rng.random() < 0.5)
    scene.ends, scene.at_least_ms = ("machine_end_silence",), scene.greeting_end_ms + 6000


def machine_menu(scene: Scene) -> None:
    scene.expected, scene.ends = "machine", ("machine_end_silence",)
    clip, reader = spoken(scene, texts.MENU, only_in_table=True)
    scene.greeting_end_ms = scene.say(scene.between(400, 1300), clip, reader.name)
    scene.at_least_ms = scene.greeting_end_ms + 6000


def machine_full(scene: Scene) -> None:
    """The mailbox is full; then it hangs up."""
    clip, reader = spoken(scene, texts.FULL, only_in_table=True)
    scene.expected, scene.ends = "machine", ("machine_end_other", "machine_end_silence")
    scene.greeting_end_ms = scene.say(scene.between(400, 1300), clip, reader.name)
    scene.at_least_ms = scene.greeting_end_ms + 400


def machine_special(*, announced: bool) -> Callable[[Scene], None]:
    def build(scene: Scene) -> None:
        scene.expected, scene.ends = "machine", ("machine_end_silence", "machine_end_other")
        end = scene.put(scene.between(300, 700), sounds.special(scene.rng), scene.rng.uniform(-3, 3))
        if announced:
            clip, reader = spoken(scene, texts.ANNOUNCED, only_in_table=True)
            end = scene.say(end + scene.between(300, 900), clip, reader.name)
        scene.greeting_end_ms, scene.at_least_ms = end, end + 6500

    return build


def machine_pause(scene: Scene) -> None:
    """A short first sentence, then a pause like that of somebody who listens."""
    scene.hard = True
    short, reader = spoken(scene, texts.HELLO)
    long = reader.say(scene.one(texts.of(texts.GREETING, reader.language)))
    if long is None:
        raise NoVoice(reader.name)
    clip = join([short, long], [scene.between(700, 1500)])
    scene.expected, scene.ends = "machine", ("machine_end_beep",)
    scene.greeting_end_ms = scene.say(scene.between(300, 1500), clip, reader.name)
    beeped(scene, scene.greeting_end_ms)


def machine_short(scene: Scene) -> None:
    """`Leave a message`, and a beep that comes soon."""
    scene.hard, scene.expected, scene.ends = True, "machine", ("machine_end_beep",)
    clip, reader = spoken(scene, texts.SHORT)
    scene.greeting_end_ms = scene.say(scene.between(300, 1400), clip, reader.name)
    beeped(scene, scene.greeting_end_ms, (200, 900))


def machine_beep_only(scene: Scene) -> None:
    scene.hard, scene.expected, scene.ends = True, "machine", ("machine_end_beep",)
    beeped(scene, 0, (700, 2500))
    scene.greeting_end_ms = scene.beep[0] if scene.beep else 0


def fax_called(kind: str) -> Callable[[Scene], None]:
    def build(scene: Scene) -> None:
        scene.expected, scene.at_least_ms = "fax", 9000
        scene.put(scene.between(200, 2500), sounds.called(kind, scene.rng), scene.rng.uniform(-4, 6))

    return build


def fax_calling(scene: Scene) -> None:
    scene.expected = "fax"
    scene.put(scene.between(200, 1500), sounds.calling(scene.rng), scene.rng.uniform(-4, 4))


def fax_after_voice(scene: Scene) -> None:
    """`Please start your fax now`: a person's words by every rule of time, if the tone comes late."""
    scene.hard, scene.expected, scene.accept = True, "fax", ("human",)
    clip, reader = spoken(scene, texts.HELLO)
    end = scene.say(scene.between(300, 1800), clip, reader.name)
    scene.put(end + scene.between(500, 1100), sounds.called("ced", scene.rng), 2.0)


def nobody(scene: Scene) -> None:
    scene.expected, scene.at_least_ms = "unknown", 14_000


def nobody_digital(scene: Scene) -> None:
    nobody(scene)
    scene.snr_db = (200.0, 200.0)


def nobody_noise(scene: Scene) -> None:
    nobody(scene)
    scene.snr_db = (2.0, 22.0)


def nobody_crowd(scene: Scene) -> None:
    """Far voices only: nobody has answered, but they are voices."""
    nobody(scene)
    scene.hard, scene.accept = True, ("human", "machine")
    scene.put(0, sounds.crowd(scene.split)(14_000 * 8, scene.rng), -18.0)


def nobody_cadence(*names: str) -> Callable[[Scene], None]:
    def build(scene: Scene) -> None:
        nobody(scene)
        if names[0].startswith(("busy", "congestion")):
            scene.accept = ("machine",)
        scene.put(scene.between(0, 800), sounds.cadence(scene.one(names), 13_000), scene.rng.uniform(-8, 4))

    return build


def nobody_music(scene: Scene) -> None:
    nobody(scene)
    scene.accept = ("machine",)
    scene.put(0, sounds.music(14_000 * 8, scene.rng, scene.split), scene.rng.uniform(-6, 3))


def nobody_breath(scene: Scene) -> None:
    nobody(scene)
    scene.accept = ("human",)
    at = 400
    while at < 12_000:
        at = scene.put(at, sounds.breath(scene.rng), -16.0) + scene.between(600, 1800)


SCENARIOS: dict[str, tuple[int, Callable[[Scene], None]]] = {
    "human_hello": (40, human(tts=False, longer=False)),
    "human_hello_tts": (20, human(tts=True, longer=False)),
    "human_this": (24, human(tts=False, longer=True)),
    "human_this_tts": (20, human(tts=True, longer=True)),
    "human_late": (20, human_late),
    "human_repeat": (12, human_repeat),
    "human_ring": (12, human_ring),
    "human_click": (12, human_click),
    "human_hands_free": (8, human_hands_free),
    "human_breath": (8, human_breath),
    "human_noisy": (22, human_noisy),
    "human_crowd": (6, human_crowd),
    "human_music": (6, human_music),
    "human_business": (14, human_business),
    "machine_recorded": (40, machine(tts=False)),
    "machine_read": (40, machine(tts=True)),
    "machine_late": (12, machine_late),
    "machine_ring": (8, machine_ring),
    "machine_noisy": (14, machine_noisy),
    "machine_music": (12, machine_music),
    "machine_no_beep": (16, machine_silent),
    "machine_menu": (12, machine_menu),
    "machine_full": (4, machine_full),
    "machine_special": (4, machine_special(announced=False)),
    "machine_special_announced": (14, machine_special(announced=True)),
    "machine_pause": (12, machine_pause),
    "machine_short": (16, machine_short),
    "machine_beep_only": (6, machine_beep_only),
    "fax_ced": (14, fax_called("ced")),
    "fax_reversed": (6, fax_called("reversed")),
    "fax_ansam": (8, fax_called("ansam")),
    "fax_cng": (8, fax_calling),
    "fax_after_voice": (4, fax_after_voice),
    "unknown_silence": (6, nobody),
    "unknown_digital": (3, nobody_digital),
    "unknown_noise": (14, nobody_noise),
    "unknown_ringing": (12, nobody_cadence("ringing us", "ringing eu", "ringing uk", "ringing fr")),
    "unknown_busy": (10, nobody_cadence("busy us", "busy eu", "busy uk", "congestion us", "congestion eu")),
    "unknown_music": (8, nobody_music),
    "unknown_breath": (4, nobody_breath),
    "unknown_crowd": (4, nobody_crowd),
}
"""How many of each there are in a set, and how it is made."""
