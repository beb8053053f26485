"""TwiML Bins: `{{To}}` is the parameter To, escaped for XML; `bin:name?a=1` has parameters of its own."""

from __future__ import annotations

import pytest

from gateway.bins import Bins, NoSuchBin
from gateway.twiml.document import parse
from gateway.twiml.verbs.say import Say

BINS = Bins({"say": "<Response><Say>{{To}}, {{ From }} {{Nobody}}</Say></Response>"})


def test_parameters_are_put_in() -> None:
    text = BINS.render("bin:say", [("To", "bob"), ("From", "alice")])
    assert text == "<Response><Say>bob, alice </Say></Response>"


def test_the_urls_own_parameters_stand_behind_those_of_the_request() -> None:
    assert "x, alice" in BINS.render("bin:say?To=bob&From=alice", [("To", "x")])


@pytest.mark.parametrize("value", ["<Hangup/>", "a & b", "\"'>", "{{From}}", "\x00\x1b", "]]>", "\ud800"])
def test_no_value_can_change_the_document(value: str) -> None:
    document = parse(BINS.render("bin:say", [("To", value), ("From", "x")]).encode())
    (verb,) = document.verbs
    assert isinstance(verb, Say)
    assert not document.notes


def test_a_bin_that_is_not_there_is_named() -> None:
    with pytest.raises(NoSuchBin, match="other"):
        BINS.render("bin:other", [])
