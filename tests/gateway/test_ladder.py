"""The ladder of a call from its traced messages: as text, and as a picture."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from gateway.ladder import US, build, draw_text
from gateway.ladder_svg import draw_svg
from gateway.trace import LONGEST, Trace

ALICE, BOB = "udp:127.0.0.1:5080", "udp:127.0.0.1:5090"


def message(line: str, cseq: str, call_id: str, *, body: str = "") -> bytes:
    return f"{line}\r\ni: {call_id}\r\nCSeq: {cseq}\r\n\r\n{body}".encode()


def traced() -> Trace:
    trace = Trace()
    trace.add(10.0, False, ALICE, message("INVITE sip:bob@x SIP/2.0", "2 INVITE", "a", body="v=0\r\n"))
    trace.add(10.0123, True, BOB, message("INVITE sip:bob@x SIP/2.0", "1 INVITE", "b", body="v=0\r\n"))
    trace.add(11.5, False, BOB, message("SIP/2.0 200 OK", "1 INVITE", "b"))
    trace.add(75.0, True, ALICE, message("BYE sip:alice@x SIP/2.0", "1 BYE", "a"))
    return trace


def test_the_caller_stands_left_of_us_and_the_called_right() -> None:
    ladder = build(traced().of(["a", "b"]), {ALICE: "alice", "b": "bob"})
    assert ladder.columns == ("alice", US, "bob")
    assert [(r.source, r.target, r.label) for r in ladder.rungs] == [
        (0, 1, "INVITE + SDP"), (1, 2, "INVITE + SDP"), (2, 1, "200 OK (INVITE)"), (1, 0, "BYE"),
    ]  # fmt: skip
    assert [round(r.at_ms, 3) for r in ladder.rungs] == [0.0, 12.3, 1500.0, 65000.0]


def test_two_legs_with_the_same_trunk_have_a_column_each() -> None:
    trace = Trace()
    trace.add(1.0, False, ALICE, message("INVITE sip:b@x SIP/2.0", "1 INVITE", "a"))
    trace.add(2.0, True, ALICE, message("INVITE sip:b@x SIP/2.0", "1 INVITE", "b"))
    assert build(trace.of(["a", "b"])).columns == (ALICE, US, ALICE)


def test_the_text_has_an_arrow_a_line() -> None:
    lines = draw_text(build(traced().of(["a", "b"]), {"a": "alice", "b": "bob"})).splitlines()
    assert lines[0].split() == ["alice", US, "bob"]
    assert lines[1].startswith("     0.0 ms")
    left, right = lines[1].index("|"), lines[1].index("|", lines[1].index("|") + 1)
    assert lines[1][right - 1] == ">"
    assert " INVITE + SDP " in lines[1][left:right]
    assert lines[3].count("<") == 1
    assert lines[4].startswith("    65.00 s")
    assert all(line.count("|") == 3 for line in lines[1:])


def test_a_label_too_long_for_its_arrow_is_cut_and_a_peers_control_characters_do_nothing() -> None:
    trace = Trace()
    trace.add(1.0, False, ALICE, message("SIP/2.0 400 \x1b[2J" + "very bad " * 9, "1 INVITE", "a"))
    text = draw_text(build(trace.of(["a"])))
    assert "\x1b" not in text
    assert "…" in text


def test_a_call_without_messages_is_said_to_have_none() -> None:
    assert draw_text(build([])) == "no messages"
    ET.fromstring(draw_svg(build([])))


def test_the_picture_is_whole_xml_and_a_peers_text_stays_text() -> None:
    trace = traced()
    trace.add(12.0, False, BOB, message("SIP/2.0 486 <script>alert(1)</script>&\x1b", "1 INVITE", "b"))
    picture = draw_svg(build(trace.of(["a", "b"]), {"a": "al<ice"}), "CA1 & more")
    root = ET.fromstring(picture)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "al<ice" in texts
    assert "CA1 & more" in texts
    assert any(text and text.startswith("486 <script>") for text in texts)
    assert "<script" not in picture
    kinds = [element.get("class") for element in root.iter("{http://www.w3.org/2000/svg}g")]
    assert kinds == ["request", "request", "good", "bad", "request"]


def test_every_arrow_lies_within_the_picture() -> None:
    root = ET.fromstring(draw_svg(build(traced().of(["a", "b"]))))
    _, _, width, height = (float(n) for n in root.attrib["viewBox"].split())
    for line in root.iter("{http://www.w3.org/2000/svg}line"):
        assert 0 <= float(line.attrib["x1"]) <= width
        assert 0 <= float(line.attrib["x2"]) <= width
        assert 0 <= float(line.attrib["y2"]) <= height


def test_the_trace_is_bounded_by_calls_and_by_messages_of_one_call() -> None:
    trace = Trace(calls=2, messages=3)
    for number in range(5):
        trace.add(float(number), True, BOB, message(f"SIP/2.0 18{number} x", "1 INVITE", "a"))
    assert [m.label for m in trace.of(["a"])] == ["182 x", "183 x", "184 x"]
    trace.add(6.0, True, BOB, message("SIP/2.0 200 OK", "1 INVITE", "b"))
    trace.add(7.0, True, BOB, message("SIP/2.0 200 OK", "1 INVITE", "c"))
    assert trace.of(["a"]) == []
    assert len(trace.of(["b", "c", "gone"])) == 2


def test_what_is_no_message_is_passed_over() -> None:
    trace = Trace()
    for garbage in (b"", b"\r\n\r\n", b"\x00\xff" * 50, b"INVITE x SIP/2.0\r\nCall-ID:\r\n\r\n"):
        trace.add(1.0, False, ALICE, garbage)
    assert trace.of([""]) == []


def test_the_trace_is_bounded_by_octets_and_keeps_the_newest_dialog() -> None:
    trace = Trace(octets=3000)
    for name in "abc":
        trace.add(1.0, True, BOB, message("SIP/2.0 200 OK", "1 INVITE", name, body="x" * 1200))
    assert [len(trace.of([name])) for name in "abc"] == [0, 1, 1]
    trace.add(2.0, True, BOB, message("SIP/2.0 200 OK", "1 INVITE", "d", body="x" * 60_000))
    assert [len(trace.of([name])) for name in "abcd"] == [0, 0, 0, 1]
    assert len(trace.of(["d"])[0].data) == LONGEST
    assert trace.newest(["a", "d"]) == 2.0
    assert trace.newest(["a"]) == 0.0


def test_a_message_is_shown_without_answers_to_challenges_and_without_media_keys() -> None:
    trace = Trace()
    headers = 'Authorization: Digest username="bob", response="0123abcd", nonce="n"\r\nCSeq: 1 INVITE\r\nCall-ID: a'
    body = "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0a2V5|2^20\r\n\x1b[2J"
    trace.add(1.0, False, ALICE, f"INVITE sip:x SIP/2.0\r\n{headers}\r\n\r\n{body}".encode())
    text = trace.of(["a"])[0].text
    assert "0123abcd" not in text
    assert "c2VjcmV0a2V5" not in text
    assert "Authorization: Digest…\n" in text
    assert "inline:…|2^20" in text
    assert "\x1b" not in text


def test_a_ladder_in_a_page_has_links_and_no_style_of_its_own() -> None:
    picture = draw_svg(build(traced().of(["a", "b"])), anchors="m")
    root = ET.fromstring(picture)
    assert [one.get("href") for one in root.iter("{http://www.w3.org/2000/svg}a")] == ["#m0", "#m1", "#m2", "#m3"]
    assert "<style" not in picture
