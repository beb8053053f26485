"""Whatever comes in, in whatever state, nothing leaves the stack but answers; and in the end nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from sip.digest import Credentials
from sip.incoming import IncomingSession
from sip.message import Request
from sip.outgoing import OutgoingSession
from sip.session import Session
from sip.transport import Flow
from tests.fakes.alone import ANSWER, OFFER, OTHER, US, Alone
from tests.fakes.mutate import mutations
from tests.sip.torture import messages

Step = Callable[[float], None]
STATUSES = (100, 180, 183, 200, 202, 302, 401, 407, 408, 422, 481, 486, 487, 488, 491, 500, 503, 603)
METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "OPTIONS", "REGISTER")
HEADERS = (
    "Require: 100rel",
    "RSeq: 1",
    "RSeq: x",
    "RAck: 1 1 INVITE",
    "Supported: 100rel, timer",
    "Session-Expires: 90;refresher=uas",
    "Session-Expires: nonsense",
    "Min-SE: 7200",
    "Allow: INVITE, UPDATE",
    "Retry-After: 2",
    "Retry-After: later",
    "Record-Route: <sip:198.51.100.8;lr>, <sip:198.51.100.9>",
    'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"',
    'Proxy-Authenticate: Digest realm="r", nonce="n", stale=true',
    "Refer-To: <sip:a@b>",
    "Event: refer",
    "Contact: <sip:x@10.0.0.1:99999>",
    "Contact: <sip:x@[2001:db8::1]>",
    "Contact: *",
    "Content-Type: multipart/mixed",
    "Content-Type: application/dtmf",
    "Expires: 5",
    "Reason: SIP;cause=200",
)


def finished(alone: Alone) -> None:
    """Nothing may be left two session intervals later."""
    for session in alone.sessions:
        alone.do(session.bye)
    alone.run(4000)
    assert alone.stack.load == (0, 0)
    assert alone.stack.next_deadline() is None


@pytest.mark.parametrize("seed", range(4))
def test_damaged_torture_messages(seed: int) -> None:
    alone = Alone()
    for data in mutations(seed, messages(), 700):
        alone.receive(data)
        for session in alone.sessions[-1:]:
            alone.do(lambda now, s=session: s.accept(ANSWER, now))  # type: ignore[misc]  # its default
        alone.now += 0.01
    finished(alone)


def test_damaged_requests_and_responses_of_a_call_that_is_up() -> None:
    alone = Alone()
    session = alone.established("Supported: 100rel, timer", "Session-Expires: 600")
    caller = alone.called(credentials=Credentials(username="u", password="p"))
    alone.do(lambda now: caller.offer(OFFER, now))
    ours = alone.sent[-1].message
    seeds = [alone.inside(session, m, cseq=n, body=OFFER) for n, m in enumerate(METHODS, 2)]
    seeds += [alone.answer(ours, status, body=OFFER, headers=HEADERS[:9]) for status in STATUSES]
    for data in mutations(5, seeds, 3000):
        alone.receive(data)
    alone.do(caller.bye)
    finished(alone)


class Chaos:
    """A peer and a user that do anything at any time, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.alone = Alone(random=self.random.random(), transport=self.random.choice(["udp", "tcp"]))
        self.ours: list[Session] = []

    def turn(self) -> None:
        self.random.choice([self.peer_asks, self.peer_asks, self.peer_answers, self.user_acts, self.time_passes])()

    def peer_asks(self) -> None:
        alone, random = self.alone, self.random
        method = random.choice(METHODS)
        sessions: list[Session] = [*alone.sessions[-3:], *self.ours[-2:]]
        more: dict[str, object] = {"headers": self._headers(), "body": random.choice([b"", b"", OFFER, b"Signal=1"])}
        if random.random() < 0.4:
            more["branch"] = f"k{random.randrange(4)}"
        if sessions and random.random() < 0.8:
            session = random.choice(sessions)
            tag = session.remote.tag or random.choice(["t0", "t1"])
            cseq = random.randrange(1, 12)
            alone.receive(alone.inside(session, method, cseq=cseq, from_tag=tag, **more))
        else:
            alone.receive(alone.request(method, call_id=f"c{random.randrange(3)}", **more))  # type: ignore[arg-type]  # keywords of `request`

    def peer_answers(self) -> None:
        alone, random = self.alone, self.random
        asked = [item for item in alone.sent[-40:] if isinstance(item.message, Request) and item.line != "ACK"]
        if asked:
            request = random.choice(asked).message
            status, tag = random.choice(STATUSES), random.choice(["t0", "t1"])
            body = random.choice([b"", OFFER])
            alone.receive(alone.answer(request, status, to_tag=tag, headers=self._headers(), body=body))

    def user_acts(self) -> None:
        alone, random = self.alone, self.random
        if random.random() < 0.15:
            flows = [alone.flow, Flow("udp", US, OTHER)][: random.randint(1, 2)]
            body = random.choice([ANSWER, b""])
            self.ours.append(alone.invite(flows, credentials=Credentials(username="u", password="p"), body=body))
            return
        sessions = [*alone.sessions[-3:], *self.ours[-2:]]
        if sessions:
            alone.do(random.choice(self._steps(random.choice(sessions))))

    def _steps(self, session: Session) -> list[Step]:
        any_: list[Step] = [
            session.bye,
            lambda now: session.offer(ANSWER, now),
            lambda now: session.answer(ANSWER, now),
            lambda now: session.reject_offer(488, now),
            lambda now: session.info("application/dtmf", b"1", now),
            lambda now: session.refer("<sip:a@b>", now),
            session.accept_refer,
            lambda now: session.notify_refer(self.random.choice([100, 180, 200, 486]), now),
            lambda now: session.refuse_refer(603, now),
        ]
        if isinstance(session, OutgoingSession):
            any_ += [session.cancel] * 2
        if isinstance(session, IncomingSession):
            any_ += [lambda now: session.accept(ANSWER, now)] * 4
            any_ += [session.ring, lambda now: session.refuse(486, now)]
            any_.append(lambda now: session.ring(now, status=183, body=ANSWER))
        return any_

    def time_passes(self) -> None:
        self.alone.run(self.random.choice([0.1, 0.6, 3.0, 33.0, 901.0]))
        if self.random.random() < 0.1:
            self.alone.do(lambda now: self.alone.stack.flow_lost(self.alone.flow, now))

    def _headers(self) -> list[str]:
        return self.random.sample(HEADERS, self.random.randrange(4))


@pytest.mark.parametrize("seed", range(60))
def test_a_peer_and_a_user_that_do_anything_at_any_time(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(120):
        chaos.turn()
    for session in chaos.ours:
        chaos.alone.do(session.bye)
    finished(chaos.alone)
    last = ("Ended", "Refused", "Canceled")
    for session in [*chaos.ours, *chaos.alone.sessions]:
        kinds = chaos.alone.kinds(session)
        assert [kind for kind in kinds if kind in last] == kinds[-1:], kinds
