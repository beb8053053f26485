"""What a verb may do to its call: the protocol between TwiML and telephony, and the data that crosses it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import NoReturn, Protocol


class HungUp(Exception):
    """The caller has left: raised out of awaits on `CallControl`."""


class DocumentFault(Exception):
    """A document can't go on (a clip that can't be had, a whisper with `<Dial>` …): notified with `code`, then the fallback URL."""

    def __init__(self, code: int, message: str, *, url: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.url = code, message, url


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCallback:
    """Where call progress events go, and which (`initiated`, `ringing`, `answered`, `completed`)."""

    url: str
    method: str = "POST"
    events: frozenset[str] = frozenset({"completed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineDetection:
    """Answering-machine detection of one target or call; times in ms but `timeout_s`."""

    mode: str
    timeout_s: int = 30
    speech_threshold_ms: int = 2400
    speech_end_threshold_ms: int = 1200
    silence_timeout_ms: int = 5000
    callback: StatusCallback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisper:
    """The document that a called party hears before it is connected."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialTarget:
    """One party to ring. `kind`: number, sip or client; `address`: E.164 as written, a SIP URI, or an identity."""

    kind: str
    address: str
    send_digits: str = ""
    whisper: Whisper | None = None
    status_callback: StatusCallback | None = None
    username: str = ""
    password: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    """`<Client><Parameter>`: custom parameters that reach the client."""

    detection: MachineDetection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPlan:
    """How something is to be recorded. `mode`: `answer` or `ringing`; `track`: both, inbound or outbound."""

    mode: str = "answer"
    channels: int = 1
    track: str = "both"
    trim: bool = False
    callback: StatusCallback | None = None
    source: str = "DialVerb"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPlan:
    """`<Dial>` of numbers, SIP addresses and clients, all checked: what `dial` needs and nothing of XML."""

    targets: tuple[DialTarget, ...]
    timeout_s: float = 30.0
    time_limit_s: float = 14_400.0
    caller_id: str = ""
    call_reason: str = ""
    referred_by: str = ""
    """Who asked for this by a REFER (RFC 3892), `""`: nobody."""

    answer_on_bridge: bool = False
    hangup_on_star: bool = False
    sequential: bool = False
    ring_tone: str = ""
    recording: RecordingPlan | None = None
    refer_url: str = ""
    refer_method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialResult:
    """How a `<Dial>` ended. `status`: completed, answered, busy, no-answer, failed or canceled."""

    status: str
    call_sid: str = ""
    duration_s: int | None = None
    bridged: bool = False
    sip_call_id: str = ""
    sip_response_code: int | None = None
    sip_headers: tuple[tuple[str, str], ...] = ()
    """X- headers of the final response."""

    recording_url: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    """More of them, e.g. `QueueSid` after a `<Queue>`."""

    falls_through: bool = False
    """The next verb follows even where there is an `action`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What `<Gather>` got. `finished_by`: the finish key, `""` where a count or a timeout ended it."""

    digits: str = ""
    finished_by: str = ""
    speech: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectPlan:
    """How `<Gather>` listens. Times in seconds; `finish_on` empty: every key is data."""

    timeout_s: float = 5.0
    digits: bool = True
    speech: bool = False
    most: int | None = None
    finish_on: str = "#"
    speech_timeout_s: float | None = None
    """None: `auto`."""

    max_speech_s: float = 60.0
    language: str = "en-US"
    hints: tuple[str, ...] = ()
    barge_in: bool = True
    partial_callback: StatusCallback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """Something to be spoken: SSML children already resolved into `ssml` (a whole `<speak>` element)."""

    ssml: str
    voice: str = ""
    language: str = "en-US"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPlan:
    """`<Record>`: the caller's voice into one file."""

    timeout_s: float = 5.0
    finish_on: str = "1234567890*#"
    max_length_s: float = 3600.0
    play_beep: bool = True
    recording: RecordingPlan = field(default_factory=RecordingPlan)
    transcribe: bool = False
    transcribe_callback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What `<Record>` made; `sid` empty: nothing but silence was heard and nothing was kept."""

    sid: str = ""
    url: str = ""
    duration_s: int = 0
    digits: str = ""
    """The key that ended it, or `hangup`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferResult:
    status: str
    sip_response_code: int | None = None
    notify_response_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferencePlan:
    """`<Dial><Conference>`: how this call joins a named room."""

    name: str
    muted: bool = False
    beep: str = "true"
    """true, false, onEnter or onExit."""

    start_on_enter: bool = True
    end_on_exit: bool = False
    wait_url: str | None = None
    """None: the house's music; `""`: silence."""

    wait_method: str = "POST"
    max_participants: int = 250
    coach: str = ""
    label: str = ""
    jitter_buffer: str = "large"
    """large, medium, small or off; empty: the engine adapts to the network."""

    callback: StatusCallback | None = None
    event_callback: str = ""
    """Hears of the room's recording in the old way, where the recording has no callback of its own."""

    recording: RecordingPlan | None = None
    time_limit_s: float = 14_400.0
    hangup_on_star: bool = False
    call_recording: RecordingPlan | None = None
    """`<Dial record>` around the conference: this call, not the room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DequeuePlan:
    """`<Dial><Queue>`: speak with the head of a waiting line."""

    name: str
    url: str = ""
    """The document that the waiting caller hears before the bridge."""

    method: str = "POST"
    timeout_s: float = 30.0
    time_limit_s: float = 14_400.0
    hangup_on_star: bool = False
    ring_tone: str = ""
    recording: RecordingPlan | None = None
    refer_url: str = ""
    refer_method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueuePlan:
    """`<Enqueue>`: wait in a named line."""

    name: str
    wait_url: str | None = None
    """None: the house's music; `""`: silence."""

    wait_method: str = "POST"
    max_size: int | None = None
    action: str = ""
    """Absolute; asked also where an update takes the call out of the line."""

    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueueResult:
    """How waiting ended, in Twilio's words: bridged, hangup, leave, redirected, queue-full …"""

    result: str
    queue_sid: str = ""
    """Empty where the call was never in the line."""

    queue_time_s: int = 0

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """What the action is told (callbacks.md section 2)."""
        where = (("QueueSid", self.queue_sid), ("QueueTime", str(self.queue_time_s))) if self.queue_sid else ()
        return (("QueueResult", self.result), *where)


