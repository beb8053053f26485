"""Who answered: each of Twilio's four times at its boundary, and every tone that decides by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from media.amd import LAG_MS, MESSAGE_SILENCE_MS, Detector, Verdict
from media.commands import Detect
from media.ringtones import RINGTONES
from media.streams import FRAME, TICK_MS, Slot
from media.tones import BUSY, NOT_IN_SERVICE, render
from media.voicing import Webrtc, voicing
from tests.media.sounds import sine, voice

Floats = NDArray[np.float32]
Spans = Sequence[tuple[int, int]]
SLOT = Slot(row=0, generation=1)
HISS = np.random.default_rng(5).standard_normal(40_000 * 8).astype(np.float32)


class Script:
    """Says speech where it is told to, as late as a real detector does."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._ms = 0
        self.closed = False

    def hear(self, frame: Floats) -> float:
        at = self._ms - LAG_MS
        self._ms += TICK_MS
        return float(any(begin <= at < end for begin, end in self._spans))

    def close(self) -> None:
        self.closed = True


def line(spans: Spans = (), tones: Sequence[tuple[int, Floats]] = (), noise: float = 0.001, ms: int = 40_000) -> Floats:
    """What a callee sends: voice in the spans, tones from their ms on, a little noise."""
    made = HISS[: ms * 8] * np.float32(noise)
    for begin, end in spans:
        made[begin * 8 : end * 8] += HISS[-(end - begin) * 8 :] * np.float32(0.08)
    for at, tone in tones:
        made[at * 8 : at * 8 + len(tone)] += tone
    return made


def judge(
    spans: Spans = (),
    tones: Sequence[tuple[int, Floats]] = (),
    *,
    noise: float = 0.001,
    message_end: bool = False,
    **times: int,
) -> Verdict:
    """The verdict on a call."""
    detector = Detector(Detect(slot=SLOT, message_end=message_end, **times), Script(spans))
    sound = line(spans, tones, noise)
    for at in range(0, len(sound), FRAME):
        verdict = detector.hear(sound[at : at + FRAME])
        if verdict is not None:
            assert detector.hear(sound[:FRAME]) is None, "told once"
            return verdict
    raise AssertionError("no verdict in forty seconds")


@pytest.mark.parametrize("speech_ms", [1000, 2400, 6000])
def test_a_greeting_is_a_machines_from_the_speech_threshold_on(speech_ms: int) -> None:
    for off, expected in ((-60, "human"), (60, "machine_start")):
        verdict = judge([(600, 600 + speech_ms + off)], speech_ms=speech_ms)
        assert verdict.answered_by == expected, off
    assert verdict.ms == pytest.approx(600 + speech_ms, abs=150)


@pytest.mark.parametrize("speech_end_ms", [500, 1200, 5000])
def test_a_pause_ends_a_greeting_from_the_end_threshold_on(speech_end_ms: int) -> None:
    for off, expected in ((-60, "machine_start"), (60, "human")):
        spans = [(500, 1500), (1500 + speech_end_ms + off, 4500 + speech_end_ms)]
        verdict = judge(spans, speech_end_ms=speech_end_ms)
        assert verdict.answered_by == expected, off
    assert verdict.ms == pytest.approx(1500 + speech_end_ms, abs=150)


@pytest.mark.parametrize("silence_ms", [2000, 5000, 10000])
def test_nothing_heard_until_the_silence_timeout_is_unknown(silence_ms: int) -> None:
    for off, expected in ((-60, "human"), (60, "unknown")):
        begin = silence_ms + off
        verdict = judge([(begin, begin + 800)], silence_ms=silence_ms)
        assert verdict.answered_by == expected, off
    assert verdict.ms == pytest.approx(silence_ms, abs=150)


@pytest.mark.parametrize("timeout_ms", [3000, 6000, 15000])
def test_at_the_timeout_there_is_a_verdict_whatever_was_heard(timeout_ms: int) -> None:
    for off, expected in ((-60, "human"), (60, "unknown")):
        end = timeout_ms - 1200 - LAG_MS + off
        verdict = judge([(end - 900, end)], timeout_ms=timeout_ms, silence_ms=60_000)
        assert verdict.answered_by == expected, off
    assert verdict.ms == timeout_ms


