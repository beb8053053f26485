"""What the tests of verbs share: read one verb, run it."""

from __future__ import annotations

from gateway.twiml.document import parse
from gateway.twiml.verb import Next, Redirect, Verb
from tests.fakes.fake_call import FakeCall


def read(xml: str) -> tuple[Verb, list[int]]:
    """The one verb of a document and the codes of what was wrong with it."""
    document = parse(f"<Response>{xml}</Response>".encode())
    (verb,) = document.verbs
    return verb, [int(note.code) for note in document.notes]


def codes(xml: str) -> list[int]:
    return [int(note.code) for note in parse(f"<Response>{xml}</Response>".encode()).notes]


async def run(xml: str, call: FakeCall) -> Next:
    verb, _ = read(xml)
    return await verb.run(call)


def params(step: Next) -> dict[str, str]:
    """What a verb gives to the document that it asks for."""
    assert isinstance(step, Redirect)
    return dict(step.params)
