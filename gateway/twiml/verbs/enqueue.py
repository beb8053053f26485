"""`<Enqueue>`: wait in a named line until somebody dials `<Queue>`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, EnqueuePlan, EnqueueResult
from gateway.twiml.nouns.task import Task
from gateway.twiml.verb import FallThrough, Next, Note, Redirect, Verb, attribute, http_method, wait_url

MAX_NAME = 64


@dataclass(frozen=True, kw_only=True)
class Enqueue(Verb, element="Enqueue", nests=(Task,), takes_text=True):
    """The text is the line's name. `action` is asked when the wait is over, also by a hang-up."""

    action: str | None = attribute(None)
    method: str = http_method(Code.ENQUEUE_METHOD)
    wait_url: str | None = attribute(None)
    wait_url_method: str | None = http_method(Code.ENQUEUE_WAIT_METHOD, None)
    max_queue_size: int | None = attribute(None, least=1, most=5_000)
    workflow_sid: str = attribute("")

    def checked(self, notes: list[Note]) -> Self | None:
        if self.workflow_sid:
            notes.append(Note(Code.VERB_NOT_SUPPORTED, "<Enqueue workflowSid>: there is no TaskRouter here"))
            return self
        if not self.text:
            notes.append(Note(Code.ENQUEUE_NAME_TOO_SHORT, "<Enqueue> without a name was passed over"))
            return None
        if len(self.text) > MAX_NAME:
            notes.append(Note(Code.ENQUEUE_NAME_TOO_LONG, f"the name of a queue has at most {MAX_NAME} characters"))
            return None
        return self

    async def run(self, call: CallControl) -> Next:
        action = call.resolve(self.action) if self.action is not None else ""
        result = (
            EnqueueResult(result="system-error") if self.workflow_sid else await call.enqueue(self._plan(call, action))
        )
        return Redirect(action, self.method, result.parameters) if action else FallThrough()

    def _plan(self, call: CallControl, action: str) -> EnqueuePlan:
        return EnqueuePlan(
            name=self.text,
            wait_url=wait_url(call, self.wait_url, Code.ENQUEUE_WAIT_URL),
            wait_method=self.wait_url_method or ("POST" if self.wait_url else "GET"),
            max_size=self.max_queue_size,
            action=action,
            method=self.method,
        )