def test_a_machine_that_talks_until_the_timeout_has_ended_otherwise() -> None:
    verdict = judge([(500, 39_000)], message_end=True, timeout_ms=8000)
    assert (verdict.answered_by, verdict.ms) == ("machine_end_other", 8000)


def test_a_greeting_without_a_beep_ends_with_silence() -> None:
    verdict = judge([(500, 4000), (4900, 7000)], message_end=True)
    assert verdict.answered_by == "machine_end_silence"
    assert verdict.ms == pytest.approx(7000 + 1200 + MESSAGE_SILENCE_MS, abs=150)


def test_a_short_pause_within_a_greeting_belongs_to_it() -> None:
    assert judge([(500, 1300), (2300, 3200)]).answered_by == "machine_start"


@pytest.mark.parametrize("clicks", [[(400, 440)], [(400, 460), (1500, 1540), (3000, 3060)]])
def test_clicks_are_no_speech(clicks: Spans) -> None:
    assert judge(clicks).answered_by == "unknown"


def test_a_far_voice_after_a_near_one_does_not_go_on_with_the_greeting() -> None:
    spans = [(500, 1400), (1600, 8000)]
    sound = line(spans[:1])
    rng = np.random.default_rng(1)
    sound[1600 * 8 : 8000 * 8] += rng.standard_normal(6400 * 8).astype(np.float32) * np.float32(0.003)
    detector = Detector(Detect(slot=SLOT), Script(spans))
    verdicts = [detector.hear(sound[at : at + FRAME]) for at in range(0, len(sound), FRAME)]
    assert [str(v.answered_by) for v in verdicts if v] == ["human"]


BEEPS = [
    *(sine(hz, ms / 1000, 0.25) for hz in (400, 440, 700, 1000, 1400, 2000) for ms in (90, 250, 1200)),
    sine(800, 0.3, 0.2) + sine(1300, 0.3, 0.2),
    np.sin(np.cumsum(2 * np.pi * np.linspace(1200, 800, 3200) / 8000)).astype(np.float32) * np.float32(0.2),
]


