"""When our registration with a trunk is renewed, and how long a refused one waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message import Response
from sip.registration import LONGEST_BACK_OFF_S, LONGEST_WANTED_S, SHORTEST_REFRESH_S, Registration
from sip.uri import Uri

CONTACT = Uri.parse("sip:me@192.0.2.1:5062")


def response(status: int, *headers: tuple[str, str]) -> Response:
    return Response(status, "Whatever", list(headers))


def registration(random: float = 0.0) -> Registration:
    return Registration(CONTACT, random=lambda: random)


@pytest.mark.parametrize(("random", "expected"), [(0.0, 480), (0.999999, 540)])
def test_it_is_renewed_at_eighty_to_ninety_per_cent(random: float, expected: float) -> None:
    ours = registration(random)
    wait_s = ours.answered(response(200, ("Contact", "<sip:me@192.0.2.1:5062>;expires=600")))
    assert wait_s == pytest.approx(expected, abs=0.01)
    assert ours.is_registered


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ((("Contact", "<sip:other@192.0.2.2>;expires=7, <sip:me@192.0.2.1:5062;ob>;expires=300"),), 300),
        ((("Contact", "<sip:me@192.0.2.2>;expires=20"), ("Expires", "500")), 500),
        ((("Contact", "<sip:me@192.0.2.1:5062>"), ("Expires", " 500 ")), 500),
        ((("Contact", "<sip:me@192.0.2.1:5062>;expires=never"),), 3600),
        ((("Contact", "<<>>"), ("Expires", "70")), 70),
        ((("Expires", "99999999999999"),), 3600),
        ((), 3600),
    ],
    ids=["ours among others", "not listed", "by the header", "malformed", "unreadable", "too long to be one", "silent"],
)
def test_what_was_granted_is_what_our_own_contact_got(headers: tuple[tuple[str, str], ...], granted: float) -> None:
    assert registration().answered(response(200, *headers)) == pytest.approx(granted * 0.8)


def test_a_tiny_grant_does_not_make_us_a_flood() -> None:
    ours = registration()
    assert ours.answered(response(200, ("Contact", "<sip:me@192.0.2.1:5062>;expires=0"))) == SHORTEST_REFRESH_S


def test_too_brief_is_asked_again_at_once_with_what_is_enough_but_not_for_ever() -> None:
    ours = registration()
    assert ours.answered(response(423, ("Min-Expires", "7200"))) == 0.0
    assert ours.wanted_s == 7200
    assert ours.answered(response(423, ("Min-Expires", "7200"))) == 15.0


@pytest.mark.parametrize("least", ["", "x", "-1", "60", "100000", "9" * 30])
def test_too_brief_that_names_nothing_useful_is_a_refusal(least: str) -> None:
    ours = registration()
    assert ours.answered(response(423, ("Min-Expires", least))) == 15.0
    assert ours.wanted_s == 3600


def test_refusals_double_the_wait_up_to_half_an_hour_and_a_success_forgets_them() -> None:
    ours = registration(0.999999999)
    waits = [round(ours.answered(response(status))) for status in (403, 408, 503, 500, 404, 401, 403, 403, 403)]
    assert waits == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    assert not ours.is_registered
    ours.answered(response(200))
    assert round(ours.answered(response(408))) == 30


@pytest.mark.parametrize(
    ("status", "value", "expected"),
    [(503, "100", 100), (503, "5", 15), (503, "x", 15), (403, "100", 15), (503, "999999999", LONGEST_BACK_OFF_S)],
)
def test_a_server_that_is_overloaded_may_ask_us_to_wait(status: int, value: str, expected: float) -> None:
    assert registration().answered(response(status, ("Retry-After", value))) == expected


@given(
    st.lists(
        st.tuples(
            st.integers(200, 699),
            st.sampled_from(["Contact", "Expires", "Min-Expires", "Retry-After"]),
            st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=30)
            | st.integers(0, 2**40).map(str),
        ),
        max_size=20,
    ),
    st.floats(0, 1, exclude_max=True),
)
def test_whatever_a_registrar_says_the_next_time_is_neither_at_once_for_long_nor_never(
    answers: list[tuple[int, str, str]], random: float
) -> None:
    ours = registration(random)
    waits = [ours.answered(response(status, (name, value))) for status, name, value in answers]
    assert all(wait_s == 0 or SHORTEST_REFRESH_S <= wait_s <= LONGEST_WANTED_S for wait_s in waits)
