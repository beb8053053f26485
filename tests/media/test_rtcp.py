"""RTCP out and in, what it says of a stream, and the score that delay and loss allow."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp
from media.commands import AskStats, Close
from media.config import EngineConfig
from media.events import Stats
from media.rtcp import ReportBlock, Reports, Sent
from media.streams import StreamStats
from tests.media.benchtop import Bench, FakePhone

BLOCK = ReportBlock(
    ssrc=5, fraction_lost=0.25, lost=-3, highest_sequence=70_000, jitter=12, last_report=9, delay_since=8
)
SENT = Sent(ntp=0xE000000012345678, rtp_timestamp=77, packets=10, octets=1600)


def stats_of(bench: Bench, phone: FakePhone) -> StreamStats:
    bench.tick()
    events = bench.tick(AskStats(slot=phone.slot, ticket=1))
    return next(event.stats for event in events if isinstance(event, Stats))


def test_a_compound_packet_reads_back() -> None:
    report = rtcp.parse(rtcp.compound(3, "crosspoint", SENT, BLOCK, goodbye=True))
    assert report is not None
    assert (report.ssrc, report.ntp, report.packets, report.octets) == (3, SENT.ntp, 10, 1600)
    assert report.blocks == (BLOCK,)
    assert report.goodbye == (3,)


@pytest.mark.parametrize("name", ["", "a", "ab", "abc", "abcd", "x" * 300])
def test_every_part_is_a_whole_number_of_words(name: str) -> None:
    data = rtcp.compound(3, name, None, None)
    assert len(data) % 4 == 0
    assert rtcp.parse(data) is not None


@given(st.binary(max_size=200))
def test_no_octets_raise(data: bytes) -> None:
    rtcp.parse(data)


@given(st.integers(0, 2**32), st.integers(0, 100))
def test_damaged_reports_do_not_raise(seed: int, cut: int) -> None:
    chance = random.Random(seed)
    data = bytearray(rtcp.compound(3, "crosspoint", SENT, BLOCK, goodbye=True))
    data[chance.randrange(len(data))] = chance.randrange(256)
    rtcp.parse(bytes(data[:cut]))
    rtcp.parse(bytes(data))


def test_the_round_trip_is_what_is_left_of_the_way_there_and_back() -> None:
    reports = Reports()
    sent_ntp = rtcp.ntp_of(1000.0)
    block = ReportBlock(
        ssrc=7,
        fraction_lost=0.1,
        lost=1,
        highest_sequence=1,
        jitter=0,
        last_report=rtcp.middle(sent_ntp),
        delay_since=65_536,
    )
    reports.heard(rtcp.Reported(ssrc=1, blocks=(block,)), 7, 50.0, rtcp.ntp_of(1001.08))
    assert reports.round_trip_ms == pytest.approx(80.0, abs=0.1)
    assert reports.remote_lost == 0.1
    reports.heard(rtcp.Reported(ssrc=1, blocks=(block,)), 8, 50.0, rtcp.ntp_of(1009.0))
    assert reports.round_trip_ms == pytest.approx(80.0, abs=0.1), "a block on somebody else's stream is not ours"


def test_the_fraction_lost_is_that_since_the_last_report() -> None:
    reports = Reports()
    assert reports.block(1, 100, 90, 100, 0.0, 1.0).fraction_lost == pytest.approx(0.1)
    assert reports.block(1, 200, 190, 200, 0.0, 2.0).fraction_lost == 0.0
    assert reports.block(1, 300, 240, 300, 0.0, 3.0).fraction_lost == pytest.approx(0.5)


def test_a_good_line_scores_well_and_loss_and_delay_cost() -> None:
    assert 4.35 <= rtcp.mos(0.0, 20.0) <= 4.45
    assert rtcp.mos(0.03, 20.0) < rtcp.mos(0.01, 20.0) < rtcp.mos(0.0, 20.0)
    assert rtcp.mos(0.0, 400.0) < 3.7 < rtcp.mos(0.0, 150.0)
    assert rtcp.mos(1.0, 5000.0) == 1.0


def test_reports_leave_every_five_seconds_or_so_from_the_odd_port() -> None:
    bench = Bench()
    alice = bench.phone()
    bench.run(1500)
    mine = [(data, target) for row, data, target in bench.wire.reports if row == alice.slot.row]
    assert 4 <= len(mine) <= 9
    assert {target for _, target in mine} == {(alice.address[0], alice.address[1] + 1)}
    report = rtcp.parse(mine[-1][0])
    assert report is not None
    assert report.packets > 1000
    assert report.blocks[0].ssrc == alice.ssrc
    assert report.blocks[0].fraction_lost == 0.0


def test_with_mux_reports_leave_by_the_rtp_port() -> None:
    bench = Bench()
    alice = bench.phone(remote_rtcp_port=4000)
    bench.run(400)
    muxed = [data for data in alice.got if 192 <= data[1] <= 223]
    assert muxed
    assert not bench.wire.reports


def test_a_report_that_is_muxed_in_is_read() -> None:
    bench = Bench()
    alice = bench.phone()
    bench.run(50)
    block = ReportBlock(
        ssrc=int.from_bytes(alice.got[-1][8:12]), fraction_lost=0.5, lost=9, highest_sequence=1, jitter=1
    )
    bench.bring(alice, rtcp.compound(alice.ssrc, "alice", None, block))
    assert stats_of(bench, alice).remote_lost_fraction == 0.5
    assert stats_of(bench, alice).packets_malformed == 0


def test_a_strangers_report_and_goodbye_change_nothing() -> None:
    bench = Bench()
    alice = bench.phone()
    bench.run(50)
    block = ReportBlock(
        ssrc=int.from_bytes(alice.got[-1][8:12]), fraction_lost=0.5, lost=9, highest_sequence=1, jitter=1
    )
    data = rtcp.compound(alice.ssrc, "eve", None, block, goodbye=True)
    bench.wire.arrived.reports.append((alice.slot.row, data, ("203.0.113.66", 9)))
    bench.bring(alice, data, source=("203.0.113.66", 9))
    stats = stats_of(bench, alice)
    assert stats.remote_lost_fraction is None
    assert stats.packets_refused == 2


@pytest.mark.parametrize("length", range(9))
def test_short_rtcp_is_counted_and_the_leg_goes_on(length: int) -> None:
    bench = Bench()
    alice = bench.phone()
    bench.run(10)
    bench.wire.arrived.reports.append((alice.slot.row, (b"\x81\xc9\x00\x07" * 3)[:length], alice.address))
    bench.run(10)
    stats = stats_of(bench, alice)
    assert stats.packets_malformed == 1
    assert stats.packets_received == 20


def test_a_goodbye_leaves_when_a_leg_closes() -> None:
    bench = Bench()
    alice = bench.phone()
    bench.run(10)
    bench.tick(Close(slot=alice.slot))
    report = rtcp.parse(bench.wire.reports[-1][1])
    assert report is not None
    assert report.goodbye == (int.from_bytes(alice.got[-1][8:12]),)


def test_loss_and_jitter_are_measured() -> None:
    bench = Bench(EngineConfig(rows=4))
    alice = bench.phone()
    chance = random.Random(4)
    for _ in range(500):
        data = alice.sing()
        if chance.random() >= 0.1:
            bench.wire.bring(alice.slot.row, data, alice.address, bench.now + chance.uniform(0, 0.02))
        bench.tick()
    stats = stats_of(bench, alice)
    assert stats.packets_lost == pytest.approx(50, abs=20)
    assert 4.0 <= stats.jitter_ms <= 9.0
    assert stats.frames_concealed >= stats.packets_lost * 0.8
    assert stats.mos is not None
    assert stats.mos < 3.8


def test_a_restarted_stream_is_no_loss() -> None:
    bench = Bench()
    alice = bench.phone()
    bench.run(50)
    alice.sequence, alice.ssrc, alice.timestamp = 40_000, 99, struct.unpack(">I", b"\x80\x00\x00\x00")[0]
    bench.run(50)
    assert stats_of(bench, alice).packets_lost == 0
