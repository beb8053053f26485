"""Whose packets a leg takes: the rule of symmetric RTP in virtual time."""

from __future__ import annotations

from media.latch import Address, Latch

SDP = ("192.0.2.1", 4000)
NAT = ("198.51.100.7", 31000)
STRANGER = ("203.0.113.66", 9999)


def stream(latch: Latch, source: Address, count: int, at: float, first: int = 100) -> list[bool]:
    return [latch.offer(source, first + i, at + 0.02 * i) for i in range(count)]


def latch_for(expected: Address | None, signalling: str) -> Latch:
    latch = Latch()
    latch.connect(expected, signalling, 10.0)
    return latch


def test_the_address_of_sdp_locks_with_its_first_packet() -> None:
    latch = latch_for(SDP, SDP[0])
    assert stream(latch, SDP, 1, 10.0) == [True]
    assert latch.locked == SDP


def test_a_sprayer_before_the_first_packet_is_never_heard_nor_sent_to_when_sdp_and_sip_agree() -> None:
    latch = latch_for(SDP, SDP[0])
    assert not any(stream(latch, STRANGER, 500, 10.0))
    assert latch.target == SDP
    assert latch.offer(SDP, 1, 21.0)


def test_a_phone_behind_a_nat_locks_after_four_packets_in_sequence() -> None:
    latch = latch_for(("10.0.0.5", 4000), NAT[0])
    assert stream(latch, NAT, 5, 10.0) == [False, False, False, True, True]
    assert latch.target == NAT


def test_packets_out_of_sequence_prove_nothing() -> None:
    latch = latch_for(("10.0.0.5", 4000), NAT[0])
    assert not any(latch.offer(NAT, 7 * i, 10.0 + i) for i in range(20))


def test_a_third_address_waits_a_second_and_yields_to_the_address_of_sip() -> None:
    latch = latch_for(("10.0.0.5", 4000), NAT[0])
    assert not any(stream(latch, STRANGER, 40, 10.0))
    assert not latch.offer(NAT, 1, 11.2)
    assert not any(stream(latch, STRANGER, 40, 11.21, first=140))
    assert stream(latch, NAT, 3, 11.5, first=2)[-1]
    assert latch.locked == NAT


def test_a_third_address_locks_where_sdp_and_sip_disagree_and_nobody_better_comes() -> None:
    latch = latch_for(("10.0.0.5", 4000), "192.0.2.200")
    stream(latch, STRANGER, 51, 10.0)
    assert stream(latch, STRANGER, 1, 11.1, first=151) == [True]


def test_a_better_source_takes_over_within_five_seconds_and_not_later() -> None:
    for delay, winner in ((3.0, SDP), (8.0, STRANGER)):
        latch = latch_for(SDP, "192.0.2.200")
        stream(latch, STRANGER, 60, 10.0)
        assert latch.locked == STRANGER
        latch.heard(11.2 + delay)
        latch.offer(SDP, 1, 11.2 + delay)
        assert latch.locked == winner


def test_a_locked_leg_refuses_everybody_else() -> None:
    latch = latch_for(SDP, SDP[0])
    latch.offer(SDP, 1, 10.0)
    for i in range(200):
        latch.heard(16.0 + 0.02 * i)
        assert not latch.offer(STRANGER, i, 16.0 + 0.02 * i)
        assert not latch.offer((SDP[0], 4002), i, 16.0 + 0.02 * i)


def test_the_same_address_may_change_its_port_only_after_two_seconds_of_silence() -> None:
    latch = latch_for(SDP, SDP[0])
    latch.offer(SDP, 1, 10.0)
    moved = (SDP[0], 5000)
    assert not any(stream(latch, moved, 40, 11.1))
    assert stream(latch, moved, 5, 19.0, first=150)[-1]
    assert latch.locked == moved


def test_another_address_never_takes_over_however_long_the_silence() -> None:
    latch = latch_for(SDP, SDP[0])
    latch.offer(SDP, 1, 10.0)
    assert not any(stream(latch, STRANGER, 100, 100.0))


def test_a_new_address_in_signalling_opens_the_door_for_it_alone() -> None:
    latch = latch_for(SDP, SDP[0])
    latch.offer(SDP, 1, 10.0)
    moved = (SDP[0], 6000)
    latch.connect(moved, SDP[0], 60.0)
    assert latch.target == moved
    assert latch.offer(moved, 9, 60.1)
    assert not latch.offer(SDP, 2, 60.2)


def test_a_repeated_offer_keeps_the_lock() -> None:
    latch = latch_for(("10.0.0.5", 4000), NAT[0])
    stream(latch, NAT, 4, 10.0)
    latch.connect(("10.0.0.5", 4000), NAT[0], 30.0)
    assert latch.locked == NAT


def test_hold_without_an_address_keeps_the_lock() -> None:
    latch = latch_for(SDP, SDP[0])
    latch.offer(SDP, 1, 10.0)
    latch.connect(None, SDP[0], 30.0)
    assert latch.locked == SDP


def test_a_spray_of_sources_does_not_push_a_proving_one_out() -> None:
    latch = latch_for(("10.0.0.5", 4000), NAT[0])
    took = []
    for i in range(6):
        took.append(latch.offer(NAT, i, 10.0 + 0.02 * i))
        for port in range(50):
            latch.offer(("203.0.113.1", 2000 + 50 * i + port), 1, 10.0 + 0.02 * i)
    assert took[-1]


def test_rtcp_counts_only_from_the_peer() -> None:
    latch = latch_for(SDP, SDP[0])
    assert latch.may_report(SDP[0])
    assert not latch.may_report(STRANGER[0])
