"""Where messages go: routes, targets, NATs, other transports, peers that did not answer."""

from __future__ import annotations

import pytest

from sip.dialog import Dialog
from sip.headers import Address, Via
from sip.message import Request
from sip.paths import Paths, reply_flow, write_address
from sip.transport import Flow
from sip.uri import Uri

HERE = ("8.8.8.1", 5060)


def dialog(target: str, remote: str, *, transport: str = "udp", connection: int = 0, route: str = "") -> Dialog:
    return Dialog(
        call_id="c",
        local=Address.parse("<sip:a@b>;tag=1"),
        remote=Address.parse("<sip:c@d>;tag=2"),
        target=Uri.parse(target),
        routes=(Address.parse(route),) if route else (),
        contact="<sip:a@b>",
        local_cseq=1,
        remote_cseq=None,
        flow=Flow(transport, HERE, (remote, 4444), connection),
    )


@pytest.mark.parametrize(
    ("target", "remote", "expected"),
    [
        ("sip:x@8.8.8.9:5080", "8.8.8.9", ("8.8.8.9", 5080)),
        ("sip:x@8.8.8.9", "8.8.8.9", ("8.8.8.9", 5060)),
        ("sip:x@9.9.9.9:5080", "8.8.8.9", ("9.9.9.9", 5080)),
        ("sip:x@10.0.0.5:5080", "8.8.8.9", ("8.8.8.9", 4444)),
        ("sip:x@10.0.0.5:5080", "10.0.0.7", ("10.0.0.5", 5080)),
        ("sip:x@127.0.0.1:5080", "10.0.0.7", ("10.0.0.7", 4444)),
        ("sip:x@127.0.0.1:5080", "127.0.0.1", ("127.0.0.1", 5080)),
        ("sip:x@0.0.0.0:5080", "8.8.8.9", ("8.8.8.9", 4444)),
        ("sip:x@224.0.0.1", "8.8.8.9", ("8.8.8.9", 4444)),
        ("sip:x@[2001:db8::1]:5080", "8.8.8.9", ("8.8.8.9", 4444)),
        ("sip:x@[2001:4860::1]:5080", "2001:4860::2", ("2001:4860::1", 5080)),
        ("sip:x@pbx.example:5080", "8.8.8.9", ("8.8.8.9", 4444)),
    ],
)
def test_a_request_inside_a_dialog_goes_to_an_address_that_can_be_believed(
    target: str, remote: str, expected: tuple[str, int]
) -> None:
    assert Paths().inside(dialog(target, remote)).remote == expected


def test_a_route_comes_before_the_target() -> None:
    found = Paths().inside(dialog("sip:x@8.8.8.9", "8.8.8.9", route="<sip:9.9.9.9:5070;lr>"))
    assert found.remote == ("9.9.9.9", 5070)


def test_a_connection_that_is_there_is_used_whatever_the_contact_says() -> None:
    made = dialog("sip:x@9.9.9.9:5080", "8.8.8.9", transport="tcp", connection=7)
    assert Paths().inside(made) == made.flow


@pytest.mark.parametrize(
    ("via", "contact", "expected"),
    [
        ("10.0.0.5:5060", "10.0.0.5:5062", ("10.0.0.9", 4444)),
        ("10.0.0.5:5060", "10.0.0.6:5062", ("10.0.0.6", 5062)),
        ("10.0.0.9:5060", "10.0.0.9:5062", ("10.0.0.9", 5062)),
        ("10.0.0.5:5060, SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK2", "10.0.0.5:5062", ("10.0.0.5", 5062)),
    ],
)
def test_a_phone_whose_own_address_is_not_where_it_sends_from_is_called_back_there(
    via: str, contact: str, expected: tuple[str, int]
) -> None:
    head, _, rest = via.partition(", ")
    vias = f"SIP/2.0/UDP {head};branch=z9hG4bK1;rport" + (f", {rest}" if rest else "")
    invite = Request(
        "INVITE",
        "sip:us@10.0.0.1",
        [
            ("Via", vias),
            ("From", "<sip:a@b>;tag=1"),
            ("To", "<sip:c@d>"),
            ("Call-ID", "c"),
            ("CSeq", "1 INVITE"),
            ("Contact", f"<sip:a@{contact}>"),
        ],
    )
    invite.mark_received("10.0.0.9", 4444)
    made = Dialog.as_uas(invite, "t", "<sip:us@10.0.0.1>", Flow("udp", ("10.0.0.1", 5060), ("10.0.0.9", 4444)))
    assert Paths().inside(made).remote == expected


def test_another_transport_is_taken_only_where_we_have_it() -> None:
    made = dialog("sip:x@8.8.8.9:5080;transport=tcp", "8.8.8.9")
    assert Paths().inside(made) == Flow("udp", HERE, ("8.8.8.9", 5080))
    paths = Paths(local_for=lambda name, host: ("8.8.8.1", 5070) if name == "tcp" else None)
    assert paths.inside(made) == Flow("tcp", ("8.8.8.1", 5070), ("8.8.8.9", 5080))
    assert paths.inside(dialog("sips:x@8.8.8.9", "8.8.8.9")).transport == "udp"


def test_who_did_not_answer_comes_last_for_a_minute() -> None:
    paths = Paths()
    flows = [Flow("udp", HERE, ("9.9.9.9", port)) for port in (1, 2, 3)]
    paths.avoid(flows[0], 100.0)
    assert paths.best_first(flows, 110.0) == [flows[1], flows[2], flows[0]]
    assert paths.best_first(flows, 161.0) == flows


def test_the_memory_of_silent_peers_is_bounded() -> None:
    paths = Paths()
    for port in range(3000):
        paths.avoid(Flow("udp", HERE, ("9.9.9.9", port)), 0.0)
    assert len(paths._avoided) <= 1000


def test_our_via_says_where_we_are() -> None:
    assert Paths().via(Flow("tcp", ("::1", 5060), ("::1", 1)), "x") == "SIP/2.0/TCP [::1]:5060;rport;branch=z9hG4bKx"
    paths = Paths(sent_by=lambda flow: "gw.example:5060")
    assert paths.via(Flow("udp", HERE, HERE), "x") == "SIP/2.0/UDP gw.example:5060;rport;branch=z9hG4bKx"
    assert write_address("192.0.2.1", 5) == "192.0.2.1:5"


@pytest.mark.parametrize(
    ("via", "transport", "expected"),
    [
        ("SIP/2.0/UDP 9.9.9.9;branch=z9hG4bK1", "udp", 5060),
        ("SIP/2.0/UDP 9.9.9.9:7;branch=z9hG4bK1", "udp", 7),
        ("SIP/2.0/UDP 9.9.9.9:7;rport;branch=z9hG4bK1", "udp", 4444),
        ("SIP/2.0/TCP 9.9.9.9:7;branch=z9hG4bK1", "tcp", 4444),
    ],
)
def test_a_response_goes_back_to_the_source(via: str, transport: str, expected: int) -> None:
    flow = Flow(transport, HERE, ("8.8.8.9", 4444), 0 if transport == "udp" else 3)
    assert reply_flow(Via.parse(via), flow).remote == ("8.8.8.9", expected)
