"""What the stack does with what comes in: admission before state, merged requests, keep-alives, bounds, counters (RFC 3261 section 8.2)."""

from __future__ import annotations

import pytest

from sip import stack as stack_module
from sip.errors import RemoteError
from sip.events import Canceled
from sip.message import Request
from sip.stack import Accept, Admission, Refuse, Stack
from sip.transport import Flow
from tests.fakes.alone import ANSWER, OFFER, OTHER, PEER, US, Alone, lines

# -- admission --------------------------------------------------------------------------------------------------------


def refuse_all(request: Request, _flow: Flow, _now: float) -> Admission:
    return Refuse(request.reply(401, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n"')]), "why")


def test_a_refusal_costs_no_state_has_the_same_tag_each_time_and_its_ack_is_absorbed() -> None:
    alone = Alone(admit=refuse_all)
    invite = alone.request("INVITE", branch="x", body=OFFER)
    first, second = alone.receive(invite)[0], alone.receive(invite)[0]
    assert first.line == "401"
    assert first.message.to.tag == second.message.to.tag
    assert alone.receive(alone.request("ACK", branch="x", to_tag=first.message.to.tag or "")) == []
    assert alone.stack.load == (0, 0)
    assert alone.stack.next_deadline() is None
    assert alone.stack.counters["not_admitted"] == 2


def test_admission_is_asked_of_new_requests_only_and_its_principal_handed_on() -> None:
    asked: list[str] = []

    def admit(request: Request, flow: Flow, now: float) -> Admission:
        asked.append(request.method)
        return Accept(f"someone at {flow.remote[0]}")

    alone = Alone(admit=admit)
    session = alone.established()
    alone.receive(alone.inside(session, "INFO"))
    alone.receive(alone.request("CANCEL", branch="first"))
    alone.receive(alone.request("OPTIONS", call_id="o"))
    assert asked == ["INVITE", "OPTIONS"]
    assert session.principal == alone.received[0].principal == f"someone at {PEER[0]}"


def test_admission_that_finds_the_request_malformed_refuses_it() -> None:
    def admit(request: Request, flow: Flow, now: float) -> Admission:
        raise RemoteError(416, "What Is This")

    alone = Alone(admit=admit)
    assert lines(alone.receive(alone.request("INVITE"))) == ["416"]
    assert alone.stack.load == (0, 0)


def test_a_source_over_its_limit_is_not_even_read() -> None:
    alone = Alone(allow=lambda source, now: source != PEER[0])
    assert alone.receive(alone.request("OPTIONS")) == []
    assert alone.stack.counters["over_limit"] == 1
    alone.receive(alone.request("OPTIONS"), Flow("udp", US, OTHER))
    assert len(alone.received) == 1


def test_while_refusing_new_calls_get_503_and_those_there_are_go_on() -> None:
    alone = Alone()
    session = alone.established()
    alone.stack.refusing = True
    for method in ("INVITE", "OPTIONS"):
        sent = alone.receive(alone.request(method, call_id=method))
        assert lines(sent) == ["503"]
        assert sent[0].message.headers.get("Retry-After") == "30"
    alone.receive(alone.request("REGISTER", call_id="r"))
    assert len(alone.received) == 1
    assert lines(alone.receive(alone.inside(session, "INVITE", body=OFFER))) == ["100"]


def test_beyond_the_bound_of_transactions_new_requests_get_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "MOST_TRANSACTIONS", 3)
    alone = Alone()
    for number in range(5):
        alone.receive(alone.request("OPTIONS", call_id=f"o{number}"))
    assert alone.stack.load == (3, 0)
    assert lines(alone.sent) == ["503", "503"]
    alone.run(33)
    alone.receive(alone.request("OPTIONS", call_id="later"))
    assert len(alone.received) == 4


def test_one_source_can_not_take_all_of_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "MOST_OF_ONE_SOURCE", 2)
    alone = Alone()
    for number in range(3):
        alone.receive(alone.request("OPTIONS", call_id=f"o{number}"))
    assert lines(alone.sent) == ["503"]
    alone.receive(alone.request("OPTIONS", call_id="other"), Flow("udp", US, OTHER))
    assert len(alone.received) == 3
    alone.run(33)
    alone.receive(alone.request("OPTIONS", call_id="later"))
    assert len(alone.received) == 4


# -- matching ---------------------------------------------------------------------------------------------------------


