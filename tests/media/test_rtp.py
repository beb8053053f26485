"""RTP headers read and written in batches, whatever a stranger sends."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from media import rtp


def parse(*packets: bytes) -> tuple[rtp.Batch, list[int]]:
    matrix = np.zeros((len(packets), 2048), dtype=np.uint8)
    for i, data in enumerate(packets):
        matrix[i, : len(data)] = np.frombuffer(data, dtype=np.uint8)
    lengths = np.array([len(data) for data in packets])
    at, heads = np.arange(len(packets)), matrix[:, : rtp.HEADER].copy()
    batch, bad = rtp.parse(matrix, heads, at, at + 10, lengths, np.zeros(len(packets)))
    return batch, bad.tolist()


def test_a_written_packet_reads_back() -> None:
    batch, bad = parse(rtp.packet(8, 65_535, 0xFFFFFFFF, 0x12345678, b"x" * 160, marker=True))
    assert not bad
    assert (batch.payload_type[0], batch.sequence[0], batch.timestamp[0]) == (8, 65_535, 0xFFFFFFFF)
    assert (batch.ssrc[0], bool(batch.marker[0]), batch.offset[0], batch.length[0]) == (0x12345678, True, 12, 160)


def test_csrcs_extension_and_padding_are_passed_over() -> None:
    head = struct.pack(">BBHII", 0x80 | 0x20 | 0x10 | 2, 0, 1, 2, 3)
    data = head + b"c" * 8 + struct.pack(">HH", 0xBEDE, 1) + b"e" * 4 + b"PAYLOAD" + b"\x00\x00\x03"
    batch, bad = parse(data)
    assert not bad
    assert data[int(batch.offset[0]) :][: int(batch.length[0])] == b"PAYLOAD"


def test_what_is_cut_short_or_of_another_version_is_named_by_its_leg() -> None:
    good = rtp.packet(0, 1, 2, 3, b"x")
    cut_csrc = b"\x8f" + good[1:]
    endless_extension = b"\x90" + good[1:12] + b"\x00\x00\xff\xff"
    too_much_padding = b"\xa0" + good[1:12] + b"\xff"
    batch, bad = parse(good, b"", good[:11], b"\x40" + good[1:], cut_csrc, endless_extension, too_much_padding, good)
    assert bad == [11, 12, 13, 14, 15, 16]
    assert batch.row.tolist() == [10, 17]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_no_datagram_raises_and_no_payload_lies_outside_it(packets: list[bytes]) -> None:
    batch, bad = parse(*packets)
    assert len(batch) + len(bad) == len(packets)
    for at, offset, length in zip(batch.at, batch.offset, batch.length, strict=True):
        assert 12 <= offset <= offset + length <= len(packets[at])


def test_rtcp_on_an_rtp_port_is_told_apart_by_its_type() -> None:
    matrix = np.zeros((4, 16), dtype=np.uint8)
    matrix[:, 1] = [200, 128 | 101, 0, 207]
    assert rtp.is_rtcp(matrix).tolist() == [True, False, False, True]


def test_differences_wrap() -> None:
    assert rtp.wrap32(np.array([1 - 0xFFFFFFFF, 0xFFFFFFFF, 5])).tolist() == [2, -1, 5]
    assert rtp.wrap16(np.array([1 - 65_535, 65_535, 5])).tolist() == [2, -1, 5]
    assert rtp.wrap32_one(0x80000000) == -0x80000000
