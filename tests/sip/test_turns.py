"""Offers inside a dialog: re-INVITE and UPDATE both ways, holds, glare, answers in ACK (RFC 3261 section 14, RFC 3311, RFC 5407)."""

from __future__ import annotations

import pytest

from sip.events import Answered, Confirmed, Ended, Offered
from sip.message import Response, sdp
from sip.session import State
from tests.fakes.alone import ANSWER, OFFER, OTHER, Alone, lines

HOLD = OFFER + b"a=sendonly\r\n"
HELD = ANSWER + b"a=recvonly\r\n"


# -- theirs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_an_offer_of_the_peer_is_told_and_answered(method: str) -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, method, body=HOLD))
    assert alone.events(session) == [Offered(sdp=HOLD)]
    sent = alone.do(lambda now: session.answer(HELD, now))
    assert lines(sent) == ["200"]
    assert sdp(sent[0].message) == HELD
    assert "UPDATE" in (sent[0].message.headers.get("Allow") or "")


def test_a_re_invite_is_told_once_and_its_2xx_repeated_until_the_ack() -> None:
    alone = Alone()
    session = alone.established()
    again = alone.inside(session, "INVITE", branch="re", body=HOLD)
    alone.receive(again)
    alone.receive(again)
    alone.do(lambda now: session.answer(HELD, now))
    assert lines(alone.run(1.6)) == ["200", "200"]
    alone.receive(alone.inside(session, "ACK"))
    assert alone.run(30) == []
    assert alone.events(session) == [Offered(sdp=HOLD)]


def test_a_re_invite_without_ack_ends_the_session() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "INVITE", body=HOLD))
    alone.do(lambda now: session.answer(HELD, now))
    assert lines(alone.run(33))[-7:].count("BYE") >= 1
    assert alone.events(session)[-1] == Ended(cause="no-ack")


def test_a_refused_offer_leaves_everything_as_it_was() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "INVITE", body=HOLD))
    assert lines(alone.do(lambda now: session.reject_offer(488, now))) == ["488"]
    assert session.state is State.CONFIRMED
    assert session.turns.local_sdp == ANSWER


def test_an_offer_that_our_user_does_not_answer_is_refused_in_time() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "UPDATE", body=HOLD))
    assert "500" in lines(alone.run(33)) or alone.stack.load[0] == 0
    assert alone.do(lambda now: session.answer(HELD, now)) == []


def test_a_second_offer_while_one_is_open_gets_500_with_retry_after() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "INVITE", body=HOLD))
    sent = alone.receive(alone.inside(session, "UPDATE", cseq=3, body=OFFER))
    assert lines(sent) == ["500"]
    assert sent[0].message.headers.get("Retry-After") == "5"


def test_a_re_invite_without_an_offer_wants_ours_and_the_ack_has_the_answer() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "INVITE"))
    assert alone.events(session) == [Offered(sdp=None)]
    sent = alone.do(lambda now: session.answer(ANSWER, now))
    assert sdp(sent[0].message) == ANSWER
    alone.receive(alone.inside(session, "ACK", body=OFFER))
    assert alone.events(session)[-1] == Answered(sdp=OFFER, status=200)


def test_an_ack_that_owes_an_answer_and_has_none_ends_the_session() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "INVITE"))
    alone.do(lambda now: session.answer(ANSWER, now))
    assert lines(alone.receive(alone.inside(session, "ACK"))) == ["BYE"]
    assert isinstance(alone.events(session)[-1], Ended)


def test_an_update_without_an_offer_refreshes_and_is_not_told() -> None:
    alone = Alone()
    session = alone.established()
    contact = f"Contact: <sip:elsewhere@{OTHER[0]}:{OTHER[1]}>"
    sent = alone.receive(alone.inside(session, "UPDATE", headers=[contact]))
    assert lines(sent) == ["200"]
    assert sdp(sent[0].message) is None
    assert alone.events(session) == []
    assert str(session.remote_target) == f"sip:elsewhere@{OTHER[0]}:{OTHER[1]}"


def test_a_re_invite_moves_the_target() -> None:
    alone = Alone()
    session = alone.established()
    contact = f"Contact: <sip:elsewhere@{OTHER[0]}:{OTHER[1]}>"
    alone.receive(alone.inside(session, "INVITE", body=OFFER, headers=[contact]))
    alone.do(lambda now: session.answer(ANSWER, now))
    alone.receive(alone.inside(session, "ACK"))
    assert alone.do(session.bye)[0].flow.remote == OTHER


