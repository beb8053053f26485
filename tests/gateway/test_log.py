"""Logs: one line an event, what is bound comes along, nothing from outside begins a line of its own."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web import RequestPayloadError

from gateway.log import configure


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json_with_the_call_that_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    with structlog.contextvars.bound_contextvars(call_sid="CA1", call_id="x@y"):
        structlog.get_logger("a").info("call", status="ringing")
    structlog.get_logger("a").info("other")
    first, second = lines(capsys)
    assert (first["event"], first["status"], first["call_sid"], first["call_id"], first["level"]) == (
        "call", "ringing", "CA1", "x@y", "info",
    )  # fmt: skip
    assert first["timestamp"].endswith("Z")
    assert "call_sid" not in second


@pytest.mark.parametrize("as_json", [True, False])
def test_what_a_peer_sends_stays_on_its_line_and_moves_no_cursor(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    configure(json=as_json)
    structlog.get_logger("a").warning("refused", user="eve\r\n2026 fake line\x1b[2J\x00\u202e é")
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "\r" not in text
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert "fake line" in text


def test_an_exception_is_shown_whole_but_without_a_peers_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    try:
        raise ValueError("bad \x1b[31m header")
    except ValueError:
        structlog.get_logger("a").exception("failed")
    (line,) = lines(capsys)
    assert "Traceback" in line["exception"]
    assert "bad \\x1b[31m header" in line["exception"]


def test_a_secret_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    structlog.get_logger("a").info(
        "x", password="hunter2", Authorization="Basic abc", auth_token="t0ken", token="t0ken"
    )
    text = capsys.readouterr().err
    assert "hunter2" not in text
    assert "abc" not in text
    assert "t0ken" not in text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("https://ann:s3cret@app.example/voice?token=s3cret&x=1", "https://…@app.example/voice?…"),
        ("https://ann:p@s3cret@app.example", "https://…@app.example"),
        ("'http://app.example/a?s3cret' (see there)", "'http://app.example/a?…' (see there)"),
        ("'next?token=s3cret' is no URL", "'next?…' is no URL"),
        ("postgresql://db:s3cret@host/crosspoint", "postgresql://…@host/crosspoint"),
        ("<sip:bob:s3cret@pbx.example;transport=tcp?X-Key=s3cret>", "<sip:bob@pbx.example;transport=tcp?…>"),
        ("sips:bob@pbx.example", "sips:bob@pbx.example"),
        ("WSS://k:s3cret@[::1]:8/#x", "WSS://…@[::1]:8/#x"),
        ("what? nothing at all: a@b", "what? nothing at all: a@b"),
    ],
)
def test_addresses_are_shown_without_passwords_and_queries(
    capsys: pytest.CaptureFixture[str], said: str, shown: str
) -> None:
    configure(json=True)
    structlog.get_logger("a").info("x", url=said)
    logging.getLogger("aiohttp.server").warning("%s", said)
    first, second = lines(capsys)
    assert (first["url"], second["event"]) == (shown, shown)


def test_a_long_line_of_addresses_takes_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    began = time.process_time()
    for piece in ("a://", "sip:", "?a=", "@", "a.", "a://b@"):
        structlog.get_logger("a").info("x", url=piece * 20_000 + "?@")
    assert time.process_time() - began < 1.0
    assert len(lines(capsys)) == 6


def test_other_libraries_warnings_come_in_the_same_shape_and_their_chatter_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(json=True)
    logging.getLogger("aiohttp.server").warning("oh %s", "no")
    logging.getLogger("aiohttp.server").info("chatter")
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["level"]) == ("oh no", "aiohttp.server", "warning")


def test_the_level_is_as_asked(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True, level=logging.WARNING)
    structlog.get_logger("a").info("quiet")
    structlog.get_logger("a").warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_a_request_that_is_no_http_is_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    server = logging.getLogger("aiohttp.server")
    for fault in (BadHttpMessage("Invalid header: b'Authorization: Basic c2VjcmV0'"), RequestPayloadError("gzip")):
        server.error("Error handling request from %s", "10.0.0.1", exc_info=fault)
    server.error("ours", exc_info=ValueError("ours"))
    (line,) = lines(capsys)
    assert line["event"] == "ours"
