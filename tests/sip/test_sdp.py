"""Session descriptions read and written (RFC 8866)."""

from __future__ import annotations

import pytest

from sip.errors import LocalError, RemoteError
from sip.sdp import AudioFormat, Direction, Media, Origin, SessionDescription, parse, write

HEAD = "v=0\no=alice 1 2 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"


def read(text: str) -> SessionDescription:
    return parse(text.replace("\n", "\r\n").encode())


def audio(text: str) -> Media:
    return read(HEAD + text).media[0]


def test_a_description_is_read() -> None:
    description = read(
        "v=0\no=alice 53655765 2353687637 IN IP6 2001:db8::1\ns=A call\ni=x\nu=http://h\ne=a@h\nb=AS:64\n"
        "c=IN IP4 192.0.2.1/127\nt=1 2\nr=1\nz=1\nk=x\na=tool:x\na=recvonly\n"
        "m=audio 4000/2 rtp/avp 0 8\ni=y\nc=IN IP4 192.0.2.2\na=sendonly\nm=Video 0 RTP/AVP 31\n"
    )
    assert description == SessionDescription(
        origin=Origin(53655765, 2353687637, "2001:db8::1", "alice"),
        name="A call",
        address="192.0.2.1",
        timing="1 2",
        attributes=(("tool", "x"), ("recvonly", None)),
        media=(
            Media(kind="audio", port=4000, formats=("0", "8"), address="192.0.2.2", attributes=(("sendonly", None),)),
            Media(kind="video", port=0, formats=("31",)),
        ),
    )
    assert description.audio == description.media[0]
    assert [description.address_of(media) for media in description.media] == ["192.0.2.2", "192.0.2.1"]
    assert [description.direction_of(media) for media in description.media] == ["sendonly", "recvonly"]


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_any_line_end_will_do_and_blank_lines_are_skipped(end: bytes) -> None:
    data = (HEAD + "\nm=audio 4000 RTP/AVP 0\n\n").encode().replace(b"\n", end)
    assert parse(data).media[0].port == 4000


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("o=a 1 1 IN IP4 h\nv=0\n", 400),
        ("v=1\n", 400),
        ("v=0\ns=-\n", 400),
        (HEAD.replace(" IN", ""), 400),
        (HEAD + "nonsense\n", 400),
        (HEAD + "m=audio 4000 RTP/AVP\n", 400),
        (HEAD + "m=audio x RTP/AVP 0\n", 400),
        (HEAD + "m=audio 65536 RTP/AVP 0\n", 400),
        (HEAD + "m=audio -1 RTP/AVP 0\n", 400),
        (HEAD + "m=audio ٣ RTP/AVP 0\n", 400),
        (HEAD + "m=audio 4000 RTP/AVP 0\nc=IN IP4\n", 400),
        (HEAD + "m=audio 4000 RTP/AVP 0\nc=ATM NSAP x\n", 400),
        (HEAD.replace("c=IN IP4 192.0.2.1\n", "") + "m=audio 4000 RTP/AVP 0\n", 400),
        (HEAD + "a=x\0\n", 400),
        (HEAD + "a=x\n" * 600, 400),
        (HEAD + "m=audio 4000 RTP/AVP 0\n" * 17, 488),
    ],
)
def test_what_is_no_description_is_refused(text: str, status: int) -> None:
    with pytest.raises(RemoteError) as caught:
        read(text)
    assert caught.value.status == status


def test_a_refused_stream_needs_no_address() -> None:
    assert read(HEAD.replace("c=IN IP4 192.0.2.1\n", "") + "m=audio 0 RTP/AVP 0\n").audio is None


@pytest.mark.parametrize("number", ["9" * 33, "abc", "-1", "٣"])
def test_an_odd_session_id_does_no_harm(number: str) -> None:
    assert read(HEAD.replace(" 1 2 ", f" {number} {number} ")).origin == Origin(0, 0, "192.0.2.1", "alice")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("m=audio 1 RTP/AVP 0 8 9\n", [(0, "PCMU", 8000, 1), (8, "PCMA", 8000, 1), (9, "G722", 8000, 1)]),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n", [(96, "opus", 48000, 2)]),
        ("m=audio 1 RTP/AVP 0\na=rtpmap:0 L16/16000\n", [(0, "L16", 16000, 1)]),
        ("m=audio 1 RTP/AVP 97 8 97\na=rtpmap:97 iLBC/8000\n", [(97, "iLBC", 8000, 1), (8, "PCMA", 8000, 1)]),
        ("m=audio 1 RTP/AVP 96 2 128 -1 x ٣ 0000\n", []),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 opus\n", []),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 /8000\n", []),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/x/2\n", []),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/x\n", []),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/0\n", []),
        ("m=audio 1 RTP/AVP 0\na=rtpmap:nonsense\na=rtpmap\n", [(0, "PCMU", 8000, 1)]),
    ],
)
def test_payload_types_are_mapped(lines: str, expected: list[tuple[int, str, int, int]]) -> None:
    assert [(f.pt, f.name, f.rate, f.channels) for f in audio(lines).audio_formats] == expected


