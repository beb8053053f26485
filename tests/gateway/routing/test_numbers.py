"""Dialled text: read as Twilio reads it, then inside, by the longest prefix, or nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Config, parse
from gateway.directory.directory import Directory
from gateway.routing.numbers import NotRoutable, OwnNumber, ViaTrunk, find_number, normalize, route
from gateway.storage.resources import NumberRow


@pytest.fixture(scope="module")
def config() -> Config:
    return parse(
        {
            "account": {"sid": "AC" + "0" * 32, "auth_token": "t"},
            "number": [
                {"number": "+15550100", "voice_url": "http://127.0.0.1/x"},
                {"number": "+14155552671", "voice_url": "http://127.0.0.1/x"},
                {"number": "*55", "voice_url": "http://127.0.0.1/x"},
            ],
            "trunk": [{"name": "carrier", "host": "192.0.2.9"}, {"name": "other", "host": "192.0.3.9"}],
            "route": [{"prefix": "+", "trunk": "carrier"}, {"prefix": "+44", "trunk": "other"}],
        },
        {},
    )


@pytest.fixture(scope="module")
def ours(config: Config) -> dict[str, NumberRow]:
    return Directory(config).numbers


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("+1 (415) 555-2671", "+14155552671"),
        ("4155552671", "+14155552671"),
        ("14155552671", "+14155552671"),
        ("011442079460000", "+442079460000"),
        ("00442079460000", "+442079460000"),
        ("*67", "*67"),
        ("911", "911"),
        ("+14155552671;npdi;rn=+14155550000", "+14155552671"),
        ("  415.555.2671 ", "+14155552671"),
        ("0115", "0115"),
        ("1234567", "1234567"),
        ("99999999999999999999", "99999999999999999999"),
        (" alice ", "alice"),
        ("alice;x=y", "alice;x=y"),
        ("", ""),
        ("+", "+"),
    ],
)
def test_numbers_are_read_as_twilio_reads_them(dialled: str, number: str) -> None:
    assert normalize(dialled) == number


def test_a_number_of_ours_stays_inside_and_the_longest_prefix_wins(config: Config, ours: dict[str, NumberRow]) -> None:
    assert route(config, ours, "+15550100") == OwnNumber(ours[config.numbers[0].number])
    assert route(config, ours, "15550100") == OwnNumber(ours[config.numbers[0].number])
    assert route(config, ours, "+442079460000") == ViaTrunk(config.trunks[1], "+442079460000")
    assert route(config, ours, "4155552672") == ViaTrunk(config.trunks[0], "+14155552672")
    assert isinstance(route(config, ours, "911"), NotRoutable)
    assert isinstance(found := route(config, ours, "bob"), NotRoutable)
    assert found.code == 13224


@pytest.mark.parametrize(
    "dialled", ["4155552671", "14155552671", "+14155552671", "(415) 555-2671", "+14155552671;npdi"]
)
def test_a_number_of_ours_is_known_in_every_spelling(config: Config, ours: dict[str, NumberRow], dialled: str) -> None:
    assert find_number(ours, dialled) == ours[config.numbers[1].number]


def test_a_star_code_may_be_a_number_of_ours(config: Config, ours: dict[str, NumberRow]) -> None:
    assert route(config, ours, "*55") == OwnNumber(ours[config.numbers[2].number])
    assert find_number(ours, "*56") is None


@pytest.mark.parametrize(
    "dialled", ["", "+", "bob", "+1415555267x", "1" * 21, "+1900@evil.example", "५५५१२३४५६७", "911", "*99"]
)
def test_what_no_route_names_goes_nowhere(config: Config, ours: dict[str, NumberRow], dialled: str) -> None:
    found = route(config, ours, dialled)
    assert isinstance(found, NotRoutable)
    assert found.code in (13224, 13227)


@given(st.text(max_size=40) | st.text("+0123456789()-. ;*#", max_size=40))
def test_whatever_is_dialled_only_a_number_leaves(config: Config, ours: dict[str, NumberRow], dialled: str) -> None:
    found = route(config, ours, dialled)
    if isinstance(found, ViaTrunk):
        assert found.number.removeprefix("+").isdigit()
        assert found.number.isascii()
        assert found.number.startswith("+")
