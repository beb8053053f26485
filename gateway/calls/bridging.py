"""Who hears whom: groups of legs as routes, added and withdrawn as blocks begin and end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from media.client import EngineClient
from media.commands import Play, Route, SendDigits, SetRoutes, Source, Stop
from media.streams import Slot


def bridge(a: Slot, b: Slot) -> tuple[Route, ...]:
    """Two parties that hear each other."""
    return (Route(source=a, target=b), Route(source=b, target=a))


def one_way(source: Slot, target: Slot) -> tuple[Route, ...]:
    """Early media to a caller, a whisper, a monitor."""
    return (Route(source=source, target=target),)


def echo(slot: Slot) -> tuple[Route, ...]:
    """A party that hears itself."""
    return (Route(source=slot, target=slot),)


@contextmanager
def routed(engine: EngineClient, routes: tuple[Route, ...]) -> Iterator[None]:
    """Hold *routes* for the length of a block."""
    engine.send(SetRoutes(add=routes))
    try:
        yield
    finally:
        engine.send(SetRoutes(remove=routes))


class Keyed(Protocol):
    """The part of a leg that is needed to hand keys on."""

    slot: Slot

    def on_key(self, listener: Callable[[str], None]) -> Callable[[], None]: ...


@contextmanager
def keys_passed(engine: EngineClient, a: Keyed, b: Keyed) -> Iterator[None]:
    """Send a key that one of two bridged parties presses on to the other. Tones in the audio pass by themselves."""

    def passing(target: Slot) -> Callable[[str], None]:
        return lambda digit: engine.send(SendDigits(slot=target, digits=digit, ticket=engine.number()))

    unlisten = a.on_key(passing(b.slot)), b.on_key(passing(a.slot))
    try:
        yield
    finally:
        for end in unlisten:
            end()


@contextmanager
def playing(engine: EngineClient, target: Slot, source: Source) -> Iterator[None]:
    """Play *source* (a ring tone, hold music) to a leg for the length of a block."""
    number = engine.number()
    engine.send(Play(playing=number, target=target, source=source))
    try:
        yield
    finally:
        engine.send(Stop(playing=number))
