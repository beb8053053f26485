"""How `<say-as>` is read.

| interpret-as | text | words |
|---|---|---|
| digits, characters, spell-out | 12#A | 1, 2, pound, A |
| telephone | +15550100 | plus 1 5 5 … |
| cardinal, number | 1,234.5 | one thousand two hundred thirty four point five |
| ordinal | 21st | twenty first |
| fraction | 1 1/2 | one and one half |
| unit | 5 kg | five kilograms |
| date by its format | 1/2/2026 | January second, twenty twenty six |
| time | 9:05 pm, 1'21" | nine oh five p m; one minutes and … |
| expletive | | beep |
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.speech.reading import number, ordinal, read, year


@pytest.mark.parametrize(
    ("how", "form", "text", "words"),
    [
        ("digits", "", "407", "4, 0, 7"),
        ("characters", "", "A1 #", "A, 1, pound"),
        ("spell-out", "", "x", "x"),
        ("verbatim", "", "ab", "a, b"),
        ("telephone", "", "+1 (555) 010-0199", "plus 1, 5 5 5, 0 1 0, 0 1 9 9"),
        ("telephone", "", "5550100199", "5 5 5, 0 1 0, 0 1 9 9"),
        ("telephone", "", "911", "9 1 1"),
        ("telephone", "", "none", "none"),
        ("cardinal", "", "0", "zero"),
        ("number", "", "1,234", "one thousand two hundred thirty four"),
        ("cardinal", "", "-12.05", "minus twelve point zero five"),
        ("cardinal", "", "a lot", "a lot"),
        ("ordinal", "", "21", "twenty first"),
        ("ordinal", "", "112th", "one hundred twelfth"),
        ("ordinal", "", "x", "x"),
        ("fraction", "", "3/4", "three fourths"),
        ("fraction", "", "1/2", "one half"),
        ("fraction", "", "1 1/2", "one and one half"),
        ("fraction", "", "3/2", "three halves"),
        ("fraction", "", "1/0", "1/0"),
        ("unit", "", "5 kg", "five kilograms"),
        ("unit", "", "1ft", "one foot"),
        ("unit", "", "1.5km", "one point five kilometers"),
        ("unit", "", "5 parsecs", "5 parsecs"),
        ("date", "mdy", "1/2/2026", "January second, twenty twenty six"),
        ("date", "dmy", "1-2-1999", "February first, nineteen ninety nine"),
        ("date", "ymd", "2006.12.31", "December thirty first, two thousand six"),
        ("date", "", "2006-12-31", "December thirty first, two thousand six"),
        ("date", "yyyymmdd", "20260703", "July third, twenty twenty six"),
        ("date", "", "????0922", "September twenty second"),
        ("date", "md", "9/22", "September twenty second"),
        ("date", "my", "9/1900", "September, nineteen hundred"),
        ("date", "y", "1905", "nineteen oh five"),
        ("date", "mdy", "13/1/2026", "13/1/2026"),
        ("date", "mdy", "1/32/2026", "1/32/2026"),
        ("date", "mdy", "soon", "soon"),
        ("time", "", "9:05pm", "nine oh five p m"),
        ("time", "hms12", "10:30 a.m.", "ten thirty a m"),
        ("time", "", "14:00", "fourteen o'clock"),
        ("time", "", "1:00:09", "one o'clock and nine seconds"),
        ("time", "", "1'21\"", "one minutes and twenty one seconds"),
        ("time", "", "now", "now"),
        ("expletive", "", "darn", "beep"),
        ("address", "", "150 CT St.", "150 CT St."),
        ("", "", "as it is", "as it is"),
    ],
)
def test_readings_in_english(how: str, form: str, text: str, words: str) -> None:
    assert read(text, how, form, "en-US") == words


@pytest.mark.parametrize(
    ("how", "text", "words"),
    [
        ("digits", "12*", "1, 2, *"),
        ("ordinal", "3", "3"),
        ("date", "1/2/2026", "1/2/2026"),
        ("telephone", "911", "9 1 1"),
    ],
)
def test_other_languages_are_spelled_or_left_to_the_voice(how: str, text: str, words: str) -> None:
    assert read(text, how, "", "de-DE") == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "zero"), (19, "nineteen"), (40, "forty"), (101, "one hundred one"), (10**9, "one billion"), (-1, "minus one")],
)
def test_numbers(value: int, words: str) -> None:
    assert number(value) == words


def test_every_ordinal_to_a_hundred_has_an_ending() -> None:
    assert {ordinal(value)[-2:] for value in range(1, 101)} == {"st", "nd", "rd", "th"}
    assert [ordinal(value) for value in (1, 2, 3, 5, 8, 9, 12, 20, 100)] == [
        "first",
        "second",
        "third",
        "fifth",
        "eighth",
        "ninth",
        "twelfth",
        "twentieth",
        "one hundredth",
    ]


@pytest.mark.parametrize(("value", "words"), [(800, "eight hundred"), (2000, "two thousand"), (2010, "twenty ten")])
def test_years(value: int, words: str) -> None:
    assert year(value) == words


HOW = [
    "digits",
    "characters",
    "telephone",
    "cardinal",
    "ordinal",
    "fraction",
    "unit",
    "date",
    "time",
    "expletive",
    "address",
    "x",
]


@given(
    st.text(alphabet="0123456789/.:-+, aAmp'\"?xkg%", max_size=20),
    st.sampled_from(HOW),
    st.sampled_from(["", "mdy", "ymd", "y", "yyyymmdd", "zz"]),
)
def test_whatever_is_written_is_read_as_something(text: str, how: str, form: str) -> None:
    assert isinstance(read(text, how, form, "en-US"), str)
