"""Scenes for races: a dialled party, a room or a waiting line, and then several things within 20 ms of each other, seeded."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from urllib.parse import quote

import aiohttp

from tests.e2e.gateway import ACCOUNT_SID, NUMBER, Gateway
from tests.peers.scripted import Line, Scripted

APART_S = 0.02
KINDS = ("dial", "screened", "on bridge", "one by one", "room", "line")
DOCUMENTS = (
    "<Pause length='1'/>",
    "<Hangup/>",
    "<Dial><Sip>sip:{n}-new@{phones}</Sip></Dial>",
    "<Dial><Conference>room {n}</Conference></Dial>",
    "<Enqueue>line {n}</Enqueue>",
    "<Redirect>{app}/pause</Redirect>",
)
CHILD = 'statusCallback="/child" statusCallbackEvent="initiated ringing answered completed"'
ROOM = 'statusCallback="/room" statusCallbackEvent="start end join leave mute hold"'


@dataclass(slots=True)
class Scene:
    """One caller or more, whom they are to talk with, and what is done to them all at once. `log` says what, for a test that fails."""

    number: int
    seed: int
    kind: str = ""
    dice: random.Random = field(init=False)
    callers: list[Line] = field(default_factory=list)
    called: list[Line] = field(default_factory=list)
    sids: list[str] = field(default_factory=list)
    """Of the calls that came in."""

    log: list[str] = field(default_factory=list)
    answers_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.seed}/{self.number}")
        self.kind = self.kind or self.dice.choice(KINDS)
        self.answers_s = [self.dice.uniform(0, 0.3) for _ in range(8)]

    def document(self, count: int, phones: str) -> str:
        """What the gateway is told of its caller number *count*."""
        n = self.number
        sips = [f"sip:{n}-{at}@{phones}" for at in range(2)]
        match self.kind:
            case "room":
                end = str(count == 1 and self.dice.random() < 0.3).lower()
                return (
                    f"<Dial action='/done/{n}' referUrl='/refer/{n}'>"
                    f"<Conference {ROOM} endConferenceOnExit='{end}'>room {n}</Conference></Dial>"
                )
            case "line" if count == 0:
                return f"<Enqueue action='/left/{n}' waitUrl='/pause'>line {n}</Enqueue>"
            case "line":
                whisper = self.dice.choice(("", " url='/whisper'"))
                return f"<Dial timeout='5' action='/done/{n}' referUrl='/refer/{n}'><Queue{whisper}>line {n}</Queue></Dial>"
        url = " url='/whisper'" if self.kind == "screened" else ""
        more = {"on bridge": " answerOnBridge='true'", "one by one": " sequential='true'"}.get(self.kind, "")
        nouns = "".join(f"<Sip {CHILD}{url}>{uri}</Sip>" for uri in sips)
        return f"<Dial action='/done/{n}' referUrl='/refer/{n}' timeout='5'{more}>{nouns}</Dial>"


class Stage:
    """A gateway, its phones and the REST API; plays scenes."""

    def __init__(self, gateway: Gateway, phones: Scripted, api: aiohttp.ClientSession) -> None:
        self.gateway, self.phones, self._api = gateway, phones, api
        self.scenes: dict[int, Scene] = {}
        phones.script = self._script
        application = gateway.application
        application.answers("/number", self._number)
        application.answers("/pause", "<Response><Pause length='2'/></Response>")
        application.answers("/whisper", "<Response><Pause length='1'/></Response>")
        for path in ("/child", "/room", "/number-status"):
            application.answers(path, "")

    def _number(self, asked: dict[str, str]) -> str:
        scene = self.scenes[int(asked["SipHeader_X-Scene"])]
        scene.sids.append(asked["CallSid"])
        return f"<Response>{scene.document(len(scene.sids) - 1, self.phones.address)}</Response>"

    async def _script(self, line: Line) -> None:
        user = line.session.request.request_uri.user or ""
        scene = self.scenes[int(user.partition("-")[0])]
        scene.called.append(line)
        line.ring()
        await asyncio.sleep(scene.answers_s[len(scene.called) % 8])
        if scene.dice.random() < 0.85:
            line.answer()
        else:
            line.refuse(486)

    async def _post(self, path: str, **form: str) -> int:
        url = f"{self.gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}/{path}.json"
        async with self._api.post(url, data=form) as response:
            return response.status

    async def play(self, number: int, seed: int, kind: str = "") -> Scene:
        scene = self.scenes[number] = Scene(number, seed, kind)
        application, dice = self.gateway.application, scene.dice
        for path in (f"/done/{number}", f"/left/{number}"):
            application.answers(path, dice.choice(("<Response/>", "<Response><Pause length='1'/></Response>")))
        refer = dice.choice(DOCUMENTS).format(n=number, phones=self.phones.address, app=application.url)
        application.answers(f"/refer/{number}", f"<Response>{refer}</Response>", delay_s=dice.choice((0.0, 0.05)))
        many = {"room": 3, "line": 3}.get(scene.kind, 1)
        for _ in range(many):
            scene.callers.append(await self.phones.call(NUMBER, [("X-Scene", str(number))]))
            await asyncio.sleep(dice.uniform(0, 0.1) if many > 1 else 0)
        await asyncio.sleep(dice.uniform(0.02, 0.6))
        acts = [self._act(scene, dice.uniform(0, APART_S)) for _ in range(dice.randint(2, 4))]
        await asyncio.gather(*acts)
        await asyncio.sleep(dice.choice((0.0, 0.2, 0.8)))
        for line in (*scene.callers, *scene.called):
            line.hang_up()
        return scene

    async def _act(self, scene: Scene, after_s: float) -> None:
        dice = scene.dice
        line = dice.choice([*scene.callers, *scene.called])
        name, act = dice.choice(
            [
                ("hangs up", self._hang_up),
                ("is ended", self._end),
                ("is updated", self._update),
                ("is taken out", self._take_out),
                ("refers", self._refer),
                ("offers", self._offer),
                ("is replaced", self._replace),
                ("mute or hold", self._change),
            ]
        )
        await asyncio.sleep(after_s)
        sid = self._sid(scene, line)
        scene.log.append(f"{after_s * 1000:.0f} ms: {sid} {name}")
        await act(scene, line, sid)

    def _sid(self, scene: Scene, line: Line) -> str:
        if line in scene.callers:
            at = scene.callers.index(line)
            return scene.sids[at] if at < len(scene.sids) else ""
        return line.session.request.headers.get("X-Twilio-CallSid") or ""

    async def _hang_up(self, scene: Scene, line: Line, sid: str) -> None:
        line.hang_up()

    async def _end(self, scene: Scene, line: Line, sid: str) -> None:
        await self._post(f"Calls/{sid}", Status=scene.dice.choice(("completed", "canceled")))

    async def _update(self, scene: Scene, line: Line, sid: str) -> None:
        verb = scene.dice.choice(DOCUMENTS)
        verb = verb.format(n=scene.number, phones=self.phones.address, app=self.gateway.application.url)
        await self._post(f"Calls/{sid}", Twiml=f"<Response>{verb}</Response>")

    async def _take_out(self, scene: Scene, line: Line, sid: str) -> None:
        """Out of the line or the room that it is in, or not."""
        base = f"{self.gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}"
        if scene.kind == "line":
            async with self._api.get(f"{base}/Queues.json?PageSize=1000") as response:
                found = (await response.json())["queues"]
            for one in found:
                if one["friendly_name"] == f"line {scene.number}":
                    await self._post(f"Queues/{one['sid']}/Members/Front", Url=f"{self.gateway.application.url}/pause")
            return
        for one in await self._rooms(scene):
            if scene.dice.random() < 0.3:
                await self._post(f"Conferences/{one}", Status="completed")
            else:
                async with self._api.delete(f"{base}/Conferences/{one}/Participants/{sid}.json"):
                    pass

    async def _change(self, scene: Scene, line: Line, sid: str) -> None:
        for one in await self._rooms(scene):
            await self._post(f"Conferences/{one}/Participants/{sid}", **{scene.dice.choice(("Muted", "Hold")): "true"})

    async def _rooms(self, scene: Scene) -> list[str]:
        base = f"{self.gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Conferences.json"
        async with self._api.get(f"{base}?FriendlyName={quote(f'room {scene.number}')}") as response:
            return [one["sid"] for one in (await response.json())["conferences"]]

    async def _refer(self, scene: Scene, line: Line, sid: str) -> None:
        other = scene.dice.choice([*scene.callers, *scene.called])
        replaces = f"?Replaces={quote(other.replaces)}" if scene.dice.random() < 0.4 and other.is_up else ""
        line.refer(f"<sip:{scene.number}-x@{self.phones.address}{replaces}>")

    async def _replace(self, scene: Scene, line: Line, sid: str) -> None:
        """An INVITE that takes its place, whether it rings or talks."""
        if line.session.remote.tag:
            scene.called.append(
                await self.phones.call(NUMBER, [("X-Scene", str(scene.number)), ("Replaces", line.replaces)])
            )

    async def _offer(self, scene: Scene, line: Line, sid: str) -> None:
        for one in {line, scene.dice.choice([*scene.callers, *scene.called])}:
            one.offer(scene.dice.choice(("", "a=sendonly\r\n", "a=inactive\r\n")))
