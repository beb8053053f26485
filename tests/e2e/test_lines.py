"""Waiting lines with scripted telephones: who is served when, and what the application is told of it."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.e2e.api import Api
from tests.e2e.gateway import NUMBER, Gateway
from tests.peers.probe import Choir, Probe
from tests.peers.scripted import Ended, Scripted

WAIT = {"QueuePosition", "QueueSid", "QueueTime", "AvgQueueTime", "CurrentQueueSize", "MaxQueueSize"}
VOICE = {"AccountSid", "ApiVersion", "CallSid", "CallStatus", "Called", "Caller", "Direction", "From", "To"}
ENQUEUE = '<Response><Enqueue action="/left" waitUrl="/wait">{}</Enqueue></Response>'
SERVE = '<Response><Dial action="/served" timeout="5" hangupOnStar="true"><Queue url="/whisper">{}</Queue></Dial></Response>'
STAY = "<Response><Pause length='30'/></Response>"


def name_of(params: dict[str, str]) -> str:
    return params["From"].split("@")[0].removeprefix("sip:")


async def test_five_are_served_in_the_order_in_which_they_came(gateway: Gateway) -> None:
    application, api = gateway.application, Api(gateway)
    application.answers("/number", lambda params: (SERVE if name_of(params) == "agent" else ENQUEUE).format("support"))
    application.answers("/wait", "<Response><Pause length='1'/></Response>")
    application.answers("/whisper", "<Response/>")
    application.answers("/left", STAY)
    application.answers("/served", SERVE.format("support"))
    callers = [Probe(f"caller{n}", 400 + 150 * n) for n in range(5)]
    agent = Probe("agent", 1500)
    async with Choir(*callers, agent) as choir:
        for one in callers:
            await one.call(gateway.sip, NUMBER)
        await application.wait_for("/wait", count=10)
        sids = [one["CallSid"] for one in application.all("/number")]
        (queue,) = await api(lambda client: client.queues.list())
        members = await api(lambda client: client.queues(queue.sid).members.list())
        await agent.call(gateway.sip, NUMBER)
        for number, one in enumerate(callers):
            others = {other.name: set[str]() for other in callers if not other.closed.done()}
            await choir.hear({**others, "agent": {one.name}, one.name: {"agent"}})
            if number == 2:
                one.hang_up()
            else:
                agent.press("*")
            await application.wait_for("/served", count=number + 1)
        agent_sid = application.all("/number")[-1]["CallSid"]
        last = await application.wait_for("/served", count=6, within_s=15.0)  # timeout="5", and five more as always
        await application.wait_for("/left", count=5)
    assert (queue.current_size, [one.call_sid for one in members]) == (5, sids)
    assert [one.position for one in members] == [1, 2, 3, 4, 5]
    first = {name_of(one): one for one in reversed(application.all("/wait"))}
    assert [first[one.name]["QueuePosition"] for one in callers] == ["1", "2", "3", "4", "5"]
    sizes = [int(first[one.name]["CurrentQueueSize"]) for one in callers]
    assert all(size >= place for place, size in enumerate(sizes, 1))
    assert sizes[-1] == 5
    for told in application.all("/wait"):
        assert told.keys() >= VOICE | WAIT
        assert (told["QueueSid"], told["MaxQueueSize"], told["CallStatus"]) == (queue.sid, "1000", "in-progress")
        assert int(told["QueueTime"]) >= 0
        assert int(told["AvgQueueTime"]) <= int(told["QueueTime"]) + 5
    whispered = application.all("/whisper")
    assert [one["CallSid"] for one in whispered] == sids
    assert {(one["DequeingCallSid"], one["QueueSid"]) for one in whispered} == {(agent_sid, queue.sid)}
    assert [int(one["QueueTime"]) for one in whispered] == sorted(int(one["QueueTime"]) for one in whispered)
    served = application.all("/served")[:5]
    assert [(one["DialCallSid"], one["DialCallStatus"], one["DialBridged"]) for one in served] == [
        (sid, "completed", "true") for sid in sids
    ]
    assert (last["DialCallStatus"], last["DialBridged"]) == ("no-answer", "false")
    left = application.all("/left")
    assert {one["CallSid"]: one["QueueResult"] for one in left} == dict.fromkeys(sids, "bridged")
    assert {one["CallSid"]: one["CallStatus"] for one in left} == {
        sid: "completed" if number == 2 else "in-progress" for number, sid in enumerate(sids)
    }
    times = {one["CallSid"]: one["QueueTime"] for one in left}
    assert (
        times
        == {one["CallSid"]: one["QueueTime"] for one in whispered}
        == {one["DialCallSid"]: one["QueueTime"] for one in served}
    )


async def test_ways_out_of_a_line(gateway: Gateway) -> None:
    """By key and `<Leave>`, by the API, by hanging up, by a document that can't be had; too many; and out of a bridge."""
    application, api = gateway.application, Api(gateway)
    queue = await api(lambda client: client.queues.create(friendly_name="small", max_size=6))
    waits = {
        "others": '<Enqueue action="/left">small</Enqueue>',
        "leaver": '<Enqueue action="/left" waitUrl="/menu">small</Enqueue>',
        "broken": '<Enqueue action="/left" waitUrl="/nowhere">small</Enqueue>',
        "hangs": '<Enqueue action="/left" waitUrl="/hangup">small</Enqueue>',
        "hung": '<Enqueue action="/left" waitUrl="/hung">small</Enqueue>',
        "agent": '<Dial action="/served"><Queue>small</Queue></Dial>',
        "lost": '<Dial action="/served"><Queue>nothing of that name</Queue></Dial>',
    }
    application.answers(
        "/number",
        lambda params: f"<Response>{waits.get(name_of(params), waits['others'])}<Redirect>/next</Redirect></Response>",
    )
    application.answers(
        "/menu", '<Response><Dial>+1555</Dial><Gather numDigits="1" action="/out" timeout="20"/></Response>'
    )
    application.answers("/out", "<Response><Leave/></Response>")
    application.answers("/hangup", "<Response><Hangup/></Response>")
    application.answers("/hung", "<Response/>", delay_s=60.0)
    for path in ("/left", "/new", "/served"):
        application.answers(path, STAY)
    names = ("leaver", "moved", "gone", "hung", "bridged", "sixth", "seventh", "broken", "hangs", "agent", "lost")
    probes = {name: Probe(name, 400 + 100 * n) for n, name in enumerate(names)}

    async def result(name: str, count: int) -> str:
        await application.wait_for("/left", count=count)
        return next(one["QueueResult"] for one in application.all("/left") if name_of(one) == name)

    async with Choir(*probes.values()) as choir:
        for name in names[:7]:
            await probes[name].call(gateway.sip, NUMBER)
        assert await result("seventh", 1) == "queue-full"
        assert "QueueSid" not in application.all("/left")[0]
        sids = {name_of(one): one["CallSid"] for one in application.all("/number")}
        with pytest.raises(TwilioRestException) as caught:
            await api(lambda client: client.queues(queue.sid).delete())
        assert caught.value.code == 22003
        probes["leaver"].press("5")
        assert await result("leaver", 2) == "leave"
        moved = await api(
            lambda client: client.queues(queue.sid).members("Front").update(url=f"{application.url}/new", method="GET")
        )
        assert (moved.call_sid, moved.position) == (sids["moved"], 1)
        assert await result("moved", 3) == "redirected"
        assert name_of(await application.wait_for("/new")) == "moved"
        probes["gone"].hang_up()
        assert await result("gone", 4) == "hangup"
        await probes["broken"].call(gateway.sip, NUMBER)
        assert await result("broken", 5) == "error"
        await probes["hangs"].call(gateway.sip, NUMBER)
        assert await result("hangs", 6) == "hangup"
        assert await asyncio.wait_for(probes["hangs"].closed, 5.0) == "bye"
        await probes["agent"].call(gateway.sip, NUMBER)  # hung: its waitUrl never comes, its turn does
        await choir.hear({"agent": {"hung"}, "hung": {"agent"}})
        await api(lambda client: client.calls(sids["hung"]).update(url=f"{application.url}/new"))
        assert await result("hung", 7) == "redirected-from-bridged"
        served = await application.wait_for("/served")
        assert (served["DialCallSid"], served["DialCallStatus"]) == (sids["hung"], "completed")
        await probes["lost"].call(gateway.sip, NUMBER)
        lost = await application.wait_for("/served", count=2)
        assert (name_of(lost), lost["DialCallStatus"]) == ("lost", "failed")
        members = await api(lambda client: client.queues(queue.sid).members.list())
        assert [one.call_sid for one in members] == [sids["bridged"], sids["sixth"]]
        changed = await api(lambda client: client.queues(queue.sid).update(friendly_name="tiny", max_size=2))
        assert (changed.friendly_name, changed.max_size, changed.current_size) == ("tiny", 2, 2)
        codes = await api(lambda client: [one.error_code for one in client.calls(sids["leaver"]).notifications.list()])
        assert codes == ["12200"]
    assert application.all("/next") == [], "an action takes the place of what follows"


