"""CANCEL at every moment, of both roles (RFC 3261 section 9)."""

from __future__ import annotations

from sip.events import Canceled, Ended, Refused
from sip.message import Request
from sip.session import State
from tests.fakes.alone import ANSWER, OFFER, Alone, lines


def cancel_of(alone: Alone, branch: str = "first", cseq: int = 1, to_tag: str = "") -> bytes:
    return alone.request("CANCEL", branch=branch, cseq=cseq, to_tag=to_tag, headers=['Reason: SIP;cause=200;text="x"'])


# -- the peer cancels -------------------------------------------------------------------------------------------------


def test_a_canceled_invite_gets_487_and_the_cancel_200_with_the_same_tag() -> None:
    alone = Alone()
    session = alone.ringing()
    sent = alone.receive(cancel_of(alone))
    assert lines(sent) == ["200", "487"]
    assert {item.message.to.tag for item in sent} == {session.local.tag}
    assert alone.events(session) == [Canceled(reason='SIP;cause=200;text="x"')]


def test_a_repeated_cancel_gets_the_same_200_and_is_told_once() -> None:
    alone = Alone()
    session = alone.ringing()
    alone.receive(cancel_of(alone))
    assert lines(alone.receive(cancel_of(alone))) == ["200"]
    assert alone.kinds(session) == ["Canceled"]


def test_a_cancel_after_the_answer_gets_200_and_changes_nothing() -> None:
    alone = Alone()
    session = alone.ringing()
    alone.do(lambda now: session.accept(ANSWER, now))
    assert lines(alone.receive(cancel_of(alone))) == ["200"]
    assert session.state is State.ACCEPTED
    assert alone.events(session) == []


def test_a_cancel_after_a_refusal_gets_200_and_no_487() -> None:
    alone = Alone()
    session = alone.ringing()
    alone.do(lambda now: session.refuse(486, now))
    assert lines(alone.receive(cancel_of(alone))) == ["200"]


def test_a_cancel_of_nothing_gets_481() -> None:
    alone = Alone()
    assert lines(alone.receive(cancel_of(alone, branch="unknown"))) == ["481"]
    alone.ringing()
    assert lines(alone.receive(cancel_of(alone, branch="unknown"))) == ["481"]


def test_a_cancel_of_a_request_that_is_no_invite_gets_481() -> None:
    alone = Alone()
    alone.receive(alone.request("OPTIONS", branch="o"))
    assert lines(alone.receive(cancel_of(alone, branch="o"))) == ["481"]


def test_what_the_user_does_after_the_cancel_is_absorbed() -> None:
    alone = Alone()
    session = alone.ringing()
    alone.receive(cancel_of(alone))
    for step in (
        session.ring,
        lambda now: session.accept(ANSWER, now),
        lambda now: session.refuse(486, now),
        session.bye,
        lambda now: session.offer(ANSWER, now),
    ):
        assert alone.do(step) == []


def test_a_re_invite_can_be_canceled_and_the_session_goes_on() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "INVITE", branch="re", body=OFFER))
    sent = alone.receive(cancel_of(alone, branch="re", cseq=2, to_tag=session.local.tag or ""))
    assert lines(sent) == ["200", "487"]
    assert session.state is State.CONFIRMED
    assert alone.do(lambda now: session.answer(ANSWER, now)) == []
    assert alone.kinds(session) == ["Offered"]


# -- we cancel --------------------------------------------------------------------------------------------------------


def test_before_any_response_the_cancel_waits_for_one() -> None:
    alone = Alone()
    session = alone.invite()
    assert alone.do(lambda now: session.cancel(now, "SIP;cause=200")) == []
    invite = alone.sent[0].message
    cancel = alone.receive(alone.answer(invite, 100))[0].message
    assert isinstance(cancel, Request)
    assert cancel.method == "CANCEL"
    assert (cancel.uri, str(cancel.via), cancel.cseq.number) == (
        invite.uri,  # type: ignore[union-attr]  # our INVITE
        str(invite.via),
        invite.cseq.number,
    )
    assert cancel.headers.get("Reason") == "SIP;cause=200"
    assert alone.receive(alone.answer(invite, 180)) == [], "once"
    alone.receive(alone.answer(cancel, 200))
    assert lines(alone.receive(alone.answer(invite, 487))) == ["ACK"]
    assert alone.kinds(session) == ["Refused"]


def test_a_cancel_before_a_hop_that_never_answers_ends_with_the_transaction() -> None:
    alone = Alone()
    session = alone.invite()
    alone.do(session.cancel)
    alone.run(40)
    assert set(lines(alone.sent)) == {"INVITE"}
    assert isinstance(last := alone.events(session)[-1], Refused)
    assert last.status == 487


def test_a_cancel_that_brings_no_final_response_ends_the_session_all_the_same() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    alone.receive(alone.answer(invite, 180))
    assert lines(alone.do(session.cancel)) == ["CANCEL"]
    alone.run(33)
    assert alone.kinds(session) == ["Progress", "Refused"]
    late = alone.receive(alone.answer(invite, 200, body=OFFER))
    assert lines(late) == ["ACK", "BYE"], "an answer that comes later still is ended"


def test_a_cancel_that_crosses_the_200_is_followed_by_ack_and_bye() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    alone.receive(alone.answer(invite, 180))
    alone.do(session.cancel)
    assert lines(alone.receive(alone.answer(invite, 200, body=OFFER))) == ["ACK", "BYE"]
    assert alone.kinds(session) == ["Progress", "Ended"]
    assert lines(alone.receive(alone.answer(invite, 200, body=OFFER))) == ["ACK"], "the 2xx again: the ACK again"


def test_a_challenge_after_the_cancel_is_not_answered() -> None:
    alone = Alone()
    session = alone.invite()
    alone.do(session.cancel)
    sent = alone.receive(
        alone.answer(alone.sent[0].message, 401, headers=['WWW-Authenticate: Digest realm="r", nonce="n"'])
    )
    assert lines(sent) == ["ACK"]
    assert alone.kinds(session) == ["Refused"]


def test_cancel_after_the_answer_is_a_bye() -> None:
    alone = Alone()
    session = alone.called()
    assert lines(alone.do(session.cancel)) == ["BYE"]
    assert alone.events(session) == [Ended(cause="local")]


def test_the_second_cancel_is_absorbed() -> None:
    alone = Alone()
    session = alone.invite()
    alone.receive(alone.answer(alone.sent[0].message, 180))
    assert lines(alone.do(session.cancel)) == ["CANCEL"]
    assert alone.do(session.cancel) == []
    assert alone.do(session.bye) == []


def test_a_call_that_rings_without_end_is_canceled_and_given_up() -> None:
    alone = Alone()
    session = alone.invite()
    alone.receive(alone.answer(alone.sent[0].message, 180))
    assert "CANCEL" in lines(alone.run(901))
    assert isinstance(last := alone.events(session)[-1], Refused)
    assert last.status == 408
