"""Transfers: REFER of either side, blind by `referUrl`, attended by Replaces (RFC 3891, RFC 5589); a failure leaves the call as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from xml.sax.saxutils import escape

import aiohttp
import pytest

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, Gateway
from tests.peers.baresip import Phone
from tests.peers.linphone import Linphone
from tests.peers.scripted import Canceled, Ended, Line, Refused, Scripted, answer_at_once

TONES = (440, 700, 950)
DONE = "<Response><Hangup/></Response>"


def dial_whom_they_dial(more: str = "") -> Callable[[dict[str, str]], str]:
    """A document that rings the client whose name was dialled."""

    def reply(asked: dict[str, str]) -> str:
        user = asked["To"].removeprefix("sip:").partition("@")[0]
        return f'<Response><Dial action="/done/{user}"{more}><Client>{user}</Client></Dial></Response>'

    return reply


def prepared(gateway: Gateway, more: str = "") -> None:
    application = gateway.application
    application.answers("/voice", dial_whom_they_dial(more))
    for user in ("alice", "bob", "carol"):
        application.answers(f"/done/{user}", DONE)


async def is_notified(gateway: Gateway, *codes: int) -> bool:
    """Whether the REST API lists a notification of each code, soon."""
    url = f"{gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Notifications.json"
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(20):
            async with session.get(url) as response:
                found = {int(one["error_code"]) for one in (await response.json())["notifications"]}
            if found >= set(codes):
                return True
            await asyncio.sleep(0.1)  # rows are written a moment later
    return False


@pytest.mark.peers("baresip", "linphone")
async def test_linphone_connects_its_two_calls(gateway: Gateway, tmp_path: Path) -> None:
    prepared(gateway)
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Linphone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
        Phone("carol", tmp_path / "c", tone=950, proxy=gateway.sip) as carol,
    ):
        await alice.dial("bob")
        await bob.wait_for_established()
        await bob.hold()
        await bob.wait_for_trace("to LinphoneCallPaused")
        await bob.dial("carol")
        await carol.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(1)  # real speech, real time
        await bob.command("transfer 1 --to-call 2")
        await bob.wait_for_end()
        await asyncio.sleep(2)  # real speech, real time
        assert not alice.saw("CALL_CLOSED")
        assert not carol.saw("CALL_CLOSED")
        assert len(gateway.application.all("/voice")) == 2, "nobody was called anew"
        await carol.hang_up()
        done = await gateway.application.wait_for("/done/bob")
        await alice.wait_for("CALL_CLOSED")
    assert {700, 950} <= alice.tones(TONES), "first bob, then carol"
    assert {700, 440} <= carol.tones(TONES), "first bob, then alice"
    assert (done["DialCallStatus"], done["DialBridged"]) == ("completed", "true")


@pytest.mark.peers("baresip")
@pytest.mark.parametrize("by", ["bob", "alice"])
async def test_the_refer_url_says_what_becomes_of_the_other_party(gateway: Gateway, tmp_path: Path, by: str) -> None:
    """The called party transfers (bob), or the caller (alice): whoever is left is connected by the application's document."""
    prepared(gateway, ' referUrl="/refer" referMethod="GET"')
    application = gateway.application
    application.answers(
        "/refer", lambda asked: f"<Response><Dial><Sip>{escape(asked['ReferTransferTarget'])}</Sip></Dial></Response>"
    )
    async with (
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
        Phone("carol", tmp_path / "c", tone=950, proxy=gateway.sip) as carol,
    ):
        asker, left = (bob, alice) if by == "bob" else (alice, bob)
        await alice.dial("bob")
        await bob.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(1)  # real speech, real time
        await asker.transfer("sip:carol@127.0.0.1")
        asked = await application.wait_for("/refer")
        await carol.wait_for("CALL_ESTABLISHED")
        await asker.wait_for("CALL_CLOSED")
        await asyncio.sleep(1.5)  # real speech, real time
        assert not left.saw("CALL_CLOSED")
        await carol.hang_up()
        await left.wait_for("CALL_CLOSED")
    assert "sip:carol@127.0.0.1" in asked["ReferTransferTarget"]
    assert asked["Direction"] == ("inbound" if by == "bob" else "outbound-dial"), (
        "it is asked for the party that is left"
    )
    assert left.tones((950,)) == {950}
    assert carol.tones(TONES) == {left.tone}


class Trio:
    """Three scripted phones; alice talks with bob."""

    def __init__(self, gateway: Gateway) -> None:
        self.alice, self.bob, self.carol = (Scripted(gateway.sip, user=name) for name in ("alice", "bob", "carol"))
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Trio:
        for phone in (self.alice, self.bob, self.carol):
            await self._opened.enter_async_context(phone)
            await phone.register()
            phone.script = answer_at_once
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def talk(self) -> tuple[Line, Line]:
        """(alice's line, bob's line)."""
        already = len(self.bob.incoming)
        line = await self.alice.call("bob")
        other = await self.bob.next_call(count=already + 1)
        await line.is_connected()
        await other.is_connected()
        return line, other  # which the gateway connects a moment later: who asks for something meanwhile gets it then


