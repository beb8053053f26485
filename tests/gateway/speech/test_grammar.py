"""Hints as a grammar: phrases of known words; what is recognised is told as it was hinted."""

from __future__ import annotations

import pytest

from gateway.speech.grammar import grammar, words

KNOWN = {"pay", "my", "bill", "forty", "two", "yes", "i'm", "fine"}


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("Pay my bill!", ["pay", "my", "bill"]),
        ("42", ["forty", "two"]),
        ("I'm fine.", ["i'm", "fine"]),
        ("", []),
        ("12345678901", ["12345678901"]),
    ],
)
def test_a_phrase_as_it_is_spoken(phrase: str, said: list[str]) -> None:
    assert words(phrase) == said


def test_hints_become_a_grammar_and_keep_their_writing() -> None:
    jsgf, phrases = grammar(["Pay my bill", "42", "YES", "yes"], KNOWN.__contains__)
    assert jsgf == "#JSGF V1.0; grammar hints; public <hint> = pay my bill | forty two | yes;"
    assert phrases == {"pay my bill": "Pay my bill", "forty two": "42", "yes": "YES"}


@pytest.mark.parametrize("hints", [[], ["xyzzy"], ["$OOV_CLASS_DIGIT_SEQUENCE"], ["pay xyzzy"], ["!?"], ["<yes> | *"]])
def test_what_can_not_be_said_is_left_out(hints: list[str]) -> None:
    jsgf, phrases = grammar(hints, KNOWN.__contains__)
    assert "<" not in jsgf.partition("=")[2]
    assert (jsgf, phrases) == ("", {}) or phrases == {"yes": "<yes> | *"}
