"""Reliable provisional responses, both roles (RFC 3262)."""

from __future__ import annotations

import pytest

from sip.events import Answered, Canceled, Confirmed, Offered, Progress
from sip.incoming import IncomingSession
from sip.message import Response, sdp
from sip.session import State
from tests.fakes.alone import ANSWER, OFFER, Alone, Sent, lines

RELIABLE = ("Require: 100rel", "RSeq: 1")


def rack(sent: Sent) -> str:
    return f"RAck: {sent.message.headers.get('RSeq')} 1 INVITE"


def early(alone: Alone, session: IncomingSession, body: bytes | None = ANSWER) -> Sent:
    return alone.do(lambda now: session.ring(now, status=183, body=body))[0]


# -- ours -------------------------------------------------------------------------------------------------------------


def test_a_description_goes_reliably_where_the_caller_can_take_it() -> None:
    alone = Alone()
    session = alone.ringing("Supported: 100rel")
    assert alone.do(session.ring)[0].message.headers.get("RSeq") is None
    sent = early(alone, session)
    assert "100rel" in sent.message.require
    assert sent.message.headers.get("RSeq") is not None


def test_it_is_not_sent_reliably_to_who_does_not_know_how() -> None:
    alone = Alone()
    sent = early(alone, alone.ringing())
    assert sent.message.headers.get("Require") is None
    assert alone.run(10) == []


def test_every_response_is_reliable_to_who_requires_it() -> None:
    alone = Alone()
    session = alone.ringing("Require: 100rel")
    assert "100rel" in alone.do(session.ring)[0].message.require


def test_it_is_repeated_at_doubling_intervals_until_the_prack() -> None:
    alone = Alone()
    session = alone.ringing("Supported: 100rel")
    sent = early(alone, session)
    assert [item.at for item in alone.run(4)] == [0.5, 1.5, 3.5]
    assert lines(alone.receive(alone.inside(session, "PRACK", headers=[rack(sent)]))) == ["200"]
    assert [item for item in alone.run(50) if item.message.headers.get("RSeq")] == []


def test_without_a_prack_the_invite_is_refused() -> None:
    alone = Alone()
    session = alone.ringing("Supported: 100rel")
    early(alone, session)
    assert "504" in lines(alone.run(33))
    assert alone.events(session) == [Canceled(reason="no PRACK")]


def test_the_next_one_waits_for_the_prack_and_so_does_the_answer() -> None:
    alone = Alone()
    session = alone.ringing("Supported: 100rel")
    first = early(alone, session)
    assert alone.do(lambda now: session.ring(now, status=183, body=ANSWER)) == []
    assert alone.do(lambda now: session.accept(ANSWER, now)) == []
    second = alone.receive(alone.inside(session, "PRACK", headers=[rack(first)]))
    assert lines(second) == ["183", "200"]
    assert int(second[0].message.headers.get("RSeq") or 0) == int(first.message.headers.get("RSeq") or 0) + 1
    done = alone.receive(alone.inside(session, "PRACK", cseq=3, headers=[rack(second[0])]))
    assert sorted((item.line, item.message.cseq.method) for item in done) == [("200", "INVITE"), ("200", "PRACK")]


def test_the_200_has_no_second_answer() -> None:
    alone = Alone()
    session = alone.ringing("Supported: 100rel")
    sent = early(alone, session)
    alone.receive(alone.inside(session, "PRACK", headers=[rack(sent)]))
    answer = alone.do(lambda now: session.accept(ANSWER, now))[0]
    assert sdp(answer.message) is None
    alone.receive(alone.inside(session, "ACK", cseq=1))
    assert alone.events(session) == [Confirmed(sdp=None)]
    assert session.turns.local_sdp == ANSWER


@pytest.mark.parametrize(
    ("header", "status"),
    [("RAck: 999 1 INVITE", 481), ("RAck: x", 400), ("RAck: 1 1 BYE", 481), ("X-Other: 1", 400)],
)
def test_a_prack_of_nothing_is_refused(header: str, status: int) -> None:
    alone = Alone()
    session = alone.ringing("Supported: 100rel")
    early(alone, session)
    assert lines(alone.receive(alone.inside(session, "PRACK", headers=[header]))) == [str(status)]


def test_a_prack_where_nothing_was_reliable_gets_481() -> None:
    alone = Alone()
    session = alone.ringing()
    assert lines(alone.receive(alone.inside(session, "PRACK", headers=["RAck: 1 1 INVITE"]))) == ["481"]