async def test_an_agent_hears_it_ring_and_hands_the_caller_on(gateway: Gateway) -> None:
    """Nobody waits: it rings. Who came is transferred to a colleague, and is being served for as long as those two talk."""
    application, api = gateway.application, Api(gateway)
    await api(lambda client: client.queues.create(friendly_name="support"))
    customer, ringing, colleague = Probe("customer", 640), Probe("ringing"), Probe("colleague", 1040)
    serve = '<Response><Dial action="/served" ringTone="de"><Queue>support</Queue></Dial></Response>'
    async with Choir(customer, ringing, colleague) as choir, Scripted(gateway.sip) as agent:
        said = {
            "customer": ENQUEUE.format("support"),
            "asks": f"<Response><Dial><Sip>{colleague.uri}</Sip></Dial></Response>",
        }
        application.answers("/number", lambda params: said.get(name_of(params), serve))
        for path in ("/wait", "/left", "/served"):
            application.answers(path, STAY)
        await ringing.call(gateway.sip, NUMBER)
        await choir.until(lambda: ringing.level(425.0, 0.6) > 0.05)
        ringing.hang_up()
        await application.wait_for("/served")
        await customer.call(gateway.sip, NUMBER)
        first = await agent.call(NUMBER, caller="agent")
        second = await agent.call(NUMBER, caller="asks")
        await first.is_connected()
        await second.is_connected()
        first.refer(f"<sip:colleague@127.0.0.1?Replaces={quote(second.replaces)}>")
        await first.wait_for(Ended)
        await choir.hear({"customer": {"colleague"}, "colleague": {"customer"}})
        served = await application.wait_for("/served", count=2)
        assert application.all("/left") == []
        colleague.hang_up()
        left = await application.wait_for("/left")
    assert first.notified == [202, 100, 200]
    assert (served["DialCallStatus"], served["DialCallSid"]) == ("completed", left["CallSid"])
    assert left["QueueResult"] == "bridged"


