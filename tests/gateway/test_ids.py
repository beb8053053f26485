"""Identifiers: the right prefix, never the same twice, and nothing else passes for one."""

from __future__ import annotations

import pytest

from gateway.ids import is_sid, new_call_sid, new_conference_sid, new_notification_sid, new_queue_sid, new_recording_sid


def test_a_new_identifier_has_its_prefix_and_32_digits() -> None:
    made = [new_call_sid(), new_recording_sid(), new_conference_sid(), new_queue_sid(), new_notification_sid()]
    for sid, prefix in zip(made, ("CA", "RE", "CF", "QU", "NO"), strict=True):
        assert is_sid(sid, prefix)
    assert len({new_call_sid() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CA",
        "CA" + "0" * 31,
        "CA" + "0" * 33,
        "CA" + "G" * 32,
        "RE" + "0" * 32,
        "CA" + "0" * 32 + "\n",
        "CA../" + "0" * 29,
        "ca" + "0" * 32,
    ],
)
def test_nothing_else_is_an_identifier(text: str) -> None:
    assert not is_sid(text, "CA")