def test_a_prack_may_make_the_next_offer() -> None:
    alone = Alone()
    session = alone.ringing("Supported: 100rel")
    sent = early(alone, session)
    assert alone.receive(alone.inside(session, "PRACK", headers=[rack(sent)], body=OFFER)) == []
    assert alone.events(session) == [Offered(sdp=OFFER)]
    answer = alone.do(lambda now: session.answer(ANSWER, now))[0]
    assert isinstance(answer.message, Response)
    assert (answer.message.cseq.method, sdp(answer.message)) == ("PRACK", ANSWER)


def test_a_prack_answers_the_offer_of_an_offerless_invite() -> None:
    alone = Alone()
    session = alone.ringing("Supported: 100rel", body=b"")
    sent = early(alone, session)
    assert lines(alone.receive(alone.inside(session, "PRACK", headers=[rack(sent)], body=OFFER))) == ["200"]
    assert alone.events(session) == [Answered(sdp=OFFER, status=200)]
    assert sdp(alone.do(lambda now: session.accept(ANSWER, now))[0].message) is None


def test_ringing_is_said_again_every_minute_and_as_reliably() -> None:
    alone = Alone()
    session = alone.ringing()
    alone.do(session.ring)
    assert [(item.at, item.line) for item in alone.run(130)] == [(60.0, "180"), (120.0, "180")]
    alone = Alone()
    session = alone.ringing("Require: 100rel")
    sent = alone.do(session.ring)[0]
    alone.receive(alone.inside(session, "PRACK", headers=[rack(sent)]))
    assert "100rel" in alone.run(60.1)[0].message.require


# -- theirs -----------------------------------------------------------------------------------------------------------


def test_a_reliable_response_is_told_and_acknowledged_in_its_early_dialog() -> None:
    alone = Alone()
    session = alone.invite()
    route = "Record-Route: <sip:198.51.100.8;lr>"
    sent = alone.receive(alone.answer(alone.sent[0].message, 183, body=OFFER, headers=[*RELIABLE, route]))
    assert lines(sent) == ["PRACK"]
    assert sent[0].message.headers.get("RAck") == "1 1 INVITE"
    assert sent[0].message.headers.get("Route") == "<sip:198.51.100.8;lr>"
    assert sent[0].message.to.tag == "theirs"
    assert sent[0].message.cseq.number == 2
    assert isinstance(progress := alone.events(session)[0], Progress)
    assert progress.sdp == OFFER


def test_a_repeated_or_skipped_one_is_absorbed() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    alone.receive(alone.answer(invite, 183, headers=RELIABLE))
    assert alone.receive(alone.answer(invite, 183, headers=RELIABLE)) == []
    assert alone.receive(alone.answer(invite, 183, headers=["Require: 100rel", "RSeq: 3"])) == []
    assert lines(alone.receive(alone.answer(invite, 183, headers=["Require: 100rel", "RSeq: 2"]))) == ["PRACK"]
    assert alone.kinds(session) == ["Progress", "Progress"]


def test_each_fork_has_its_own_numbers() -> None:
    alone = Alone()
    alone.invite()
    invite = alone.sent[0].message
    for tag, number in (("a", 7), ("b", 90), ("a", 8)):
        headers = ["Require: 100rel", f"RSeq: {number}"]
        assert lines(alone.receive(alone.answer(invite, 183, to_tag=tag, headers=headers))) == ["PRACK"]


def test_a_malformed_number_is_absorbed() -> None:
    alone = Alone()
    session = alone.invite()
    assert alone.receive(alone.answer(alone.sent[0].message, 183, headers=["Require: 100rel", "RSeq: x"])) == []
    assert alone.events(session) == []


def test_a_prack_that_nobody_answers_ends_nothing() -> None:
    alone = Alone()
    session = alone.invite()
    alone.receive(alone.answer(alone.sent[0].message, 183, headers=RELIABLE))
    alone.run(40)
    assert session.state is State.EARLY


def test_the_2xx_after_a_reliable_answer_needs_no_description() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    alone.receive(alone.answer(invite, 183, body=OFFER, headers=RELIABLE))
    assert lines(alone.receive(alone.answer(invite, 200))) == ["ACK"]
    assert session.state is State.CONFIRMED
