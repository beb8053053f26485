"""How long it takes to read, judge and answer an INVITE."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

from sip.message import Request, parse
from sip.sdp import parse as parse_sdp
from sip.validate import check

SDP = (
    b"v=0\r\no=alice 3747 3747 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=audio 40376 RTP/AVP 96 9 8 0 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
    b"a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    b"a=fmtp:101 0-16\r\na=ptime:20\r\na=rtcp:40377\r\na=sendrecv\r\n"
)
INVITE = (
    b"INVITE sip:bob%d@gateway.example:5060;transport=udp SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5080;branch=z9hG4bK%08x;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice Adams" <sip:alice%d@gateway.example>;tag=t%08x\r\n'
    b"To: <sip:bob%d@gateway.example>\r\n"
    b"Call-ID: c%08x@192.0.2.10\r\n"
    b"CSeq: 21 INVITE\r\n"
    b"Contact: <sip:alice%d@192.0.2.10:5080;transport=udp>"
    b';+sip.instance="<urn:uuid:00000000-0000-0000-0000-000000000001>"\r\n'
    b"Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,NOTIFY,SUBSCRIBE,INFO,MESSAGE,UPDATE,REFER,PRACK\r\n"
    b"Supported: gruu,replaces,timer,100rel\r\n"
    b"User-Agent: softphone 4.2\r\n"
    b"Session-Expires: 1800;refresher=uac\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: %d\r\n\r\n"
)


def invites(count: int) -> list[bytes]:
    """INVITEs of 500 phones that call each other, each with its own branch, tag and Call-ID."""
    pairs = [(n % 500, (n * 7 + 1) % 500, n) for n in range(count)]
    return [INVITE % (b, n, a, n, b, n, a, len(SDP)) + SDP for a, b, n in pairs]


def _answer(data: bytes) -> bytes:
    request = parse(data)
    assert isinstance(request, Request)
    assert check(request) is None
    return request.reply(180, to_tag="ours", headers=[("Contact", "<sip:192.0.2.1:5060>")]).to_bytes()


def _us_each(job: Callable[[bytes], object], data: list[bytes]) -> float:
    """The best of 40 short rounds, in microseconds for one: what the machine does when nothing else runs."""
    best = float("inf")
    for _ in range(40):
        start = process_time()
        for item in data:
            job(item)
        best = min(best, process_time() - start)
    return best / len(data) * 1e6


def rows() -> list[tuple[str, float, str]]:
    """Name, value and unit of each figure."""
    data = invites(500)
    return [
        ("INVITE parsed", _us_each(parse, data), "µs"),
        ("INVITE parsed, validated and answered (180)", _us_each(_answer, data), "µs"),
        ("SDP parsed", _us_each(parse_sdp, [SDP] * 500), "µs"),
    ]


if __name__ == "__main__":
    for name, value, unit in rows():
        print(f"{name:<46}{value:8.1f} {unit}")
