"""What the REST API asks of live calls (`gateway.api.ports.LiveCalls`)."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.ports import CallRequest, RecordingChange
from gateway.calls.call import Happening
from gateway.calls.calls import Calls
from gateway.calls.created import call_of
from gateway.calls.outbound import Order, Outbound, target_of
from gateway.calls.recordings import Taping, taps_of
from gateway.ids import CallSid, RecordingSid
from gateway.twiml.control import DialTarget, RecordingPlan, StatusCallback
from gateway.twiml.interpreter import DocumentRequest

CURRENT = "Twilio.CURRENT"


class ApiCalls:
    """Owns nothing: turns the API's requests into those of the live part."""

    def __init__(self, calls: Calls, outbound: Outbound) -> None:
        self._calls = calls
        self._outbound = outbound

    def place(self, request: CallRequest, queue_time_ms: int) -> None:
        call = call_of(request, queue_time_ms, self._calls.happened)
        target = target_of(request.to, request.send_digits)
        self._outbound.place(
            Order(
                call=call,
                target=DialTarget(
                    kind=target.kind,
                    address=target.address,
                    send_digits=target.send_digits,
                    username=request.sip_username,
                    password=request.sip_password,
                ),
                first=request.first,
                timeout_s=float(request.timeout_s),
                time_limit_s=float(request.time_limit_s),
                recording=request.recording,
                detection=request.detection,
                detects_async=request.detects_async,
            )
        )

    def redirect(self, sid: CallSid, document: DocumentRequest) -> bool:
        return self._outbound.redirect(sid, document) or self._calls.update(sid, document)

    def hang_up(self, sid: CallSid, *, canceled: bool) -> bool:
        """`canceled` reaches only calls that are not answered; `completed` ends any."""
        live = self._calls.live.get(sid)
        if (child := self._calls.ringing.get(sid)) is not None:
            child.cancel()
            return True
        if live is not None and live.leg.is_answered:
            return not canceled and self._calls.hang_up(sid)
        what = Happening.CANCELED if canceled else Happening.COMPLETED
        return self._outbound.cancel(sid, Happening.CANCELED) or self._calls.hang_up(sid, what)

    def change(self, sid: CallSid, *, status_callback: StatusCallback | None, time_limit_s: int | None) -> bool:
        live = self._calls.live.get(sid)
        call = live.call if live is not None else self._outbound.call(sid)
        if call is None:
            return False
        if status_callback is not None:
            call.status_callback = status_callback
            self._calls.callback_changed(call)
        if time_limit_s is not None and live is not None:
            self._calls.limit(live, float(time_limit_s))
        return True

    def annotate(self, sid: CallSid, extras: Sequence[tuple[str, str]]) -> None:
        live = self._calls.live.get(sid)
        if live is not None:
            names = {name for name, _ in extras}
            kept = [(name, value) for name, value in live.call.extras if name not in names]
            live.call.extras = (*kept, *extras)

    def record(self, sid: CallSid, plan: RecordingPlan) -> RecordingSid | None:
        live = self._calls.live.get(sid)
        if live is None or not live.leg.is_answered:
            return None
        return self._calls.recordings.start(live.call, plan, taps_of(live.leg.slot, plan)).sid

    def change_recording(self, call_sid: CallSid, sid: str, change: RecordingChange) -> RecordingSid | None:
        return change_one(self._calls.recordings.of_call(call_sid), sid, change)


def change_one(found: Sequence[Taping], sid: str, change: RecordingChange) -> RecordingSid | None:
    """Pause, resume or stop one of those in progress: the newest for `Twilio.CURRENT`. None: there is none like that."""
    taping = next((one for one in reversed(found) if sid == one.sid or (sid == CURRENT and not one.is_stopping)), None)
    if taping is None or (taping.is_stopping and change.status != "stopped"):
        return None
    match change.status:
        case "paused":
            taping.pause(silence=change.silence)
        case "in-progress":
            taping.resume()
        case _:
            taping.stop()
    return taping.sid
