"""Whole calls between two stacks over a link: set-up, refusal, CANCEL, hold, glare, timers, loss. Virtual time."""

from __future__ import annotations

from sip.events import Accepted, Answered, Canceled, Confirmed, Digit, Ended, Offered, Progress, Refused
from sip.incoming import IncomingSession
from sip.outgoing import OutgoingSession
from sip.session import State
from tests.fakes.link import ANSWER, OFFER, A, B, Link


def answer_after(link: Link, seconds: float = 0.0) -> None:
    """B rings at once and accepts."""

    def ring_and_accept(session: IncomingSession, now: float) -> None:
        session.ring(now)
        if seconds == 0:
            session.accept(ANSWER, now)

    link.b.on_incoming = ring_and_accept


def established(link: Link) -> tuple[OutgoingSession, IncomingSession]:
    answer_after(link)
    ours = link.invite()
    link.run(1)
    return ours, link.b.incoming[0]


def test_a_call_is_set_up_talked_and_ended_by_the_caller() -> None:
    link = Link()
    ours, theirs = established(link)
    assert link.a.kinds(ours) == ["Progress", "Accepted"]
    assert link.b.kinds(theirs) == ["Confirmed"]
    assert isinstance(accepted := link.a.events(ours)[1], Accepted)
    assert accepted.sdp == ANSWER
    ours.bye(link.now)
    link.run(1)
    assert link.b.events(theirs)[-1] == Ended(cause="bye")
    assert link.first_lines() == ["INVITE", "100", "180", "200", "ACK", "BYE", "200"]


def test_the_callee_may_end_it_too() -> None:
    link = Link()
    ours, theirs = established(link)
    theirs.bye(link.now)
    link.run(1)
    assert link.a.events(ours)[-1] == Ended(cause="bye")


def test_nothing_is_left_64_t1_after_the_end() -> None:
    link = Link()
    ours, _ = established(link)
    ours.bye(link.now)
    link.run(70)
    for side in (link.a, link.b):
        assert side.stack.load == (0, 0)
        assert side.stack.next_deadline() is None


def test_a_refusal_reaches_the_caller_and_is_acked_by_the_transaction() -> None:
    link = Link()
    link.b.on_incoming = lambda session, now: session.refuse(486, now)
    ours = link.invite()
    link.run(1)
    assert isinstance(refused := link.a.events(ours)[-1], Refused)
    assert refused.status == 486
    assert link.first_lines() == ["INVITE", "100", "486", "ACK"]


def test_an_invite_without_an_answer_is_repeated_at_doubling_intervals_and_times_out() -> None:
    link = Link(loss=1.0)
    ours = link.invite()
    link.run(40)
    assert [round(at - 1000, 3) for at, _, _ in link.sent] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert isinstance(refused := link.a.events(ours)[-1], Refused)
    assert refused.status == 408


def test_cancel_before_any_response_waits_for_one() -> None:
    link = Link()
    link.b.on_incoming = lambda session, now: session.ring(now)
    ours = link.invite()
    ours.cancel(link.now)
    link.run(1)
    assert link.first_lines(A) == ["INVITE", "CANCEL", "ACK"]
    assert isinstance(link.b.events(link.b.incoming[0])[-1], Canceled)
    assert isinstance(refused := link.a.events(ours)[-1], Refused)
    assert refused.status == 487


def test_cancel_while_ringing_gives_487() -> None:
    link = Link()
    link.b.on_incoming = lambda session, now: session.ring(now)
    ours = link.invite()
    link.run(2)
    ours.cancel(link.now)
    link.run(1)
    assert link.first_lines() == ["INVITE", "100", "180", "CANCEL", "200", "487", "ACK"]


def test_a_cancel_that_crosses_the_200_is_followed_by_ack_and_bye() -> None:
    link = Link()
    link.b.on_incoming = lambda session, now: session.ring(now)
    ours = link.invite()
    link.run(1)
    link.b.incoming[0].accept(ANSWER, link.now)
    link.flush()
    ours.cancel(link.now)
    link.run(2)
    assert link.first_lines(A) == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert isinstance(link.a.events(ours)[-1], Ended)
    assert link.b.events(link.b.incoming[0])[-1] == Ended(cause="bye")


def test_a_200_without_ack_is_repeated_and_then_given_up_with_bye() -> None:
    link = Link()
    answer_after(link)
    link.invite()
    link.flush()
    link.run(0.015)  # the INVITE is there; now A goes deaf
    link.a.stack.receive = lambda data, flow, now: None  # type: ignore[method-assign]
    link.run(40)
    assert link.first_lines(B).count("200") == 11
    assert link.b.events(link.b.incoming[0])[-1] == Ended(cause="no-ack")