def test_the_same_request_by_another_way_is_merged() -> None:
    alone = Alone()
    alone.receive(alone.request("INVITE", branch="one", body=OFFER))
    assert lines(alone.receive(alone.request("INVITE", branch="two", body=OFFER))) == ["482"]
    assert len(alone.sessions) == 1
    alone.do(lambda now: alone.sessions[0].refuse(486, now))
    alone.run(40)
    assert lines(alone.receive(alone.request("INVITE", branch="three", body=OFFER))) == ["100"], (
        "the first is long over"
    )


def test_a_repeated_invite_is_no_second_session() -> None:
    alone = Alone()
    invite = alone.request("INVITE", branch="one", body=OFFER)
    assert lines(alone.receive(invite) + alone.receive(invite)) == ["100", "100"]
    assert len(alone.sessions) == 1


def test_an_invite_by_the_rules_of_rfc_2543_is_matched_by_its_parts() -> None:
    alone = Alone()
    invite = alone.request("INVITE", body=OFFER).replace(b"branch=z9hG4bK", b"branch=")
    alone.receive(invite)
    alone.receive(invite)
    session = alone.sessions[0]
    assert len(alone.sessions) == 1
    alone.do(lambda now: session.refuse(486, now))
    ack = invite.replace(b"CSeq: 1 INVITE", b"CSeq: 1 ACK").replace(b"INVITE sip", b"ACK sip")
    alone.receive(ack.replace(b"To: <sip:us@198.51.100.1>", f"To: <sip:us@{US[0]}>;tag={session.local.tag}".encode()))
    assert alone.run(10) == [], "the refusal is not repeated any more"


@pytest.mark.parametrize("method", ["BYE", "INFO", "PRACK", "UPDATE", "NOTIFY", "REFER"])
def test_what_needs_a_dialog_and_has_none_gets_481_without_state(method: str) -> None:
    alone = Alone()
    assert lines(alone.receive(alone.request(method))) == ["481"]
    assert lines(alone.receive(alone.request(method, to_tag="unknown"))) == ["481"]
    assert alone.stack.load == (0, 0)


def test_a_re_invite_of_an_unknown_dialog_gets_481_and_its_ack_is_absorbed() -> None:
    alone = Alone()
    assert lines(alone.receive(alone.request("INVITE", to_tag="gone", body=OFFER))) == ["481"]
    assert alone.receive(alone.request("ACK", to_tag="gone")) == []


@pytest.mark.parametrize(("method", "status"), [("MESSAGE", "405"), ("SUBSCRIBE", "405"), ("DANCE", "501")])
def test_what_we_do_not_serve_is_said(method: str, status: str) -> None:
    alone = Alone()
    sent = alone.receive(alone.request(method))
    assert lines(sent) == [status]
    assert "INVITE" in (sent[0].message.headers.get("Allow") or "")


# -- the wire ---------------------------------------------------------------------------------------------------------


def test_responses_go_to_the_source_port_only_where_rport_asks_for_it() -> None:
    alone = Alone()
    behind = Flow("udp", US, (PEER[0], 33_333))
    plain = alone.request("OPTIONS", to_tag="x")
    assert alone.receive(plain, behind)[0].flow.remote == PEER
    asked = alone.request("OPTIONS", to_tag="x").replace(b";branch", b";rport;branch")
    sent = alone.receive(asked, behind)[0]
    assert sent.flow.remote == (PEER[0], 33_333)
    assert (sent.message.via.received, sent.message.via.rport) == (PEER[0], "33333")


def test_a_via_that_names_another_host_does_not_decide_where_the_response_goes() -> None:
    alone = Alone()
    forged = alone.request("OPTIONS", to_tag="x").replace(b"UDP 198.51.100.2:5060", b"UDP 203.0.113.9:7777")
    assert alone.receive(forged)[0].flow.remote == (PEER[0], 7777)


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0\0", b"", b"\r\n\r\n\r\n\r\n"])
def test_keep_alives_are_no_messages(data: bytes) -> None:
    alone = Alone()
    alone.stack.receive(data, alone.flow, 0.0)
    outputs = alone.stack.outputs()
    assert len(outputs) == data.startswith(b"\r\n\r\n")
    assert not alone.stack.counters


