"""What else happens inside a dialog: BYE, INFO digits, OPTIONS, REFER and NOTIFY, sequence numbers (RFC 3261 section 12.2, 3515, 5057)."""

from __future__ import annotations

import pytest

from sip.errors import LocalError
from sip.events import Confirmed, Digit, Ended, Info, Offered, ReferProgress, Referred
from sip.message import Request
from sip.session import State
from sip.transport import Flow
from tests.fakes.alone import ANSWER, OFFER, OTHER, PEER, US, Alone, lines

# -- the end ----------------------------------------------------------------------------------------------------------


def test_a_bye_of_the_peer_is_answered_and_told_with_its_reason() -> None:
    alone = Alone()
    session = alone.established()
    bye = alone.inside(session, "BYE", headers=["Reason: Q.850;cause=16"])
    assert lines(alone.receive(bye)) == ["200"]
    assert lines(alone.receive(bye)) == ["200"], "repeated"
    assert alone.events(session) == [Ended(cause="bye", reason="Q.850;cause=16")]
    assert lines(alone.receive(alone.inside(session, "INFO", cseq=3))) == ["481"]


def test_our_bye_has_its_reason_and_ends_the_session_whatever_is_answered() -> None:
    alone = Alone()
    session = alone.established()
    bye = alone.do(lambda now: session.bye(now, 'SIP;cause=200;text="elsewhere"'))[0].message
    assert bye.headers.get("Reason") == 'SIP;cause=200;text="elsewhere"'
    assert alone.receive(alone.answer(bye, 500)) == []
    assert alone.events(session) == [Ended(cause="local", reason='SIP;cause=200;text="elsewhere"')]
    assert alone.do(session.bye) == []


def test_a_bye_before_the_ack_of_our_2xx_waits_for_it() -> None:
    alone = Alone()
    session = alone.ringing()
    alone.do(lambda now: session.accept(ANSWER, now))
    assert alone.do(session.bye) == []
    assert alone.events(session) == [Ended(cause="local")]
    assert lines(alone.run(1)) == ["200"], "still repeated"
    assert lines(alone.receive(alone.inside(session, "INFO"))) == ["481"]
    assert lines(alone.receive(alone.inside(session, "ACK", cseq=1))) == ["BYE"]
    assert session.state is State.ENDED


def test_a_bye_that_waits_for_an_ack_that_never_comes_is_sent_in_the_end() -> None:
    alone = Alone()
    session = alone.ringing()
    alone.do(lambda now: session.accept(ANSWER, now))
    alone.do(session.bye)
    assert lines(alone.run(33))[-1] == "BYE" or "BYE" in lines(alone.sent)
    alone.run(40)
    assert alone.stack.load == (0, 0)
    assert len(alone.events(session)) == 1


def test_a_bye_that_crosses_theirs_is_answered() -> None:
    alone = Alone()
    session = alone.ringing()
    alone.do(lambda now: session.accept(ANSWER, now))
    alone.do(session.bye)
    assert lines(alone.receive(alone.inside(session, "BYE"))) == ["200"]
    assert session.state is State.ENDED


def test_a_bye_before_the_answer_is_a_refusal_of_the_invite() -> None:
    alone = Alone()
    session = alone.ringing()
    assert lines(alone.do(session.bye)) == ["480"]
    assert alone.events(session) == [Ended(cause="local")]
    other = alone.receive(alone.request("INVITE", branch="second", call_id="c2", body=OFFER))
    assert lines(other) == ["100"]
    early = alone.sessions[-1]
    assert lines(alone.receive(alone.inside(early, "BYE", cseq=2))) == ["200", "487"]
    assert alone.kinds(early) == ["Canceled"]


def test_every_session_ends_with_one_last_event_and_none_after() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "BYE"))
    session.report(Confirmed(sdp=None))
    session.finish(Ended(cause="error"), alone.now)
    assert alone.kinds(session) == ["Ended"]


# -- requests ---------------------------------------------------------------------------------------------------------


def test_a_sequence_number_that_is_not_higher_gets_500() -> None:
    alone = Alone()
    session = alone.established()
    assert lines(alone.receive(alone.inside(session, "INFO", cseq=9))) == ["200"]
    assert lines(alone.receive(alone.inside(session, "INFO", cseq=9))) == ["500"]
    assert lines(alone.receive(alone.inside(session, "BYE", cseq=5))) == ["500"]
    assert lines(alone.receive(alone.inside(session, "INFO", cseq=2**31 - 1))) == ["200"]