async def until_told(line: Line, *statuses: int) -> None:
    """Wait until the gateway has told this of our REFER."""
    await line.until(lambda: tuple(line.notified) == statuses, within_s=5.0)


async def test_a_transfer_that_fails_leaves_the_call_as_it_was(gateway: Gateway) -> None:
    prepared(gateway)
    async with Trio(gateway) as trio:
        alice, bob = await trio.talk()
        for target, told in (
            ("<sip:carol@127.0.0.1>", (603,)),  # no referUrl: 13802, as Twilio
            ("<sip:carol@127.0.0.1?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2>", (202, 100, 481)),
            ("<sip:carol@127.0.0.1?Replaces=nobody>", (400,)),
            ("<mailto:carol@127.0.0.1>", (416,)),
        ):
            bob.events[:] = [event for event in bob.events if type(event).__name__ != "ReferProgress"]
            bob.refer(target)
            await until_told(bob, *told)
        assert alice.is_up
        assert bob.is_up
        bob.hang_up()
        await alice.wait_for(Ended)
    assert await is_notified(gateway, 13802)


async def test_a_refer_url_that_fails_leaves_the_call_as_it_was(gateway: Gateway) -> None:
    prepared(gateway, ' referUrl="/refer"')
    gateway.application.answers("/refer", "no", status=500)
    async with Trio(gateway) as trio:
        alice, bob = await trio.talk()
        bob.refer("<sip:carol@127.0.0.1>")
        await until_told(bob, 202, 100, 503)
        gateway.application.answers("/refer", "<Response><Dial>")
        bob.refer("<sip:carol@127.0.0.1>")
        await until_told(bob, 202, 100, 503, 202, 100, 503)
        await asyncio.sleep(0.2)  # long enough for a BYE that must not come
        assert alice.is_up
        assert bob.is_up
        alice.hang_up()
        await bob.wait_for(Ended)
    assert await is_notified(gateway, 11200, 12100)


async def test_a_blind_transfer_to_who_is_busy_leaves_the_call_as_it_was(gateway: Gateway) -> None:
    """What the application dials is rung before the old call is given up; who asked hears how that went."""
    prepared(gateway, ' referUrl="/refer"')
    gateway.application.answers("/refer", "<Response><Dial><Client>carol</Client></Dial></Response>")
    async with Trio(gateway) as trio:

        async def busy(line: Line) -> None:
            line.ring()
            await asyncio.sleep(0.2)
            line.refuse(486)

        for asker in ("bob", "alice"):
            trio.carol.script = busy
            alice, bob = await trio.talk()
            asking, left = (bob, alice) if asker == "bob" else (alice, bob)
            asking.refer("<sip:carol@127.0.0.1>")
            await until_told(asking, 202, 100, 180, 486)
            await asyncio.sleep(0.2)  # long enough for a BYE that must not come
            assert alice.is_up
            assert bob.is_up
            trio.carol.script = answer_at_once
            asking.refer("<sip:carol@127.0.0.1>")
            await until_told(asking, 202, 100, 180, 486, 202, 100, 180, 200)
            await asking.wait_for(Ended)
            carol = trio.carol.incoming[-1]
            assert carol.session.request.headers.get("Referred-By") == f"<{asking.session.local.uri.bare}>"
            await asyncio.sleep(0.2)  # long enough for a BYE that must not come
            assert left.is_up
            assert carol.is_up
            left.hang_up()
            await carol.wait_for(Ended)


async def test_who_asks_for_a_transfer_may_leave_at_once(gateway: Gateway) -> None:
    prepared(gateway, ' referUrl="/refer"')
    application = gateway.application
    application.answers("/refer", "<Response><Dial><Client>carol</Client></Dial></Response>")
    async with Trio(gateway) as trio:
        answers = True

        async def later(line: Line) -> None:
            line.ring()
            await asyncio.sleep(0.4)
            if answers:
                line.answer()
            else:
                line.refuse(486)

        trio.carol.script = later
        for count, answers in enumerate((True, False), start=1):
            alice, bob = await trio.talk()
            bob.refer("<sip:carol@127.0.0.1>")
            carol = await trio.carol.next_call(count=count)
            bob.hang_up()
            await bob.wait_for(Ended)
            if answers:
                await carol.is_connected()
                await asyncio.sleep(0.2)  # long enough for a BYE that must not come
                assert alice.is_up
                assert carol.is_up
                carol.hang_up()
            else:
                done = await application.wait_for("/done/bob")  # nobody is left to talk with: the old <Dial> is over
                assert done["DialCallStatus"] == "completed"
            await alice.wait_for(Ended)


