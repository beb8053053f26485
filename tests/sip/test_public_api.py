"""What `sip` gives to others, all of it documented, and nothing by accident."""

from __future__ import annotations

import types
import typing

import sip


def test_the_public_names_are_those_that_are_listed_in_order() -> None:
    assert list(sip.__all__) == sorted(sip.__all__)
    given = {
        name
        for name, value in vars(sip).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert given == set(sip.__all__)


def test_every_public_class_says_what_it_is() -> None:
    for name in sip.__all__:
        value = getattr(sip, name)
        if isinstance(value, type):
            assert value.__doc__, name
            assert not value.__doc__.startswith(f"{name}("), f"{name} has only the docstring that dataclass makes"
        else:
            assert typing.get_args(value), f"{name} is a union"
