"""Session timers, both roles (RFC 4028)."""

from __future__ import annotations

import pytest

from sip.errors import RemoteError
from sip.events import Ended
from sip.message import Request
from sip.session import State
from sip.session_timer import SessionInterval, as_uas
from tests.fakes.alone import ANSWER, OFFER, Alone, lines


def asked(*headers: str) -> Request:
    pairs = [(line.partition(":")[0], line.partition(":")[2].strip()) for line in headers]
    return Request("INVITE", "sip:x@y", pairs)


@pytest.mark.parametrize(
    ("headers", "expires_s", "we_refresh"),
    [
        ((), 1800, True),
        (("Supported: timer",), 1800, True),
        (("Supported: timer", "Session-Expires: 600"), 600, False),
        (("Supported: timer", "Session-Expires: 600;refresher=uac"), 600, False),
        (("Supported: timer", "Session-Expires: 600;refresher=uas"), 600, True),
        (("Session-Expires: 600",), 600, True),
        (("Supported: timer", "Session-Expires: 7200"), 1800, False),
        (("Supported: timer", "Session-Expires: 7200", "Min-SE: 3600"), 3600, False),
        (("Min-SE: 3000",), 3000, True),
    ],
)
def test_what_our_2xx_says_to_what_was_asked(headers: tuple[str, ...], expires_s: int, we_refresh: bool) -> None:
    assert as_uas(asked(*headers)) == SessionInterval(expires_s=expires_s, we_refresh=we_refresh)


@pytest.mark.parametrize(
    ("value", "status"),
    [("Session-Expires: 30", 422), ("Session-Expires: x", 400), ("Session-Expires: -1", 400), ("Min-SE: x", 400)],
)
def test_what_is_too_short_or_malformed_is_refused(value: str, status: int) -> None:
    with pytest.raises(RemoteError) as refused:
        as_uas(asked(value))
    assert refused.value.status == status


def test_an_invite_that_asks_for_too_little_gets_422_with_min_se_before_any_state() -> None:
    alone = Alone()
    sent = alone.receive(alone.request("INVITE", body=OFFER, headers=["Supported: timer", "Session-Expires: 30"]))
    assert lines(sent) == ["422"]
    assert sent[0].message.headers.get("Min-SE") == "90"
    assert alone.stack.load == (0, 0)


def test_our_2xx_names_the_refresher() -> None:
    alone = Alone()
    session = alone.ringing("Supported: timer", "Session-Expires: 600")
    answer = alone.do(lambda now: session.accept(ANSWER, now))[0].message
    assert answer.headers.get("Session-Expires") == "600;refresher=uac"
    assert "timer" in answer.require


def test_we_refresh_by_update_at_half_of_the_interval_for_ever() -> None:
    alone = Alone()
    session = alone.established("Allow: INVITE, UPDATE")
    for turn in range(1, 500):
        refresh = alone.run(900)
        assert lines(refresh) == ["UPDATE"], turn
        assert refresh[0].message.headers.get("Session-Expires") == "1800;refresher=uac"
        assert refresh[0].message.body == b""
        alone.receive(
            alone.answer(refresh[0].message, 200, headers=["Session-Expires: 1800;refresher=uac", "Require: timer"])
        )
    assert session.state is State.CONFIRMED
    assert alone.events(session) == []


def test_a_peer_without_update_is_refreshed_by_re_invite_with_the_description_in_force() -> None:
    alone = Alone()
    alone.established("Allow: INVITE")
    refresh = alone.run(900.1)
    assert lines(refresh) == ["INVITE"]
    assert refresh[0].message.body == ANSWER
    alone.receive(alone.answer(refresh[0].message, 200, body=OFFER))
    assert alone.run(899) == []
    assert "INVITE" in lines(alone.run(2))


def test_a_peer_that_says_update_and_means_it_not_is_refreshed_by_re_invite() -> None:
    alone = Alone()
    alone.established("Allow: INVITE, UPDATE")
    update = alone.run(900.1)[0].message
    assert lines(alone.receive(alone.answer(update, 501))) == ["INVITE"]


