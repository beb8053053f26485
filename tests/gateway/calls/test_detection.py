"""The policy of answering-machine detection: what the engine is asked, and what is kept and told in each case."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from gateway.calls import detection
from gateway.calls.call import Call, Happening
from gateway.calls.ending import Ending
from gateway.calls.exchange import Exchange, LiveCall
from gateway.ids import AccountSid, CallSid
from gateway.ledger import detection_params
from gateway.twiml.control import MachineDetection, StatusCallback
from media.commands import Detect
from media.events import Event, Verdict
from media.streams import Slot

SLOT = Slot(row=3, generation=1)
CALLBACK = StatusCallback(url="http://application.test/amd")


class Engine:
    """Keeps what it is asked, says what a test has it say."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.listeners: list[Callable[[Event], None]] = []

    def send(self, command: object) -> None:
        self.sent.append(command)

    def listen(self, key: Slot | int, callback: Callable[[Event], None]) -> Callable[[], None]:
        assert key == SLOT
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback)

    def says(self, answered_by: str, ms: int) -> None:
        for listener in tuple(self.listeners):
            listener(Verdict(slot=SLOT, answered_by=answered_by, ms=ms))


class Leg:
    def __init__(self) -> None:
        self.slot = SLOT
        self.answered_at = 17.5
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()


class House:
    """An exchange with an engine; it keeps what it is told."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.told: list[tuple[dict[str, str], StatusCallback | None]] = []
        self.notes: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        call = Call(
            sid=CallSid("CA1"), account_sid=AccountSid("AC1"), direction="outbound-api", from_="+1555", to="sip:b@c"
        )
        self.leg = Leg()
        self.live = LiveCall(call=call, leg=cast("Any", self.leg))

    def begin(self, asked: MachineDetection, *, tells: bool = True) -> asyncio.Future[None]:
        return detection.begin(cast("Exchange", self), self.live, asked, tells=tells)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.tasks.append(asyncio.create_task(work, name=name))

    def detected(self, call: Call, callback: StatusCallback | None) -> None:
        self.told.append((dict(detection_params(call)), callback))

    def notify(self, call: Call, code: int, message: str) -> None:
        self.notes.append(code)


async def settled(future: asyncio.Future[None]) -> None:
    async with asyncio.timeout(5):
        await future


async def test_the_engine_is_asked_with_twilios_parameters() -> None:
    house = House()
    known = house.begin(
        MachineDetection(
            mode="DetectMessageEnd",
            timeout_s=20,
            speech_threshold_ms=2000,
            speech_end_threshold_ms=1000,
            silence_timeout_ms=4000,
            callback=CALLBACK,
        )
    )
    await asyncio.sleep(0)
    assert house.engine.sent == [
        Detect(
            slot=SLOT,
            message_end=True,
            timeout_ms=20_000,
            speech_ms=2000,
            speech_end_ms=1000,
            silence_ms=4000,
            since=17.5,
        )
    ]
    house.engine.says("machine_end_beep", 7654)
    await settled(known)
    params = {
        "CallSid": "CA1",
        "AccountSid": "AC1",
        "AnsweredBy": "machine_end_beep",
        "MachineDetectionDuration": "7654",
    }
    assert house.told == [(params, CALLBACK)]
    assert house.notes == []
    assert not house.engine.listeners


@pytest.mark.parametrize(("tells", "notes"), [(True, [21262]), (False, [])])
async def test_only_an_asynchronous_detection_without_a_callback_is_warned_about(tells: bool, notes: list[int]) -> None:
    house = House()
    known = house.begin(MachineDetection(mode="Enable"), tells=tells)
    await asyncio.sleep(0)
    house.engine.says("human", 1800)
    await settled(known)
    assert house.notes == notes
    assert [callback for _, callback in house.told] == [None]
    assert (house.live.call.answered_by, house.live.call.machine_detection_ms) == ("human", 1800)


async def test_a_synchronous_detection_posts_nothing_to_its_callback() -> None:
    house = House()
    known = house.begin(MachineDetection(mode="Enable", callback=CALLBACK), tells=False)
    await asyncio.sleep(0)
    house.engine.says("fax", 900)
    await settled(known)
    assert [callback for _, callback in house.told] == [None]


async def test_a_leg_that_ends_is_told_of_once_by_what_the_engine_knew() -> None:
    house = House()
    known = house.begin(MachineDetection(mode="DetectMessageEnd", callback=CALLBACK))
    await asyncio.sleep(0)
    house.leg.ended.set_result(Ending(what=Happening.COMPLETED))
    await asyncio.sleep(0)
    house.engine.says("machine_end_other", 5000)
    house.engine.says("unknown", 5020)
    await settled(known)
    assert [params["AnsweredBy"] for params, _ in house.told] == ["machine_end_other"]


async def test_an_engine_that_says_nothing_leaves_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "GRACE_S", 0.01)
    house = House()
    known = house.begin(MachineDetection(mode="Enable", timeout_s=0, callback=CALLBACK))
    await settled(known)
    assert [params["AnsweredBy"] for params, _ in house.told] == ["unknown"]
