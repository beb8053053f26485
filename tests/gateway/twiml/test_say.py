"""`<Say>`.

| attribute | values | default | code |
|---|---|---|---|
| voice | man, woman, alice, Polly.…, Google.… | the house's | 13511 |
| language | BCP 47 | en-US | 13512 |
| loop | 0 (until hang-up) to 1000 | 1 | 13510 |

Text and SSML: break p s say-as sub prosody emphasis lang phoneme w. No text: 13520, passed over. More than 4096 characters: 13521.
"""

from __future__ import annotations

import pytest

from gateway.twiml.control import CallControl, Utterance
from gateway.twiml.interpreter import DocumentRequest, Finish, Interpreter
from gateway.twiml.reply import Reply
from gateway.twiml.verb import FallThrough
from tests.fakes.fake_call import FakeCall
from tests.gateway.twiml.running import codes, read, run


@pytest.mark.parametrize(
    "declared", ["", "\ufeff", "<?xml version='1.0' encoding='utf-16'?>", "<?xml version='1.0' encoding='latin-1'?>"]
)
async def test_an_inline_document_is_text_whatever_encoding_it_declares(declared: str) -> None:
    async def fetch(call: CallControl, request: DocumentRequest) -> Reply:
        raise AssertionError(request)

    call = FakeCall()
    finish = await Interpreter(fetch).run(call, DocumentRequest(twiml=f"{declared}<Response><Say>ü</Say></Response>"))
    assert finish is Finish.ENDED
    assert call.asked[1] == ("say", Utterance(ssml="<speak>ü</speak>"), 1)


async def test_it_answers_and_speaks() -> None:
    call = FakeCall()
    assert await run('<Say voice="Polly.Amy" language="en-GB" loop="2"> Hello\n </Say>', call) == FallThrough()
    spoken = Utterance(ssml="<speak>Hello</speak>", voice="Polly.Amy", language="en-GB")
    assert call.asked == ["answer", ("say", spoken, 2)]


@pytest.mark.parametrize(
    ("attributes", "field", "value", "noted"),
    [
        ("", "loop", 1, []),
        ("", "language", "en-US", []),
        ("", "voice", "", []),
        ('loop="0"', "loop", 0, []),
        ('loop="1001"', "loop", 1000, [13510]),
        ('loop="-1"', "loop", 1, [13510]),
        ('loop="often"', "loop", 1, [13510]),
        ('language="klingon!"', "language", "en-US", [13512]),
        ('language="zh-Hant-TW"', "language", "zh-Hant-TW", []),
        ('voice="&lt;"', "voice", "", [13511]),
        ('voice="nobody"', "voice", "", [13511]),
        ('voice="alice"', "voice", "alice", []),
        ('voice="/voices/amy.onnx"', "voice", "/voices/amy.onnx", []),
        ('voice="Google.en-US-Chirp3-HD-Aoede"', "voice", "Google.en-US-Chirp3-HD-Aoede", []),
    ],
)
def test_attributes(attributes: str, field: str, value: object, noted: list[int]) -> None:
    verb, found = read(f"<Say {attributes}>x</Say>")
    assert (vars(verb)[field], found) == (value, noted)


@pytest.mark.parametrize(
    "ssml",
    [
        'a<break/>b<break time="2s"/>c<break strength="x-weak" time="500ms"/>',
        "<p><s>one</s><s>two</s></p>",
        '<say-as interpret-as="digits">123</say-as> <say-as interpret-as="date" format="mdy">1/2/2026</say-as>',
        '<sub alias="World Wide Web">WWW</sub>',
        '<prosody rate="slow" volume="+6dB" pitch="-10%">x <emphasis level="strong">y</emphasis></prosody>',
        '<lang xml:lang="fr-FR">bonjour</lang>',
        '<phoneme alphabet="ipa" ph="pɪˈkɑːn">pecan</phoneme>',
        '<w role="amazon:VB">read</w>',
        "a &amp; b &lt; c",
    ],
)
def test_ssml_that_is_known_stays_as_it_is(ssml: str) -> None:
    verb, found = read(f"<Say>{ssml}</Say>")
    assert vars(verb)["ssml"] == f"<speak>{ssml}</speak>"
    assert found == []


@pytest.mark.parametrize(
    ("ssml", "spoken"),
    [
        ("<b>x</b> y", "x y"),
        ('<break time="soon"/>x', "<break/>x"),
        ('<emphasis level="most">x</emphasis>', "<emphasis>x</emphasis>"),
        ('<p lang="x">x</p>', "<p>x</p>"),
        ("<s><p>x</p></s>", "<s>x</s>"),
        ('<sub alias="y">x<s>z</s></sub>', '<sub alias="y">xz</sub>'),
        ("<audio src='http://x/'/>x", "x"),
        ("<Break/>x", "x"),
    ],
)
def test_what_is_no_ssml_is_noted_and_its_words_are_spoken(ssml: str, spoken: str) -> None:
    verb, found = read(f"<Say>{ssml}</Say>")
    assert vars(verb)["ssml"] == f"<speak>{spoken}</speak>"
    assert set(found) == {12200}


@pytest.mark.parametrize("body", ["", "  \n ", "<p></p>", "<emphasis/>", "<sub alias=''/>"])
def test_without_text_it_is_passed_over(body: str) -> None:
    assert codes(f"<Say>{body}</Say>") == [13520]


def test_a_pause_alone_is_something_to_say() -> None:
    assert codes('<Say><break time="1s"/></Say>') == []


def test_the_length_is_counted_without_tags() -> None:
    assert codes(f"<Say><p>{'x' * 4096}</p></Say>") == []
    assert codes(f"<Say><p>{'x' * 4097}</p></Say>") == [13521]
    verb, _ = read(f"<Say>{'x' * 4000}<p>{'y' * 90}<s>{'z' * 9}</s></p>gone<break/> gone</Say>")
    assert vars(verb)["ssml"] == f"<speak>{'x' * 4000}<p>{'y' * 90}<s>{'z' * 6}</s></p><break/></speak>"


def test_an_alias_counts_as_what_is_spoken() -> None:
    verb, _ = read(f"<Say>{'x' * 4090}<sub alias='{'y' * 9}'>WWW</sub>gone</Say>")
    assert vars(verb)["ssml"] == f'<speak>{"x" * 4090}<sub alias="{"y" * 6}"></sub></speak>'
