"""From datagrams to what is heard of each leg: admit, parse, count, buffer, decode, conceal; all legs in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media import rtp
from media.arrived import Arrived, Wire
from media.codecs import g711
from media.conceal import Concealer
from media.events import Event, FirstAudio, WentOver
from media.figures import Figures
from media.jitter import CELL, Jitter
from media.legs import Leg
from media.rtp import Batch
from media.streams import StreamParams

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]
NONE = -1
PERSISTENT = 3
"""Packets of another codec after which the peer has gone over to it, and is not only overtaken by an old one."""
LONGEST = 12
"""Cells of the longest packet taken: 120 ms."""
QUIET = 1e-5
"""Mean square (of samples within -1 to 1) under which a cell may be left out unheard: -50 dBov."""
SPURT = 25
"""Frames without a packet after which a gap is silence rather than loss: 500 ms."""


@dataclass(slots=True, kw_only=True)
class Groups:
    """The receiving rows by how they are decoded, compiled at each change."""

    rows: Rows
    ulaw: Rows
    """Places in `rows`."""
    alaw: Rows
    boxed: list[tuple[int, Leg]]
    """(place in `rows`, leg)."""
    run: slice | None
    """The rows as a slice, where they lie side by side."""


@dataclass(slots=True)
class Inbound:
    """Owns the receiving side of all rows."""

    rows: int
    wire: Wire
    legs: dict[int, Leg]
    figures: Figures
    emit: Callable[[Event], None]
    on_event_packet: Callable[[Leg, bytes, int, bool], None]
    """RFC 4733: leg, payload, RTP timestamp, marker."""
    on_report: Callable[[int, bytes, tuple[str, int]], None]
    on_latched: Callable[[Leg], None]
    jitter: Jitter = field(init=False)
    _audio: NDArray[np.int16] = field(init=False)
    _digits: NDArray[np.int16] = field(init=False)
    _noise: NDArray[np.int16] = field(init=False)
    _rate: NDArray[np.int64] = field(init=False)
    _boxed: Flags = field(init=False)
    _gap: NDArray[np.int64] = field(init=False)
    _seen: NDArray[np.intp] = field(init=False)
    _pausing: Flags = field(init=False)
    """The peer has said by comfort noise that it will be silent (RFC 3389)."""
    _groups: Groups | None = None
    _concealer: Concealer = field(init=False)

    def __post_init__(self) -> None:
        self.jitter = Jitter(self.rows)
        self._audio, self._digits, self._noise = (np.full(self.rows, NONE, dtype=np.int16) for _ in range(3))
        self._rate = np.full(self.rows, 8000, dtype=np.int64)
        self._boxed, self._pausing = (np.zeros(self.rows, dtype=np.bool_) for _ in range(2))
        self._gap = np.full(self.rows, SPURT, dtype=np.int64)
        self._seen = np.zeros(self.rows, dtype=np.intp)
        self._concealer = Concealer(self.rows)

    def open(self, row: int) -> None:
        self.jitter.open(row)
        self.forget(row)

    def connect(self, leg: Leg, params: StreamParams) -> None:
        """Receive a row by what signalling agreed; a stream that merely goes on keeps its buffer."""
        row, before = leg.row, leg.params
        receives = params.direction.receives
        same = before is not None and (
            before.codec,
            before.rate_hz,
            before.payload_type,
            before.direction.receives,
        ) == (
            params.codec,
            params.rate_hz,
            params.payload_type,
            receives,
        )
        self._audio[row] = params.payload_type if receives else NONE
        self._digits[row] = NONE if params.dtmf_payload_type is None else params.dtmf_payload_type
        self._noise[row] = 13 if params.comfort_noise_payload_type is None else params.comfort_noise_payload_type
        self._rate[row] = params.rate_hz
        self._boxed[row] = leg.boxes is not None
        if not same:
            self.jitter.connect(row, params.rate_hz)
            if leg.boxes is not None:
                leg.boxes.clear()
            self._gap[row] = SPURT
        self._groups = None

    def forget(self, row: int) -> None:
        self._audio[row] = self._digits[row] = self._noise[row] = NONE
        self._boxed[row] = self._pausing[row] = False
        self._gap[row] = SPURT
        self._concealer.forget(row)
        self._groups = None

    def skip(self, ticks: int) -> None:
        """Ticks were given up: what they would have played is left out."""
        rows = np.flatnonzero(self._audio != NONE)
        self.jitter.advance(rows, ticks)

    def take(self) -> None:
        """Read what came since the last tick, for the legs that were open then."""
        arrived = self.wire.arrived
        if arrived.rows:
            self._read(arrived)
        for row, data, source in arrived.reports:
            self.on_report(row, data, source)
        arrived.clear()

    def _read(self, arrived: Arrived) -> None:
        count = len(arrived.rows)
        rows = np.array(arrived.rows, dtype=np.intp)
        lengths = np.array(arrived.lengths, dtype=np.intp)
        times = np.array(arrived.times, dtype=np.float64)
        heads = arrived.matrix[:count, : rtp.HEADER].copy()
        refused = self._strangers(arrived) if arrived.strange else []
        muxed = rtp.is_rtcp(heads)
        if refused or muxed.any():
            keep = np.ones(count, dtype=np.bool_)
            keep[refused] = False
            self._muxed(arrived, np.flatnonzero(keep & muxed).tolist())
            keep &= ~muxed
            at = np.flatnonzero(keep)
            heads, rows, lengths, times = heads[keep], rows[keep], lengths[keep], times[keep]
        else:
            at = np.arange(count)
        batch, bad = rtp.parse(arrived.matrix, heads, at, rows, lengths, times)
        if len(bad):
            self.figures.bad(bad)
        for one in self._rounds(batch):
            self._round(arrived.matrix, one)

    def _rounds(self, batch: Batch) -> Iterator[Batch]:
        """Cut a batch so that no leg has two packets in one, in the order of arrival."""
        while len(batch):
            places = np.arange(len(batch))
            self._seen[batch.row[::-1]] = places[::-1]
            first = self._seen[batch.row] == places
            if first.all():
                yield batch
                return
            yield batch.keep(first)
            batch = batch.keep(~first)

    def _strangers(self, arrived: Arrived) -> list[int]:
        """Judge packets that are not from a locked peer; answers those that are refused."""
        refused = []
        for at, source in arrived.strange:
            row = arrived.rows[at]
            leg = self.legs.get(row)
            if leg is None or leg.params is None:
                refused.append(at)
                continue
            head = arrived.matrix[at, :4].tolist()
            if arrived.lengths[at] >= 8 and 192 <= head[1] <= 223:  # RTCP that is muxed: judged where it is read
                if not leg.latch.may_report(source[0]):
                    self.figures.refuse(row)
                    refused.append(at)
                continue
            params = leg.params
            known = (self._audio[row], self._digits[row], self._noise[row], params.payload_type, *params.others)
            if arrived.lengths[at] < rtp.HEADER or head[0] >> 6 != 2 or head[1] & 0x7F not in known:
                self.figures.refuse(row)
                refused.append(at)
                continue
            locked = leg.latch.locked
            leg.latch.heard(float(self.figures.heard_at[row]))
            if not leg.latch.offer(source, head[2] << 8 | head[3], arrived.times[at]):
                self.figures.refuse(row)
                refused.append(at)
            elif leg.latch.locked != locked:
                self.wire.aim(row, leg.latch.locked)
                self.on_latched(leg)
        return refused

    def _muxed(self, arrived: Arrived, places: list[int]) -> None:
        """RTCP that came by RTP's port, of which `_strangers` has taken out what is not the peer's."""
        for place in places:
            row = arrived.rows[place]
            target = self.legs[row].latch.target
            if target is not None:
                self.on_report(row, arrived.matrix[place, : arrived.lengths[place]].tobytes(), target)

    def _round(self, matrix: NDArray[np.uint8], batch: Batch) -> None:
        """Take packets, at most one for a leg."""
        for row in self.figures.take(batch, self._rate[batch.row]):
            leg = self.legs[row]
            host, port = leg.latch.locked or ("", 0)
            self.emit(FirstAudio(slot=leg.slot, address=host, port=port))
        audio = batch.payload_type == self._audio[batch.row]
        if not audio.all():
            self._others(matrix, batch.keep(~audio))
            batch = batch.keep(audio)
        self._pausing[batch.row] = False
        cells = batch.length // CELL
        boxed = self._boxed[batch.row]
        any_boxed = bool(boxed.any())
        if any_boxed:
            for place in np.flatnonzero(boxed).tolist():
                cells[place] = self._length(matrix, batch, place)
        odd = (cells < 1) | (cells > LONGEST)
        if odd.any():
            self.figures.bad(batch.row[odd])
            batch, cells, boxed = batch.keep(~odd), cells[~odd], boxed[~odd]
        if not len(batch):
            return
        places, first = self.jitter.put(batch, cells)
        if any_boxed:
            self._box(matrix, batch, places[boxed[places]], first[boxed[places]], cells)
            places, first = places[~boxed[places]], first[~boxed[places]]
        if len(places):
            self._store(matrix, batch, places, first, cells)

    def _store(
        self, matrix: NDArray[np.uint8], batch: Batch, places: Rows, first: NDArray[np.int64], cells: Rows
    ) -> None:
        """Copy payloads into the ring, all packets of a shape at once; usually there is one shape."""
        shape = cells[places] << 16 | batch.offset[places]
        if (shape == shape[0]).all():
            self.jitter.store(matrix, batch, places, first, int(shape[0]) >> 16)
            return
        for one in np.unique(shape).tolist():
            same = shape == one
            self.jitter.store(matrix, batch, places[same], first[same], one >> 16)

    def _payload(self, matrix: NDArray[np.uint8], batch: Batch, place: int) -> bytes:
        start = int(batch.offset[place])
        return matrix[batch.at[place], start : start + int(batch.length[place])].tobytes()

    def _length(self, matrix: NDArray[np.uint8], batch: Batch, place: int) -> int:
        boxes = self.legs[int(batch.row[place])].boxes
        return boxes.length(self._payload(matrix, batch, place)) if boxes else 0

    def _box(
        self, matrix: NDArray[np.uint8], batch: Batch, places: Rows, first: NDArray[np.int64], cells: Rows
    ) -> None:
        for place, start in zip(places.tolist(), first.tolist(), strict=True):
            row, count = int(batch.row[place]), int(cells[place])
            boxes = self.legs[row].boxes
            if boxes is not None:
                boxes.put(start, count, self._payload(matrix, batch, place))
                self.jitter.mark(np.array([row]), start + np.arange(count)[None, :])

    def _others(self, matrix: NDArray[np.uint8], batch: Batch) -> None:
        """Digits, comfort noise, and payload types that nobody agreed to."""
        for place, (row, kind) in enumerate(zip(batch.row.tolist(), batch.payload_type.tolist(), strict=True)):
            leg = self.legs[row]
            if kind == self._digits[row]:
                payload = self._payload(matrix, batch, place)
                self.on_event_packet(leg, payload, int(batch.timestamp[place]), bool(batch.marker[place]))
            elif kind == self._noise[row]:
                self._pausing[row] = True
                self._concealer.comfort(row, self._payload(matrix, batch, place))
            elif leg.params is not None and kind in leg.params.others:
                leg.strange += 1
                if leg.strange == PERSISTENT and leg.params.direction.receives:
                    self.emit(WentOver(slot=leg.slot, payload_type=kind))
            elif leg.params is None or kind != leg.params.payload_type:  # else audio on hold: let it pass
                self.figures.bad(batch.row[place : place + 1])

    def _compile(self) -> Groups:
        rows = np.flatnonzero(self._audio != NONE)
        names = [self.legs[row].params for row in rows.tolist()]
        codecs = [params.codec if params else "" for params in names]
        boxed = [(place, self.legs[row]) for place, row in enumerate(rows.tolist()) if self.legs[row].boxes is not None]
        run = slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) and rows[-1] - rows[0] + 1 == len(rows) else None
        return Groups(
            rows=rows,
            ulaw=np.array([place for place, name in enumerate(codecs) if name == "PCMU"], dtype=np.intp),
            alaw=np.array([place for place, name in enumerate(codecs) if name == "PCMA"], dtype=np.intp),
            boxed=boxed,
            run=run,
        )

    def frames(self, heard: Floats) -> None:
        """Set the *heard* row of each receiving leg to what is due."""
        groups = self._groups = self._groups or self._compile()
        rows = groups.rows
        if not len(rows):
            return
        due = self.jitter.due(rows, lambda some: _quiet(heard[some]))
        if len(groups.ulaw) == len(rows):
            frames = g711.ulaw_to_float(due.payload)
        elif len(groups.alaw) == len(rows):
            frames = g711.alaw_to_float(due.payload)
        else:
            frames = np.zeros((len(rows), 2 * CELL), dtype=np.float32)
            if len(groups.ulaw):
                frames[groups.ulaw] = g711.ulaw_to_float(due.payload[groups.ulaw])
            if len(groups.alaw):
                frames[groups.alaw] = g711.alaw_to_float(due.payload[groups.alaw])
            for place, leg in groups.boxed:
                if leg.boxes is not None:
                    before = leg.boxes.repaired
                    frames[place], due.missing[place] = leg.boxes.pull(int(due.first[place]))
                    self.figures.concealed[leg.row] += leg.boxes.repaired - before
        self._conceal(rows, frames, due.missing)
        if groups.run is not None:
            heard[groups.run] = frames
        else:
            heard[rows] = frames

    def _conceal(self, rows: Rows, frames: Floats, missing: NDArray[np.bool_]) -> None:
        """Fill what did not come; a long gap is a pause of the sender (DTX) and becomes silence."""
        lost = missing[:, 0] | missing[:, 1]
        gap = self._gap
        if not lost.any():
            gap[rows] = 0
            self._concealer.fill(rows, frames, lost)
            return
        half = np.flatnonzero(missing[:, 0] ^ missing[:, 1])
        kept = frames[half].reshape(len(half), 2, CELL)
        absent = rows[lost]
        gap[rows[~lost]] = 0
        gap[absent] += 1
        self.figures.concealed[absent] += (gap[absent] < SPURT) & ~self._pausing[absent]
        self._concealer.fill(rows, frames, lost)
        filled = frames[half].reshape(len(half), 2, CELL)
        frames[half] = np.where(missing[half][:, :, None], filled, kept).reshape(len(half), 2 * CELL)


def _quiet(frames: Floats) -> Flags:
    quiet: Flags = np.einsum("ij,ij->i", frames, frames) < QUIET * frames.shape[1]
    return quiet
