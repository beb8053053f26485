"""`<Dial>` when everything happens at once: answers, refusals, hang-ups and screening within 20 ms of each other, seeded.

Whatever comes first, one party at most stays connected, and afterwards nothing is held any more.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.gateway import Gateway
from tests.peers.ports import free_ports
from tests.peers.scripted import Line, Scripted

RACES = 200
AT_ONCE = 20
SEED = 20261121
APART_S = 0.02
"""Within this all that a race is about happens …"""

RINGS_S = 0.15
"""… so long after the first INVITE."""

PORTS = 400
NUMBER = "+15550100"
ACTIONS = ("answer", "answer", "busy", "ring", "answer and hang up", "accept", "decline")


@dataclass(slots=True)
class Race:
    """What each called party does and when, when the caller leaves (if it does), and who took part."""

    number: int
    parties: list[tuple[str, float]]
    caller_leaves_s: float | None
    on_bridge: bool
    began_at: float = 0.0
    called: list[Line] = field(default_factory=list)
    caller: Line | None = None
    ringing: asyncio.Event = field(default_factory=asyncio.Event)

    @staticmethod
    def drawn(number: int, dice: random.Random) -> Race:
        parties = [(dice.choice(ACTIONS), dice.uniform(0, APART_S)) for _ in range(dice.randint(1, 4))]
        if number % 4 == 0:  # two answers in the very same moment
            parties[:2] = [("answer", 0.0), ("answer", 0.0)]
        leaves = dice.uniform(0, APART_S) if number % 3 == 0 else None
        return Race(number, parties, leaves, dice.random() < 0.5)

    def document(self, address: str) -> str:
        nouns = ""
        for n, (action, _) in enumerate(self.parties):
            url = f' url="/{action}"' if action in ("accept", "decline") else ""
            events = 'statusCallback="/child" statusCallbackEvent="initiated ringing answered completed"'
            nouns += f"<Sip{url} {events}>sip:r{self.number}-{n}@{address}</Sip>"
        on_bridge = str(self.on_bridge).lower()
        return f'<Response><Dial timeout="5" answerOnBridge="{on_bridge}" action="/done/{self.number}">{nouns}</Dial></Response>'

    async def play(self, line: Line) -> None:
        """The script of one called party."""
        clock = asyncio.get_running_loop().time
        self.called.append(line)
        self.began_at = self.began_at or clock()
        self.ringing.set()
        found = re.match(r"r\d+-(\d+)", line.session.request.request_uri.user or "")
        assert found is not None
        action, after_s = self.parties[int(found[1])]
        line.ring()
        await asyncio.sleep(self.began_at + RINGS_S + after_s - clock())
        if line.is_over or action == "ring":
            return
        if action == "busy":
            line.refuse(486)
            return
        line.answer()
        if action == "answer and hang up":
            await asyncio.sleep(APART_S / 2)
            line.hang_up()

    async def run(self, phones: Scripted) -> None:
        """To the moment when nothing more happens by itself."""
        clock = asyncio.get_running_loop().time
        self.caller = await phones.call(NUMBER, [("X-Race", str(self.number))])
        await self.ringing.wait()
        if self.caller_leaves_s is not None:
            await asyncio.sleep(self.began_at + RINGS_S + self.caller_leaves_s - clock())
            self.caller.hang_up()
        await asyncio.sleep(max(0.0, self.began_at + RINGS_S + APART_S + 0.3 - clock()))

    @property
    def fault(self) -> str:
        """One party at most, none without a caller, and one where somebody who may be bridged stays on the line."""
        up = [line for line in self.called if line.is_up]
        if len(up) > 1:
            return f"{len(up)} parties are connected"
        if self.caller_leaves_s is not None and up:
            return "somebody talks to nobody"
        wanted = {"answer", "accept"} & {action for action, _ in self.parties}
        hasty = any(action == "answer and hang up" for action, _ in self.parties)
        if self.caller_leaves_s is None and wanted and not hasty and not up:
            return "nobody won"
        if up and any(not line.is_over and not line.is_up for line in self.called):
            return "somebody still rings"
        return ""

    async def settle(self) -> None:
        """What is to be so is so soon, and stays so."""
        for _ in range(100):
            if not self.fault:
                break
            await asyncio.sleep(0.05)  # a busy machine takes its time
        assert not self.fault, f"{self.fault} in {self}"

    def end(self) -> None:
        assert self.caller is not None
        self.caller.hang_up()


async def held(gateway: Gateway) -> dict[str, float]:
    """What calls hold, by the gateway's own figures."""
    _, text = await gateway.get("/metrics")
    figures = dict(re.findall(r'^crosspoint_held\{kind="(\w+)"\} ([\d.]+)$', text, re.M))
    figures |= dict(re.findall(r'^crosspoint_sip_state\{kind="(dialogs)"\} ([\d.]+)$', text, re.M))
    return {name: float(value) for name, value in figures.items()}


