"""Several hops and challenges: RFC 3263 section 4.3, RFC 3261 section 22, and whom we never tell our password's hash."""

from __future__ import annotations

import pytest

from sip.digest import Credentials
from sip.events import Accepted, Refused
from sip.message import Request, Response
from sip.transport import Flow
from tests.fakes.alone import OFFER, OTHER, PEER, US, Alone, Sent, lines

FLOWS = [Flow("udp", US, (f"198.51.100.{n}", 5060)) for n in (2, 3, 4)]
ME = Credentials(username="me", password="secret")
CHALLENGE = 'WWW-Authenticate: Digest realm="trunk", nonce="n1", qop="auth", algorithm=MD5'


def invites(alone: Alone) -> list[Sent]:
    return [item for item in alone.sent if item.line == "INVITE"]


# -- hops -------------------------------------------------------------------------------------------------------------


def test_dead_then_503_then_good_is_reached_in_less_than_4_seconds() -> None:
    alone = Alone()
    session = alone.invite(FLOWS)
    alone.run(3.1)
    second = invites(alone)[-1]
    assert second.flow == FLOWS[1]
    alone.receive(alone.answer(second.message, 100, to_tag=""))
    alone.receive(alone.answer(second.message, 503))
    third = invites(alone)[-1]
    assert third.flow == FLOWS[2]
    assert alone.now < 4
    alone.receive(alone.answer(third.message, 200, body=OFFER))
    assert alone.kinds(session) == ["Accepted"]
    assert len({str(item.message.via.branch) for item in invites(alone)}) == 3


def test_a_hop_that_wakes_up_too_late_is_canceled_or_ended() -> None:
    alone = Alone()
    session = alone.invite(FLOWS)
    first = invites(alone)[0].message
    alone.run(3.1)
    assert lines(alone.receive(alone.answer(first, 180))) == ["CANCEL"]
    assert alone.receive(alone.answer(first, 180)) == []
    assert lines(alone.receive(alone.answer(first, 200, body=OFFER))) == ["ACK", "BYE"]
    assert alone.events(session) == []


def test_a_single_hop_has_64_t1() -> None:
    alone = Alone()
    session = alone.invite(FLOWS[:1])
    alone.run(31.9)
    assert alone.events(session) == []
    alone.run(1)
    assert isinstance(last := alone.events(session)[0], Refused)
    assert last.status == 408


def test_a_connection_that_is_there_is_not_left_for_another_to_the_same_machine() -> None:
    alone = Alone(transport="tcp")
    alone.invite([alone.flow, Flow("tcp", US, (PEER[0], 5062))])
    alone.run(10)
    assert len(invites(alone)) == 1
    alone.run(25)
    assert len(invites(alone)) == 2, "after 64*T1 it is"


def test_a_hop_that_rings_is_not_left() -> None:
    alone = Alone()
    session = alone.invite(FLOWS)
    alone.receive(alone.answer(alone.sent[0].message, 180))
    alone.run(100)
    assert len(invites(alone)) == 1
    assert alone.kinds(session) == ["Progress"]


def test_after_the_last_hop_the_last_failure_is_told() -> None:
    alone = Alone()
    session = alone.invite(FLOWS)
    for _ in FLOWS:
        alone.receive(alone.answer(invites(alone)[-1].message, 503, headers=["Retry-After: 5"]))
    assert isinstance(last := alone.events(session)[0], Refused)
    assert (last.status, last.response is not None) == (503, True)


@pytest.mark.parametrize("status", [404, 486, 500, 603])
def test_other_failures_are_the_answer(status: int) -> None:
    alone = Alone()
    session = alone.invite(FLOWS)
    alone.receive(alone.answer(alone.sent[0].message, status))
    assert len(invites(alone)) == 1
    assert isinstance(last := alone.events(session)[0], Refused)
    assert last.status == status


def test_a_canceled_call_tries_no_other_hop() -> None:
    alone = Alone()
    session = alone.invite(FLOWS)
    alone.do(session.cancel)
    alone.run(33)
    assert {item.flow for item in invites(alone)} == {FLOWS[0]}
    assert alone.kinds(session) == ["Refused"]