async def test_a_caller_whose_server_leaves_during_the_whisper_is_first_again(gateway: Gateway) -> None:
    application = gateway.application
    application.answers(
        "/number",
        lambda params: (
            SERVE
            if name_of(params).startswith("agent")
            else '<Response><Enqueue action="/left">{}</Enqueue></Response>'
        ).format("support"),
    )
    application.answers("/whisper", "<Response><Pause length='3'/></Response>")
    application.answers("/left", STAY)
    application.answers("/served", STAY)
    callers = [Probe("first", 440), Probe("second", 640)]
    agents = [Probe("agent1", 1040), Probe("agent2", 1240)]
    async with Choir(*callers, *agents) as choir:
        for one in callers:
            await one.call(gateway.sip, NUMBER)
        await agents[0].call(gateway.sip, NUMBER)
        await application.wait_for("/whisper")
        agents[0].hang_up()
        await agents[1].call(gateway.sip, NUMBER)
        whispered = await application.wait_for("/whisper", count=2)
        await choir.hear({"agent2": {"first"}, "first": {"agent2"}, "second": set()}, within_s=8.0)
        callers[0].hang_up()
        left = await application.wait_for("/left")
        callers[1].hang_up()
        other = await application.wait_for("/left", count=2)
    assert name_of(whispered) == "first"
    assert (name_of(left), left["QueueResult"]) == ("first", "bridged")
    assert (name_of(other), other["QueueResult"]) == ("second", "hangup")
