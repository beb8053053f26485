"""What verbs and nouns have in common: the registry, attributes read from the fields' types, nesting, and what a verb returns."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints
from xml.etree.ElementTree import Element as XmlElement

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, DocumentFault, StatusCallback

METHODS = ("POST", "GET")


class Finish(Enum):
    """How the documents of a call ended."""

    ENDED = "ended"
    """The document ran out: hang up, or bridge after a whisper."""

    HUNG_UP = "hung-up"
    """`<Hangup>` or `<Reject>`."""

    LEFT = "left"
    """`<Leave>`: go on after the `<Enqueue>`."""

    GONE = "gone"
    """The party left."""

    FAILED = "failed"
    """A fault, and no fallback that helps."""


@dataclass(frozen=True, slots=True)
class FallThrough:
    """The next verb follows."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another document follows and the rest of this one is never reached. `url` is absolute."""

    url: str
    method: str = "POST"
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """No document follows."""

    finish: Finish = Finish.HUNG_UP


Next = FallThrough | Redirect | Ended


@dataclass(frozen=True, slots=True)
class Note:
    """A fault that doesn't stop a document: a code of Twilio's dictionary and what is wrong."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What an attribute may be besides its type, and the code that tells of a bad value."""

    code: int = Code.SCHEMA
    name: str | None = None
    one_of: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    parse: Callable[[str], object] | None = None
    """Reads the text instead of the type; raises ValueError."""


def attribute(
    default: Any,  # noqa: ANN401
    *,
    code: int = Code.SCHEMA,
    name: str | None = None,
    one_of: Sequence[str] = (),
    least: float | None = None,
    most: float | None = None,
    parse: Callable[[str], object] | None = None,
) -> Any:  # noqa: ANN401
    """A field that is an attribute: *default* stands where it is absent or bad; numbers out of range become the nearest in it."""
    rule = Rule(code=code, name=name, one_of=tuple(one_of), least=least, most=most, parse=parse)
    return field(default=default, metadata={"rule": rule})


def http_method(code: int = Code.SCHEMA, default: str | None = "POST") -> Any:  # noqa: ANN401 - of any field
    return attribute(default, code=code, one_of=METHODS, parse=_method)


def flag(default: bool, code: int = Code.SCHEMA) -> Any:  # noqa: ANN401 - of any field
    return attribute(default, code=code)


@dataclass(frozen=True, kw_only=True)
class Element:
    """A piece of a document. Its attributes are its other fields, in camelCase; its text is trimmed."""

    element: ClassVar[str] = ""
    nests: ClassVar[Mapping[str, type[Element]]] = {}
    nested_code: ClassVar[int] = Code.SCHEMA
    takes_text: ClassVar[bool] = False
    holds_markup: ClassVar[bool] = False
    """Text and SSML mixed: `content` reads it."""

    is_opaque: ClassVar[bool] = False
    """Known, but not looked into."""

    text: str = ""
    children: tuple[Element, ...] = ()

    def __init_subclass__(
        cls,
        *,
        element: str | None = None,
        nests: Sequence[type[Element]] = (),
        nested_code: int = Code.SCHEMA,
        takes_text: bool = False,
    ) -> None:
        super().__init_subclass__()
        if element is not None:
            cls.element = element
            cls.nests = {child.element: child for child in nests}
            cls.nested_code = nested_code
            cls.takes_text = takes_text

    @classmethod
    def content(cls, xml: XmlElement, notes: list[Note]) -> dict[str, object]:
        """Fields that come from neither attributes nor children."""
        return {}

    def checked(self, notes: list[Note]) -> Self | None:
        """The element as it will be used once its parts are read, with notes on what is wrong; None: leave it out."""
        return self


VERBS: dict[str, type[Verb]] = {}
"""Every verb that may stand in a `<Response>`, by its name."""


@dataclass(frozen=True, kw_only=True)
class Verb(Element):
    """An instruction: its fields are the attributes, its one coroutine is what it does."""

    def __init_subclass__(cls, *, element: str | None = None, **more: Any) -> None:  # noqa: ANN401
        super().__init_subclass__(element=element, **more)
        if element is not None:
            VERBS[element] = cls

    async def run(self, call: CallControl) -> Next:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Noun(Element):
    """What a verb acts upon."""


_KNOWN: dict[type[Element], dict[str, tuple[str, object, Rule]]] = {}


def attributes(kind: type[Element]) -> dict[str, tuple[str, object, Rule]]:
    """Attribute name → (field, its type without None, its rule)."""
    if kind in _KNOWN:
        return _KNOWN[kind]
    hints = get_type_hints(kind)
    found = {}
    for item in fields(kind):
        rule = item.metadata.get("rule")
        if isinstance(rule, Rule):
            found[rule.name or camel(item.name)] = (item.name, _plain(hints[item.name]), rule)
    _KNOWN[kind] = found
    return found


