"""Request bodies: forms read once, each parameter checked by its type, the first fault named as Twilio names it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from gateway.api.errors import ApiError, bad_value

MAX_FIELDS = 500


async def form_of(request: web.Request) -> dict[str, str]:
    """The parameters of a POST; of repeated ones all, with a space between. Raises `ApiError`."""
    body = await request.read()
    if request.content_type not in ("application/x-www-form-urlencoded", "application/octet-stream"):
        if body:
            raise ApiError(20001, "Content-Type must be application/x-www-form-urlencoded", status=415)
        return {}
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError) as fault:
        raise ApiError(20001, "The body is not a form in UTF-8") from fault
    form: dict[str, str] = {}
    for name, value in pairs:
        form[name] = f"{form[name]} {value}" if name in form and name.endswith("Event") else value
    return form


_ALIASES = {"from_": "From", "status_": "Status"}


def _alias(name: str) -> str:
    return _ALIASES.get(name) or "".join(part.capitalize() for part in name.split("_"))


class Form(BaseModel):
    """Parameters of one request. Unknown ones are passed over, as Twilio does; an empty one counts as absent."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=_alias)

    @classmethod
    def read(cls, form: dict[str, str]) -> Self:
        """Raises `ApiError` of the first fault."""
        try:
            return cls.model_validate({name: value for name, value in form.items() if value})
        except ValidationError as fault:
            error = fault.errors(include_url=False)[0]
            name = str(error["loc"][0]) if error["loc"] else "body"
            raise bad_value(name, str(error.get("input", ""))) from fault

    @classmethod
    def changes(cls, form: dict[str, str]) -> dict[str, Any]:
        """What a request that changes something names, by field; an empty value is the default again. Raises `ApiError`."""
        read = cls.read(form)
        fields = {field.alias or name: (name, field) for name, field in cls.model_fields.items()}
        given = {alias: found for alias, found in fields.items() if alias in form}
        return {
            name: getattr(read, name) if form[alias] else field.get_default() for alias, (name, field) in given.items()
        }


# -- types of parameters --------------------------------------------------------------------------------------------


def _checked(test: Callable[[str], bool], code: int, what: str, *, is_secret: bool = False) -> AfterValidator:
    """A secret is not said back."""

    def check(value: str) -> str:
        if value and not test(value):
            raise ApiError(code, f"{what} is not valid" + ("" if is_secret else f": {value[:100]!r}"))
        return value

    return AfterValidator(check)


# Twilio takes no underscore in a host name
_URL = re.compile(
    r"https?://[^\s/?#_]+([/?#]\S*)?|https?://[^\s/?#@]+@[^\s/?#_]+([/?#]\S*)?|bin:[A-Za-z0-9._~+@-]+(\?\S*)?",
    re.IGNORECASE,
)


def _is_url(value: str) -> bool:
    if len(value) > 4000 or not value.isprintable() or _URL.fullmatch(value) is None:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme.lower() == "bin" or (bool(parts.hostname) and parts.port != 0)
    except ValueError:  # a port or an address that is none
        return False


def url(code: int, what: str) -> AfterValidator:
    return _checked(_is_url, code, what)


def matching(pattern: str, code: int, what: str, *, is_secret: bool = False) -> AfterValidator:
    compiled = re.compile(pattern)
    return _checked(lambda value: compiled.fullmatch(value) is not None, code, what, is_secret=is_secret)


def at_most(length: int, code: int, what: str, *, is_secret: bool = False) -> AfterValidator:
    return _checked(lambda value: len(value) <= length, code, what, is_secret=is_secret)


def printable(code: int, what: str) -> AfterValidator:
    """No control characters: it becomes part of a header."""
    return _checked(str.isprintable, code, what)


def _boolean(value: object) -> object:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def between(least: int, most: int, code: int, what: str) -> BeforeValidator:
    def check(value: object) -> object:
        if not isinstance(value, str):
            return value
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise ApiError(code, f"{what} must be a number from {least} to {most}: {value[:100]!r}")
        return int(value)

    return BeforeValidator(check)


def method(code: int) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and value.upper() not in ("GET", "POST"):
            raise ApiError(code, f"Method must be GET or POST: {value[:20]!r}")
        return value.upper() if isinstance(value, str) else value

    return BeforeValidator(check)


def events(known: Iterable[str]) -> BeforeValidator:
    """A set of names, by repeated parameters or spaces; names that mean nothing are passed over."""
    names = frozenset(known)

    def read(value: object) -> Any:  # noqa: ANN401 - what pydantic takes
        return frozenset(value.split()) & names if isinstance(value, str) else value

    return BeforeValidator(read)


Flag = Annotated[bool, BeforeValidator(_boolean)]
Method = Annotated[Literal["GET", "POST"], method(21209)]
KeptMethod = Annotated[Literal["GET", "POST"], method(21403)]
Url = Annotated[str, url(21205, "Url")]
KeptUrl = Annotated[str, url(21402, "Url")]
"""Of what is set up and asked later: a number, an application, a SIP domain."""

CallbackUrl = Annotated[str, url(21609, "StatusCallback")]
Twiml = Annotated[str, at_most(4000, 32018, "Twiml (at most 4000 characters)")]
CallEvents = Annotated[frozenset[str], events(("initiated", "ringing", "answered", "completed"))]
_RECORDED = ("in-progress", "started", "paused", "resumed", "completed", "absent", "failed")
RecordingEvents = Annotated[frozenset[str], events(_RECORDED)]
