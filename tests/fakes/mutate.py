"""Damaged messages: the same ones for the same seed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random

_SPECIAL = b'"<>;,:@=?/\\%[]()*\r\n\t \x00\x7f\x80\xc3\xff'
_NUMBERS = (b"0", b"-1", b"00", b"65536", b"2147483648", b"4294967296", b"9" * 40, b"1e9", b"0x10", b"", b"\xd9\xa3")
_NUMBER = re.compile(rb"\d+")


def _flip(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def _insert(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes(random.choices(_SPECIAL, k=random.randint(1, 4))) + data[at:]


def _replace(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + bytes([random.choice(_SPECIAL)]) + data[at + 1 :]


def _delete(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + data[at + random.randint(1, 12) :]


def _repeat(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data))
    piece = data[at : at + random.randint(1, 40)]
    return data[:at] + piece * random.randint(2, 20) + data[at:]


def _truncate(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def _number(random: Random, data: bytes) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return _insert(random, data)
    chosen = random.choice(found)
    return data[: chosen.start()] + random.choice(_NUMBERS) + data[chosen.end() :]


def _line_repeated(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = random.randrange(len(lines))
    return b"\r\n".join([*lines[:at], lines[at], *lines[at:]])


def _line_lost(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    del lines[random.randrange(len(lines))]
    return b"\r\n".join(lines)


def _lines_swapped(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def _line_folded(random: Random, data: bytes) -> bytes:
    return data.replace(b" ", b"\r\n ", random.randint(1, 6))


def _line_ends_changed(random: Random, data: bytes) -> bytes:
    return data.replace(b"\r\n", random.choice([b"\n", b"\r", b"\r\r\n"]), random.randint(1, 8))


def _value_replaced(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = random.randrange(len(lines))
    name, colon, _ = lines[at].partition(b":")
    lines[at] = name + colon + random.choice([b"", b" ", b" *", b' "', b" <", b" <>", b" ;", b" ,", b" sip:", b" =?"])
    return b"\r\n".join(lines)


def _case_changed(_: Random, data: bytes) -> bytes:
    return data.swapcase()


_DAMAGES: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip,
    _insert,
    _replace,
    _delete,
    _repeat,
    _truncate,
    _number,
    _line_repeated,
    _line_lost,
    _lines_swapped,
    _line_folded,
    _line_ends_changed,
    _value_replaced,
    _case_changed,
)


def mutations(seed: int, messages: Sequence[bytes], count: int) -> Iterator[bytes]:
    """*count* messages, each damaged in one to four ways; now and then the head of one and the tail of another."""
    random = Random(seed)
    for _ in range(count):
        data = random.choice(messages)
        if random.random() < 0.05:
            other = random.choice(messages)
            data = data[: random.randrange(len(data))] + other[random.randrange(len(other)) :]
        for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
            if data:
                data = random.choice(_DAMAGES)(random, data)
        yield data[:60_000]
