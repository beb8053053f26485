"""Documents that can be used, and those that can't.

| document | code |
|---|---|
| not well-formed, empty, DOCTYPE, entity, deeper than 20, more than 1,000 elements | 12100 |
| root is not `<Response>` | 12102 |
| unknown element or attribute, wrong case, text between verbs | 12200, the rest runs |
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import TwimlFault
from gateway.twiml.document import parse
from gateway.twiml.verb import VERBS
from gateway.twiml.verbs.dial import Dial
from gateway.twiml.verbs.pause import Pause
from gateway.twiml.verbs.say import Say

LAUGHS = (
    '<!DOCTYPE r [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "&a{n - 1 if n else ""};&a{n - 1 if n else ""};">' for n in range(30))
    + "]><Response><Say>&a29;</Say></Response>"
)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", 12100),
        (" ", 12100),
        ("hello", 12100),
        ("<Response>", 12100),
        ("<Response><Say>a & b</Say></Response>", 12100),
        ("<Response></Response><Response/>", 12100),
        ("\n<?xml version='1.0'?><Response/>", 12100),
        ("<!DOCTYPE Response><Response/>", 12100),
        ("<!DOCTYPE r SYSTEM 'http://127.0.0.1/x.dtd'><Response/>", 12100),
        ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><Response><Say>&x;</Say></Response>', 12100),
        (LAUGHS, 12100),
        ("<Response><Say>&undefined;</Say></Response>", 12100),
        ("<Response><Say>\x01</Say></Response>", 12100),
        ("<a>" * 10_000, 12100),
        ("<Response>" + "<p>" * 20 + "</p>" * 20 + "</Response>", 12100),
        ("<Response>" + "<Pause/>" * 1_000 + "</Response>", 12100),
        ("<Response " + " ".join(f'a{n}="1"' for n in range(101)) + "/>", 12100),
        ("<response/>", 12102),
        ("<html><body>Not found</body></html>", 12102),
        ('<r:Response xmlns:r="urn:x"/>', 12102),
    ],
)
def test_a_document_that_can_not_be_used_says_why(body: str, code: int) -> None:
    began = time.process_time()
    with pytest.raises(TwimlFault) as caught:
        parse(body.encode())
    assert caught.value.code == code
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize("body", [b"\xff\xfe<", b"\x00" * 100, b"<?xml version='1.0' encoding='nonsense'?><Response/>"])
def test_binary_is_unparsable(body: bytes) -> None:
    with pytest.raises(TwimlFault) as caught:
        parse(body)
    assert caught.value.code == 12100


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<Response><Say>ü</Say></Response>".encode(), ""),
        ("<Response><Say>ü</Say></Response>".encode(), "utf-8"),
        ("<Response><Say>ü</Say></Response>".encode("latin-1"), "iso-8859-1"),
        ("<?xml version='1.0' encoding='iso-8859-1'?><Response><Say>ü</Say></Response>".encode("latin-1"), ""),
        ("<?xml version='1.0' encoding='iso-8859-1'?><Response><Say>ü</Say></Response>".encode(), "UTF-8"),
        ("\ufeff<Response><Say>ü</Say></Response>".encode(), "iso-8859-1"),
        ("<Response><Say>ü</Say></Response>".encode("utf-16"), ""),
        ("<?xml version='1.0' encoding='GB18030'?><Response><Say>ü</Say></Response>".encode("gb18030"), ""),
        ("<?xml version='1.0' encoding='Shift_JIS'?><Response><Say>ü</Say></Response>".encode(), "UTF-8"),
    ],
)
def test_every_usual_encoding_is_read(body: bytes, charset: str) -> None:
    (verb,) = parse(body, charset).verbs
    assert verb.text == "ü"


@pytest.mark.parametrize("charset", ["klingon", "punycode", "unicode_escape", "zlib"])
def test_an_unknown_charset_is_unparsable(charset: str) -> None:
    with pytest.raises(TwimlFault) as caught:
        parse(b"<Response/>", charset)
    assert caught.value.code == 12100


def test_multi_byte_encodings_are_read_as_they_are_declared() -> None:
    body = "<?xml version='1.0' encoding='Shift_JIS'?><Response><Say>こんにちは</Say></Response>".encode("shift_jis")
    (verb,) = parse(body).verbs
    assert verb.text == "こんにちは"


def test_an_attribute_of_the_root_is_noted() -> None:
    assert [note.code for note in parse(b'<Response version="1" foo="2"><Hangup/></Response>').notes] == [12200]


def test_verbs_stand_in_their_order_and_comments_are_nothing() -> None:
    document = parse(b"<Response><!-- a --><Say>x<!-- b -->y</Say><Pause/><?pi?><Dial>1<!-- c -->23</Dial></Response>")
    say, pause, dial = document.verbs
    assert isinstance(say, Say)
    assert say.ssml == "<speak>xy</speak>"
    assert isinstance(pause, Pause)
    assert isinstance(dial, Dial)
    assert dial.children[0].text == "123"
    assert not document.notes


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<say>x</say>", "did you mean <Say>?"),
        ("<Foo/>", "<Foo> is not allowed within <Response>"),
        ("<Number>1</Number>", "<Number> is not allowed within <Response>"),
        ("<Pause Length='1'/>", "has no attribute 'Length'"),
        ("<Pause>x</Pause>", "text within <Pause>"),
        ("words<Pause/>", "text within <Response>"),
        ("<Pause/>words", "text within <Response>"),
    ],
)
def test_a_bad_piece_is_noted_and_the_rest_runs(body: str, message: str) -> None:
    document = parse(f"<Response>{body}<Hangup/></Response>".encode())
    assert document.verbs[-1].element == "Hangup"
    (note,) = document.notes
    assert note.code == 12200
    assert message in note.message


def test_attributes_of_schemas_are_nothing() -> None:
    body = b'<Response xmlns:x="urn:x" x:noNamespaceSchemaLocation="y"><Pause x:y="z" length="2"/></Response>'
    document = parse(body)
    assert document.verbs == (Pause(length=2.0),)
    assert not document.notes


def test_an_empty_response_is_a_document() -> None:
    assert parse(b"<Response/>").verbs == ()


def test_every_verb_has_its_own_name() -> None:
    assert {name: verb.element for name, verb in VERBS.items()} == {name: name for name in VERBS}


NAMES = st.sampled_from([*VERBS, "Number", "Sip", "break", "p", "Parameter", "say", "X"])
ATTRIBUTES = st.sampled_from(
    ["timeout", "loop", "action", "method", "numDigits", "finishOnKey", "record", "input", "x"]
)
VALUES = st.sampled_from(
    ["", "1", "-1", "99999999999", "true", "GET", "post", "ü", "#", "dtmf speech", "0x1", "1e9", "nan"]
)


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(NAMES)
    attributes = "".join(f' {key}="{value}"' for key, value in draw(st.dictionaries(ATTRIBUTES, VALUES)).items())
    inner = "".join(draw(st.lists(trees(depth + 1), max_size=2))) if depth < 3 else ""
    text = draw(st.sampled_from(["", "bob", " +1 555 ", "sip:a@b?X-A=%0d", "/x"]))
    return f"<{name}{attributes}>{text}{inner}</{name}>"


@given(st.lists(trees(), max_size=3))
def test_whatever_is_well_formed_becomes_a_document(pieces: list[str]) -> None:
    parse(f"<Response>{''.join(pieces)}</Response>".encode())


@given(st.binary(max_size=200), st.sampled_from(["", "utf-8", "utf-16", "latin-1", "x"]))
def test_only_the_declared_fault_ever_leaves(body: bytes, charset: str) -> None:
    for octets in (body, b"<Response>" + body + b"</Response>"):
        try:
            parse(octets, charset)
        except TwimlFault as fault:
            assert fault.code in (12100, 12102)  # noqa: PT017 - any other exception fails the test