def test_hold_and_resume_by_re_invite() -> None:
    link = Link()
    ours, theirs = established(link)
    hold = OFFER + b"a=sendonly\r\n"
    ours.offer(hold, link.now)
    link.run(0.1)
    assert link.b.events(theirs)[-1] == Offered(sdp=hold)
    theirs.answer(ANSWER + b"a=recvonly\r\n", link.now)
    link.run(1)
    assert link.a.events(ours)[-1] == Answered(sdp=ANSWER + b"a=recvonly\r\n", status=200)
    assert link.first_lines(A)[-2:] == ["INVITE", "ACK"]


def test_a_refused_re_offer_leaves_the_session_as_it_was() -> None:
    link = Link()
    ours, theirs = established(link)
    ours.offer(OFFER, link.now)
    link.run(0.1)
    theirs.reject_offer(488, link.now)
    link.run(1)
    assert link.a.events(ours)[-1] == Answered(sdp=None, status=488)
    assert ours.state is State.CONFIRMED


def test_glare_gives_491_to_both_and_both_offers_arrive_later() -> None:
    link = Link()
    ours, theirs = established(link)
    link.b.stack.random = lambda: 0.5
    ours.offer(OFFER, link.now)
    theirs.offer(ANSWER, link.now)
    link.run(0.5)
    assert link.first_lines().count("491") == 2
    link.run(1.0)
    assert isinstance(link.a.events(ours)[-1], Offered)  # the callee waits the shorter time
    ours.answer(OFFER, link.now)
    link.run(4)
    assert isinstance(link.b.events(theirs)[-1], Offered)


def test_the_session_timer_refreshes_at_half_of_the_interval_and_never_ends_a_live_call() -> None:
    link = Link()
    ours, theirs = established(link)
    link.run(2000)
    assert "UPDATE" in link.first_lines()
    assert ours.state is theirs.state is State.CONFIRMED


def test_a_peer_that_vanishes_is_ended_by_the_session_timer() -> None:
    link = Link()
    ours, theirs = established(link)
    link.b.stack.receive = lambda data, flow, now: None  # type: ignore[method-assign]
    link.run(1900)
    assert isinstance(link.a.events(ours)[-1], Ended)
    assert isinstance(link.b.events(theirs)[-1], Ended)


def test_digits_by_info() -> None:
    link = Link()
    ours, theirs = established(link)
    ours.info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", link.now)
    link.run(1)
    assert link.b.events(theirs)[-1] == Digit(digit="5", duration_ms=160)


def test_refer_is_accepted_and_its_progress_told() -> None:
    link = Link()
    ours, theirs = established(link)
    ours.refer("sip:carol@192.0.2.9", link.now)
    link.run(0.1)
    assert link.b.kinds(theirs)[-1] == "Referred"
    theirs.accept_refer(link.now)
    theirs.notify_refer(200, link.now)
    link.run(1)
    assert link.a.kinds(ours)[2:] == ["ReferProgress", "ReferProgress", "ReferProgress"]
    assert link.a.events(ours)[-1].over  # type: ignore[union-attr]


def test_an_offerless_invite_gets_the_offer_in_the_200_and_the_answer_in_the_ack_is_told() -> None:
    link = Link()
    answer_after(link)
    ours = link.invite(body=b"")
    link.run(1)
    assert isinstance(accepted := link.a.events(ours)[-1], Accepted)
    assert accepted.sdp == ANSWER
    assert link.first_lines(A) == ["INVITE"]
    ours.answer(OFFER, link.now)
    link.run(1)
    assert link.b.events(link.b.incoming[0])[-1] == Confirmed(sdp=OFFER)
    assert link.first_lines(A) == ["INVITE", "ACK"]


def test_reliable_early_media_is_acknowledged_by_prack_before_the_answer() -> None:
    link = Link()

    def early(session: IncomingSession, now: float) -> None:
        session.ring(now, status=183, body=ANSWER)
        session.accept(ANSWER, now)

    link.b.on_incoming = early
    ours = link.invite()
    link.run(1)
    assert link.first_lines() == ["INVITE", "100", "183", "PRACK", "200", "200", "ACK"]
    assert isinstance(progress := link.a.events(ours)[0], Progress)
    assert progress.sdp == ANSWER
