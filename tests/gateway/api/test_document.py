"""The OpenAPI document of what is served: made from the code, so it names every route and every parameter."""

from __future__ import annotations

import re

from aiohttp import web

from gateway.api.call_forms import CreateCall
from gateway.api.openapi import PATH, document, routes
from tests.gateway.api.conftest import Gateway
from tests.gateway.api.schema import DATA


def paths(gateway: Gateway) -> dict[str, dict[str, dict[str, object]]]:
    found = document(gateway.application, "http://gate.example/")
    assert found["servers"] == [{"url": "http://gate.example"}]
    return dict(found["paths"])


async def test_every_voice_operation_of_twilio_is_served_and_told_of(gateway: Gateway) -> None:
    served = {
        f"{method.upper()} {re.sub(r'{[^}]+}', '{}', path)}"
        for path, methods in paths(gateway).items()
        for method in methods
    }
    wanted = {re.sub(r"{[^}]+}", "{}", operation) for operation in DATA["operations"]}
    assert wanted - served == set()


async def test_it_names_each_parameter_and_its_kind(gateway: Gateway) -> None:
    operation = paths(gateway)["/2010-04-01/Accounts/{account_sid}/Calls.json"]["post"]
    schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]  # type: ignore[index]
    assert set(schema["properties"]) == {field.alias for field in CreateCall.model_fields.values()}
    assert schema["properties"]["Timeout"] == {"type": "integer", "default": 60}
    assert schema["properties"]["Method"] == {"type": "string", "enum": ["GET", "POST"], "default": "POST"}
    assert schema["properties"]["StatusCallbackEvent"] == {"type": "array", "items": {"type": "string"}}
    assert schema["properties"]["Record"] == {"type": "boolean", "default": False}
    for path, methods in paths(gateway).items():
        assert not any("Validation" in path for _ in methods)
        if path.endswith("Applications/{sid}.json"):
            assert {"get", "post", "delete"} <= set(methods)
            assert "requestBody" in methods["post"]


def test_it_is_at_a_path_of_its_own() -> None:
    assert [route.path for route in routes(web.Application(), "")] == [PATH]
