"""What a URL's fragment changes of how it is asked: `#rc=2&rp=5xx,rt&ct=2000&rt=10000&tt=12000`."""

from __future__ import annotations

from dataclasses import dataclass

RETRIES = frozenset({"4xx", "5xx", "ct", "rt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Times in ms, as the fragment has them. `retries` more attempts after a failure that is in `retry_on`."""

    connect_ms: int = 5_000
    read_ms: int = 15_000
    total_ms: int = 15_000
    retries: int = 1
    retry_on: frozenset[str] = frozenset({"ct"})


_RANGES = {"ct": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000), "rc": (0, 5)}
_FIELDS = {"ct": "connect_ms", "rt": "read_ms", "tt": "total_ms", "rc": "retries"}


def split(url: str) -> tuple[str, Overrides]:
    """The URL as it is sent, without its fragment, and the overrides. What is unknown or bad in them changes nothing."""
    bare, _, fragment = url.partition("#")
    found: dict[str, int] = {}
    retry_on: frozenset[str] | None = None
    for item in fragment.split("&") if fragment else []:
        name, _, value = item.partition("=")
        if name in _RANGES and value.isascii() and value.isdigit() and len(value) < 8:
            least, most = _RANGES[name]
            found[_FIELDS[name]] = min(max(int(value), least), most)
        elif name == "rp":
            wanted = frozenset(value.split(","))
            retry_on = RETRIES if "all" in wanted else wanted & RETRIES
    return bare, Overrides(**found, retry_on=retry_on if retry_on is not None else frozenset({"ct"}))
