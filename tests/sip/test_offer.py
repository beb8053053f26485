"""Offer and answer as algebra (RFC 3264)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip.errors import RemoteError
from sip.sdp import AudioFormat, Direction, Origin, SessionDescription, parse
from sip.sdp.offer import Agreement, Local, answer, check, held, offer, same_format

PCMU, PCMA, G722 = AudioFormat(0, "PCMU", 8000), AudioFormat(8, "PCMA", 8000), AudioFormat(9, "G722", 8000)
OPUS = AudioFormat(96, "opus", 48000, 2, "useinbandfec=1")
DIGITS = AudioFormat(101, "telephone-event", 8000, 1, "0-16")
NOISE = AudioFormat(13, "CN", 8000)
US = Local(address="192.0.2.9", port=20000, formats=(PCMU, PCMA, G722, OPUS, NOISE, DIGITS))
ORIGIN = Origin(7, 7, "192.0.2.9")
HEAD = "v=0\no=alice 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"


def read(text: str) -> SessionDescription:
    return parse((HEAD + text).replace("\n", "\r\n").encode())


def agree(text: str, local: Local = US) -> Agreement:
    return answer(read(text), local, ORIGIN)


def codecs(agreement: Agreement) -> list[tuple[str, int, int]]:
    return [(f.send.name, f.send.pt, f.receive.pt) for f in agreement.formats]


def test_an_offer_lists_our_formats_in_order() -> None:
    stream = offer(US, ORIGIN).media[0]
    assert stream.formats == ("0", "8", "9", "96", "13", "101")
    assert stream.audio_formats == US.formats
    assert (stream.port, stream.protocol, stream.ptime_ms, stream.direction) == (20000, "RTP/AVP", 20, "sendrecv")


def test_an_offer_carries_what_it_is_told_to() -> None:
    local = replace(US, rtcp_mux=True, attributes=(("x", "1"),), direction=Direction.SENDONLY, ptime_ms=40, name="us")
    description = offer(local, ORIGIN)
    stream = description.media[0]
    assert stream.rtcp_mux
    assert (stream.attribute("x"), stream.direction, stream.ptime_ms, description.name) == ("1", "sendonly", 40, "us")


def test_a_later_offer_that_changes_nothing_keeps_its_version() -> None:
    first = offer(US, ORIGIN)
    assert offer(US, ORIGIN, previous=first) == first


def test_a_later_offer_that_changes_something_is_the_next_version_of_the_same_session() -> None:
    first = offer(US, ORIGIN)
    second = offer(replace(US, direction=Direction.INACTIVE), Origin(99, 99, "x"), previous=first)
    assert second.origin == Origin(7, 8, "192.0.2.9")
    assert second.media[0].direction == "inactive"


def test_a_later_offer_keeps_every_stream_in_its_place() -> None:
    first = agree("m=video 1 RTP/AVP 31\nm=audio 2 RTP/AVPF 0\nm=audio 3 RTP/AVP 0\n").local
    second = offer(US, ORIGIN, previous=first)
    assert [(m.kind, m.port, m.protocol) for m in second.media] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 20000, "RTP/AVPF"),
        ("audio", 0, "RTP/AVP"),
    ]


def test_a_later_offer_leaves_a_profile_that_we_no_longer_accept() -> None:
    first = agree("m=audio 2 RTP/AVPF 0\n").local
    assert offer(replace(US, protocols=("RTP/AVP",)), ORIGIN, previous=first).media[0].protocol == "RTP/AVP"


def test_hold_and_resume_change_the_direction_and_the_version_only() -> None:
    first = offer(US, ORIGIN)
    second = held(first, Direction.SENDONLY)
    third = held(second, Direction.SENDRECV)
    assert [d.media[0].direction for d in (second, third)] == ["sendonly", "sendrecv"]
    assert [d.origin.version for d in (first, second, third)] == [7, 8, 9]
    assert third.media == first.media
    assert held(third, Direction.SENDRECV) == third


def test_an_answer_takes_the_common_formats_in_the_order_of_the_offer() -> None:
    agreement = agree("m=audio 4000 RTP/AVP 9 3 8 0\n")
    assert codecs(agreement) == [("G722", 9, 9), ("PCMA", 8, 8), ("PCMU", 0, 0)]
    assert agreement.ours.formats == ("9", "8", "0")
    assert (agreement.address, agreement.port, agreement.digits, agreement.comfort_noise) == (
        "192.0.2.1",
        4000,
        None,
        None,
    )


def test_an_answer_may_put_our_order_first() -> None:
    agreement = agree("m=audio 4000 RTP/AVP 9 8 0\n", replace(US, prefer_ours=True))
    assert codecs(agreement) == [("PCMU", 0, 0), ("PCMA", 8, 8), ("G722", 9, 9)]


def test_an_answer_uses_the_numbers_of_the_offer_and_our_own_parameters() -> None:
    agreement = agree(
        "m=audio 4000 RTP/AVP 111 97\na=rtpmap:111 OPUS/48000/2\na=fmtp:111 stereo=1\n"
        "a=rtpmap:97 telephone-event/8000\n"
    )
    assert codecs(agreement) == [("OPUS", 111, 111)]
    assert agreement.digits is not None
    assert (agreement.digits.send.pt, agreement.digits.receive.pt) == (97, 97)
    assert agreement.formats[0].send.fmtp == "stereo=1"
    assert agreement.ours.all("fmtp") == ["111 useinbandfec=1", "97 0-16"]


def test_an_answer_may_name_one_codec_with_its_events_and_noise() -> None:
    offered = (
        "m=audio 4000 RTP/AVP 96 0 8 13 101 102\na=rtpmap:96 opus/48000/2\n"
        "a=rtpmap:101 telephone-event/48000\na=rtpmap:102 telephone-event/8000\n"
    )
    events = replace(DIGITS, pt=110, rate=48000)
    one = replace(US, one_codec=True, formats=(*US.formats, events))
    assert agree(offered, replace(one, prefer_ours=True)).ours.formats == ("0", "102", "13")
    assert agree(offered, one).ours.formats == ("96", "101")
    assert agree(
        "m=audio 1 RTP/AVP 96 102\na=rtpmap:96 opus/48000/2\na=rtpmap:102 telephone-event/8000\n", one
    ).ours.formats == (
        "96",
        "102",
    )


def test_every_other_stream_is_refused_in_its_place() -> None:
    agreement = agree(
        "m=video 5000 RTP/AVP 31 32\nm=audio 0 RTP/AVP 0\nm=audio 4000 RTP/SAVP 0\nm=audio 4002 RTP/AVP 3\n"
        "m=audio 4004 RTP/AVP 0\nm=audio 4006 RTP/AVP 0\nm=application 6000 UDP/BFCP *\n"
    )
    assert [(m.kind, m.port, m.formats) for m in agreement.local.media] == [
        ("video", 0, ("31",)),
        ("audio", 0, ("0",)),
        ("audio", 0, ("0",)),
        ("audio", 0, ("3",)),
        ("audio", 20000, ("0",)),
        ("audio", 0, ("0",)),
        ("application", 0, ("*",)),
    ]
    assert agreement.index == 4
    assert agreement.theirs.port == 4004


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m=video 5000 RTP/AVP 0\n",
        "m=audio 0 RTP/AVP 0\n",
        "m=audio 4000 RTP/SAVP 0\n",
        "m=audio 4000 RTP/AVP 3 18\n",
        "m=audio 4000 RTP/AVP 13 101\na=rtpmap:101 telephone-event/8000\n",
        "m=audio 4000 RTP/AVP 96\na=rtpmap:96 PCMU/16000\n",
        "m=audio 4000 RTP/AVP 0\nc=IN IP4 media.example.com\n",
        "m=audio 4000 RTP/AVP 0\na=rtcp:5 IN IP4 media.example.com\n",
    ],
)
def test_an_offer_that_we_can_do_nothing_with_is_488(text: str) -> None:
    with pytest.raises(RemoteError) as caught:
        agree(text)
    assert caught.value.status == 488


@pytest.mark.parametrize(
    ("lines", "ours", "expected"),
    [
        ("", Direction.SENDRECV, "sendrecv"),
        ("a=sendonly\n", Direction.SENDRECV, "recvonly"),
        ("a=recvonly\n", Direction.SENDRECV, "sendonly"),
        ("a=inactive\n", Direction.SENDRECV, "inactive"),
        ("c=IN IP4 0.0.0.0\n", Direction.SENDRECV, "recvonly"),
        ("a=sendonly\n", Direction.SENDONLY, "inactive"),
        ("", Direction.RECVONLY, "recvonly"),
    ],
)
def test_an_answer_does_what_both_sides_allow(lines: str, ours: Direction, expected: str) -> None:
    agreement = agree("m=audio 4000 RTP/AVP 0\n" + lines, replace(US, direction=ours))
    assert agreement.direction == expected
    assert agreement.ours.direction == expected


@pytest.mark.parametrize(
    ("lines", "mux", "expected"),
    [
        ("", True, (4001, "192.0.2.1", False)),
        ("a=rtcp-mux\n", True, (4000, "192.0.2.1", True)),
        ("a=rtcp-mux\n", False, (4001, "192.0.2.1", False)),
        ("a=rtcp:5000\n", True, (5000, "192.0.2.1", False)),
        ("a=rtcp:5000 IN IP4 192.0.2.8\n", True, (5000, "192.0.2.8", False)),
        ("a=rtcp-mux\na=rtcp:5000\n", True, (4000, "192.0.2.1", True)),
    ],
)
def test_where_rtcp_goes_is_agreed(lines: str, mux: bool, expected: tuple[int, str, bool]) -> None:
    agreement = agree("m=audio 4000 RTP/AVP 0\n" + lines, replace(US, rtcp_mux=mux))
    assert (agreement.rtcp_port, agreement.rtcp_address, agreement.rtcp_mux) == expected
    assert agreement.ours.rtcp_mux is expected[2]


def test_the_packet_length_is_what_the_peer_would_like() -> None:
    assert agree("m=audio 4000 RTP/AVP 0\na=ptime:40\n").ptime_ms == 40
    assert agree("m=audio 4000 RTP/AVP 0\n").ptime_ms == 20


def test_an_answer_repeats_the_timing_and_counts_versions() -> None:
    offered = read("m=audio 4000 RTP/AVP 0 8\n")
    first = answer(replace(offered, timing="5 6"), US, ORIGIN).local
    assert (first.timing, first.origin) == ("5 6", ORIGIN)
    again = answer(replace(offered, timing="5 6"), US, ORIGIN, previous=first).local
    assert again == first
    changed = answer(read("m=audio 4000 RTP/AVP 0\n"), US, ORIGIN, previous=first).local
    assert changed.origin == ORIGIN.next()


def test_an_answer_to_our_offer_is_read_under_both_numbers() -> None:
    offered = offer(US, ORIGIN)
    agreement = check(
        offered,
        read(
            "m=audio 4000 RTP/AVP 98 8 100\na=rtpmap:98 opus/48000/2\na=rtpmap:100 telephone-event/8000\na=sendonly\n"
        ),
        US,
    )
    assert codecs(agreement) == [("opus", 98, 96), ("PCMA", 8, 8)]
    assert agreement.digits is not None
    assert (agreement.digits.send.pt, agreement.digits.receive.pt) == (100, 101)
    assert (agreement.direction, agreement.address, agreement.port) == ("recvonly", "192.0.2.1", 4000)
    assert agreement.local is offered


def test_a_number_of_ours_may_come_back_without_its_name() -> None:
    agreement = check(offer(US, ORIGIN), read("m=audio 4000 RTP/AVP 96 101 77\n"), US)
    assert codecs(agreement) == [("opus", 96, 96)]
    assert agreement.digits is not None


def test_an_answer_narrows_what_we_offered() -> None:
    local = replace(US, direction=Direction.SENDONLY)
    assert check(offer(local, ORIGIN), read("m=audio 4000 RTP/AVP 0\n"), local).direction == "sendonly"
    assert check(offer(local, ORIGIN), read("m=audio 4000 RTP/AVP 0\na=inactive\n"), local).direction == "inactive"


def test_the_plain_profile_will_do_for_the_one_with_feedback() -> None:
    local = replace(US, protocols=("RTP/AVPF",))
    assert check(offer(local, ORIGIN), read("m=audio 4000 RTP/AVP 0\n"), local).port == 4000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 0\n",
        "m=audio 0 RTP/AVP 0\n",
        "m=video 4000 RTP/AVP 0\n",
        "m=audio 4000 RTP/SAVP 0\n",
        "m=audio 4000 RTP/AVP 3\n",
        "m=audio 4000 RTP/AVP 101\n",
        "m=audio 4000 RTP/AVP 0\nc=IN IP4 media.example.com\n",
    ],
)
def test_an_answer_that_our_offer_does_not_allow_is_488(text: str) -> None:
    with pytest.raises(RemoteError) as caught:
        check(offer(US, ORIGIN), read(text), US)
    assert caught.value.status == 488


def test_a_description_without_our_stream_can_not_be_changed() -> None:
    with pytest.raises(RemoteError, match="488 No Audio Stream"):
        held(read("m=video 1 RTP/AVP 31\n"), Direction.INACTIVE)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (PCMU, AudioFormat(0, "pcmu", 8000), True),
        (PCMU, PCMA, False),
        (AudioFormat(97, "L16", 8000), AudioFormat(98, "L16", 16000), False),
        (AudioFormat(97, "L16", 8000), AudioFormat(98, "L16", 8000, 2), False),
        (OPUS, AudioFormat(98, "opus", 48000), True),
        (AudioFormat(97, "iLBC", 8000), AudioFormat(97, "iLBC", 8000, 1, "mode=30"), True),
        (AudioFormat(97, "iLBC", 8000), AudioFormat(97, "iLBC", 8000, 1, "mode=20"), False),
        (AudioFormat(97, "AMR", 8000, 1, "octet-align=1"), AudioFormat(97, "AMR", 8000), False),
    ],
)
def test_formats_match_by_what_divides_them(one: AudioFormat, other: AudioFormat, expected: bool) -> None:
    assert same_format(one, other) is expected
    assert same_format(other, one) is expected
