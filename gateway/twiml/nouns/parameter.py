"""`<Parameter>`: a name and a value of the application's own."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.twiml.verb import Element, Noun, attribute


@dataclass(frozen=True, kw_only=True)
class Parameter(Noun, element="Parameter"):
    """Only its name and its value."""

    name: str = attribute("")
    value: str = attribute("")


def pairs(children: tuple[Element, ...]) -> tuple[tuple[str, str], ...]:
    """The named parameters among *children*."""
    return tuple((child.name, child.value) for child in children if isinstance(child, Parameter) and child.name)