def test_a_refresh_that_fails_is_tried_again_until_the_interval_ends() -> None:
    alone = Alone()
    session = alone.established("Allow: INVITE, UPDATE")
    tries = 0
    while session.state is State.CONFIRMED:
        for item in alone.run(5.0):
            if item.line == "UPDATE" and item.message is alone.sent[-1].message:
                tries += 1
                alone.receive(alone.answer(item.message, 503))
    assert tries > 50
    assert alone.events(session) == [Ended(cause="session-timer")]
    assert alone.now <= 1800


def test_a_refresh_that_needs_a_longer_interval_asks_for_it() -> None:
    alone = Alone()
    alone.established("Allow: INVITE, UPDATE")
    update = alone.run(900.1)[0].message
    alone.receive(alone.answer(update, 422, headers=["Min-SE: 3600"]))
    again = alone.run(6)[0].message
    assert again.headers.get("Min-SE") == "3600"
    assert (again.headers.get("Session-Expires") or "").startswith("3600")


def test_the_peer_that_should_refresh_and_does_not_is_ended_before_the_expiry() -> None:
    alone = Alone()
    session = alone.established("Supported: timer", "Session-Expires: 90;refresher=uac")
    assert lines(alone.run(59)) == []
    assert lines(alone.run(2))[0] == "BYE"
    assert alone.events(session) == [Ended(cause="session-timer")]


def test_each_refresh_of_the_peer_counts_anew() -> None:
    alone = Alone()
    session = alone.established("Supported: timer", "Session-Expires: 90;refresher=uac")
    for cseq in range(2, 12):
        alone.run(45)
        headers = ["Supported: timer", "Session-Expires: 90;refresher=uac"]
        sent = alone.receive(alone.inside(session, "UPDATE", cseq=cseq, headers=headers))
        assert sent[0].message.headers.get("Session-Expires") == "90;refresher=uac"
    assert session.state is State.CONFIRMED


def test_our_invite_asks_and_a_422_has_it_ask_for_more() -> None:
    alone = Alone()
    session = alone.invite()
    invite = alone.sent[0].message
    assert invite.headers.get("Session-Expires") == "1800"
    assert "timer" in invite.supported
    sent = alone.receive(alone.answer(invite, 422, headers=["Min-SE: 3600"]))
    assert lines(sent) == ["ACK", "INVITE"]
    assert sent[1].message.headers.get("Session-Expires") == "3600"
    assert sent[1].message.headers.get("Min-SE") == "3600"
    assert sent[1].message.cseq.number == 2
    assert alone.events(session) == []


@pytest.mark.parametrize("minimum", ["", "x", "99999999999999999999"])
def test_a_422_that_says_nothing_useful_is_a_refusal_in_the_end(minimum: str) -> None:
    alone = Alone()
    session = alone.invite()
    for _ in range(8):
        invites = [item for item in alone.sent if item.line == "INVITE"]
        alone.receive(alone.answer(invites[-1].message, 422, headers=[f"Min-SE: {minimum}"] if minimum else []))
    assert alone.kinds(session) == ["Refused"]


def test_a_2xx_without_session_expires_leaves_the_refreshing_to_us() -> None:
    alone = Alone()
    alone.called()
    assert lines(alone.run(900.1)) == ["UPDATE"]


def test_a_2xx_that_makes_the_peer_the_refresher_leaves_it_to_the_peer() -> None:
    alone = Alone()
    session = alone.called("Session-Expires: 90;refresher=uas")
    assert alone.run(59) == []
    assert lines(alone.run(2))[0] == "BYE"
    assert alone.events(session) == [Ended(cause="session-timer")]


@pytest.mark.parametrize("value", ["x", "", "0", "99999999999999"])
def test_a_malformed_interval_in_a_2xx_does_not_lose_the_call(value: str) -> None:
    alone = Alone()
    session = alone.invite()
    alone.receive(alone.answer(alone.sent[0].message, 200, body=OFFER, headers=[f"Session-Expires: {value}"]))
    assert alone.kinds(session) == ["Accepted"]
