"""Hints as a grammar: each phrase as words that the recogniser's dictionary has. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from gateway.speech.reading import number


def words(phrase: str) -> list[str]:
    """A phrase as it is spoken: lower case, numbers as words, no punctuation."""
    said: list[str] = []
    for word in re.findall(r"[\w']+", phrase.lower()):
        said += number(int(word)).split() if word.isascii() and word.isdigit() and len(word) < 10 else [word]
    return said


def grammar(hints: Iterable[str], is_known: Callable[[str], bool]) -> tuple[str, dict[str, str]]:
    """A JSGF grammar of the hints, and what is recognised → the hint as it was written. `""`: none of them can be said.

    Twilio's classes (`$OOV_CLASS_…`) are no phrases.
    """
    phrases: dict[str, str] = {}
    for hint in hints:
        said = words(hint)
        if said and not hint.startswith("$") and all(is_known(word) for word in said):
            phrases.setdefault(" ".join(said), hint)
    if not phrases:
        return "", {}
    return f"#JSGF V1.0; grammar hints; public <hint> = {' | '.join(phrases)};", phrases
