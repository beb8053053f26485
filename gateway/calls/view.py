"""A call as its webhooks show it."""

from __future__ import annotations

from gateway.calls.call import Call
from gateway.webhooks.params import CallView


def view_of(call: Call) -> CallView:
    """The call's state at this moment, for `call_params`."""
    return CallView(
        call_sid=call.sid,
        account_sid=call.account_sid,
        from_=call.from_,
        to=call.to,
        status=call.status.value,
        direction=call.direction,
        parent_call_sid=call.parent.sid if call.parent is not None else "",
        forwarded_from=call.forwarded_from,
        caller_name=call.caller_name,
        answered_by=call.answered_by,
        machine_detection_ms=call.machine_detection_ms,
        application_sid=call.application_sid,
        extras=call.extras,
    )