@pytest.mark.parametrize("beep", BEEPS, ids=range(len(BEEPS)))
@pytest.mark.parametrize("noise", [0.001, 0.03])
def test_a_beep_after_the_greeting_is_told_soon_after_its_end(beep: Floats, noise: float) -> None:
    verdict = judge([(300, 1600)], [(1900, beep)], noise=noise, message_end=True, speech_ms=1000)
    assert verdict.answered_by == "machine_end_beep"
    assert 0 <= verdict.ms - (1900 + len(beep) // 8) <= 700


def test_a_beep_within_the_end_threshold_of_a_short_greeting_makes_it_a_machine() -> None:
    verdict = judge([(500, 1700)], [(2400, sine(1000, 0.4, 0.2))])
    assert verdict.answered_by == "machine_start"


def test_a_beep_without_a_greeting_is_a_machine() -> None:
    assert judge(tones=[(1500, sine(1000, 0.35, 0.2))]).answered_by == "machine_start"


def called(kind: str) -> Floats:
    tone = sine(2100, 3.3, 0.2)
    if kind == "reversals":
        tone *= np.where(np.arange(len(tone)) // 3600 % 2, -1, 1).astype(np.float32)
    if kind == "ansam":
        tone *= 1 + sine(15, 3.3, 0.2)
    return tone


@pytest.mark.parametrize("kind", ["plain", "reversals", "ansam"])
@pytest.mark.parametrize("message_end", [False, True])
def test_a_fax_that_answers_is_a_fax(kind: str, message_end: bool) -> None:
    verdict = judge(tones=[(700, called(kind))], message_end=message_end)
    assert verdict.answered_by == "fax"
    assert verdict.ms < 2500


def test_a_fax_that_calls_is_a_fax_at_its_second_tone() -> None:
    tone = sine(1110, 0.5, 0.2)
    assert judge(tones=[(900, tone), (4400, tone), (7900, tone)]).answered_by == "fax"


@pytest.mark.parametrize("country", ["de", "us", "uk", "fr"])
def test_ringing_that_leaks_is_nobody_and_a_person_after_it_is_one(country: str) -> None:
    ring = render(RINGTONES[country])
    assert judge(tones=[(200, np.tile(ring, 2)[: 8 * 10_000])], timeout_ms=9000).answered_by == "unknown"
    assert judge([(4000, 4800)], [(100, ring[: 8 * 2000])]).answered_by == "human"


def test_busy_is_nobody() -> None:
    assert judge(tones=[(200, np.tile(render(BUSY), 9))], timeout_ms=8000).answered_by == "unknown"


def test_a_tones_beginning_that_was_taken_for_speech_is_overturned() -> None:
    """A voice detector starts at a loud onset."""
    busy = np.tile(render(BUSY), 9)
    assert judge([(200, 420)], [(200, busy * 8)], noise=0.0001, timeout_ms=8000).answered_by == "unknown"


@pytest.mark.parametrize("spans", [(), [(1900, 6000)]])
def test_the_networks_special_tones_are_a_machine_with_and_without_words(spans: Spans) -> None:
    tones = [(400, render(NOT_IN_SERVICE)[: 8 * 1140])]
    assert judge(spans, tones).answered_by == "machine_start"
    assert judge(spans, tones, message_end=True).answered_by == "machine_end_silence"


def test_a_callee_that_hangs_up_leaves_what_is_known() -> None:
    for spans, message_end, expected in (
        ([(500, 900)], False, "unknown"),
        ([(500, 4000)], True, "machine_end_other"),
    ):
        script = Script(spans)
        detector = Detector(Detect(slot=SLOT, message_end=message_end), script)
        sound = line(spans)
        for at in range(0, 8 * 4000, FRAME):
            if detector.hear(sound[at : at + FRAME]) is not None:
                break
            if spans == [(500, 900)] and at > 8 * 1000:
                break
        verdict = detector.gone()
        assert verdict is not None
        assert verdict.answered_by == expected
        assert detector.gone() is None
        assert script.closed


def test_the_fallback_tells_a_voice_from_a_tone_and_from_silence() -> None:
    likely = []
    for sound in (voice(3.0), sine(1000, 3.0, 0.2), np.zeros(24_000, dtype=np.float32)):
        hears = Webrtc()
        likely.append(np.mean([hears.hear(sound[at : at + FRAME]) for at in range(0, len(sound), FRAME)]))
    assert likely[0] > 0.5
    assert max(likely[1:]) < 0.05


def test_a_detector_of_another_name_is_refused() -> None:
    assert isinstance(voicing("webrtc"), Webrtc)
    with pytest.raises(ValueError, match="no such"):
        voicing("ears")


@pytest.mark.parametrize("lead_ms", [0, 60, 1500])
def test_the_silence_before_the_first_packet_tells_nothing_of_the_lines_noise(lead_ms: int) -> None:
    """Else noise would be as near as the voice, and a person who has stopped would be heard on for as long as the network lingers."""
    noise = line(noise=0.02)
    noise[: 8 * lead_ms] = 0.0
    begin = lead_ms + 600
    noise[8 * begin : 8 * (begin + 900)] += HISS[-7200:] * np.float32(0.2)
    detector = Detector(Detect(slot=SLOT), Script([(begin, begin + 1100)]))  # it lingers for 200 ms
    verdicts = [detector.hear(noise[at : at + FRAME]) for at in range(0, 8 * 6000, FRAME)]
    (verdict,) = [verdict for verdict in verdicts if verdict]
    assert verdict.answered_by == "human"
    assert verdict.ms == pytest.approx(begin + 900 + 1200, abs=100)


def test_what_is_never_louder_than_the_line_is_no_answer() -> None:
    sound = line(noise=0.0004)
    detector = Detector(Detect(slot=SLOT, silence_ms=3000), Script([(400, 900), (1500, 1900)]))
    verdicts = [detector.hear(sound[at : at + FRAME]) for at in range(0, 8 * 6000, FRAME)]
    assert [(str(one.answered_by), one.ms) for one in verdicts if one] == [("unknown", 3020)]
