"""How `<say-as>` is read: digits one by one, ordinals, dates, times, telephone numbers, as words that any voice can say.

English in full; in other languages numbers are spelled or left to the voice, which reads them in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_ONES = [*"zero one two three four five six seven eight nine".split(), *_TEENS.split()]  # noqa: SIM905
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_IRREGULAR = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_SIGNS = {
    "*": "star",
    "#": "pound",
    "@": "at",
    "-": "dash",
    "_": "underscore",
    ".": "dot",
    ",": "comma",
    "/": "slash",
    "+": "plus",
    "&": "and",
    ":": "colon",
    "?": "question mark",
    "!": "exclamation mark",
    "%": "percent",
    "=": "equals",
    "$": "dollar",
}
_UNITS = {
    "km": "kilometers",
    "m": "meters",
    "cm": "centimeters",
    "mm": "millimeters",
    "kg": "kilograms",
    "g": "grams",
    "mg": "milligrams",
    "l": "liters",
    "ml": "milliliters",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "mph": "miles per hour",
    "km/h": "kilometers per hour",
    "ft": "feet",
    "in": "inches",
    "lb": "pounds",
    "oz": "ounces",
    "%": "percent",
    "°c": "degrees Celsius",
    "°f": "degrees Fahrenheit",
    "gb": "gigabytes",
    "mb": "megabytes",
    "kb": "kilobytes",
}
_SINGULAR = {"feet": "foot", "inches": "inch"}
_ORDERS = {
    "mdy": ("m", "d", "y"),
    "dmy": ("d", "m", "y"),
    "ymd": ("y", "m", "d"),
    "md": ("m", "d"),
    "dm": ("d", "m"),
    "ym": ("y", "m"),
    "my": ("m", "y"),
    "d": ("d",),
    "m": ("m",),
    "y": ("y",),
}


def read(text: str, how: str, form: str, language: str) -> str:
    """*text* as words for `interpret-as` *how* and `format` *form*. What does not fit is left as it is."""
    text = text.strip()
    if how in ("digits", "characters", "spell-out", "verbatim", "telephone"):
        return _telephone(text) if how == "telephone" else _spelled(text, language)
    if not language.lower().startswith("en"):
        return text
    reader = _ENGLISH.get(how)
    return (reader(text, form) if reader else None) or text


def number(value: int) -> str:
    """A number in English words, up to a million millions."""
    if value < 0:
        return f"minus {number(-value)}"
    if value < 20:
        return _ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return _TENS[tens] + (f" {_ONES[ones]}" if ones else "")
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= size:
            many, rest = divmod(value, size)
            return f"{number(many)} {name}" + (f" {number(rest)}" if rest else "")
    raise AssertionError("every number from 100 has a hundred in it")


def ordinal(value: int) -> str:
    head, space, last = number(value).rpartition(" ")
    regular = last.removesuffix("y") + "ieth" if last.endswith("y") else last + "th"
    return head + space + _IRREGULAR.get(last, regular)


def year(value: int) -> str:
    """1999 as nineteen ninety nine, 2006 as two thousand six, 2026 as twenty twenty six."""
    century, rest = divmod(value, 100)
    if not 1000 <= value < 10_000 or (century % 10 == 0 and rest < 10):
        return number(value)
    if rest == 0:
        return f"{number(century)} hundred"
    return f"{number(century)} {'oh ' if rest < 10 else ''}{number(rest)}"


def _spelled(text: str, language: str) -> str:
    english = language.lower().startswith("en")
    signs = (_SIGNS.get(sign, sign) if english else sign for sign in text if not sign.isspace())
    return ", ".join(signs) if len(text) > 1 else "".join(signs)


def _telephone(text: str) -> str:
    """Digit by digit, a pause where somebody wrote a space or a dash; three, three and four where nobody did."""
    plus = "plus " if text.startswith("+") else ""
    groups = re.findall(r"\d+", text)
    if len(groups) == 1 and len(groups[0]) in (10, 11):
        digits = groups[0]
        groups = [digits[:-10], digits[-10:-7], digits[-7:-4], digits[-4:]]
    read_groups = [" ".join(group) for group in groups if group]
    return plus + ", ".join(read_groups) if read_groups else text


def _cardinal(text: str, _: str) -> str | None:
    plain = text.replace(",", "")
    if re.fullmatch(r"[+-]?\d{1,12}", plain):
        return number(int(plain))
    if found := re.fullmatch(r"([+-]?\d{1,12})\.(\d{1,12})", plain):
        return f"{number(int(found[1]))} point {' '.join(_ONES[int(digit)] for digit in found[2])}"
    return None


def _ordinal(text: str, _: str) -> str | None:
    found = re.fullmatch(r"(\d{1,12})(st|nd|rd|th)?", text.replace(",", "").lower())
    return ordinal(int(found[1])) if found else None


def _fraction(text: str, _: str) -> str | None:
    found = re.fullmatch(r"(?:(\d{1,9})\s*[+ ]\s*)?(\d{1,9})\s*/\s*([1-9]\d{0,8})", text)
    if found is None:
        return None
    top, bottom = int(found[2]), int(found[3])
    half = "half" if top == 1 else "halves"
    words = f"{number(top)} {half if bottom == 2 else ordinal(bottom) + ('' if top == 1 else 's')}"
    return f"{number(int(found[1]))} and {words}" if found[1] else words


def _unit(text: str, _: str) -> str | None:
    found = re.fullmatch(r"([+-]?\d[\d,]{0,14}(?:\.\d{1,12})?)\s*(\D{1,12})", text)
    unit = _UNITS.get(found[2].strip().lower()) if found else None
    if found is None or unit is None:
        return None
    if found[1] == "1":
        unit = _SINGULAR.get(unit, unit.removesuffix("s"))
    return f"{_cardinal(found[1], '')} {unit}"


def _date(text: str, form: str) -> str | None:
    if form == "yyyymmdd" or (not form and re.fullmatch(r"\d{8}|[\d?]{8}", text)):
        parts, order = [text[:4], text[4:6], text[6:8]], _ORDERS["ymd"]
    else:
        parts = re.split(r"[\s./-]+", text)
        guess = "ymd" if len(parts[0]) == 4 else "mdy"
        order = _ORDERS.get(form or guess, _ORDERS["mdy"])
    if len(parts) < len(order):
        return None
    said: dict[str, str] = {}
    for name, part in zip(order, parts, strict=False):
        if set(part) == {"?"}:
            continue
        if not part.isdigit() or len(part) > 4 or not _fits(name, int(part)):
            return None
        said[name] = _part(name, int(part))
    month_and_day = " ".join(said[name] for name in ("m", "d") if name in said)
    return ", ".join(words for words in (month_and_day, said.get("y", "")) if words) or None


def _fits(name: str, value: int) -> bool:
    return 1 <= value <= 12 if name == "m" else 1 <= value <= 31 if name == "d" else True


def _part(name: str, value: int) -> str:
    return _MONTHS[value - 1] if name == "m" else ordinal(value) if name == "d" else year(value)


def _time(text: str, _: str) -> str | None:
    if found := re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([ap])?\.?\s*m?\.?", text.lower()):
        hour, minute = int(found[1]), int(found[2])
        words = number(hour) + (f" {'oh ' if 0 < minute < 10 else ''}{number(minute)}" if minute else "")
        if not minute:
            words += " o'clock" if not found[4] else ""
        seconds = f" and {number(int(found[3]))} seconds" if found[3] else ""
        return words + seconds + (f" {found[4]} m" if found[4] else "")
    if found := re.fullmatch(r"(\d{1,3})'(\d{1,2})\"?", text):
        return f"{number(int(found[1]))} minutes and {number(int(found[2]))} seconds"
    return None


_ENGLISH: dict[str, Callable[[str, str], str | None]] = {
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "fraction": _fraction,
    "unit": _unit,
    "date": _date,
    "time": _time,
    "expletive": lambda text, form: "beep",
}
