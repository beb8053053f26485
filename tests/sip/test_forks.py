"""Several answers to one INVITE: early dialogs, second 2xx, requests that overtake answers (RFC 3261 section 13.2.2.4, RFC 5407)."""

from __future__ import annotations

from sip.events import Accepted, Ended, Progress
from sip.message import Request
from sip.session import State
from tests.fakes.alone import ANSWER, OFFER, OTHER, PEER, Alone, lines


def test_provisional_responses_of_several_forks_are_all_told() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    for tag in ("a", "b", "a"):
        alone.receive(alone.answer(invite, 180, to_tag=tag))
    assert [e.response.to.tag for e in alone.events(session) if isinstance(e, Progress)] == ["a", "b", "a"]
    assert alone.stack.load == (1, 2)


def test_more_forks_than_anybody_has_are_heard_but_not_kept() -> None:
    alone = Alone()
    session = alone.invite()
    for number in range(100):
        alone.receive(alone.answer(alone.sent[0].message, 180, to_tag=f"t{number}"))
    assert len(alone.events(session)) == 100
    assert alone.stack.load == (1, 16)


def test_the_first_2xx_wins_and_the_second_fork_is_acked_and_ended() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    alone.receive(alone.answer(invite, 180, to_tag="a"))
    alone.receive(alone.answer(invite, 180, to_tag="b"))
    assert lines(alone.receive(alone.answer(invite, 200, to_tag="b", body=OFFER))) == ["ACK"]
    contact = f"Contact: <sip:fork@{OTHER[0]}:{OTHER[1]}>"
    sent = alone.receive(alone.answer(invite, 200, to_tag="a", body=OFFER, headers=[contact]))
    assert lines(sent) == ["ACK", "BYE"]
    assert [item.message.to.tag for item in sent] == ["a", "a"]
    assert {item.flow.remote for item in sent} == {OTHER}
    assert session.remote.tag == "b"
    assert session.state is State.CONFIRMED
    assert alone.kinds(session) == ["Progress", "Progress", "Accepted"]


def test_a_repeated_2xx_gets_the_same_ack_of_its_own_fork() -> None:
    alone = Alone()
    alone.invite()
    invite = alone.sent[0].message
    first = alone.receive(alone.answer(invite, 200, to_tag="a", body=OFFER))
    stray = alone.receive(alone.answer(invite, 200, to_tag="b", body=OFFER))
    again = alone.receive(alone.answer(invite, 200, to_tag="a", body=OFFER))
    assert lines(again) == ["ACK"]
    assert again[0].message.to_bytes() == first[0].message.to_bytes()
    again = alone.receive(alone.answer(invite, 200, to_tag="b", body=OFFER))
    assert lines(again) == ["ACK"]
    assert again[0].message.to_bytes() == stray[0].message.to_bytes()


def test_a_challenge_to_the_bye_of_a_stray_fork_does_not_end_the_call() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    alone.receive(alone.answer(invite, 200, to_tag="a", body=OFFER))
    bye = alone.receive(alone.answer(invite, 200, to_tag="b", body=OFFER))[1].message
    for status in (401, 407, 481, 408):
        assert alone.receive(alone.answer(bye, status, headers=['WWW-Authenticate: Digest realm="r", nonce="n"'])) == []
    assert session.state is State.CONFIRMED


def test_the_early_dialogs_of_other_forks_are_over_with_the_answer() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    alone.receive(alone.answer(invite, 180, to_tag="a"))
    alone.receive(alone.answer(invite, 200, to_tag="b", body=OFFER))
    of_a = alone.request("INFO", to_tag=session.local.tag or "", from_tag="a", call_id=session.call_id)
    assert lines(alone.receive(of_a)) == ["481"]


