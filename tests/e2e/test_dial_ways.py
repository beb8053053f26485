"""How a `<Dial>` reaches its parties: what each INVITE says, by which way it goes, and what goes on when a way is shut."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from sip.digest import Credentials
from tests.e2e.gateway import Gateway
from tests.e2e.raw import RawPeer
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.scripted import SDP, Accepted, Ended, Line, Refused, Scripted, answer_at_once

NUMBER = "+15550100"
DONE = "<Response><Hangup/></Response>"
EVENTS = 'statusCallback="/child" statusCallbackEvent="initiated ringing answered completed"'


def dial(children: str, **attributes: str) -> str:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<Response><Dial action="/done"{more}>{children}</Dial></Response>'


async def refuse_at_once(line: Line) -> None:
    line.refuse(486)


async def test_every_kind_of_party_is_called_as_its_noun_says(gateway: Gateway) -> None:
    """One `<Dial>` of all kinds: caller, reason, headers, parameters, transport and credentials of each INVITE."""
    application = gateway.application
    application.answers("/done", DONE)
    application.answers("/child", "<Response/>")
    known = Credentials(username="joe", password='s"e\\cret')
    async with (
        Scripted(gateway.sip) as caller,
        Scripted(gateway.sip, user="carol") as client,
        Scripted(gateway.sip, asks_for=known) as guarded,
        Scripted(gateway.sip, port=gateway.trunk_port) as carrier,
    ):
        await client.register()
        for phone in (client, guarded, carrier):
            phone.script = refuse_at_once
        nouns = (
            f"<Client {EVENTS}><Identity>carol</Identity><Parameter name='a b' value='1&amp;2'/></Client>"
            f"<Sip username='joe' password='s&quot;e\\cret' {EVENTS}>joe@{guarded.tcp_address};transport=tcp"
            "?X-Room=a%20b%25&amp;User-to-User=3132%3Bencoding%3Dhex&amp;Subject=no&amp;X-Bad=1%0D%0AX-Evil:%202</Sip>"
            f"<Number {EVENTS}>(555) 777-0000</Number>"
        )
        application.answers("/number", dial(nouns, callerId=NUMBER, callReason="Lunch &#13;&#10;X-Evil: 1 &#252;"))
        call = await caller.call(NUMBER, [("X-Who", "me")])
        done = await application.wait_for("/done")
        await call.wait_for(Ended, Refused)
        await application.wait_for("/child", count=6)
        told = application.all("/child")
    invites = {phone: line.session.request for phone in (client, guarded, carrier) for line in phone.incoming}
    assert len(invites) == 3
    for request in invites.values():
        assert request.from_.uri.user == NUMBER
        assert request.headers.get("Subject") == "Lunch X-Evil: 1 ü"
        assert "X-Evil" not in request.headers
        assert "X-Bad" not in request.headers
    assert invites[client].headers.get("X-Twilio-Params") == "a+b=1%262"
    assert invites[client].to.uri.user == "carol"
    assert invites[guarded].headers.get("X-Room") == "a b%"
    assert invites[guarded].headers.get("User-to-User") == "3132;encoding=hex"
    assert invites[guarded].via.transport == "TCP"
    assert "Authorization" in invites[guarded].headers
    assert str(invites[carrier].request_uri).startswith("sip:+15557770000@")
    assert (done["DialCallStatus"], done["DialSipResponseCode"]) == ("busy", "486")
    assert sorted(one["CallStatus"] for one in told) == ["busy"] * 3 + ["initiated"] * 3
    assert {one["To"] for one in told} >= {"client:carol", "5557770000"}
    for one in told:
        assert (one["Direction"], one["ParentCallSid"]) == ("outbound-dial", done["CallSid"])
        assert one["From"] == NUMBER
        assert one["SequenceNumber"] == ("0" if one["CallStatus"] == "initiated" else "1")


TRUNK = '[[trunk]]\nname = "{name}"\nhost = "{host}"\n'
ROUTE = '[[route]]\nprefix = "+4{prefix}"\ntrunk = "{name}"\n'
SHUT = ("503", "500", "deaf", "nobody", "486")


async def test_a_call_goes_on_by_the_second_trunk_of_a_prefix(tmp_path: Path) -> None:
    """Where the first is overloaded, deaf or away; what the called party itself says is not asked again."""
    second_port, *ports = (free_ports(2) for _ in range(len(SHUT) + 1))
    more = TRUNK.format(name="second", host=f"{LOOPBACK}:{second_port}")
    for n, (name, port) in enumerate(zip(SHUT, ports, strict=True)):
        more += TRUNK.format(name=name, host=f"{LOOPBACK}:{port}")
        more += ROUTE.format(prefix=n, name=name) + ROUTE.format(prefix=n, name="second")
    async with AsyncExitStack() as opened:
        gateway = await opened.enter_async_context(Gateway(tmp_path / "gateway", more=more))
        caller = await opened.enter_async_context(Scripted(gateway.sip))
        second = await opened.enter_async_context(Scripted(gateway.sip, port=second_port))
        second.script = answer_at_once
        application = gateway.application
        for n, (name, port) in enumerate(zip(SHUT, ports, strict=True)):
            application.answers(f"/done/{n}", DONE)
            if name == "deaf":
                await opened.enter_async_context(RawPeer(gateway.sip, ports=(port,)))
            elif name.isdigit():
                carrier = await opened.enter_async_context(Scripted(gateway.sip, port=port))
                carrier.script = partial(refuse, status=int(name))
        application.answers(
            "/number",
            lambda asked: (
                f'<Response><Dial action="/done/{asked["SipHeader_X-N"]}" answerOnBridge="true">'
                f"<Number>+4{asked['SipHeader_X-N']}15557770000</Number></Dial></Response>"
            ),
        )
        calls = [await caller.call(NUMBER, [("X-N", str(n))]) for n in range(len(SHUT))]
        lines = [await second.next_call(count=n, within_s=15.0) for n in range(1, len(SHUT))]
        for call in calls[:-1]:
            await call.wait_for(Accepted)
            call.hang_up()
        done = [await application.wait_for(f"/done/{n}") for n in range(len(SHUT))]
    assert len(lines) == len(second.incoming) == len(SHUT) - 1
    assert [one["DialCallStatus"] for one in done] == ["completed"] * 4 + ["busy"]
    assert [one["DialBridged"] for one in done] == ["true"] * 4 + ["false"]


async def refuse(line: Line, status: int) -> None:
    line.refuse(status)


async def test_an_answer_without_a_voice_that_we_understand_is_a_failure(gateway: Gateway) -> None:
    """It gets its ACK and a BYE; the application is told 488, which is what we would have answered."""
    useless = ("m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 77", "m=image 4000 udptl t38")

    async def answers(line: Line) -> None:
        media = useless[len(phones.incoming) - 1]
        line.ring()
        line.session.accept(SDP.format(host=LOOPBACK, port=4000).replace("m=audio 4000 RTP/AVP 0 101", media).encode())

    application = gateway.application
    application.answers("/done", DONE)
    async with Scripted(gateway.sip) as phones:
        phones.script = answers
        document = dial(f"<Sip>sip:deaf@{phones.address}</Sip>")
        application.answers("/number", document)
        for count in range(1, len(useless) + 1):
            await phones.call(NUMBER)
            callee = await phones.next_call(count=count)
            await callee.wait_for(Ended)
            done = await application.wait_for("/done", count=count)
            told = (done["DialCallStatus"], done["DialSipResponseCode"], done["DialBridged"])
            assert told == ("failed", "488", "false"), useless[count - 1]
