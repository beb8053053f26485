"""What is served, as an OpenAPI document made from the routes and forms themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from gateway.api.forms import Form
from gateway.api.pages import Json
from gateway.api.render import API_VERSION, PREFIX

PATH = "/openapi.json"
FORM = "application/x-www-form-urlencoded"
_HIDDEN = "/Validation"
_TYPES = {"int": "integer", "bool": "boolean"}


def document(application: web.Application, public_url: str) -> Json:
    """Of an application mounted at the API's prefix; forms are found by `FORMS` on the handlers' resources."""
    paths: dict[str, Json] = {}
    for route in application.router.routes():
        info = route.resource.get_info() if route.resource is not None else {}
        path = str(info.get("formatter") or info.get("path") or "")
        if not path or path.endswith(_HIDDEN) or route.method == "HEAD":
            continue
        full = path if path.startswith(PREFIX) else f"{PREFIX}{path}"
        paths.setdefault(full, {})[route.method.lower()] = _operation(full, route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Crosspoint: Twilio's REST API of voice", "version": API_VERSION},
        "servers": [{"url": public_url.rstrip("/")}],
        "security": [{"basic": []}],
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": {"Error": _ERROR},
        },
        "paths": dict(sorted(paths.items())),
    }


_ERROR: Json = {
    "type": "object",
    "required": ["code", "message", "more_info", "status"],
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "more_info": {"type": "string"},
        "status": {"type": "integer"},
    },
}


def _operation(path: str, route: web.AbstractRoute) -> Json:
    handler: Any = route.handler
    owner = getattr(handler, "__self__", None)
    name = getattr(handler, "__name__", "answer")
    resource = type(owner).__name__
    found: Json = {
        "operationId": f"{name}{resource}_{re.sub(r'[^A-Za-z0-9]+', '_', path).strip('_')}",
        "tags": [resource],
        "parameters": [
            {"name": part, "in": "path", "required": True, "schema": {"type": "string"}}
            for part in re.findall(r"\{(\w+)\}", path)
        ],
        "responses": {**_success(route.method, name), "default": {"description": "a fault, with Twilio's code"}},
    }
    found["responses"]["default"]["content"] = _json({"$ref": "#/components/schemas/Error"})
    form = form_of_handler(owner, name)
    if form is not None:
        found["requestBody"] = {"content": {FORM: {"schema": schema_of(form)}}}
    return found


def _success(method: str, name: str) -> Json:
    if method == "DELETE":
        return {"204": {"description": "it is gone"}}
    status = "201" if method == "POST" and name in ("create", "start", "add") else "200"
    return {status: {"description": "as Twilio describes it", "content": _json({"type": "object"})}}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def form_of_handler(owner: object, name: str) -> type[Form] | None:
    """A resource names its forms: `forms` by handler, or one `form` for what creates and updates."""
    forms = getattr(owner, "forms", None)
    if isinstance(forms, dict):
        return forms.get(name)
    form = getattr(owner, "form", None)
    return form if isinstance(form, type) and issubclass(form, Form) and name in ("create", "update") else None


def schema_of(form: type[Form]) -> Json:
    """Parameters by Twilio's names, with their defaults."""
    properties: dict[str, Json] = {}
    for name, field in form.model_fields.items():
        text = str(field.annotation)
        kind = next((shown for plain, shown in _TYPES.items() if re.search(rf"\b{plain}\b", text)), "string")
        shown: Json = {"type": kind}
        choices = re.search(r"Literal\[([^\]]+)\]", text)
        if choices:
            shown = {"type": "string", "enum": re.findall(r"'([^']*)'", choices[1])}
        if "frozenset" in text:
            shown = {"type": "array", "items": {"type": "string"}}
        if isinstance(field.default, str | int | bool) and field.default != "":
            shown["default"] = field.default
        properties[field.alias or name] = shown
    return {"type": "object", "properties": properties}


def routes(application: web.Application, public_url: str) -> Iterable[web.RouteDef]:
    """Where it is read, without credentials: it says nothing of what is set up here."""
    found = document(application, public_url)

    async def get(_request: web.Request) -> web.Response:
        return web.json_response(found)

    return [web.get(PATH, get)]
