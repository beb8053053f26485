"""RTP headers (RFC 3550 section 5.1) of a whole batch at once: parse, build; and one at a time for the odd ones."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEADER = 12
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


@dataclass(slots=True, kw_only=True)
class Batch:
    """The well-formed RTP packets of a batch, as parallel arrays; `at` is each one's row in the byte matrix."""

    at: NDArray[np.intp]
    row: NDArray[np.intp]
    payload_type: Bytes
    marker: NDArray[np.bool_]
    sequence: Ints
    timestamp: Ints
    ssrc: Ints
    offset: NDArray[np.intp]
    """First octet of the payload."""
    length: NDArray[np.intp]
    """Octets of payload."""
    arrival: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at)

    def keep(self, mask: NDArray[np.bool_]) -> Batch:
        return Batch(**{name: getattr(self, name)[mask] for name in self.__slots__})


def parse(
    matrix: Bytes,
    head: Bytes,
    at: NDArray[np.intp],
    row: NDArray[np.intp],
    length: NDArray[np.intp],
    arrival: NDArray[np.float64],
) -> tuple[Batch, NDArray[np.intp]]:
    """Read the headers *head* of the datagrams in rows *at* of *matrix*; answers the batch and the legs' rows of malformed ones."""
    first = head[:, 0]
    words = head.view(">u4")
    offset = np.full(len(at), HEADER, dtype=np.intp)
    payload = length - HEADER
    good = payload >= 0
    odd = first != 0x80
    if odd.any():
        good &= (first >> 6) == 2  # version
        for i in np.flatnonzero(odd & good).tolist():
            shape = _odd(matrix[at[i], : length[i]])
            good[i] = shape is not None
            if shape is not None:
                offset[i], payload[i] = shape
    batch = Batch(
        at=at,
        row=row,
        payload_type=head[:, 1] & np.uint8(0x7F),
        marker=head[:, 1] >= 0x80,
        sequence=head.view(">u2")[:, 1].astype(np.int64),
        timestamp=words[:, 1].astype(np.int64),
        ssrc=words[:, 2].astype(np.int64),
        offset=offset,
        length=payload,
        arrival=arrival,
    )
    if good.all():
        return batch, row[:0]
    return batch.keep(good), row[~good]


def _odd(packet: Bytes) -> tuple[int, int] | None:
    """Where the payload of a packet with CSRCs, an extension or padding lies: (offset, length)."""
    size, first = len(packet), int(packet[0])
    offset = HEADER + 4 * (first & 0x0F)
    if first & 0x10:  # extension, RFC 3550 section 5.3.1
        if size < offset + 4:
            return None
        offset += 4 + 4 * (int(packet[offset + 2]) << 8 | int(packet[offset + 3]))
    padding = int(packet[-1]) if first & 0x20 and size else 0
    if first & 0x20 and padding == 0:
        return None
    length = size - offset - padding
    return (offset, length) if length >= 0 else None


def is_rtcp(head: Bytes) -> NDArray[np.bool_]:
    """Which datagrams of an RTP port are RTCP in truth: payload types 64 to 95 are not RTP's (RFC 5761 section 4)."""
    kind: Bytes = head[:, 1]
    return (kind >= 192) & (kind <= 223)


def header(payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int) -> bytes:
    return struct.pack(">BBHII", 0x80, payload_type | marker << 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)


def packet(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, *, marker: bool = False
) -> bytes:
    """One whole packet."""
    return header(payload_type, marker, sequence, timestamp, ssrc) + payload


def wrap32(difference: Ints) -> Ints:
    """The signed distance that a 32-bit difference stands for."""
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def wrap32_one(difference: int) -> int:
    """The same of one number."""
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def wrap16(difference: Ints) -> Ints:
    return ((difference + 0x8000) & 0xFFFF) - 0x8000