def test_a_hop_that_can_not_be_connected_is_passed_over_at_once() -> None:
    alone = Alone()
    flows = [Flow("tcp", US, PEER), Flow("udp", US, PEER)]
    alone.invite(flows)
    alone.do(lambda now: alone.stack.flow_lost(flows[0], now))
    assert [item.flow for item in invites(alone)] == flows
    assert alone.stack.paths.best_first(flows, alone.now) == [flows[1], flows[0]]


def test_nowhere_to_go_is_a_refusal() -> None:
    alone = Alone()
    session = alone.invite()
    alone.do(lambda now: session.fail(404, now))
    assert alone.kinds(session) == ["Refused"]


def test_a_request_outside_any_dialog_goes_from_hop_to_hop_too() -> None:
    alone = Alone()
    answers: list[Response] = []
    alone.exchange(answers.append, FLOWS)
    alone.run(3.1)
    alone.receive(alone.answer(alone.sent[-1].message, 503))
    assert alone.sent[-1].flow == FLOWS[2]
    alone.receive(alone.answer(alone.sent[0].message, 200))  # too late
    assert answers == []
    alone.receive(alone.answer(alone.sent[-1].message, 200))
    assert [answer.status for answer in answers] == [200]
    alone.run(60)
    assert alone.stack.load == (0, 0)
    assert len(answers) == 1


def test_a_request_that_nobody_answers_is_answered_408_by_ourselves() -> None:
    alone = Alone()
    answers: list[Response] = []
    alone.exchange(answers.append)
    alone.run(33)
    assert [answer.status for answer in answers] == [408]


# -- challenges -------------------------------------------------------------------------------------------------------


def test_a_challenge_is_answered_in_a_new_transaction() -> None:
    alone = Alone()
    session = alone.invite(credentials=ME)
    sent = alone.receive(alone.answer(alone.sent[0].message, 401, headers=[CHALLENGE]))
    assert lines(sent) == ["ACK", "INVITE"]
    again = sent[1].message
    assert again.cseq.number == 2
    assert again.via.branch != alone.sent[0].message.via.branch
    assert "nc=00000001" in (again.headers.get("Authorization") or "")
    ack = alone.receive(alone.answer(again, 200, body=OFFER))[0].message
    assert "nc=00000002" in (ack.headers.get("Authorization") or "")
    bye = alone.do(session.bye)[0].message
    assert "nc=00000003" in (bye.headers.get("Authorization") or "")


def test_a_proxy_and_a_server_may_both_challenge() -> None:
    alone = Alone()
    alone.invite(credentials=ME)
    proxy = CHALLENGE.replace("WWW-Authenticate", "Proxy-Authenticate").replace("n1", "p1")
    second = alone.receive(alone.answer(alone.sent[0].message, 407, headers=[proxy]))[1].message
    third = alone.receive(alone.answer(second, 401, headers=[CHALLENGE]))[1].message
    assert "p1" in (third.headers.get("Proxy-Authorization") or "")
    assert "n1" in (third.headers.get("Authorization") or "")


def test_a_password_that_is_refused_is_not_tried_again() -> None:
    alone = Alone()
    session = alone.invite(credentials=ME)
    for nonce in ("n1", "n2"):
        challenge = CHALLENGE.replace("n1", nonce)
        alone.receive(alone.answer(invites(alone)[-1].message, 401, headers=[challenge]))
    assert len(invites(alone)) == 2
    assert isinstance(last := alone.events(session)[0], Refused)
    assert last.status == 401


def test_a_stale_nonce_is_replaced_but_not_for_ever() -> None:
    alone = Alone()
    session = alone.invite(credentials=ME)
    for number in range(9):
        challenge = CHALLENGE.replace("n1", f"n{number}") + ", stale=true"
        alone.receive(alone.answer(invites(alone)[-1].message, 401, headers=[challenge]))
    assert len(invites(alone)) == 4
    assert alone.kinds(session) == ["Refused"]