async def test_two_hundred_races_have_one_winner_each_and_leave_nothing_behind(tmp_path: Path) -> None:
    first = free_ports(PORTS)
    dice = random.Random(SEED)
    races = [Race.drawn(number, dice) for number in range(RACES)]
    gateway = Gateway(tmp_path / "gateway", rtp_ports=(first, first + PORTS - 1), rtp_more="port_rest_s = 0")
    async with gateway, Scripted(gateway.sip) as phones:
        application = gateway.application
        application.answers("/accept", "<Response/>")
        application.answers("/decline", "<Response><Hangup/></Response>")
        application.answers("/child", "<Response/>")
        application.answers("/number", lambda asked: races[int(asked["SipHeader_X-Race"])].document(phones.address))
        for number in range(RACES):
            application.answers(f"/done/{number}", "<Response><Hangup/></Response>")

        async def script(line: Line) -> None:
            found = re.match(r"r(\d+)-", line.session.request.request_uri.user or "")
            assert found is not None
            await races[int(found[1])].play(line)

        phones.script = script
        before = await held(gateway)
        for at in range(0, RACES, AT_ONCE):
            together = races[at : at + AT_ONCE]
            await asyncio.gather(*(race.run(phones) for race in together))
            await asyncio.gather(*(race.settle() for race in together))
            for race in together:
                assert not race.fault, f"{race.fault} in {race}"
                race.end()
        for number in range(RACES):
            await application.wait_for(f"/done/{number}")
        for _ in range(100):
            if (after := await held(gateway)) == before:
                break
            await asyncio.sleep(0.2)  # the gateway gives back what it held
        results = {number: application.all(f"/done/{number}") for number in range(RACES)}
        callbacks = application.all("/child")
    assert after == before, "no leg, row, port, task or dialog is left"
    assert all(len(asked) == 1 for asked in results.values()), "each <Dial> has one result"
    check_callbacks(callbacks)
    for race in races:
        result = results[race.number][0]
        if result["DialBridged"] == "true":
            assert result["DialCallStatus"] == "completed", (result, race)
        elif race.caller_leaves_s is not None:
            assert result["DialCallStatus"] in {"canceled", "no-answer", "busy", "completed"}, (result, race)
    assert "Traceback" not in gateway.logs()


def check_callbacks(callbacks: list[dict[str, str]]) -> None:
    """Each child tells its story once, in order, from initiated to one end."""
    order = ["initiated", "ringing", "in-progress"]
    by_call: dict[str, list[dict[str, str]]] = {}
    for told in callbacks:
        by_call.setdefault(told["CallSid"], []).append(told)
    for story in by_call.values():
        story.sort(key=lambda told: int(told["SequenceNumber"]))
        statuses = [told["CallStatus"] for told in story]
        assert [int(told["SequenceNumber"]) for told in story] == list(range(len(story))), statuses
        *began, ended = statuses
        assert began == [status for status in order if status in began], statuses
        assert ended in {"completed", "busy", "no-answer", "canceled", "failed"}, statuses
        assert (ended == "completed") == ("in-progress" in began), statuses