def test_the_route_set_is_that_of_the_2xx() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    alone.receive(alone.answer(invite, 180, headers=["Record-Route: <sip:198.51.100.7;lr>"]))
    routes = ["Record-Route: <sip:198.51.100.8;lr>", "Record-Route: <sip:198.51.100.9:5070;lr>"]
    ack = alone.receive(alone.answer(invite, 200, body=OFFER, headers=routes))[0]
    assert ack.message.headers.get_all("Route") == ["<sip:198.51.100.9:5070;lr>", "<sip:198.51.100.8;lr>"]
    assert ack.flow.remote == ("198.51.100.9", 5070)
    bye = alone.do(session.bye)[0]
    assert bye.flow.remote == ("198.51.100.9", 5070)
    assert bye.message.uri == f"sip:peer@{PEER[0]}:{PEER[1]}"  # type: ignore[union-attr]  # our BYE


def test_a_strict_router_gets_the_request_in_its_own_fashion() -> None:
    alone = Alone()
    session = alone.invite()
    routes = ["Record-Route: <sip:198.51.100.8;lr>, <sip:198.51.100.9>"]
    alone.receive(alone.answer(alone.sent[0].message, 200, body=OFFER, headers=routes))
    bye = alone.do(session.bye)[0].message
    assert isinstance(bye, Request)
    assert bye.uri == "sip:198.51.100.9"
    assert bye.headers.get_all("Route") == ["<sip:198.51.100.8;lr>", f"<sip:peer@{PEER[0]}:{PEER[1]}>"]


def test_a_bye_that_overtakes_its_own_200_is_answered_and_the_late_200_is_acked() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    bye = alone.request("BYE", to_tag=session.local.tag or "", from_tag="theirs", call_id=session.call_id, cseq=1)
    assert lines(alone.receive(bye)) == ["200"]
    assert lines(alone.receive(alone.answer(invite, 200, body=OFFER))) == ["ACK"]
    assert alone.events(session) == [Ended(cause="bye")]
    alone.run(100)
    assert alone.stack.load == (0, 0)


def test_a_bye_whose_200_never_comes_ends_the_call_in_time() -> None:
    alone = Alone()
    session = alone.invite()
    alone.receive(alone.answer(alone.sent[0].message, 100))
    alone.receive(alone.request("BYE", to_tag=session.local.tag or "", from_tag="theirs", call_id=session.call_id))
    alone.run(33)
    assert alone.kinds(session) == ["Refused"]


def test_requests_that_overtake_the_answer_are_told_to_come_again() -> None:
    alone = Alone()
    session = alone.invite()
    alone.receive(alone.answer(alone.sent[0].message, 180))
    assert lines(alone.receive(alone.inside(session, "INVITE", from_tag="theirs", body=OFFER)))[-1] == "491"
    sent = alone.receive(alone.inside(session, "INFO", from_tag="theirs", cseq=3))
    assert lines(sent) == ["500"]
    assert sent[0].message.headers.get("Retry-After") == "5"
    assert lines(alone.receive(alone.inside(session, "OPTIONS", from_tag="theirs", cseq=4))) == ["200"]


def test_an_answer_without_a_description_is_ended_and_refused() -> None:
    alone = Alone()
    session = alone.invite()
    assert lines(alone.receive(alone.answer(alone.sent[0].message, 200))) == ["ACK", "BYE"]
    assert alone.kinds(session) == ["Refused"]


def test_an_answer_whose_description_came_early_needs_none() -> None:
    alone = Alone()
    session = alone.invite()
    alone.receive(alone.answer(alone.sent[0].message, 183, body=OFFER))
    assert lines(alone.receive(alone.answer(alone.sent[0].message, 200))) == ["ACK"]
    assert isinstance(alone.events(session)[-1], Accepted)
    assert session.state is State.CONFIRMED


def test_an_answer_with_endless_routes_is_refused_and_nothing_is_left() -> None:
    alone = Alone()
    session = alone.invite()
    routes = [f"Record-Route: <sip:198.51.100.{number};lr>" for number in range(200)]
    alone.receive(alone.answer(alone.sent[0].message, 200, body=ANSWER, headers=routes))
    assert alone.kinds(session) == ["Refused"]
    alone.run(40)
    assert alone.stack.load == (0, 0)