def test_a_format_knows_its_parameters() -> None:
    media = audio("m=audio 1 RTP/AVP 18 96\na=fmtp:18 annexb=no\na=rtpmap:96 iLBC/8000\na=fmtp:96 Mode=20; x ;y = 1;\n")
    assert media.audio_formats[0].parameters == {"annexb": "no"}
    assert media.audio_formats[1].parameters == {"mode": "20", "x": "", "y": "1"}


def test_events_and_comfort_noise_are_told_from_audio() -> None:
    formats = audio("m=audio 1 RTP/AVP 0 13 101\na=rtpmap:101 Telephone-Event/8000\n").audio_formats
    assert [(f.is_audio, f.is_comfort_noise, f.is_digits) for f in formats] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


@pytest.mark.parametrize(
    ("lines", "ptime", "maxptime"),
    [
        ("a=ptime:20\na=maxptime:60\n", 20, 60),
        ("a=ptime:30.0\n", 30, None),
        ("a=ptime: 20 \n", 20, None),
        ("a=ptime:0\na=maxptime:x\n", None, None),
        ("a=ptime:-20\na=maxptime\n", None, None),
        ("", None, None),
    ],
)
def test_packet_lengths_are_read(lines: str, ptime: int | None, maxptime: int | None) -> None:
    media = audio("m=audio 1 RTP/AVP 0\n" + lines)
    assert (media.ptime_ms, media.maxptime_ms) == (ptime, maxptime)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("a=rtcp:53020\n", (53020, None)),
        ("a=rtcp:53020 IN IP4 192.0.2.9\n", (53020, "192.0.2.9")),
        ("a=rtcp:53020 IN\n", (53020, None)),
        ("a=rtcp:70000\n", None),
        ("a=rtcp:x\n", None),
        ("a=rtcp\n", None),
        ("", None),
    ],
)
def test_where_rtcp_goes_is_read(lines: str, expected: tuple[int, str | None] | None) -> None:
    assert audio("m=audio 1 RTP/AVP 0\n" + lines).rtcp == expected


def test_attributes_are_found_by_name() -> None:
    media = audio("m=audio 1 RTP/AVP 0\na=rtcp-mux\na=x:1\na=x:2:3\n")
    assert media.rtcp_mux
    assert (media.attribute("x"), media.attribute("rtcp-mux"), media.attribute("y")) == ("1", "", None)
    assert media.all("x") == ["1", "2:3"]
    assert not audio("m=audio 1 RTP/AVP 0\n").rtcp_mux


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", Direction.SENDRECV),
        ("a=inactive\n", Direction.INACTIVE),
        ("a=sendonly\na=recvonly\n", Direction.RECVONLY),
        ("a=sendonly:x\n", Direction.SENDRECV),
        ("c=IN IP4 0.0.0.0\n", Direction.SENDONLY),
        ("c=IN IP6 ::\na=recvonly\n", Direction.INACTIVE),
    ],
)
def test_the_direction_is_the_last_one_and_c_0_is_hold(lines: str, expected: Direction) -> None:
    description = read(HEAD + "m=audio 1 RTP/AVP 0\n" + lines)
    assert description.direction_of(description.media[0]) is expected


@pytest.mark.parametrize(
    ("direction", "other"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_a_direction_is_reversed_and_narrowed(direction: str, other: str) -> None:
    mine = Direction(direction)
    assert mine.reversed is Direction(other)
    assert mine & Direction.SENDRECV is mine
    assert mine & Direction.INACTIVE is Direction.INACTIVE
    assert (mine.sends, mine.receives) == (mine.reversed.receives, mine.reversed.sends)


def test_a_description_is_written() -> None:
    description = SessionDescription(
        origin=Origin(7, 8, "2001:db8::1"),
        address="192.0.2.1",
        attributes=(("tool", "x"),),
        media=(
            Media(kind="audio", port=4000, formats=("0", "101"), attributes=(("sendrecv", None), ("ptime", "20"))),
            Media(kind="video", port=0, protocol="RTP/SAVP", formats=("31",), address="::1"),
        ),
    )
    assert write(description) == (
        b"v=0\r\no=- 7 8 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=tool:x\r\n"
        b"m=audio 4000 RTP/AVP 0 101\r\na=sendrecv\r\na=ptime:20\r\nm=video 0 RTP/SAVP 31\r\nc=IN IP6 ::1\r\n"
    )
    assert parse(write(description)) == description


def test_a_session_without_an_address_has_none_written() -> None:
    assert b"c=" not in write(SessionDescription(origin=Origin(1, 1, "192.0.2.1"), name=""))


@pytest.mark.parametrize("bad", ["x\r\nm=audio", "x\n", "x\r", "x\0"])
def test_no_line_end_gets_into_a_description(bad: str) -> None:
    with pytest.raises(LocalError):
        write(SessionDescription(origin=Origin(1, 1, "192.0.2.1"), name=bad))


def test_a_format_is_written_with_its_channels_if_there_are_several() -> None:
    assert AudioFormat(96, "opus", 48000, 2).rtpmap == "96 opus/48000/2"
    assert AudioFormat(0, "PCMU", 8000).with_pt(100).rtpmap == "100 PCMU/8000"