def test_a_challenge_to_a_re_invite_or_bye_is_answered_inside_the_dialog() -> None:
    alone = Alone()
    session = alone.called(credentials=ME)
    offer = alone.do(lambda now: session.offer(OFFER, now))[0].message
    again = alone.receive(alone.answer(offer, 401, headers=[CHALLENGE]))[-1].message
    assert isinstance(again, Request)
    assert (again.method, again.body, again.cseq.number) == ("INVITE", OFFER, offer.cseq.number + 1)
    alone.receive(alone.answer(again, 200, body=OFFER))
    assert alone.kinds(session) == ["Answered"]
    bye = alone.do(session.bye)[0].message
    expired = CHALLENGE.replace("n1", "n2")
    last = alone.receive(alone.answer(bye, 401, headers=[expired]))
    assert lines(last) == ["BYE"], "a nonce may expire without a word"
    assert alone.receive(alone.answer(last[0].message, 401, headers=[CHALLENGE.replace("n1", "n3")])) == []


@pytest.mark.parametrize(
    "header",
    [
        "WWW-Authenticate: Basic realm=x",
        "WWW-Authenticate: Digest realm",
        'WWW-Authenticate: Digest realm="trunk", nonce="n", algorithm=SHA-999',
        'WWW-Authenticate: Digest nonce="n"',
        "X-Nothing: 1",
    ],
)
def test_a_challenge_that_can_not_be_answered_is_a_refusal(header: str) -> None:
    alone = Alone()
    session = alone.invite(credentials=ME)
    assert lines(alone.receive(alone.answer(alone.sent[0].message, 401, headers=[header]))) == ["ACK"]
    assert alone.kinds(session) == ["Refused"]


def test_without_credentials_no_challenge_is_answered() -> None:
    alone = Alone()
    session = alone.invite()
    assert lines(alone.receive(alone.answer(alone.sent[0].message, 401, headers=[CHALLENGE]))) == ["ACK"]
    assert alone.kinds(session) == ["Refused"]


# -- the digest leak --------------------------------------------------------------------------------------------------


def authorizations(alone: Alone) -> list[Sent]:
    names = ("Authorization", "Proxy-Authorization")
    return [item for item in alone.sent if any(name in item.message.headers for name in names)]


def test_a_callee_behind_the_trunk_gets_no_hash_for_its_own_realm() -> None:
    alone = Alone()
    alone.invite(credentials=ME)
    alone.receive(alone.answer(alone.sent[0].message, 401, headers=[CHALLENGE]))
    evil = CHALLENGE.replace('"trunk"', '"evil"').replace("n1", "e1")
    alone.receive(alone.answer(invites(alone)[-1].message, 401, headers=[evil]))
    assert len(authorizations(alone)) == 1
    assert not any("evil" in str(list(item.message.headers)) for item in alone.sent)


def test_credentials_for_a_named_realm_are_for_that_realm_only() -> None:
    alone = Alone()
    alone.invite(credentials=Credentials(username="me", password="secret", realm="other"))
    alone.receive(alone.answer(alone.sent[0].message, 401, headers=[CHALLENGE]))
    assert authorizations(alone) == []


@pytest.mark.parametrize("status", [401, 407])
def test_a_callee_that_draws_the_dialog_to_itself_gets_no_hash(status: int) -> None:
    alone = Alone()
    session = alone.invite(credentials=ME)
    again = alone.receive(alone.answer(alone.sent[0].message, 401, headers=[CHALLENGE]))[1].message
    contact = f"Contact: <sip:evil@{OTHER[0]}:{OTHER[1]}>"
    alone.receive(alone.answer(again, 200, body=OFFER, headers=[contact]))
    bye = alone.do(session.bye)[0]
    assert bye.flow.remote == OTHER
    header = CHALLENGE if status == 401 else CHALLENGE.replace("WWW-Authenticate", "Proxy-Authenticate")
    alone.receive(alone.answer(bye.message, status, headers=[header]))
    assert all(item.flow.remote == PEER for item in authorizations(alone))
    assert lines(alone.sent).count("BYE") == 1


def test_an_answered_call_keeps_what_it_knows_of_the_trunk() -> None:
    alone = Alone()
    session = alone.invite(credentials=ME)
    again = alone.receive(alone.answer(alone.sent[0].message, 401, headers=[CHALLENGE]))[1].message
    alone.receive(alone.answer(again, 200, body=OFFER))
    assert isinstance(alone.events(session)[0], Accepted)
    assert "Authorization" in alone.do(lambda now: session.offer(OFFER, now))[0].message.headers
