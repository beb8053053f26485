"""Judges JSON by Twilio's public OpenAPI description (its schemas of voice resources, in tests/data/openapi)."""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

DATA = json.loads((Path(__file__).resolve().parents[2] / "data" / "openapi" / "voice.json").read_text(encoding="utf-8"))
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list,
}  # fmt: skip
_NULL_ANYWAY = {"reason_conference_ended"}
"""Not called nullable, though a conference that goes on has not ended."""


def faults(name: str, value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """What is wrong with a resource; every property of the schema must be there, too."""
    return judge(DATA["names"][name], value)


def judge(schema_name: str, value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """The same by the name of the description."""
    schema, name = DATA["schemas"][schema_name], schema_name.rpartition(".")[2]
    if not isinstance(value, dict):
        return [f"{name}: {value!r} is no object"]
    missing = [f"{name}.{key}: is missing" for key in schema["properties"] if key not in value]
    return missing + list(_judge(schema, value, name))


def _judge(schema: dict[str, Any], value: Any, at: str) -> list[str]:  # noqa: ANN401 - JSON
    if "$ref" in schema:
        schema = {"nullable": schema.get("nullable", False)} | DATA["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if value is None:
        is_fine = schema.get("nullable") or "type" not in schema or at.rpartition(".")[2] in _NULL_ANYWAY
        return [] if is_fine else [f"{at}: may not be null"]
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (kind != "boolean" and isinstance(value, bool))):
        return [f"{at}: {value!r} is no {kind}"]
    found: list[str] = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']}")
    if isinstance(value, str):
        found += _judge_text(schema, value, at)
    if isinstance(value, dict):
        for key, part in schema.get("properties", {}).items():
            if key in value:
                found += _judge(part, value[key], f"{at}.{key}")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += _judge(schema["items"], item, f"{at}[{number}]")
    return found


def _judge_text(schema: dict[str, Any], value: str, at: str) -> list[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return [f"{at}: {value!r} is too short or too long"]
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return [f"{at}: {value!r} does not match {schema['pattern']}"]
    if schema.get("format") == "date-time-rfc-2822":
        moment = parsedate_to_datetime(value)
        if (
            not re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000", value)
            or moment.tzinfo is None
        ):
            return [f"{at}: {value!r} is no date of RFC 2822"]
    return []