def read_attributes(kind: type[Element], given: Mapping[str, str], notes: list[Note]) -> dict[str, object]:
    """The fields that attributes give. What is unknown or bad is noted and left to its default."""
    known = attributes(kind)
    read: dict[str, object] = {}
    for name, text in given.items():
        if name.startswith("{"):  # of another namespace: schema locations and the like
            continue
        if name not in known:
            notes.append(Note(Code.SCHEMA, f"<{kind.element}> has no attribute {name!r}"))
            continue
        target, wanted, rule = known[name]
        try:
            if wanted is tuple and rule.parse is None:
                value, bad = _several(text, rule)
                if bad:
                    notes.append(Note(rule.code, f"<{kind.element}> {name}={text[:100]!r}: {bad}"))
                if not value:
                    continue
            else:
                value = rule.parse(text) if rule.parse is not None else _convert(text, wanted, rule)
        except ValueError as fault:
            notes.append(Note(rule.code, f"<{kind.element}> {name}={text[:100]!r}: {fault}"))
            continue
        read[target] = _within(value, rule, f"<{kind.element}> {name}={text[:100]!r}", notes)
    return read


def camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


def words(text: str) -> tuple[str, ...]:
    """A list by spaces. The twilio library for Python writes lists as Python does (`['a', 'b']`): that is understood, too."""
    return tuple(word for word in re.split(r"[\s,\[\]'\"]+", text) if word)


def status_callback(
    call: CallControl, url: str | None, verb: str = "POST", events: Sequence[str] = ("completed",)
) -> StatusCallback | None:
    """A callback with its URL made absolute; None where there is none, or none that can be used (which is noted)."""
    if not url or not url.strip():
        return None
    try:
        return StatusCallback(url=call.resolve(url.strip()), method=verb, events=frozenset(events))
    except DocumentFault as fault:
        call.notify(fault.code, fault.message)
        return None


def wait_url(call: CallControl, url: str | None, code: int) -> str | None:
    """A waitUrl made absolute; `""` is silence, None (also for one that can't be used, which is noted) the house's music."""
    if not url or not url.strip():
        return None if url is None else ""
    try:
        return call.resolve(url.strip())
    except DocumentFault as fault:
        call.notify(code, f"waitUrl: {fault.message}")
        return None


def _plain(hint: object) -> object:
    if get_origin(hint) in (Union, types.UnionType):
        return next(one for one in get_args(hint) if one is not type(None))
    return tuple if get_origin(hint) is tuple else hint


def _method(text: str) -> str:
    if text.strip().upper() not in METHODS:
        raise ValueError("must be GET or POST")
    return text.strip().upper()


def _convert(text: str, wanted: object, rule: Rule) -> object:
    text = text.strip() if wanted is not str else text
    if wanted is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError("must be true or false")
        return text.lower() == "true"
    if wanted is int:
        return integer(text)
    if wanted is float:
        return float(integer(text))
    if rule.one_of and text.strip() not in rule.one_of:
        raise ValueError(f"{text.strip()!r} is none of {', '.join(rule.one_of)}")
    return text.strip() if rule.one_of else text


def _several(text: str, rule: Rule) -> tuple[object, str]:
    """The words of a list that may stand in it (none of them: its default stands), and what is wrong with the rest."""
    values = words(text)
    bad = [value for value in values if rule.one_of and value not in rule.one_of]
    good = tuple(value for value in values if value not in bad)
    return good, f"{bad[0]!r} is none of {', '.join(rule.one_of)}" if bad else ""


def integer(text: str) -> int:
    """A whole number of at most nine digits. Raises ValueError."""
    if not re.fullmatch(r"[+-]?\d{1,9}(\.0+)?", text):
        raise ValueError("must be a whole number")
    return int(float(text))


def counted(text: str, *, least: int) -> int:
    """A whole number of which one below *least* makes no sense: the default stands then. Raises ValueError."""
    if (number := integer(text)) < least:
        raise ValueError(f"must be {least} or more")
    return number


def loops(code: int, most: int) -> Any:  # noqa: ANN401 - of any field
    """How often something is heard: 0 is without end, so that a number below it is none."""
    return attribute(1, code=code, most=most, parse=lambda text: counted(text.strip(), least=0))


def _within(value: object, rule: Rule, what: str, notes: list[Note]) -> object:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    nearest = value
    if rule.least is not None:
        nearest = max(nearest, rule.least)
    if rule.most is not None:
        nearest = min(nearest, rule.most)
    if nearest == value:
        return value
    notes.append(Note(rule.code, f"{what}: out of range, taken as {nearest:g}"))
    return type(value)(nearest)
