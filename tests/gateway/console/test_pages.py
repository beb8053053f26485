"""The console's pages: what they show, to whom, how they page and filter, and that nothing from outside becomes markup."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import aiohttp
import pytest

from gateway.calls.call import Call, Happening
from gateway.console.history import CALLS_A_PAGE
from gateway.console.render import fragment
from gateway.ids import AccountSid, CallSid
from gateway.storage.models import EventRow, NotificationRow
from tests.gateway.console.conftest import Site
from tests.gateway.rows import ACCOUNT, NOON, call_row, recording_row

OTHER = "AC" + "f" * 32
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"


class Reader(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, and where links and forms lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def foreign(self) -> list[str]:
        """Whatever ought not to be in a page of ours."""
        found = [f"{tag} {name}" for tag, attributes in self.elements for name in attributes if name.startswith("on")]
        found += [f"{tag} style" for tag, attributes in self.elements if "style" in attributes]
        found += [
            "script" for one in self.all("script") if not str(one.get("src")).startswith("/console/static/console.js")
        ]
        places = [
            (tag, attributes.get(name)) for tag, attributes in self.elements for name in ("href", "src", "action")
        ]
        return found + [f"{tag} {place}" for tag, place in places if place and not re.match(r"/console|#|\?", place)]


def live(number: int = 1, **changes: Any) -> Call:  # noqa: ANN401 - fields
    values: dict[str, Any] = {
        "direction": "inbound",
        "from_": "sip:alice@x",
        "to": "client:bob",
        "account_sid": ACCOUNT,
    }
    values |= changes
    call = Call(sid=CallSid(f"CA{number:032x}"), **values | {"account_sid": AccountSid(values["account_sid"])})
    call.happened(Happening.RINGING)
    return call


def event(number: int, call_sid: str, **response: object) -> EventRow:
    request: dict[str, object] = {"method": "POST", "url": "http://app/voice", "parameters": {"CallStatus": "ringing"}}
    return EventRow(id=number, call_sid=call_sid, request=request, response=dict(response), created_at=NOON)


def notification(number: int, **changes: Any) -> NotificationRow:  # noqa: ANN401 - columns
    values: dict[str, Any] = {
        "sid": f"NO{number:032x}", "account_sid": ACCOUNT, "call_sid": f"CA{1:032x}", "code": 11200, "log": 0,
        "message": "no answer", "request_url": "", "request_method": "POST", "request_variables": "", "response_headers": "",
        "response_body": "", "created_at": NOON + timedelta(seconds=number),
    }  # fmt: skip
    return NotificationRow(**values | changes)


async def test_empty_pages_say_what_to_do_next(site: Site) -> None:
    for path, words in (
        ("", "Register a phone first"),
        ("/calls", "No calls yet"),
        ("/calls?status=busy", "No call fits"),
        ("/recordings", "Nothing has been recorded"),
        ("/notifications", "Nothing has gone wrong"),
        ("/phones", "How to register a phone"),
    ):
        status, text = await site.get(path)
        assert (status, words in text) == (200, True), path


async def test_live_calls_stand_in_families_with_their_state_and_how_long(site: Site) -> None:
    parent = live()
    child = live(2, parent=parent, direction="outbound-dial", to="+15550177")
    child.happened(Happening.ANSWERED)
    site.calls.update({call.sid: call for call in (child, parent, live(3, account_sid=OTHER))})
    text = (await site.get())[1]
    assert text.index(parent.sid) < text.index(child.sid)
    assert f"CA{3:032x}" not in text
    assert "<title>(2) Live" in text
    assert 'class="chip s-ringing"' in text
    assert f'data-levels="{child.sid}"' in text
    assert f'data-levels="{parent.sid}"' not in text, "only who talks is heard"


@dataclass(frozen=True)
class Telephone:
    contact: str = "sip:alice@127.0.0.1:5080"
    transport: str = "udp"
    remote: tuple[str, int] = ("127.0.0.1", 5080)
    user_agent: str = "baresip"
    expires_at: float = 4e9


async def test_phones_and_trunks_have_their_states_and_are_the_owners(site: Site) -> None:
    site.telephones["alice"] = [Telephone()]
    text = (await site.get("/phones"))[1]
    assert text.count("not registered") == 1
    assert "baresip" in text
    assert "being asked" in text
    site.up["carrier"] = False
    assert "does not answer" in (await site.get("/phones"))[1]
    site.up["carrier"] = True
    assert 'class="chip s-up">up<' in (await site.get("/phones"))[1]


async def test_past_calls_are_paged_without_a_gap_and_filtered(site: Site) -> None:
    rows = [call_row(number, status="busy" if number % 10 == 0 else "completed") for number in range(1, 121)]
    rows.append(call_row(500, from_="client:zoe_100%", created_at=NOON + timedelta(days=2)))
    rows.append(call_row(600, account_sid=OTHER))
    await site.store.save(*rows)
    seen: list[str] = []
    path: str | None = "/calls"
    while path is not None:
        reader = Reader((await site.get(path))[1])
        seen += [str(one["href"])[-34:] for one in reader.all("a") if one.get("class") == "row"]
        older = [str(one["href"]) for one in reader.all("a") if one.get("rel") == "next"]
        path = f"/calls{older[0]}" if older else None
    assert seen == [row.sid for row in [rows[120], *reversed(rows[:120])]]
    assert len(seen) > CALLS_A_PAGE

    async def count(query: str) -> int:
        return (await site.get(f"/calls?{query}"))[1].count('class="row"')

    assert await count("status=busy") == 12
    assert await count("party=zoe_100%25") == 1
    assert await count("party=%25") == 1, "a per cent sign is a per cent sign"
    assert await count("day=2026-11-23") == 1
    assert await count("direction=outbound-api") == 0
    assert await count("status=nonsense&day=yesterday&direction=x&after=CAnothing") == CALLS_A_PAGE


async def test_a_call_has_its_legs_its_webhooks_its_ladder_and_what_went_wrong(site: Site) -> None:
    parent, child = (
        call_row(1, sip_call_id="a", from_="sip:alice@x"),
        call_row(2, parent_sid=f"CA{1:032x}", sip_call_id="b"),
    )
    child.direction, child.to = "outbound-dial", "client:bob"
    await site.store.save(parent, child, recording_row(1), notification(1, call_sid=child.sid))
    document = "<Response><Dial><Client>bob</Client></Dial></Response>"
    site.store.put(event(1, parent.sid, response_code=200, request_duration=7, response_body=document))
    site.trace.add(
        1.0, False, "udp:127.0.0.1:5080", b"INVITE sip:bob@x SIP/2.0\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    site.trace.add(1.5, True, "udp:127.0.0.1:5090", b"INVITE sip:bob@y SIP/2.0\r\nCall-ID: b\r\nCSeq: 1 INVITE\r\n\r\n")
    for sid in (parent.sid, child.sid):
        status, text = await site.get(f"/calls/{sid}")
        assert status == 200
        reader = Reader(text)
        assert {"#message-0", "#message-1"} <= {str(one.get("href")) for one in reader.all("a")}
        assert {"message-0", "message-1"} <= {str(one.get("id")) for one in reader.all("details")}
        for words in (
            "Dial Client bob",
            "11200",
            "INVITE sip:bob@y SIP/2.0",
            ">alice<",
            f"/console/recordings/RE{1:032x}.svg",
        ):
            assert words in text, words
        assert "Hang up" not in text
    assert (await site.get(f"/calls/{parent.sid}.txt"))[1].count("INVITE") == 2
    assert (await site.get(f"/calls/{parent.sid}.svg"))[1].startswith("<svg")


@pytest.mark.parametrize("path", ["/calls/{sid}", "/calls/{sid}.json", "/calls/{sid}.txt", "/calls/{sid}.svg"])
async def test_another_accounts_call_and_an_unknown_one_are_both_not_there(site: Site, path: str) -> None:
    await site.store.save(call_row(1, account_sid=OTHER))
    for sid in (f"CA{1:032x}", f"CA{2:032x}", "CA", "CA" + "x" * 32, "..%2f"):
        assert (await site.get(path.format(sid=sid)))[0] == 404


async def test_another_accounts_call_is_not_hung_up(site: Site) -> None:
    await site.store.save(call_row(1, account_sid=OTHER, status="in-progress"), call_row(2, status="in-progress"))
    token = (await site.get(f"/calls/CA{2:032x}"))[1].split('name="csrf" value="')[1].split('"')[0]
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "the-token")}
    async with aiohttp.ClientSession(headers=headers) as session:
        for sid, status in ((f"CA{1:032x}", 404), (f"CA{3:032x}", 404), (f"CA{2:032x}", 303)):
            path = f"{site.url}/calls/{sid}/hangup"
            async with session.post(path, data={"csrf": token}, allow_redirects=False) as response:
                assert response.status == status
    assert [sid for sid, _ in site.ended] == [f"CA{2:032x}"]


async def test_nothing_from_outside_becomes_markup(site: Site) -> None:
    sid = f"CA{1:032x}"
    row = call_row(
        1, from_=EVIL, to=EVIL, caller_name=EVIL, forwarded_from=EVIL, sip_call_id=EVIL, answered_by=EVIL[:32]
    )
    await site.store.save(row, notification(1, message=EVIL, request_url=EVIL), recording_row(1, source=EVIL[:32]))
    one = event(1, sid, response_code=200, request_duration=1, response_body=EVIL, content_type=EVIL, error_code=EVIL)
    one.request |= {"url": f"javascript:{EVIL}", "method": EVIL, "parameters": {EVIL: EVIL}}
    site.store.put(one)
    document = "<Response><Say>&lt;script&gt;alert(1)&lt;/script&gt;</Say></Response>"
    site.store.put(event(2, sid, response_code=200, request_duration=1, response_body=document))
    message = f"INVITE {EVIL} SIP/2.0\r\nCall-ID: {EVIL}\r\nCSeq: 1 INVITE\r\nUser-Agent: {EVIL}\r\n\r\n{EVIL}\x1b[2J"
    site.trace.add(1.0, False, EVIL, message.encode())
    site.trace.add(2.0, True, EVIL, f"SIP/2.0 486 {EVIL}\r\nCall-ID: {EVIL}\r\nCSeq: 1 INVITE\r\n\r\n".encode())
    site.calls[CallSid(sid)] = live(1, from_=EVIL, to=EVIL)
    site.telephones["alice"] = [Telephone(contact=EVIL, user_agent=EVIL)]
    pages = [
        "",
        "/calls",
        f"/calls?party={EVIL.replace('&', '%26')}",
        f"/calls/{sid}",
        "/recordings",
        "/notifications",
        "/phones",
    ]
    for path in pages:
        status, text = await site.get(path)
        assert status == 200, path
        reader = Reader(text)
        assert reader.foreign() == [], path
        assert not [one for one in reader.all("img") if one.get("src") == "x"]
        assert "49" not in re.findall(r"onerror=alert\(1\)&gt;(\d+)", text)
        assert "\x1b" not in text
    assert "&lt;script&gt;alert(1)" in (await site.get(f"/calls/{sid}"))[1]


async def test_pages_can_be_used_by_keyboard_and_by_ear(site: Site) -> None:
    await site.store.save(call_row(1), recording_row(1))
    site.calls[CallSid(f"CA{1:032x}")] = live(1)
    for path in ("", "/calls", f"/calls/CA{1:032x}", "/recordings", "/notifications", "/phones"):
        reader = Reader((await site.get(path))[1])
        assert reader.all("html")[0]["lang"] == "en"
        assert reader.all("a")[0]["href"] == "#main"
        assert len(reader.all("main")) == len(reader.all("h1")) == 1
        assert reader.all("nav")[0]["aria-label"]
        assert [one for one in reader.all("a") if one.get("aria-current") == "page"]
        assert all(one.get("scope") in ("col", "row") for one in reader.all("th"))
        assert [one for tag, one in reader.elements if one.get("aria-live") == "polite"]
        assert all(one.get("alt") for one in reader.all("img"))
        identities = [one["id"] for _, one in reader.elements if "id" in one]
        assert len(identities) == len(set(identities)), path


async def test_a_recordings_sound_and_picture_come_by_the_visitors_account(site: Site) -> None:
    for suffix in (".wav", ".mp3", ".svg"):
        assert await site.get(f"/recordings/RE{'0' * 32}{suffix}") == (200, f"{ACCOUNT} {suffix}")
    for name in ("RE0.wav", f"RE{'0' * 32}.exe", f"CA{'0' * 32}.wav"):
        assert (await site.get(f"/recordings/{name}"))[0] == 404


async def test_a_storage_that_does_not_answer_is_said_and_the_live_view_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr(site.store, "all", refuse)
    status, text = await site.get("/calls")
    assert status == 503
    assert "The storage does not answer" in text
    site.calls[CallSid(f"CA{1:032x}")] = live(1)
    assert "alice" in (await site.get())[1]


async def test_ten_looks_at_the_same_moment_are_one_rendering(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def counted(name: str, values: Any) -> Any:  # noqa: ANN401 - a template's
        drawn.append(name)
        return fragment(name, values)

    monkeypatch.setattr("gateway.console.pages.fragment", counted)
    site.calls[CallSid(f"CA{1:032x}")] = live(1)
    for _ in range(10):
        await site.get()
    assert len(drawn) == 1
    site.calls.clear()
    await site.get()
    assert len(drawn) == 2