async def test_an_attended_transfer_whoever_called_whom(gateway: Gateway) -> None:
    """Who asks has two calls, one of them with carol, and connects the other party with her. All four ways to come there."""
    prepared(gateway)
    async with Trio(gateway) as trio:
        for asker, calls in product(("bob", "alice"), (True, False)):
            alice, bob = await trio.talk()
            first, left = (bob, alice) if asker == "bob" else (alice, bob)
            asking = trio.bob if asker == "bob" else trio.alice
            met = len(trio.carol.incoming), len(asking.incoming)
            if calls:
                second = await asking.call("carol")
                carol = await trio.carol.next_call(count=met[0] + 1)
            else:
                carol = await trio.carol.call(asker)
                second = await asking.next_call(count=met[1] + 1)
            await second.is_connected()
            await carol.is_connected()
            first.refer(f"<sip:carol@127.0.0.1?Replaces={escaped(second.replaces)}>")
            await until_told(first, 202, 100, 200)
            await first.wait_for(Ended)
            await second.wait_for(Ended)
            await asyncio.sleep(0.3)  # long enough for a BYE that must not come
            assert left.is_up, (asker, calls)
            assert carol.is_up, (asker, calls)
            carol.hang_up()
            await left.wait_for(Ended)
        assert len(gateway.application.all("/voice")) == 8, "nobody was called anew"


async def test_a_document_may_dial_into_a_dialog_that_a_transfer_names(gateway: Gateway) -> None:
    """With a referUrl an attended transfer is the application's as well; what it dials is who is there already."""
    prepared(gateway, ' referUrl="/refer"')
    application = gateway.application
    application.answers(
        "/refer", lambda asked: f"<Response><Dial><Sip>{escape(asked['ReferTransferTarget'])}</Sip></Dial></Response>"
    )
    async with Trio(gateway) as trio:
        alice, bob = await trio.talk()
        second = await trio.bob.call("carol")
        carol = await trio.carol.next_call()
        await second.is_connected()
        await carol.is_connected()
        bob.refer(f"<sip:carol@127.0.0.1?Replaces={escaped(second.replaces)}>")
        await bob.wait_for(Ended)
        await second.wait_for(Ended)
        await asyncio.sleep(0.3)  # long enough for a BYE that must not come
        assert alice.is_up
        assert carol.is_up
        assert len(trio.carol.incoming) == 1, "carol was not called anew"
        alice.hang_up()
        await carol.wait_for(Ended)


async def test_an_invite_takes_the_place_of_a_dialog(gateway: Gateway) -> None:
    prepared(gateway)
    async with Trio(gateway) as trio:
        alice, bob = await trio.talk()
        for replaces, status in (
            ("nobody;to-tag=1;from-tag=2", 481),
            ("nobody", 400),
            (f"{bob.replaces};early-only", 486),
        ):
            refused = await trio.carol.call("bob", [("Replaces", replaces)])
            await refused.wait_for(Refused)
            assert refused.status == status
        carol = await trio.carol.call("bob", [("Replaces", bob.replaces)])
        await bob.wait_for(Ended)
        await asyncio.sleep(0.3)  # long enough for a BYE that must not come
        assert alice.is_up
        assert carol.is_up
        alice.hang_up()
        await carol.wait_for(Ended)
        done = await gateway.application.wait_for("/done/bob")
    assert done["DialCallStatus"] == "completed"


async def test_an_invite_picks_up_a_call_that_rings_elsewhere(gateway: Gateway) -> None:
    """RFC 3891 section 3: an early dialog is replaced where it was we who called; the call that rang is the one that is answered."""
    callback = 'statusCallback="/told" statusCallbackEvent="initiated ringing answered completed"'
    application = gateway.application
    application.answers("/voice", f'<Response><Dial action="/done"><Client {callback}>bob</Client></Dial></Response>')
    application.answers("/done", DONE)
    application.answers("/told", "")
    async with Trio(gateway) as trio:
        trio.bob.script = rings
        alice = await trio.alice.call("bob")
        bob = await trio.bob.next_call()
        await application.wait_for("/told", count=2)
        replaces = bob.replaces
        refused = await trio.carol.call("bob", [("Replaces", f"{alice.replaces}")])
        await refused.wait_for(Refused)
        assert refused.status == 481, "alice called us: hers is not ours to give away"
        carol = await trio.carol.call("bob", [("Replaces", f"{replaces};early-only")])
        await carol.is_connected()
        await bob.wait_for(Canceled)
        await alice.is_connected()
        late = await trio.carol.call("bob", [("Replaces", replaces)])
        await late.wait_for(Refused)
        assert late.status == 481
        carol.hang_up()
        await alice.wait_for(Ended)
        done = await application.wait_for("/done")
        await application.wait_for("/told", count=4)
    assert (done["DialCallStatus"], done["DialBridged"]) == ("completed", "true")
    assert [one["CallStatus"] for one in application.all("/told")] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert len(application.all("/voice")) == 1, "carol's is no new call"


async def rings(line: Line) -> None:
    line.ring()


def escaped(replaces: str) -> str:
    return replaces.replace(";", "%3B").replace("=", "%3D").replace("@", "%40")
