"""A `<speak>` as pieces.

| element | becomes |
|---|---|
| break | Silence by its time or its strength |
| p, s | pieces of their own; p with a silence behind it |
| sub, say-as, phoneme, w | words |
| prosody, emphasis | tags that espeak-ng knows; dB and st as per cents |
| lang | a piece with its own language |
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.speech.ssml import MAX_PIECE, Piece, Silence, Speech, pieces


def of(inner: str) -> list[Piece]:
    return pieces(f"<speak>{inner}</speak>", "en-US")


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        ("Hello", [Speech("Hello")]),
        ("  a\n  b ", [Speech("a b")]),
        ("a &amp; b &lt; c", [Speech("a &amp; b &lt; c")]),
        ("", []),
        ("a<break/>b", [Speech("a"), Silence(400), Speech("b")]),
        ('<break time="1.5s"/>', [Silence(1500)]),
        ('<break time="250ms"/>', [Silence(250)]),
        ('<break time="99s"/>', [Silence(10_000)]),
        ('<break strength="x-strong"/>', [Silence(1200)]),
        ('<break strength="none"/>', [Silence(0)]),
        ("<p>a</p><p>b</p>", [Speech("a"), Silence(600), Speech("b"), Silence(600)]),
        ("<s>a</s><s>b</s>", [Speech("a"), Speech("b")]),
        ('the <sub alias="World Wide Web">WWW</sub>.', [Speech("the World Wide Web.")]),
        ('dial <say-as interpret-as="digits">911</say-as>, now', [Speech("dial 9, 1, 1, now")]),
        ('<phoneme alphabet="ipa" ph="x">pecan</phoneme> <w role="x">pie</w>', [Speech("pecan pie")]),
        (
            '<lang xml:lang="fr-FR">bonjour</lang> and <lang xml:lang="de-DE">Tag</lang>',
            [Speech("bonjour", "fr-FR"), Speech("and"), Speech("Tag", "de-DE")],
        ),
        ('<prosody rate="slow">a</prosody> b', [Speech('<prosody rate="slow">a</prosody> b')]),
        (
            '<prosody volume="+6dB" pitch="-12st" rate="120%">a</prosody>',
            [Speech('<prosody rate="120%" pitch="-50%" volume="+100%">a</prosody>')],
        ),
        (
            'a <emphasis level="strong">b <prosody rate="fast">c</prosody></emphasis>',
            [
                Speech(
                    'a <emphasis level="strong">b </emphasis>'
                    '<emphasis level="strong"><prosody rate="fast">c</prosody></emphasis>'
                )
            ],
        ),
        ("<emphasis>a</emphasis>", [Speech('<emphasis level="moderate">a</emphasis>')]),
    ],
)
def test_ssml_becomes_pieces(inner: str, wanted: list[Piece]) -> None:
    assert of(inner) == wanted


def test_the_first_piece_is_a_sentence_and_none_is_long() -> None:
    made = of("Hello there. " + "This goes on for a while, and on! " * 60)
    texts = [piece.ssml for piece in made if isinstance(piece, Speech)]
    assert texts[0] == "Hello there."
    assert len(texts) > 3
    assert all(len(text) <= MAX_PIECE and text.endswith((".", "!")) for text in texts)


def test_a_sentence_is_never_cut() -> None:
    endless = "and then " * 200
    assert of(f"Hi. {endless.strip()}.") == [Speech("Hi."), Speech(f"{endless.strip()}.")]


@pytest.mark.parametrize("text", ["a < b", "<speak>open", "<!DOCTYPE x><speak/>", "&nbsp;"])
def test_what_can_not_be_parsed_is_spoken_as_it_is(text: str) -> None:
    (piece,) = pieces(text, "en-US")
    assert isinstance(piece, Speech)


@given(st.text(alphabet="ab .!?,\n\"'", max_size=800))
def test_no_word_is_lost_and_none_is_made(text: str) -> None:
    said = " ".join(piece.ssml for piece in of(text.replace('"', "")) if isinstance(piece, Speech))
    assert said.split() == text.replace('"', "").split()
