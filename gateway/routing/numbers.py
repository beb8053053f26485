"""Dialled text to a number, and a number to where it goes: inside, or by the longest prefix to a trunk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from gateway.config import Config, TrunkConfig
from gateway.storage.resources import NumberRow

DEFAULT_REGION = "US"
"""How Twilio reads a number without a country code."""


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number of ours: the call stays inside the gateway."""

    number: NumberRow


@dataclass(frozen=True, slots=True)
class ViaTrunk:
    trunk: TrunkConfig
    number: str
    otherwise: tuple[TrunkConfig, ...] = ()
    """Trunks of further routes with the same prefix, in the order of the file: each where the one before can't take the call."""


@dataclass(frozen=True, slots=True)
class NotRoutable:
    """Nowhere to go; `code` is Twilio's."""

    code: int
    message: str


Destination = OwnNumber | ViaTrunk | NotRoutable


@lru_cache(maxsize=4096)
def normalize(dialled: str) -> str:
    """`(555) 123-4567`, `15551234567`, `+1 555 123 4567` to E.164; short codes and star codes stay as they are.

    What carriers hang on a number (`;npdi`, `;phone-context=…`, RFC 3966) is dropped; what is no number stays as it is.
    """
    text = re.sub(r"[\s().\-/]", "", dialled.partition(";")[0])
    if not re.fullmatch(r"\+?[0-9*#]+", text):
        return dialled.strip()
    if text.startswith("+") or "*" in text or "#" in text:
        return text
    if text.startswith(("011", "00")) and len(text) > 8:
        return "+" + text.removeprefix("011" if text.startswith("011") else "00")
    try:
        parsed = phonenumbers.parse(text, DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        return text
    if len(text) >= 10 and phonenumbers.is_possible_number(parsed):
        return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    return text


def find_number(ours: Mapping[str, NumberRow], dialled: str) -> NumberRow | None:
    """The number of ours that was dialled, with or without `+` and country code."""
    number = normalize(dialled)
    return ours.get(dialled) or ours.get(number) or ours.get("+" + number.removeprefix("+"))


def route(config: Config, ours: Mapping[str, NumberRow], dialled: str) -> Destination:
    """Where a dialled number goes; *ours* stay inside."""
    number = normalize(dialled)
    if not re.fullmatch(r"\+[0-9]{1,20}|[0-9*#]{1,20}", number):
        return NotRoutable(13224, f"{dialled!r} is no phone number")
    own = find_number(ours, number)
    if own is not None:
        return OwnNumber(own)
    leading = [r for r in config.routes if number.startswith(r.prefix)]
    if not leading:
        return NotRoutable(13227, f"no route leads to {number}")
    longest = max(len(r.prefix) for r in leading)
    by_name = {trunk.name: trunk for trunk in config.trunks}
    first, *others = dict.fromkeys(r.trunk for r in leading if len(r.prefix) == longest)
    return ViaTrunk(by_name[first], number, tuple(by_name[name] for name in others))