def test_a_malformed_multipart_offer_is_refused_with_400() -> None:
    alone = Alone()
    session = alone.established()
    sent = alone.receive(alone.inside(session, "INVITE", body=b"x", headers=["Content-Type: multipart/mixed"]))
    assert lines(sent) == ["100", "400"]
    assert alone.events(session) == []


def test_a_re_invite_before_the_ack_of_the_first_confirms_it() -> None:
    alone = Alone()
    session = alone.ringing()
    alone.do(lambda now: session.accept(ANSWER, now))
    alone.receive(alone.inside(session, "INVITE", body=HOLD))
    assert alone.events(session) == [Confirmed(sdp=None), Offered(sdp=HOLD)]
    alone.receive(alone.inside(session, "ACK", cseq=1))
    assert len(alone.events(session)) == 2


def test_a_re_invite_before_the_ack_that_owes_an_answer_gets_491() -> None:
    alone = Alone()
    session = alone.ringing(body=b"")
    alone.do(lambda now: session.accept(ANSWER, now))
    assert lines(alone.receive(alone.inside(session, "INVITE", body=HOLD)))[-1] == "491"
    alone.receive(alone.inside(session, "ACK", cseq=1, body=OFFER))
    assert alone.events(session) == [Confirmed(sdp=OFFER)]


def test_an_offer_before_the_first_is_answered_gets_500_from_the_callee_and_491_from_the_caller() -> None:
    alone = Alone()
    session = alone.ringing("Supported: 100rel")
    alone.do(session.ring)
    assert lines(alone.receive(alone.inside(session, "UPDATE", body=HOLD))) == ["500"]
    calling = alone.invite()
    alone.receive(alone.answer(alone.sent[-1].message, 180))
    assert lines(alone.receive(alone.inside(calling, "UPDATE", from_tag="theirs", body=HOLD))) == ["491"]


# -- ours -------------------------------------------------------------------------------------------------------------


def test_our_offer_is_acked_and_its_answer_told() -> None:
    alone = Alone()
    session = alone.established()
    sent = alone.do(lambda now: session.offer(HOLD, now))
    assert lines(sent) == ["INVITE"]
    assert lines(alone.receive(alone.answer(sent[0].message, 200, body=HELD))) == ["ACK"]
    assert lines(alone.receive(alone.answer(sent[0].message, 200, body=HELD))) == ["ACK"]
    assert alone.events(session) == [Answered(sdp=HELD, status=200)]
    assert session.turns.local_sdp == HOLD


def test_a_refusal_of_our_offer_is_told_and_what_was_agreed_stands() -> None:
    alone = Alone()
    session = alone.established()
    sent = alone.do(lambda now: session.offer(HOLD, now))
    assert lines(alone.receive(alone.answer(sent[0].message, 488))) == ["ACK"]
    assert alone.events(session) == [Answered(sdp=None, status=488)]
    assert session.turns.local_sdp == ANSWER
    assert lines(alone.do(lambda now: session.offer(HOLD, now))) == ["INVITE"]


def test_offers_of_ours_wait_for_each_other_and_only_the_last_that_waits_is_made() -> None:
    alone = Alone()
    session = alone.established()
    first = alone.do(lambda now: session.offer(HOLD, now))
    assert alone.do(lambda now: session.offer(OFFER, now)) == []
    assert alone.do(lambda now: session.offer(ANSWER, now)) == []
    sent = alone.receive(alone.answer(first[0].message, 200, body=HELD))
    assert lines(sent) == ["ACK", "INVITE"]
    assert sent[1].message.body == ANSWER


def test_an_offer_of_ours_waits_for_our_answer_to_theirs() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "INVITE", body=HOLD))
    assert alone.do(lambda now: session.offer(OFFER, now)) == []
    alone.do(lambda now: session.answer(HELD, now))
    assert lines(alone.receive(alone.inside(session, "ACK"))) == ["INVITE"]


def test_an_offer_before_the_answer_waits_for_it() -> None:
    alone = Alone()
    session = alone.invite()
    alone.do(lambda now: session.offer(HOLD, now))
    sent = alone.receive(alone.answer(alone.sent[0].message, 200, body=OFFER))
    assert lines(sent) == ["ACK", "INVITE"]
    incoming = alone.ringing()
    incoming.accept(ANSWER, alone.now)
    assert alone.do(lambda now: incoming.offer(HOLD, now))[-1].line == "200"
    assert lines(alone.receive(alone.inside(incoming, "ACK", cseq=1))) == ["INVITE"]


