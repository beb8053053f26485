"""Codecs: what goes in comes out, at the bus's rate, whatever the packet's length."""

from __future__ import annotations

import numpy as np
import pytest

from media.codecs import codec_for, g711
from media.codecs.opus import Opus, settings
from media.errors import NoSuchCodec
from media.resample import Resampler, Steady
from media.streams import FRAME, StreamParams
from tests.media.sounds import share, sine, snr_db, voice

EVERY_CODE = np.arange(256, dtype=np.uint8)
KINDS = [("OPUS", 48000, 2), ("G722", 8000, 1), ("L16", 8000, 1), ("L16", 16000, 1), ("L16", 44100, 2)]


def params(codec: str, rate_hz: int = 8000, channels: int = 1, fmtp: str = "") -> StreamParams:
    return StreamParams(codec=codec, payload_type=96, rate_hz=rate_hz, channels=channels, fmtp=fmtp)


def test_each_code_of_g711_comes_back_but_for_the_second_zero() -> None:
    again = g711.float_to_ulaw(g711.ulaw_to_float(EVERY_CODE))
    assert {(int(a), int(b)) for a, b in zip(EVERY_CODE, again, strict=True) if a != b} == {(0x7F, 0xFF)}
    assert (g711.float_to_alaw(g711.alaw_to_float(EVERY_CODE)) == EVERY_CODE).all()


def test_the_tables_hold_the_values_of_the_recommendation() -> None:
    """ITU-T G.711 tables 1a and 2a, scaled to 16 bits: the outermost and innermost steps."""
    assert (g711.ULAW_TO_FLOAT[[0x80, 0x00, 0xFE, 0xFF]] * 32768).tolist() == [32124, -32124, 8, 0]
    assert (g711.ALAW_TO_FLOAT[[0xAA, 0x2A, 0xD5, 0x55]] * 32768).tolist() == [32256, -32256, 8, -8]


def test_silence_is_the_code_that_lines_carry_and_overload_is_clipped_not_wrapped() -> None:
    samples = np.array([[0.0, 3.0, -3.0]], dtype=np.float32)
    assert g711.float_to_ulaw(samples).tolist() == [[0xFF, 0x80, 0x00]]
    assert g711.float_to_alaw(samples).tolist() == [[0xD5, 0xAA, 0x2A]]


@pytest.mark.parametrize(("codec", "rate_hz", "channels"), KINDS)
def test_a_tone_survives_its_codec(codec: str, rate_hz: int, channels: int) -> None:
    coder, octets = codec_for(params(codec, rate_hz, channels))
    tone = sine(500, 1.0)
    packets = [coder.encode(tone[at : at + FRAME]) for at in range(0, len(tone), FRAME)]
    assert not octets or {len(packet) for packet in packets} == {2 * octets}
    heard = np.concatenate([coder.decode(packet) for packet in packets])
    assert len(heard) == len(tone)
    assert share(heard[2000:], 500) > 0.98
    assert np.abs(heard[2000:]).max() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(("codec", "rate_hz", "channels"), [kind for kind in KINDS if kind[0] != "OPUS"])
@pytest.mark.parametrize("length_ms", [10, 30, 60])
def test_packets_of_other_lengths_are_decoded_whole(codec: str, rate_hz: int, channels: int, length_ms: int) -> None:
    coder, octets = codec_for(params(codec, rate_hz, channels))
    assert len(coder.decode(bytes(octets * length_ms // 10))) == 8 * length_ms


def test_what_is_no_packet_is_no_sound() -> None:
    for codec, rate_hz, channels in KINDS:
        coder, _ = codec_for(params(codec, rate_hz, channels))
        assert len(coder.decode(b"")) == 0
    assert len(Opus().decode(b"\xff" * 7)) == 0


def test_opus_repairs_a_lost_frame_from_the_next_packet_better_than_it_guesses_it() -> None:
    speech = voice(3.0)
    sender = Opus("useinbandfec=1")
    packets = [sender.encode(speech[at : at + FRAME]) for at in range(0, len(speech), FRAME)]
    whole, repairing, guessing = Opus(), Opus(), Opus()
    true, repaired, guessed = [], [], []
    for i, packet in enumerate(packets[:-1]):
        frame = whole.decode(packet)
        if i % 10 == 9:
            true.append(frame)
            lost = repairing.recover(packets[i + 1], FRAME), guessing.conceal(FRAME)
            assert lost[0] is not None
            assert lost[1] is not None
            repaired.append(lost[0])
            guessed.append(lost[1])
        else:
            repairing.decode(packet)
            guessing.decode(packet)
    wanted = np.concatenate(true)
    assert {len(one) for one in repaired} == {FRAME}
    assert snr_db(wanted, np.concatenate(repaired)) > snr_db(wanted, np.concatenate(guessed)) + 1.0


def test_opus_heeds_what_the_peer_wants_to_receive() -> None:
    assert settings("useinbandfec=1; MaxAverageBitrate=8000;x;y=z;stereo=0") == {
        "useinbandfec": 1,
        "maxaveragebitrate": 8000,
        "stereo": 0,
    }
    speech = voice(2.0)
    sizes = []
    for fmtp in ("", "maxaveragebitrate=8000"):
        coder = Opus(fmtp)
        sizes.append(sum(len(coder.encode(speech[at : at + FRAME])) for at in range(0, len(speech), FRAME)))
    assert sizes[1] < 0.7 * sizes[0]


@pytest.mark.parametrize("wrong", [params("GSM"), params("L16", 11025), params("L16", 8000, 6)])
def test_a_codec_that_is_none_is_refused(wrong: StreamParams) -> None:
    with pytest.raises(NoSuchCodec):
        codec_for(wrong)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(16000, 8000), (8000, 16000), (44100, 8000), (8000, 48000)])
@pytest.mark.parametrize("hz", [300, 1000, 3300])
def test_resampling_keeps_voices_and_every_frame_is_a_frame(from_hz: int, to_hz: int, hz: int) -> None:
    tone, steady = sine(hz, 0.5, rate_hz=from_hz), Steady(from_hz, to_hz)
    step = from_hz // 50
    pieces = [steady.push(tone[at : at + step]) for at in range(0, len(tone), step)]
    assert {len(piece) for piece in pieces} == {to_hz // 50}
    made = np.concatenate(pieces)[to_hz // 20 :]
    assert share(made, hz, to_hz) > 0.99999
    assert np.sqrt(2 * np.mean(made**2)) == pytest.approx(0.5, rel=0.02)


def test_resampling_down_keeps_out_what_would_fold() -> None:
    made = Steady(16000, 8000).push(sine(6000, 0.5, rate_hz=16000))[400:]
    assert np.abs(made).max() < 0.002


def test_a_stream_is_resampled_whole_in_pieces_of_any_length() -> None:
    tone, stream = sine(440, 1.0, rate_hz=24000), Resampler(24000)
    made = np.concatenate([stream.push(tone[:7001]), stream.push(tone[7001:], last=True)])
    assert len(made) == pytest.approx(8000, abs=2)
    assert share(made[200:-200], 440) > 0.9999
