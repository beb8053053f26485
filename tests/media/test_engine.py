"""Who hears whom, and what leaves for each phone, on a bench without sockets."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest

from media import rtp
from media.commands import (
    AskStats,
    Close,
    Connect,
    Feed,
    Hear,
    Open,
    Play,
    Pour,
    Route,
    SendDigits,
    SetRoutes,
    Shutdown,
    Stop,
    Tone,
)
from media.config import EngineConfig
from media.events import Closed, Digit, DigitsSent, Dry, FirstAudio, Heard, NotPlayed, Opened, Playing, Silent, Stats
from media.streams import Direction, Slot
from tests.media.benchtop import Bench, FakePhone, params_of, strength


def headers(packets: list[bytes]) -> list[tuple[int, int, int, int]]:
    """(second octet, sequence, timestamp, SSRC) of each packet."""
    return [struct.unpack_from(">xBHII", data) for data in packets]


def pair() -> tuple[Bench, FakePhone, FakePhone]:
    bench = Bench()
    alice, bob = bench.phone(440.0), bench.phone(700.0)
    bench.bridge(alice, bob)
    return bench, alice, bob


def test_bridged_phones_hear_each_other_and_not_themselves() -> None:
    bench, alice, bob = pair()
    bench.run(50)
    assert strength(alice.sound(), 700.0) == pytest.approx(0.3, abs=0.02)
    assert strength(alice.sound(), 440.0) < 0.01
    assert strength(bob.sound(), 440.0) == pytest.approx(0.3, abs=0.02)
    assert strength(bob.sound(), 700.0) < 0.01


def test_phones_of_different_laws_hear_each_other() -> None:
    bench = Bench()
    alice = bench.phone(440.0)
    bob = bench.phone(700.0, codec="PCMA", payload_type=8)
    bob.payload_type = 8
    bench.bridge(alice, bob)
    bench.run(50)
    assert strength(alice.sound(), 700.0) == pytest.approx(0.3, abs=0.02)
    assert {data[1] & 0x7F for data in bob.got} == {8}


def test_a_gain_is_applied_to_its_edge_alone() -> None:
    bench, alice, bob = pair()
    bench.tick(SetRoutes(add=(Route(source=alice.slot, target=bob.slot, gain=0.5),)))
    bench.run(50)
    assert strength(bob.sound(), 440.0) == pytest.approx(0.15, abs=0.01)
    assert strength(alice.sound(), 700.0) == pytest.approx(0.3, abs=0.02)


def test_a_removed_route_is_silence_and_silence_is_sent_as_packets() -> None:
    bench, alice, bob = pair()
    bench.run(30)
    bench.tick(SetRoutes(remove=(Route(source=alice.slot, target=bob.slot, gain=9.0),)))
    before = len(bob.got)
    bench.run(30)
    assert len(bob.got) - before == 30
    assert {data[12:] for data in bob.got[-20:]} == {b"\xff" * 160}


def test_a_room_gives_each_member_the_others_without_an_echo() -> None:
    bench = Bench()
    members = [bench.phone(tone) for tone in (400.0, 700.0, 1000.0)]
    room = bench.room("standup")
    for member in members:
        bench.tick(
            SetRoutes(
                add=(
                    Route(source=member.slot, target=room),
                    Route(source=room, target=member.slot),
                    Route(source=member.slot, target=member.slot, gain=-1.0),
                )
            )
        )
    bench.run(60)
    for member in members:
        for tone in (400.0, 700.0, 1000.0):
            expected = 0.0 if tone == member.tone_hz else 0.3
            assert strength(member.sound(), tone) == pytest.approx(expected, abs=0.03)


def test_the_outgoing_stream_never_breaks_over_a_change_of_codec_and_hold() -> None:
    bench, alice, bob = pair()
    bench.run(20)
    bench.connect(bob, codec="PCMA", payload_type=8)
    bench.run(20, [alice])
    bench.connect(bob, codec="PCMA", payload_type=8, direction=Direction.INACTIVE)
    held = len(bob.got)
    bench.run(20, [alice])
    assert len(bob.got) == held
    bench.connect(bob)
    bench.run(20, [alice])
    heads = headers(bob.got)
    assert len({ssrc for *_, ssrc in heads}) == 1
    sequences = [sequence for _, sequence, _, _ in heads]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    steps = {later[2] - earlier[2] for earlier, later in pairwise(heads)}
    assert steps == {160, 160 * 21 + 160}
    assert [head[0] >> 7 for head in heads[:1]] == [1]
    assert heads[held][0] >> 7 == 1, "the first packet after a pause has the marker"


def test_a_phone_that_only_listens_is_not_heard() -> None:
    bench, alice, bob = pair()
    bench.run(20)
    bench.connect(alice, direction=Direction.SENDONLY)
    bench.run(40)
    assert strength(bob.sound(), 440.0) < 0.001
    assert strength(alice.sound(), 700.0) == pytest.approx(0.3, abs=0.02)


def test_the_peer_may_want_another_payload_type_than_ours() -> None:
    bench = Bench()
    alice = bench.phone(440.0, payload_type=96, send_payload_type=97)
    bench.tick()
    assert {data[1] & 0x7F for data in alice.got} == {97}


def test_a_tone_is_played_to_one_leg_and_told_at_both_ends() -> None:
    bench, alice, bob = pair()
    tone = Tone(segments=(((480.0,), 200, 0),), cycles=1)
    bench.tick(Play(playing=7, target=alice.slot, source=tone))
    bench.run(15, [])
    assert Playing(playing=7) in bench.events
    assert Dry(playing=7) in bench.events
    assert strength(alice.sound(16)[: 160 * 10], 480.0) > 0.1
    assert strength(bob.sound(16), 480.0) < 0.001


def test_what_is_played_to_a_room_all_its_members_hear() -> None:
    bench = Bench()
    alice, bob, room = bench.phone(), bench.phone(), bench.room()
    bench.tick(
        SetRoutes(add=(Route(source=room, target=alice.slot), Route(source=room, target=bob.slot))),
        Play(playing=1, target=room, source=Tone(segments=(((600.0,), 1000, 0),))),
    )
    bench.run(30, [])
    assert strength(alice.sound(), 600.0) == pytest.approx(strength(bob.sound(), 600.0))
    assert strength(alice.sound(), 600.0) > 0.1


def test_a_stopped_playing_is_silent_at_the_next_tick_and_not_dry() -> None:
    bench, alice, _ = pair()
    bench.tick(Play(playing=7, target=alice.slot, source=Tone(segments=(((480.0,), 1000, 0),))))
    bench.tick(Stop(playing=7), Stop(playing=999))
    assert alice.got[-1][12:] == b"\xff" * 160
    assert not bench.told(Dry)


def test_a_feed_ends_when_all_that_was_poured_is_played() -> None:
    bench, alice, _ = pair()
    pcm = (np.ones(1600) * 8000).astype("<i2").tobytes()
    bench.tick(Play(playing=3, target=alice.slot, source=Feed()), Pour(playing=3, pcm=pcm, last=True))
    bench.run(12, [])
    assert Dry(playing=3) in bench.events
    assert np.mean(alice.sound(13)[:1600]) == pytest.approx(8000 / 32768, abs=0.01)


def test_playing_to_a_row_that_is_gone_is_told() -> None:
    bench, alice, _ = pair()
    bench.tick(Close(slot=alice.slot))
    bench.tick(Play(playing=3, target=alice.slot, source=Feed()))
    assert [event.playing for event in bench.told(NotPlayed) if isinstance(event, NotPlayed)] == [3]


def test_an_old_slot_reaches_nobody_after_its_row_is_lent_again() -> None:
    bench, alice, bob = pair()
    bench.tick(Close(slot=alice.slot))
    carol = bench.phone(1000.0)
    assert carol.slot.row == alice.slot.row
    bench.tick(
        SetRoutes(add=(Route(source=bob.slot, target=alice.slot),)),
        Connect(slot=alice.slot, params=params_of(bob)),
        SendDigits(slot=alice.slot, digits="1", ticket=5),
        Close(slot=alice.slot),
    )
    bench.run(20)
    assert strength(carol.sound(), 700.0) < 0.001
    assert len(bench.told(Closed)) == 1
    assert DigitsSent(slot=alice.slot, ticket=5) in bench.events


def test_first_audio_is_told_once_with_the_peers_address() -> None:
    bench, alice, _ = pair()
    bench.run(10, [alice])
    assert bench.told(FirstAudio) == [FirstAudio(slot=alice.slot, address=alice.address[0], port=alice.address[1])]


def test_digits_of_rfc_4733_are_told_once_and_are_not_audio() -> None:
    bench, alice, _ = pair()
    bench.run(10, [alice])
    for i in range(8):
        payload = struct.pack(">BBH", 5, 0x80 if i > 4 else 10, 160 * min(i + 1, 5))
        data = rtp.packet(101, alice.sequence + i, alice.timestamp, alice.ssrc, payload, marker=i == 0)
        bench.bring(alice, data)
        bench.tick()
    assert bench.told(Digit) == [Digit(slot=alice.slot, digit="5")]
    bench.events.clear()
    bench.tick(AskStats(slot=alice.slot, ticket=1))
    (stats,) = [event for event in bench.events if isinstance(event, Stats)]
    assert stats.stats.packets_malformed == 0


def test_sent_digits_take_the_place_of_audio_and_end_three_times() -> None:
    bench, _, bob = pair()
    bench.run(10)
    bench.tick(SendDigits(slot=bob.slot, digits="1w#", ticket=9))
    bench.run(60)
    events = [data for data in bob.got if data[1] & 0x7F == 101]
    keys = {data[12] for data in events}
    assert keys == {1, 11}
    for key in keys:
        mine = [data for data in events if data[12] == key]
        assert len({data[4:8] for data in mine}) == 1, "one timestamp for all packets of an event"
        assert sum(data[13] >> 7 for data in mine) == 3
        assert [data[1] >> 7 for data in mine] == [1] + [0] * (len(mine) - 1)
    sequences = [head[1] for head in headers(bob.got)]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert bench.told(DigitsSent) == [DigitsSent(slot=bob.slot, ticket=9)]


def test_digits_are_tones_where_telephone_event_is_not_agreed() -> None:
    bench = Bench()
    alice = bench.phone(dtmf_payload_type=None)
    bench.tick(SendDigits(slot=alice.slot, digits="5", ticket=1), SendDigits(slot=alice.slot, digits="0", ticket=2))
    bench.run(4, [])
    assert strength(alice.sound(4), 770.0) > 0.05
    assert strength(alice.sound(4), 1336.0) > 0.05
    bench.run(20, [])
    assert [event.ticket for event in bench.told(DigitsSent) if isinstance(event, DigitsSent)] == [1, 2]


def test_silence_is_told_once_at_its_limit_and_later_on_hold() -> None:
    for held, limit_s in ((False, 2.0), (True, 6.0)):
        bench = Bench(EngineConfig(rows=8, silent_s=2.0, silent_on_hold_s=6.0))
        alice = bench.phone(on_hold=held)
        bench.run(10)
        bench.run(int(limit_s / 0.02) - 50, [])
        assert not bench.told(Silent)
        bench.run(200, [])
        (silent,) = bench.told(Silent)
        assert isinstance(silent, Silent)
        assert limit_s <= silent.silent_s < limit_s + 0.6
        assert silent.slot == alice.slot


def test_a_closed_leg_gives_its_figures_its_row_and_its_ports_back() -> None:
    bench, alice, bob = pair()
    bench.run(25)
    bench.tick(Close(slot=alice.slot))
    (closed,) = bench.told(Closed)
    assert isinstance(closed, Closed)
    assert closed.stats.packets_received == 25
    assert closed.stats.packets_sent >= 25
    assert closed.stats.mos is not None
    assert closed.stats.mos > 4.2
    assert bench.wire.closed == [alice.slot.row]
    bench.run(10, [bob])
    assert bob.got[-1][12:] == b"\xff" * 160


def test_ports_and_rows_that_run_out_are_refused_in_words() -> None:
    assert "port" in Bench(ports=0).refusal()
    bench = Bench(EngineConfig(rows=1))
    bench.open()
    assert "row" in bench.refusal()


def test_what_is_heard_can_be_asked_for_and_ended() -> None:
    bench, alice, _ = pair()
    bench.run(10)
    bench.tick(Hear(slot=alice.slot))
    bench.run(5)
    bench.tick(Hear(slot=alice.slot, on=False))
    count = len(bench.told(Heard))
    bench.run(5)
    assert count == len(bench.told(Heard)) == 6
    assert all(isinstance(event, Heard) and len(event.pcm) == 320 for event in bench.told(Heard))


def test_comfort_noise_is_a_pause_and_no_loss() -> None:
    bench, alice, bob = pair()
    bench.run(30)
    bench.bring(alice, rtp.packet(13, alice.sequence, alice.timestamp, alice.ssrc, bytes([40])))
    bench.run(20, [bob])
    level = float(np.sqrt(np.mean(bob.sound(10) ** 2)))
    assert level == pytest.approx(10 ** (-40 / 20), rel=0.3)
    bench.tick(AskStats(slot=alice.slot, ticket=1))
    stats = next(event.stats for event in bench.events if isinstance(event, Stats))
    assert stats.frames_concealed == 0
    assert stats.packets_malformed == 0
    alice.sequence, alice.timestamp = alice.sequence + 1, alice.timestamp + 22 * 160
    bench.run(30)
    assert strength(bob.sound(), 440.0) == pytest.approx(0.3, abs=0.02)


def test_a_packet_for_a_leg_that_closes_in_the_same_tick_disturbs_nobody() -> None:
    bench, alice, bob = pair()
    bench.run(10)
    bench.bring(alice, alice.sing())
    bench.tick(Close(slot=alice.slot), Open(ticket=77))
    bench.run(5, [bob])
    assert bench.told(FirstAudio)[2:] == []
    assert bench.told(Opened)[-1] == Opened(ticket=77, slot=Slot(row=alice.slot.row, generation=2), port=20_000)


def test_garbage_is_counted_and_ends_nothing() -> None:
    bench, alice, bob = pair()
    bench.run(10)
    garbage = [b"", b"\x80", b"\x00" * 40, b"\xff" * 200, rtp.packet(0, 1, 1, 1, b""), b"\x9f\x00" + b"\x00" * 20]
    garbage += [b"\xb0\x00" + b"\xff" * 30, b"\xa0\x00" + b"\x00" * 20, rtp.packet(99, 5, 5, 5, b"x" * 160)]
    for data in garbage:
        bench.bring(alice, data)
        bench.bring(alice, data, source=("203.0.113.1", 9))
        bench.run(1)
    bench.run(30)
    assert strength(bob.sound(), 440.0) == pytest.approx(0.3, abs=0.03)
    bench.tick(AskStats(slot=alice.slot, ticket=1))
    stats = next(event.stats for event in bench.events if isinstance(event, Stats))
    assert stats.packets_malformed == len(garbage)
    assert stats.packets_refused == len(garbage)


def test_a_strangers_voice_is_never_heard_and_is_counted() -> None:
    bench, alice, bob = pair()
    bench.run(10)
    stranger = FakePhone(alice.slot, ("203.0.113.66", 5), tone_hz=1500.0)
    for _ in range(50):
        bench.bring(alice, stranger.sing(), stranger.address)
        bench.run(1)
    assert strength(bob.sound(50), 1500.0) < 0.005
    bench.tick(AskStats(slot=alice.slot, ticket=1))
    stats = next(event.stats for event in bench.events if isinstance(event, Stats))
    assert stats.packets_refused == 50


def test_explain_says_who_hears_whom() -> None:
    bench, alice, _ = pair()
    bench.run(5)
    text = bench.engine.explain(alice.slot)
    assert text.startswith(f"phone 0 (leg {alice.slot}): hears phone 1; is heard by phone 1")
    assert "PCMU with 192.0.2.9:4000" in text
    assert "not lent" in bench.engine.explain(Slot(row=3, generation=9))


def test_a_stall_leaves_time_out_rather_than_growing_the_delay() -> None:
    bench, alice, bob = pair()
    bench.run(50)
    for _ in range(10):
        for phone in bench.phones:
            bench.bring(phone, phone.sing())
    bench.engine.skip(9)
    bench.now += 9 * 0.02
    bench.run(30)
    bench.tick(AskStats(slot=alice.slot, ticket=1))
    stats = next(event.stats for event in bench.events if isinstance(event, Stats))
    assert stats.buffer_ms <= 40
    gaps = [later[2] - earlier[2] for earlier, later in pairwise(headers(bob.got))]
    assert max(gaps) == 160 * 10


def test_shutdown_closes_every_leg() -> None:
    bench, alice, bob = pair()
    bench.tick(Shutdown())
    assert bench.engine.ended
    closed = {event.slot for event in bench.engine.shut(bench.now) if isinstance(event, Closed)}
    assert closed == {alice.slot, bob.slot}


def test_opened_legs_have_even_ports() -> None:
    bench, *_ = pair()
    assert all(event.port % 2 == 0 for event in bench.told(Opened) if isinstance(event, Opened))