@pytest.mark.parametrize(
    ("kind", "body", "event"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", Digit(digit="5", duration_ms=160)),
        ("application/dtmf-relay", b"Signal= *\nDuration = 80", Digit(digit="*", duration_ms=80)),
        ("application/dtmf-relay", b"Signal=11\r\n", Digit(digit="#", duration_ms=100)),
        ("application/dtmf", b"7", Digit(digit="7", duration_ms=100)),
        ("application/dtmf", b" a \r\n", Digit(digit="A", duration_ms=100)),
        ("application/x-other", b"hello", Info(content_type="application/x-other", body=b"hello")),
    ],
)
def test_info_is_told(kind: str, body: bytes, event: Digit | Info) -> None:
    alone = Alone()
    session = alone.established()
    sent = alone.receive(alone.inside(session, "INFO", headers=[f"Content-Type: {kind}"], body=body))
    assert lines(sent) == ["200"]
    assert alone.events(session) == [event]


@pytest.mark.parametrize("body", [b"", b"Signal=\r\n", b"Signal=77\r\n", b"\xff\xfe", b"Duration=5"])
def test_an_info_for_a_digit_that_has_none_gets_400(body: bytes) -> None:
    alone = Alone()
    session = alone.established()
    headers = ["Content-Type: application/dtmf-relay"]
    assert lines(alone.receive(alone.inside(session, "INFO", headers=headers, body=body))) == ["400"]
    assert alone.events(session) == []


def test_options_inside_says_what_we_can() -> None:
    alone = Alone()
    sent = alone.receive(alone.inside(alone.established(), "OPTIONS"))[0].message
    assert "INVITE" in (sent.headers.get("Allow") or "")
    assert "100rel" in sent.supported


def test_our_info_is_sent_only_in_an_established_session() -> None:
    alone = Alone()
    session = alone.ringing()
    assert alone.do(lambda now: session.info("application/dtmf", b"5", now)) == []
    session = Alone().established()
    alone = Alone()
    session = alone.established()
    sent = alone.do(lambda now: session.info("application/dtmf", b"5", now))[0].message
    assert (sent.content_type, sent.body) == ("application/dtmf", b"5")


def test_a_request_of_ours_that_nobody_answers_ends_the_session() -> None:
    alone = Alone()
    session = alone.established()
    alone.do(lambda now: session.info("application/dtmf", b"5", now))
    assert "BYE" in lines(alone.run(33))
    assert alone.events(session) == [Ended(cause="timeout")]


def test_requests_follow_the_peer_to_its_new_connection() -> None:
    alone = Alone(transport="tcp")
    session = alone.established()
    newer = Flow("tcp", US, (PEER[0], 40_000), 9)
    alone.receive(alone.inside(session, "OPTIONS"), newer)
    assert alone.do(session.bye)[0].flow == newer


def test_a_display_name_that_may_not_be_sent_back_is_not() -> None:
    alone = Alone()
    data = alone.request("INVITE", body=OFFER).replace(b"From: <sip:peer", b'From: "bell \a nul \\\0 x" <sip:peer')
    alone.receive(data)
    session = alone.sessions[0]
    alone.do(lambda now: session.accept(ANSWER, now))
    alone.receive(alone.inside(session, "ACK", cseq=1))
    bye = alone.do(session.bye)[-1].message
    assert (bye.headers.get("To") or "").isprintable()
    assert bye.to.tag == "theirs"


# -- REFER ------------------------------------------------------------------------------------------------------------


def test_a_refer_is_told_accepted_and_its_progress_notified() -> None:
    alone = Alone()
    session = alone.established()
    headers = ["Refer-To: <sip:carol@example.com>", "Referred-By: <sip:peer@example.com>"]
    assert alone.receive(alone.inside(session, "REFER", headers=headers)) == []
    assert isinstance(event := alone.events(session)[0], Referred)
    assert (event.refer_to, event.referred_by) == ("<sip:carol@example.com>", "<sip:peer@example.com>")
    sent = alone.do(session.accept_refer)
    assert lines(sent) == ["202", "NOTIFY"]
    assert sent[1].message.body == b"SIP/2.0 100 Trying\r\n"
    assert sent[1].message.headers.get("Event") == "refer;id=2"
    assert (sent[1].message.headers.get("Subscription-State") or "").startswith("active;expires=")
    last = alone.do(lambda now: session.notify_refer(200, now))[0].message
    assert last.body == b"SIP/2.0 200 OK\r\n"
    assert (last.headers.get("Subscription-State") or "").startswith("terminated")
    assert alone.do(lambda now: session.notify_refer(200, now)) == [], "the subscription is over"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], "400"),
        (["Refer-To: <sip:a@b>", "Refer-To: <sip:c@d>"], "400"),
        (["Refer-To: <not a uri"], "400"),
    ],
)
def test_a_refer_that_cannot_be_read_is_refused(headers: list[str], status: str) -> None:
    alone = Alone()
    session = alone.established()
    assert lines(alone.receive(alone.inside(session, "REFER", headers=headers))) == [status]
    assert alone.events(session) == []


