"""`<Play>`.

| attribute | values | default | code |
|---|---|---|---|
| (text) | URL, relative to the document | | 11100 |
| loop | 0 (until hang-up) to 1000 | 1 | 13410 |
| digits | 0-9 A-D # * w W; no URL then | | 13430 |
"""

from __future__ import annotations

import pytest

from gateway.twiml.control import DocumentFault
from gateway.twiml.verb import FallThrough
from tests.fakes.fake_call import FakeCall
from tests.gateway.twiml.running import codes, read, run


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://cdn.example/a.mp3", "http://cdn.example/a.mp3"),
        ("\n  /a.wav\n", "http://app.example/a.wav"),
        ("a.wav?x=1&amp;y=2", "http://app.example/menu/a.wav?x=1&y=2"),
    ],
)
async def test_it_answers_and_plays(url: str, asked: str) -> None:
    call = FakeCall()
    assert await run(f'<Play loop="3">{url}</Play>', call) == FallThrough()
    assert call.asked == ["answer", ("play", asked, 3)]


async def test_digits_are_sent_as_often_as_said() -> None:
    call = FakeCall()
    await run('<Play digits="ww12#W*a" loop="2"/>', call)
    assert call.asked == ["answer", ("digits", "ww12#W*A"), ("digits", "ww12#W*A")]


async def test_a_url_that_is_none_is_a_fault() -> None:
    with pytest.raises(DocumentFault) as caught:
        await run("<Play>file:///etc/passwd</Play>", FakeCall())
    assert caught.value.code == 11100


@pytest.mark.parametrize(
    ("attributes", "loop", "noted"),
    [
        ("", 1, []),
        ('loop="0"', 0, []),
        ('loop="9999"', 1000, [13410]),
        ('loop="x"', 1, [13410]),
        ('loop="-1"', 1, [13410]),
    ],
)
def test_loops(attributes: str, loop: int, noted: list[int]) -> None:
    verb, found = read(f"<Play {attributes}>/a</Play>")
    assert (vars(verb)["loop"], found) == (loop, noted)


@pytest.mark.parametrize(("body", "noted"), [("<Play/>", [12200]), ('<Play digits="12x"/>', [13430, 12200])])
def test_nothing_to_play_is_passed_over(body: str, noted: list[int]) -> None:
    assert codes(body) == noted