class CallControl(Protocol):
    """What a verb may do. Each await raises `HungUp` once the party has left, but those that give a result which tells so
    (`record`, `dial`, `conference`, `dequeue`, `enqueue`, `refer`). Cancelling the verb's task stops whatever runs.
    """

    base_url: str
    """URL of the document that runs, `""` for inline TwiML: the interpreter sets it, `resolve` reads it."""

    @property
    def call_sid(self) -> str: ...

    @property
    def is_answered(self) -> bool: ...

    @property
    def is_over(self) -> bool:
        """Whether the party has left: a verb's `action` is then requested a last time and its reply ignored."""
        ...

    def parameters(self) -> Sequence[tuple[str, str]]:
        """What every webhook of this call carries, as it stands now (twiml.md section 3)."""
        ...

    @property
    def is_whisper(self) -> bool:
        """Whether the document runs on a called party before the bridge (no `<Dial>` then: 13201)."""
        ...

    def resolve(self, url: str) -> str:
        """Make a relative URL absolute against the current document's; `""` is the current document. Raises `DocumentFault` (11100)."""
        ...

    def notify(self, code: int, message: str, url: str = "") -> None:
        """Keep a notification with the call (a warning or an error of Twilio's dictionary) and log it.

        *url*: what was asked when it came about; else it is the document that runs.
        """
        ...

    async def answer(self) -> None:
        """200 OK, if not yet answered."""
        ...

    async def reject(self, reason: str) -> None:
        """End an unanswered call with `busy` (486) or `rejected`."""
        ...

    async def pause(self, seconds: float) -> None: ...

    async def load(self, *urls: str) -> None:
        """Fetch what is to be played next, so that nothing of it is missed later. Raises `DocumentFault`."""
        ...

    async def play(self, url: str, loops: int = 1) -> None:
        """Fetch and play audio. Raises `DocumentFault`."""
        ...

    async def say(self, utterance: Utterance, loops: int = 1) -> None: ...

    async def send_digits(self, digits: str) -> None: ...

    def collecting(self, plan: CollectPlan) -> AbstractAsyncContextManager[Collecting]:
        """Listen from now on: prompts played inside are cut by the first key or speech."""
        ...

    async def echo(self) -> NoReturn:
        """The caller hears itself until it hangs up."""
        ...

    async def record(self, plan: RecordPlan) -> Recorded: ...

    def start_recording(self, plan: RecordingPlan, name: str) -> bool:
        """Record the call beside its documents (`<Start><Recording>`). False: that name is taken."""
        ...

    def stop_recording(self, name: str) -> bool:
        """End what `start_recording` began under that name; `""`: all of it. False: there is none."""
        ...

    async def dial(self, plan: DialPlan) -> DialResult: ...

    async def conference(self, plan: ConferencePlan) -> DialResult: ...

    async def dequeue(self, plan: DequeuePlan) -> DialResult: ...

    async def enqueue(self, plan: EnqueuePlan) -> EnqueueResult: ...

    async def refer(self, target: str, headers: Sequence[tuple[str, str]]) -> ReferResult: ...


class Collecting(Protocol):
    """A `<Gather>` that listens."""

    async def prompt(self, prompts: Sequence[Prompt], control: CallControl) -> None:
        """Run the nested verbs until they end or are cut."""
        ...

    async def result(self) -> Collected:
        """Wait by the plan's timers, which start when the prompts have ended or were cut."""
        ...


class Prompt(Protocol):
    """A nested `<Say>`, `<Play>` or `<Pause>`."""

    async def run(self, call: CallControl) -> object: ...