def test_one_refer_at_a_time_and_a_refused_one_makes_room() -> None:
    alone = Alone()
    session = alone.established()
    headers = ["Refer-To: <sip:a@b>"]
    alone.receive(alone.inside(session, "REFER", headers=headers))
    assert lines(alone.receive(alone.inside(session, "REFER", cseq=3, headers=headers))) == ["491"]
    assert lines(alone.do(lambda now: session.refuse_refer(603, now))) == ["603"]
    assert alone.receive(alone.inside(session, "REFER", cseq=4, headers=headers)) == []
    assert lines(alone.do(session.bye)) == ["BYE", "487"]


@pytest.mark.parametrize("status", [481, 489, 500])
def test_a_refused_notify_ends_the_subscription_and_not_the_session(status: int) -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "REFER", headers=["Refer-To: <sip:a@b>"]))
    notify = alone.do(session.accept_refer)[1].message
    alone.receive(alone.answer(notify, status))
    assert session.state is State.CONFIRMED
    assert alone.do(lambda now: session.notify_refer(200, now)) == []


def test_our_refer_and_what_the_peer_makes_of_it() -> None:
    alone = Alone()
    session = alone.established()
    refer = alone.do(lambda now: session.refer("<sip:carol@x.example>", now, [("X-Why", "because")]))[0].message
    assert isinstance(refer, Request)
    assert refer.headers.get("Refer-To") == "<sip:carol@x.example>"
    assert refer.headers.get("X-Why") == "because"
    alone.receive(alone.answer(refer, 202))
    event = ["Event: refer", "Content-Type: message/sipfrag"]
    busy = alone.inside(
        session,
        "NOTIFY",
        headers=[*event, "Subscription-State: terminated;reason=noresource"],
        body=b"SIP/2.0 486 Busy Here\r\n",
    )
    assert lines(alone.receive(busy)) == ["200"]
    assert alone.events(session) == [
        ReferProgress(status=202, notified=False, over=False),
        ReferProgress(status=486, notified=True, over=True),
    ]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (["Event: message-summary"], b"", "489"),
        (["Event: refer"], b"no fragment", "400"),
        (["Event: refer"], b"SIP/2.0 abc", "400"),
        ([], b"SIP/2.0 200 OK", "489"),
    ],
)
def test_a_notify_that_is_no_answer_to_a_refer_is_refused(headers: list[str], body: bytes, status: str) -> None:
    alone = Alone()
    session = alone.established()
    more = [*headers, "Content-Type: message/sipfrag"]
    assert lines(alone.receive(alone.inside(session, "NOTIFY", headers=more, body=body))) == [status]


def test_what_a_user_may_not_write_raises_and_sends_nothing() -> None:
    alone = Alone()
    session = alone.established()
    with pytest.raises(LocalError):
        session.refer("<sip:a@b>\r\nEvil: yes", alone.now)
    with pytest.raises(LocalError):
        session.bye(alone.now, "a\r\nb")
    alone.flush()
    assert alone.sent == []
    ringing = Alone().ringing()
    with pytest.raises(LocalError):
        ringing.refuse(200, 0.0)


def test_the_offer_of_a_session_with_a_moved_peer_goes_to_its_contact() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "UPDATE", headers=[f"Contact: <sip:x@{OTHER[0]}:5080>"], body=OFFER))
    assert alone.events(session) == [Offered(sdp=OFFER)]
    alone.do(lambda now: session.answer(ANSWER, now))
    assert alone.do(session.bye)[0].flow.remote == (OTHER[0], 5080)


# -- what is rarely seen ----------------------------------------------------------------------------------------------


def test_a_notify_that_nobody_answers_ends_the_subscription_only() -> None:
    alone = Alone()
    session = alone.established()
    alone.receive(alone.inside(session, "REFER", headers=["Refer-To: <sip:a@b>"]))
    alone.do(session.accept_refer)
    alone.run(33)
    assert session.state is State.CONFIRMED
    assert alone.do(lambda now: session.notify_refer(200, now)) == []


def test_a_refer_after_the_end_is_absorbed() -> None:
    alone = Alone()
    session = alone.established()
    alone.do(session.bye)
    assert alone.do(lambda now: session.refer("<sip:a@b>", now)) == []
    assert alone.do(session.accept_refer) == []


def test_both_names_of_a_session_before_it_has_a_dialog() -> None:
    alone = Alone()
    session = alone.invite()
    assert (str(session.local.uri), str(session.remote.uri)) == (f"sip:us@{US[0]}", f"sip:peer@{PEER[0]}")
    assert session.remote_target is None


def test_acks_of_many_re_invites_are_not_kept_for_ever() -> None:
    alone = Alone()
    session = alone.established()
    for _ in range(20):
        sent = alone.do(lambda now: session.offer(OFFER, now))[0].message
        assert lines(alone.receive(alone.answer(sent, 200, body=OFFER))) == ["ACK"]
    assert len(session._acks._sent) == 4
