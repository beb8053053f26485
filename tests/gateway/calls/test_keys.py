"""One press, told by RFC 4733 and by SIP INFO, is one key; two presses told by one way are two."""

from __future__ import annotations

import pytest

from gateway.calls.keys import MOST, Keys


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        ([("1", "rtp", 0.0), ("1", "rtp", 0.2)], "11"),
        ([("1", "rtp", 0.0), ("1", "info", 0.02), ("1", "rtp", 0.2), ("1", "info", 0.21)], "11"),
        ([("1", "info", 0.0), ("2", "info", 0.1), ("1", "rtp", 0.15), ("2", "rtp", 0.2)], "12"),
        ([("1", "rtp", 0.0), ("1", "info", 1.5)], "11"),
        ([("1", "rtp", 0.0), ("2", "info", 0.1)], "12"),
        ([("5", "tone", 0.0), ("5", "info", 0.3)], "5"),
    ],
)
def test_what_is_told_twice_is_one_press(told: list[tuple[str, str, float]], heard: str) -> None:
    keys = Keys()
    assert "".join(digit for digit, way, at in told if keys.is_new(digit, way, at)) == heard


def test_who_hammers_on_the_keys_fills_no_memory() -> None:
    keys = Keys()
    assert all(keys.is_new("1", "rtp", 0.0) for _ in range(10 * MOST))
