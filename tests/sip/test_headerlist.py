"""The header list: order, names, changes."""

from __future__ import annotations

import pytest

from sip.errors import LocalError
from sip.headerlist import Headers, long_name

ITEMS = [("Via", "1"), ("To", "t"), ("Via", "2"), ("X-Own", "x")]


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("v", "Via"),
        ("V", "Via"),
        ("via", "Via"),
        ("vIA", "Via"),
        ("call-id", "Call-ID"),
        ("i", "Call-ID"),
        ("X-Own", None),
    ],
)
def test_known_names_have_one_spelling(spelling: str, expected: str | None) -> None:
    assert long_name(spelling) == expected


def test_values_are_found_by_any_spelling() -> None:
    headers = Headers([("v", "1"), ("VIA", "2"), ("x-own", "x")])
    assert headers.get("Via") == "1"
    assert headers.get_all("v") == ["1", "2"]
    assert (headers.get("X-Own"), headers.get("To"), headers.get_all("To")) == ("x", None, [])
    assert "X-OWN" in headers
    assert "v" in headers
    assert "To" not in headers
    assert list(headers) == [("Via", "1"), ("Via", "2"), ("x-own", "x")]
    assert repr(headers) == "Headers([('Via', '1'), ('Via', '2'), ('x-own', 'x')])"


def test_headers_are_added_at_the_end() -> None:
    headers = Headers(ITEMS)
    headers.add("m", "c")
    assert list(headers) == [*ITEMS, ("Contact", "c")]


def test_headers_are_inserted_before_others_of_their_name() -> None:
    headers = Headers([("To", "t"), ("Via", "1")])
    headers.insert_first("Via", "0")
    headers.insert_first("Route", "r")
    assert list(headers) == [("Route", "r"), ("To", "t"), ("Via", "0"), ("Via", "1")]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("via", ["3"], [("Via", "3"), ("To", "t"), ("X-Own", "x")]),
        ("via", ["3", "4"], [("Via", "3"), ("Via", "4"), ("To", "t"), ("X-Own", "x")]),
        ("via", [], [("To", "t"), ("X-Own", "x")]),
        ("From", ["f"], [*ITEMS, ("From", "f")]),
        ("x-oWn", ["y"], [*ITEMS[:3], ("x-oWn", "y")]),
    ],
)
def test_headers_are_replaced_where_the_first_stood(
    name: str, values: list[str], expected: list[tuple[str, str]]
) -> None:
    headers = Headers(ITEMS)
    headers.set(name, *values)
    assert list(headers) == expected


def test_headers_are_removed_by_any_spelling() -> None:
    headers = Headers(ITEMS)
    headers.remove("v")
    headers.remove("X-OWN")
    assert list(headers) == [("To", "t")]
    assert len(headers) == 1


def test_a_copy_is_changed_alone() -> None:
    headers = Headers(ITEMS)
    copy = headers.copy()
    copy.remove("Via")
    assert list(headers) == ITEMS


def test_tokens_of_all_lines_are_gathered() -> None:
    headers = Headers([("Supported", "100rel, Timer"), ("k", ",replaces ,")])
    assert headers.tokens("Supported") == {"100rel", "timer", "replaces"}
    assert headers.tokens("Require") == frozenset()


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\n", "é"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(LocalError):
        Headers().add(name, "x")


def test_a_change_is_seen_by_every_look_after_it() -> None:
    headers = Headers(ITEMS)
    assert headers.get("To") == "t"
    headers.set("To", "u")
    assert headers.get("To") == "u"
    headers.add("To", "v")
    assert headers.get_all("To") == ["u", "v"]
    headers.insert_first("To", "w")
    assert headers.get("To") == "w"
    headers.remove("To")
    assert headers.get("To") is None
