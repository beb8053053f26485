"""Two stacks over a bad link: each message dropped once, then loss up to 40 %, duplicates and reordering; in the end nothing is left."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sip.digest import Credentials
from sip.events import Ended
from sip.incoming import IncomingSession
from sip.message import Request
from sip.outgoing import OutgoingSession
from sip.session import State
from sip.stack import Accept, Admission, Refuse
from sip.transport import Flow
from tests.fakes.link import ANSWER, OFFER, Link

HOLD = OFFER + b"a=sendonly\r\n"


def answering(link: Link, *, early: bool = False) -> None:
    """B rings and accepts a second later; what A offers later it answers."""

    def ring(session: IncomingSession, now: float) -> None:
        session.ring(now, status=183 if early else 180, body=ANSWER if early else None)
        link.after(1.0, lambda now: session.accept(ANSWER, now))

    link.b.on_incoming = ring
    link.b.answers = ANSWER


def ends(link: Link, ours: OutgoingSession) -> None:
    """Each side has had exactly one last event, and nothing is left of anything."""
    link.run(1200)
    last = ("Ended", "Refused", "Canceled")
    for kinds in [link.a.kinds(ours), *map(link.b.kinds, link.b.incoming)]:
        assert [kind for kind in kinds if kind in last] == kinds[-1:], kinds
    assert [side.stack.load for side in (link.a, link.b)] == [(0, 0), (0, 0)]
    assert [side.stack.next_deadline() for side in (link.a, link.b)] == [None, None]


def call(link: Link) -> OutgoingSession:
    answering(link)
    ours = link.invite()
    link.run(12)
    assert ours.state is State.CONFIRMED
    assert link.b.incoming[0].state is State.CONFIRMED
    return ours


def hang_up(link: Link) -> OutgoingSession:
    ours = call(link)
    ours.bye(link.now)
    return ours


def hung_up_by_callee(link: Link) -> OutgoingSession:
    ours = call(link)
    link.b.incoming[0].bye(link.now)
    return ours


def hold(link: Link) -> OutgoingSession:
    ours = call(link)
    ours.offer(HOLD, link.now)
    link.run(12)
    assert link.a.kinds(ours)[-1] == "Answered"
    ours.bye(link.now)
    return ours


def early_media(link: Link) -> OutgoingSession:
    answering(link, early=True)
    ours = link.invite()
    link.run(20)
    assert ours.state is State.CONFIRMED
    ours.bye(link.now)
    return ours


def canceled(link: Link) -> OutgoingSession:
    link.b.on_incoming = lambda session, now: session.ring(now)
    ours = link.invite()
    link.run(4)
    ours.cancel(link.now)
    return ours


def refused(link: Link) -> OutgoingSession:
    link.b.on_incoming = lambda session, now: session.refuse(486, now)
    return link.invite()


def glare(link: Link) -> OutgoingSession:
    ours = call(link)
    ours.offer(HOLD, link.now)
    link.b.incoming[0].offer(ANSWER, link.now)
    link.a.answers = OFFER
    link.run(60)
    assert "Answered" in link.a.kinds(ours)
    assert "Answered" in link.b.kinds(link.b.incoming[0])
    ours.bye(link.now)
    return ours


SCENES: tuple[Callable[[Link], OutgoingSession], ...] = (
    hang_up,
    hung_up_by_callee,
    hold,
    early_media,
    canceled,
    refused,
    glare,
)


@pytest.mark.parametrize("dropped", range(14))
@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_comes_to_its_end_whichever_message_is_dropped(
    scene: Callable[[Link], OutgoingSession], dropped: int
) -> None:
    link = Link(seed=dropped, drop=[dropped])
    ends(link, scene(link))


@pytest.mark.parametrize("dropped", [(0, 1), (2, 3, 4), (3, 5, 7, 9), (1, 2, 3, 4, 5, 6), (1, 3, 5, 7, 9)])
@pytest.mark.parametrize("scene", [hang_up, hung_up_by_callee, canceled, refused])
def test_several_lost_messages_are_got_over_too(
    scene: Callable[[Link], OutgoingSession], dropped: tuple[int, ...]
) -> None:
    link = Link(drop=dropped)
    ends(link, scene(link))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("loss", [0.0, 0.1, 0.25, 0.4])
def test_calls_over_a_link_that_loses_doubles_and_reorders_leave_nothing_behind(loss: float, seed: int) -> None:
    link = Link(seed=seed, loss=loss, duplication=0.25, delay=(0.005, 0.6))
    answering(link, early=seed % 2 == 0)
    ours = link.invite()
    link.run(40)
    assert len(link.b.incoming) <= 1, "an INVITE that comes twice is one call"
    ours.offer(HOLD, link.now)
    link.run(40)
    (ours if seed % 3 else link.b.incoming[0]).bye(link.now)
    link.a.hang_up = link.b.hang_up = True
    ends(link, ours)


@pytest.mark.parametrize("seed", range(8))
def test_without_loss_every_call_over_a_reordering_link_comes_about(seed: int) -> None:
    link = Link(seed=seed, duplication=0.3, delay=(0.001, 0.45))
    ours = call(link)
    ours.bye(link.now)
    ends(link, ours)
    assert link.b.events(link.b.incoming[0])[-1] == Ended(cause="bye")


@pytest.mark.parametrize("seed", range(4))
def test_over_a_stream_nothing_is_repeated(seed: int) -> None:
    link = Link(seed=seed, transport="tcp")
    ours = hold(link)
    ends(link, ours)
    lines = link.first_lines()
    assert lines == ["INVITE", "100", "180", "200", "ACK", "INVITE", "100", "200", "ACK", "BYE", "200"]


@pytest.mark.parametrize("dropped", range(8))
def test_a_challenged_call_comes_about_whichever_message_is_dropped(dropped: int) -> None:
    def admit(request: Request, _flow: Flow, _now: float) -> Admission:
        if "Authorization" in request.headers:
            return Accept()
        challenge = 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"'
        return Refuse(request.reply(401, headers=[("WWW-Authenticate", challenge)]))

    link = Link(drop=[dropped], admit_b=admit)
    answering(link)
    ours = link.invite(credentials=Credentials(username="u", password="p"))
    link.run(12)
    assert ours.state is State.CONFIRMED
    ours.bye(link.now)
    ends(link, ours)
