"""Which call progress events a status callback is told of (callbacks.md section 1)."""

from __future__ import annotations

import pytest

from gateway.calls.call import Happening
from gateway.twiml.control import StatusCallback
from gateway.webhooks.status import event_name, is_wanted


@pytest.mark.parametrize("what", Happening)
def test_without_a_list_of_events_only_the_end_is_told_whatever_it_was(what: Happening) -> None:
    is_end = what not in (Happening.INITIATED, Happening.RINGING, Happening.ANSWERED)
    assert is_wanted(StatusCallback(url="http://a/"), what) is is_end
    assert event_name(what) == ("completed" if is_end else what.value)


def test_only_the_events_that_were_asked_for_are_told() -> None:
    callback = StatusCallback(url="http://a/", events=frozenset({"initiated", "answered"}))
    assert [what for what in Happening if is_wanted(callback, what)] == [Happening.INITIATED, Happening.ANSWERED]