@pytest.mark.parametrize(("is_uac", "wait_s"), [(True, 2.1 + 1.9 * 0.5), (False, 2.0 * 0.5)])
def test_glare_is_tried_again_later_by_who_owns_the_call_id(is_uac: bool, wait_s: float) -> None:
    alone = Alone(random=0.5)
    session = alone.called() if is_uac else alone.established()
    first = alone.do(lambda now: session.offer(HOLD, now))
    assert lines(alone.receive(alone.inside(session, "INVITE", body=OFFER)))[-1] == "491"
    assert lines(alone.receive(alone.answer(first[0].message, 491))) == ["ACK"]
    start = alone.now
    again = [item for item in alone.run(5) if item.line == "INVITE"]
    assert [round(item.at - start, 6) for item in again][:1] == [round(wait_s, 6)]
    assert again[0].message.body == HOLD
    assert alone.events(session) == []


def test_endless_glare_is_told_as_a_refusal() -> None:
    alone = Alone()
    session = alone.called()
    alone.do(lambda now: session.offer(HOLD, now))
    while not alone.events(session):
        invite = [item for item in alone.sent if item.line == "INVITE"][-1].message
        alone.receive(alone.answer(invite, 491))
        alone.run(4.1)
    assert alone.events(session) == [Answered(sdp=None, status=491)]
    assert len({str(item.message.cseq) for item in alone.sent if item.line == "INVITE"}) == 7


def test_a_500_with_a_short_retry_after_is_tried_again() -> None:
    alone = Alone()
    session = alone.called()
    first = alone.do(lambda now: session.offer(HOLD, now))
    alone.receive(alone.answer(first[0].message, 500, headers=["Retry-After: 3"]))
    assert lines(alone.run(3.6))[:1] == ["INVITE"]


@pytest.mark.parametrize("status", [408, 481])
def test_a_peer_that_knows_no_such_dialog_ends_the_session(status: int) -> None:
    alone = Alone()
    session = alone.called()
    first = alone.do(lambda now: session.offer(HOLD, now))
    assert lines(alone.receive(alone.answer(first[0].message, status))) == ["ACK", "BYE"]
    assert isinstance(alone.events(session)[-1], Ended)


def test_an_offer_that_nobody_answers_ends_the_session() -> None:
    alone = Alone()
    session = alone.called()
    alone.do(lambda now: session.offer(HOLD, now))
    alone.run(33)
    assert alone.events(session) == [Ended(cause="timeout")]


def test_a_2xx_that_comes_after_our_bye_is_acked_and_not_told() -> None:
    alone = Alone()
    session = alone.called()
    first = alone.do(lambda now: session.offer(HOLD, now))
    alone.do(session.bye)
    assert lines(alone.receive(alone.answer(first[0].message, 200, body=HELD))) == ["ACK"]
    assert alone.events(session) == [Ended(cause="local")]
    alone.run(3000)
    assert alone.stack.load == (0, 0)
    assert alone.stack.next_deadline() is None


def test_a_bye_of_either_side_answers_the_offer_that_is_open() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "INVITE", body=HOLD))
    assert lines(alone.receive(alone.inside(session, "BYE", cseq=3))) == ["200", "487"]
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "INVITE", body=HOLD))
    assert lines(alone.do(session.bye)) == ["BYE", "487"]


def test_an_update_goes_out_before_the_answer_once_the_first_exchange_is_complete() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    reliable = ["Require: 100rel", "RSeq: 1", "Allow: UPDATE"]
    prack = alone.receive(alone.answer(invite, 183, body=OFFER, headers=reliable))
    assert lines(prack) == ["PRACK"]
    alone.receive(alone.answer(prack[0].message, 200))
    sent = alone.do(lambda now: session.offer(HOLD, now))
    assert lines(sent) == ["UPDATE"]
    answer = alone.answer(sent[0].message, 200, body=HELD)
    alone.receive(answer)
    assert alone.events(session)[-1] == Answered(sdp=HELD, status=200)
    alone.receive(alone.inside(session, "UPDATE", from_tag="theirs", cseq=1, body=OFFER))
    assert alone.events(session)[-1] == Offered(sdp=OFFER)
    assert isinstance(alone.do(lambda now: session.answer(ANSWER, now))[0].message, Response)
