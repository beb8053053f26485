"""The constants of an ONNX model, by name: as much of the format as that needs (Protocol Buffers' wire format, onnx.proto3)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# field numbers of ModelProto, GraphProto, NodeProto, AttributeProto and TensorProto
MODEL_GRAPH, GRAPH_NODE, GRAPH_INITIALIZER, NODE_ATTRIBUTE = 7, 1, 5, 5
ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH = 5, 6
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
FLOAT = 1


def branches(model: bytes) -> list[dict[str, Floats]]:
    """The named 32-bit constants of each graph within the model, the outermost first. Raises ValueError for what is no model."""
    found: list[dict[str, Floats]] = []
    for number, value in _fields(model):
        if number == MODEL_GRAPH:
            _graph(_octets(value), found)
    if not found:
        raise ValueError("no ONNX model")
    return found


def _graph(graph: bytes, found: list[dict[str, Floats]]) -> None:
    own: dict[str, Floats] = {}
    found.append(own)
    for number, value in _fields(graph):
        if number == GRAPH_INITIALIZER:
            own.update(_tensor(_octets(value)))
        elif number == GRAPH_NODE:
            for attribute in (_octets(one) for at, one in _fields(_octets(value)) if at == NODE_ATTRIBUTE):
                for at, inner in _fields(attribute):
                    if at == ATTRIBUTE_TENSOR:
                        own.update(_tensor(_octets(inner)))
                    elif at == ATTRIBUTE_GRAPH:
                        _graph(_octets(inner), found)


def _tensor(tensor: bytes) -> dict[str, Floats]:
    dims: list[int] = []
    name, kind, raw = "", 0, b""
    for number, value in _fields(tensor):
        if number == TENSOR_DIMS:
            dims += [value] if isinstance(value, int) else _packed(value)
        elif number == TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == TENSOR_NAME:
            name = _octets(value).decode("utf-8", "replace")
        elif number == TENSOR_RAW:
            raw = _octets(value)
    if kind != FLOAT or not name or len(raw) != 4 * math.prod(dims):
        return {}
    return {name: np.frombuffer(raw, dtype="<f4").reshape(dims)}


def _octets(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a message belongs")
    return value


def _packed(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field, undecoded."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
                continue
            case 1:
                length = 8
            case 2:
                length, at = _varint(data, at)
            case 5:
                length = 4
            case other:
                raise ValueError(f"wire type {other}")
        if at + length > len(data):
            raise ValueError("a field that does not end")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        octet = data[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            break
    raise ValueError("a number that does not end")