def test_what_is_malformed_is_answered_where_it_can_be_and_counted() -> None:
    alone = Alone()
    assert lines(alone.receive(alone.request("OPTIONS").replace(b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"))) == ["505"]
    assert alone.receive(b"\x16\x03\x01 no SIP at all") == []
    assert alone.receive(alone.request("ACK").replace(b"CSeq: 1 ACK", b"CSeq: x")) == []
    assert alone.stack.counters["malformed"] == 2
    assert alone.stack.counters["refused"] == 1


def test_a_response_to_nothing_is_counted_and_dropped() -> None:
    alone = Alone()
    alone.invite()
    stray = alone.answer(alone.sent[0].message, 200).replace(b"ours", b"mine")
    assert alone.receive(stray) == []
    assert alone.stack.counters["stray_response"] == 1


def test_an_invite_without_contact_gets_400_and_no_session() -> None:
    alone = Alone()
    data = alone.request("INVITE", body=OFFER).replace(b"Contact: <sip:peer@198.51.100.2:5060>\r\n", b"")
    assert lines(alone.receive(data)) == ["400"]
    assert alone.sessions == []


def test_an_invite_that_nobody_answers_expires_as_the_caller_said_or_in_the_end() -> None:
    alone = Alone()
    session = alone.ringing("Expires: 20")
    assert lines(alone.run(21))[0] == "487"
    assert alone.events(session) == [Canceled(reason="expired")]
    alone = Alone()
    session = alone.ringing()
    assert "487" in lines(alone.run(901))
    assert alone.kinds(session) == ["Canceled"]


# -- connections ------------------------------------------------------------------------------------------------------


def tcp_flow(connection: int, port: int = PEER[1]) -> Flow:
    return Flow("tcp", US, (PEER[0], port), connection)


def test_a_request_whose_connection_breaks_before_an_answer_goes_out_on_a_new_one() -> None:
    alone = Alone(transport="tcp")
    session = alone.invite()
    alone.do(lambda now: alone.stack.flow_lost(alone.flow, now))
    assert lines(alone.sent) == ["INVITE", "INVITE"]
    assert alone.sent[1].flow == tcp_flow(0)
    alone.receive(alone.answer(alone.sent[1].message, 200, body=OFFER), tcp_flow(5))
    assert alone.kinds(session) == ["Accepted"]
    assert alone.do(session.bye)[-1].flow == tcp_flow(5)


def test_a_peer_that_hangs_up_on_every_request_is_unreachable() -> None:
    alone = Alone(transport="tcp")
    session = alone.invite()
    for connection in range(1, 9):
        alone.do(lambda now, c=connection: alone.stack.flow_lost(tcp_flow(c), now))  # type: ignore[misc]  # its default
    assert alone.kinds(session) == ["Refused"]
    assert len(alone.sent) <= 4


def test_a_ringing_call_survives_the_loss_of_its_connection() -> None:
    alone = Alone(transport="tcp")
    session = alone.invite()
    alone.receive(alone.answer(alone.sent[0].message, 180))
    alone.do(lambda now: alone.stack.flow_lost(alone.flow, now))
    assert lines(alone.sent) == ["INVITE"]
    alone.receive(alone.answer(alone.sent[0].message, 200, body=OFFER), tcp_flow(8, 40_000))
    assert alone.kinds(session) == ["Progress", "Accepted"]


def test_an_answer_after_the_loss_of_the_callers_connection_goes_where_its_via_says() -> None:
    alone = Alone(transport="tcp")
    near = tcp_flow(3, 45_000)
    alone.receive(alone.request("INVITE", branch="first", body=OFFER), near)
    session = alone.sessions[0]
    alone.do(lambda now: alone.stack.flow_lost(near, now))
    assert alone.do(lambda now: session.accept(ANSWER, now))[0].flow == tcp_flow(0, 5060)


def test_a_caller_that_can_not_be_reached_any_more_has_left() -> None:
    alone = Alone(transport="tcp")
    session = alone.ringing()
    alone.do(lambda now: alone.stack.flow_lost(alone.flow, now))
    alone.do(session.ring)
    alone.do(lambda now: alone.stack.flow_lost(tcp_flow(0), now))
    assert alone.events(session) == [Canceled(reason="transport")]


def test_requests_inside_a_dialog_go_over_a_new_connection_when_theirs_is_gone() -> None:
    alone = Alone(transport="tcp")
    near = tcp_flow(3, 45_000)
    alone.receive(alone.request("INVITE", branch="first", body=OFFER), near)
    session = alone.sessions[0]
    alone.do(lambda now: session.accept(ANSWER, now))
    alone.receive(alone.inside(session, "ACK", cseq=1), near)
    assert alone.do(lambda now: session.info("application/dtmf", b"1", now))[0].flow == near
    alone.do(lambda now: alone.stack.flow_lost(near, now))
    bye = alone.do(session.bye)[0]
    assert bye.flow == tcp_flow(0, 5060), "to its Contact"


def test_the_defaults_need_nothing_but_admission_and_a_contact() -> None:
    stack = Stack(admit=lambda request, flow, now: Accept(), contact=lambda flow: "<sip:us@198.51.100.1>")
    assert stack.token() != stack.token()
    assert 0 <= stack.random() < 1
    assert stack.next_deadline() is None
