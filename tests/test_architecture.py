"""The folder is the architecture: who may import whom, where clocks and sockets may be, how long a file may grow."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {"sip": {"sip"}, "media": {"media"}, "gateway": {"gateway", "sip", "media"}}
SEAM = {"gateway/calls/leg.py", "gateway/calls/negotiate.py", "gateway/calls/telephones.py", "gateway/app.py"}
"""The only files that know both sides."""

EDGES = {f"sip/{n}.py" for n in ("endpoint", "client", "handle", "resolve")} | {
    f"media/{n}.py" for n in ("sockets", "driver", "client", "clips", "voicing", "wav", "writer")
}
CLOCKS_AND_SOCKETS = {"asyncio", "socket", "ssl", "time", "threading", "select"}
MAY_CATCH_ALL = {
    "media/driver.py", "sip/endpoint.py", "gateway/twiml/interpreter.py", "gateway/calls/calls.py", "gateway/api/front.py"
}  # fmt: skip
"""The outermost loops: of the tick, of the stack, of a document, of a call and of a request."""

LONGEST_FILE = 400


def sources(*tops: str) -> list[str]:
    return sorted(p.relative_to(ROOT).as_posix() for top in tops for p in (ROOT / top).rglob("*.py"))


def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"), filename=name)


def modules(name: str) -> set[str]:
    """Every module that a file imports, dotted; relative imports are resolved."""
    found: set[str] = set()
    package = name.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            found.add(".".join([*base, *([node.module] if node.module else [])]))
    return found


@pytest.mark.parametrize("name", sources("sip", "media", "gateway"))
def test_a_file_imports_only_what_its_place_allows(name: str) -> None:
    found = {module.split(".")[0] for module in modules(name)}
    top = name.split("/", maxsplit=1)[0]
    assert found & MAY_IMPORT.keys() <= MAY_IMPORT[top]
    if top == "gateway" and name not in SEAM:
        assert not {"sip", "media"} <= found, "only the seam may know both"
    if top != "gateway" and name not in EDGES and "/transport/" not in name:
        assert not found & CLOCKS_AND_SOCKETS, "a core takes `now` and bytes as arguments"


@pytest.mark.parametrize("name", [n for n in sources("gateway/twiml/verbs", "gateway/twiml/nouns") if n])
def test_a_verb_knows_only_twiml(name: str) -> None:
    ours = {module for module in modules(name) if module.split(".")[0] in MAY_IMPORT}
    assert all(module.startswith("gateway.twiml") or module == "gateway.twilio_codes" for module in ours), ours


@pytest.mark.parametrize("name", sources("sip", "media", "gateway", "tests"))
def test_a_file_has_one_job_and_ends_before_line_400(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("name", [n for n in sources("sip", "media", "gateway") if n not in MAY_CATCH_ALL])
def test_only_the_outermost_loops_catch_everything(name: str) -> None:
    def is_catch_all(handler: ast.ExceptHandler) -> bool:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return any(k is None or (isinstance(k, ast.Name) and k.id in {"Exception", "BaseException"}) for k in kinds)

    caught = [n.lineno for n in ast.walk(tree(name)) if isinstance(n, ast.ExceptHandler) and is_catch_all(n)]
    assert not caught, f"catches everything on line {caught}"


def test_the_rule_sees_both_sides_in_the_seam() -> None:
    """The checks above are worth as much as `modules` is, so it must find what is known to be there."""
    assert {"sip", "media"} <= {module.split(".")[0] for module in modules("gateway/calls/leg.py")}
