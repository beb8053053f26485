"""Endpoints on real sockets of the loopback interface: whole calls over UDP and TCP, challenges, fail-over, faults of callbacks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from sip.digest import Credentials, Outcome, Verifier
from sip.endpoint import Endpoint, ServerRequest, Session
from sip.errors import LocalError
from sip.events import (
    Accepted,
    Answered,
    Canceled,
    Digit,
    Ended,
    Offered,
    Progress,
    ReferProgress,
    Referred,
    Refused,
    SessionEvent,
)
from sip.headers import Address
from sip.message import Request, Response
from sip.session import State
from sip.stack import Accept, Admission, Refuse
from sip.timers import TimerValues
from sip.transport import Flow, Hop
from sip.uri import Uri

SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ME = Address("", Uri.parse("sip:me@127.0.0.1"))
FAST = TimerValues(t1=0.02, t2=0.1, t4=0.1, d=0.2, next_hop=0.2)
E = TypeVar("E")


class NoResolver:
    """Everything is where its URI says."""

    async def resolve(self, uri: Uri) -> list[Hop]:
        if uri.port is None:
            return []
        return [Hop(uri.param("transport") or "udp", uri.host, uri.port)]


class Peer:
    """An endpoint and the sessions and requests that came to it."""

    def __init__(self) -> None:
        self.sessions: asyncio.Queue[Session] = asyncio.Queue()
        self.requests: list[Request] = []
        self.trace: list[tuple[bool, str]] = []
        self.endpoint: Endpoint

    async def on_invite(self, session: Session) -> None:
        self.sessions.put_nowait(session)
        if session.request.request_uri.user == "trouble":
            raise ValueError("trouble")

    async def on_request(self, request: ServerRequest) -> None:
        self.requests.append(request.request)
        if request.request.method == "OPTIONS":
            request.reply(200, headers=[("X-Who", str(request.principal))])
        elif request.request.method == "REGISTER":
            raise ValueError("trouble")

    def on_trace(self, sent: bool, flow: Flow, data: bytes) -> None:
        self.trace.append((sent, data.split(b"\r\n", 1)[0].decode()))

    def uri(self, user: str = "you", transport: str = "udp") -> str:
        address = next(a for a in self.endpoint.addresses if a.startswith(transport)).partition("://")[2]
        more = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{user}@{address.replace('0.0.0.0', '127.0.0.1')}{more}"

    async def call(self, uri: str, next_hops: Sequence[Hop | Flow] = (), sdp: bytes = SDP) -> Session:
        return await self.endpoint.invite(uri, from_=ME, sdp=sdp, next_hops=next_hops)


def accept(_request: Request, flow: Flow, _now: float) -> Admission:
    return Accept(flow.transport)


@asynccontextmanager
async def peer(*listen: str, admit: object = accept, values: TimerValues = FAST) -> AsyncIterator[Peer]:
    made = Peer()
    made.endpoint = Endpoint(
        listen or ("udp://127.0.0.1:0",),
        admit=admit,  # type: ignore[arg-type]  # one of the functions here
        on_invite=made.on_invite,
        on_request=made.on_request,
        on_trace=made.on_trace,
        resolver=NoResolver(),
        timers=values,
    )
    async with asyncio.timeout(20), made.endpoint:
        yield made


async def until(session: Session, kind: type[E]) -> E:
    """The next event of this kind; others are passed over, the last one is not."""
    while True:
        event: SessionEvent = await session.next_event()
        if isinstance(event, kind):
            return event
        assert not Session.is_last(event), event


async def talk(here: Peer, there: Peer, uri: str, next_hops: Sequence[Hop | Flow] = ()) -> tuple[Session, Session]:
    ours = await here.call(uri, next_hops)
    theirs = await there.sessions.get()
    theirs.ring()
    assert (await until(ours, Progress)).response.status == 180
    theirs.accept(SDP)
    assert (await until(ours, Accepted)).sdp == SDP
    return ours, theirs


# -- calls ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_is_set_up_and_ended_by_either_side(transport: str) -> None:
    listen = f"{transport}://127.0.0.1:0"
    async with peer(listen) as here, peer(listen) as there:
        ours, theirs = await talk(here, there, there.uri(transport=transport))
        assert theirs.principal == transport
        assert ours.call_id == theirs.call_id
        assert ours.remote_target is not None
        ours.bye()
        assert (await until(theirs, Ended)).cause == "bye"
        ours, theirs = await talk(here, there, there.uri(transport=transport))
        theirs.bye()
        assert (await until(ours, Ended)).cause == "bye"
        assert theirs.state is State.ENDED


async def test_a_challenge_is_answered_with_the_credentials_of_the_call() -> None:
    verifier = Verifier("here", b"secret")

    def admit(request: Request, _flow: Flow, now: float) -> Admission:
        values = request.headers.get_all("Authorization")
        verdict = verifier.verify(values, request.method, request.uri, request.body, lambda user: "pass", now)
        if verdict.outcome is Outcome.GOOD:
            return Accept(verdict.username)
        return Refuse(request.reply(401, headers=verifier.challenges(now)))

    async with peer() as here, peer(admit=admit) as there:
        known = Credentials(username="me", password="pass")
        ours = await here.endpoint.invite(there.uri(), from_=ME, sdp=SDP, credentials=known)
        theirs = await there.sessions.get()
        assert theirs.principal == "me"
        ours.cancel()
        await until(theirs, Canceled)
        answer = await here.endpoint.request("OPTIONS", there.uri(), from_=ME, credentials=known)
        assert answer.headers.get("X-Who") == "me"
        wrong = Credentials(username="me", password="wrong")
        refused = await here.endpoint.invite(there.uri(), from_=ME, sdp=SDP, credentials=wrong)
        assert (await until(refused, Refused)).status == 401


async def test_a_cancel_reaches_the_callee_and_its_487_the_caller() -> None:
    async with peer() as here, peer() as there:
        ours = await here.call(there.uri())
        ours.cancel('SIP;cause=200;text="elsewhere"')
        theirs = await there.sessions.get()
        assert (await until(theirs, Canceled)).reason == 'SIP;cause=200;text="elsewhere"'
        assert (await until(ours, Refused)).status == 487


async def test_hold_and_resume_both_ways() -> None:
    async with peer() as here, peer() as there:
        ours, theirs = await talk(here, there, there.uri())
        for one, other in ((ours, theirs), (theirs, ours)):
            one.offer(SDP + b"a=sendonly\r\n")
            await until(other, Offered)
            other.answer(SDP + b"a=recvonly\r\n")
            assert (await until(one, Answered)).status == 200


async def test_requests_outside_a_call_are_answered() -> None:
    async with peer() as here, peer() as there:
        answer = await here.endpoint.request("OPTIONS", there.uri(), from_=ME)
        assert (answer.status, answer.headers.get("X-Who")) == (200, "udp")
        assert here.trace[0] == (True, f"OPTIONS {there.uri()} SIP/2.0")
        assert here.trace[-1] == (False, "SIP/2.0 200 OK")


async def test_a_handle_does_all_that_its_machine_can() -> None:
    async with peer() as here, peer() as there:
        ours, theirs = await talk(here, there, there.uri())
        assert repr(ours) == f"<Session {ours.call_id}>"
        assert ours.remote.tag == theirs.local.tag
        assert (ours.is_uac, theirs.is_uac) == (True, False)
        ours.info("application/dtmf", b"5")
        assert (await until(theirs, Digit)).digit == "5"
        for accepts in (True, False):
            ours.refer("<sip:carol@127.0.0.1>")
            await until(theirs, Referred)
            if accepts:
                theirs.accept_refer()
                theirs.notify_refer(486)
                statuses = {(await until(ours, ReferProgress)).status for _ in range(3)}
                assert statuses == {100, 202, 486}
            else:
                theirs.refuse_refer(603)
                assert (await until(ours, ReferProgress)).status == 603
        ours.offer(SDP)
        await until(theirs, Offered)
        theirs.reject_offer(488)
        assert (await until(ours, Answered)).status == 488
        for wrong_role in (ours.ring, theirs.cancel):
            wrong_role()
        ours.accept(SDP)
        ours.refuse(486)
        theirs.bye()
        await until(ours, Ended)


# -- faults -----------------------------------------------------------------------------------------------------------


async def test_a_callback_that_raises_is_answered_500_and_other_calls_go_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="sip.endpoint")
    async with peer() as here, peer() as there:
        ours, theirs = await talk(here, there, there.uri())
        bad = await here.call(there.uri("trouble"))
        assert (await until(bad, Refused)).status == 500
        assert (await here.endpoint.request("REGISTER", there.uri(), from_=ME)).status == 500
        ours.bye()
        await until(theirs, Ended)


async def test_a_fault_of_the_stack_is_counted_and_other_messages_are_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, logger="sip.endpoint")

    def admit(request: Request, _flow: Flow, _now: float) -> Admission:
        if request.request_uri.user == "crash":
            raise ZeroDivisionError
        return Accept()

    async with peer() as here, peer(admit=admit) as there:
        assert (await here.endpoint.request("OPTIONS", there.uri("crash"), from_=ME)).status == 408
        assert there.endpoint.counters["crashed"] > 0
        assert (await here.endpoint.request("OPTIONS", there.uri(), from_=ME)).status == 200


async def test_an_answer_that_was_forgotten_is_500() -> None:
    async with peer() as here, peer() as there:
        assert (await here.endpoint.request("NOTIFY", there.uri(), from_=ME)).status == 481
        assert (await here.endpoint.request("REGISTER", there.uri(), from_=ME)).status == 500


async def test_a_user_that_asks_for_what_may_not_be_sent_is_told() -> None:
    async with peer() as here:
        with pytest.raises(LocalError):
            await here.endpoint.invite("sip:x@127.0.0.1:9", from_=ME, sdp=SDP, headers=[("X-A", "a\r\nVia: b")])
        with pytest.raises(LocalError):
            await here.endpoint.request("OPTIONS", "sip:x@127.0.0.1:9", from_=ME, headers=[("X A", "a")])


async def test_leaving_with_calls_up_leaves_no_task() -> None:
    async with peer() as here, peer() as there:
        await talk(here, there, there.uri())
        waiting = asyncio.ensure_future(here.endpoint.request("INFO", "sip:nobody@127.0.0.1:9", from_=ME))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == []


async def test_a_listen_address_that_is_taken_closes_those_that_were_opened() -> None:
    async with peer() as here:
        taken = here.endpoint.addresses[0]
        with pytest.raises(OSError, match="in use"):
            async with peer("tcp://127.0.0.1:0", taken):
                pass
        with pytest.raises(LocalError):
            async with peer("carrier-pigeon://127.0.0.1:0"):
                pass


# -- ways -------------------------------------------------------------------------------------------------------------


async def test_a_destination_that_is_nowhere_is_refused_at_once() -> None:
    async with peer() as here:
        refused = await here.call("sip:x@nowhere.invalid")
        assert (await until(refused, Refused)).status == 404
        refused = await here.call("sip:x@127.0.0.1", [Hop("tls", "127.0.0.1", 5061)])
        assert (await until(refused, Refused)).status == 503
        assert (await here.endpoint.request("OPTIONS", "sip:x@nowhere.invalid", from_=ME)).status == 503


async def test_a_hop_that_refuses_connections_is_passed_over() -> None:
    both = ("udp://127.0.0.1:0", "tcp://127.0.0.1:0")
    async with peer(*both) as here, peer() as there:
        port = int(there.endpoint.addresses[0].rpartition(":")[2])
        hops = [Hop("tcp", "127.0.0.1", port), Hop("udp", "127.0.0.1", port)]
        await talk(here, there, there.uri(), hops)


async def test_a_silent_hop_is_passed_over() -> None:
    async with peer() as here, peer() as there:
        port = int(there.endpoint.addresses[0].rpartition(":")[2])
        with_silence = [Hop("udp", "127.0.0.1", 9), Hop("udp", "127.0.0.1", port)]
        answer = await here.endpoint.request("OPTIONS", there.uri(), from_=ME, next_hops=with_silence)
        assert answer.status == 200


async def test_a_request_too_large_for_a_datagram_goes_by_tcp_where_that_is_to_be_had() -> None:
    both = ("udp://127.0.0.1:0", "tcp://127.0.0.1:0")
    large = SDP + b"a=x:" + b"y" * 1500 + b"\r\n"
    async with peer(*both) as here, peer("tcp://127.0.0.1:0") as there, peer() as only_udp:
        uri = there.uri(transport="tcp").partition(";")[0]
        await here.call(uri, sdp=large)
        assert (await there.sessions.get()).flow.transport == "tcp"
        await here.call(only_udp.uri(), sdp=large)
        assert (await only_udp.sessions.get()).flow.transport == "udp"


async def test_who_listens_on_all_addresses_says_the_one_that_the_peer_sees() -> None:
    async with peer("udp://0.0.0.0:0") as here, peer() as there:
        ours = await here.call(there.uri())
        theirs = await there.sessions.get()
        assert theirs.request.via.host == "127.0.0.1"
        assert theirs.request.contacts[0].uri.host == "127.0.0.1"
        ours.cancel()
        await until(theirs, Canceled)


async def test_of_several_addresses_the_one_that_can_reach_the_peer_is_taken() -> None:
    listen = ("udp://[::1]:0", "udp://127.0.0.1:0")
    async with peer(*listen) as here, peer() as there, peer("udp://[::1]:0") as six:
        assert (await here.endpoint.request("OPTIONS", there.uri(), from_=ME)).status == 200
        host, _, port = six.endpoint.addresses[0].partition("://")[2].rpartition(":")
        hop = Hop("udp", host.strip("[]"), int(port))
        answer: Response = await here.endpoint.request("OPTIONS", "sip:x@[::1]", from_=ME, next_hops=[hop])
        assert answer.status == 200


async def test_a_flow_of_a_registered_peer_is_used_as_it_is() -> None:
    async with peer("tcp://127.0.0.1:0") as here, peer("tcp://127.0.0.1:0") as there:
        await here.endpoint.request("OPTIONS", there.uri(transport="tcp"), from_=ME)
        ours, theirs = await talk(here, there, there.uri(transport="tcp"))
        back = await there.call("sip:me@127.0.0.1", [theirs.flow])
        incoming = await here.sessions.get()
        assert incoming.flow == ours.flow
        incoming.refuse(486)
        assert (await until(back, Refused)).status == 486


async def test_an_address_that_is_taken_is_named() -> None:
    async with peer() as one:
        taken = one.endpoint.addresses[0]
        with pytest.raises(OSError, match=taken):
            async with peer(taken):
                pass
