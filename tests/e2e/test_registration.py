"""Phones register, stay registered over a restart, and nobody registers in their name."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway
from tests.e2e.raw import RawPeer, authorization
from tests.peers.baresip import Phone
from tests.peers.ports import LOOPBACK

URI = f"sip:{LOOPBACK}"
BIG = "Expires: 600\r\n"


async def challenge(peer: RawPeer, user: str = "alice") -> str:
    peer.send(peer.request("REGISTER", URI, user, headers=BIG))
    answer = await peer.final()
    assert answer is not None
    assert answer[0] == 401
    return answer[1]


async def register(
    peer: RawPeer, credentials: str, *, user: str = "alice", headers: str = BIG, cseq: int = 2
) -> tuple[int, str]:
    peer.send(peer.request("REGISTER", URI, user, headers=headers + credentials, cseq=cseq))
    answer = await peer.final()
    assert answer is not None
    return answer


@pytest.mark.peers("baresip")
async def test_a_restart_forgets_no_phone(gateway: Gateway, tmp_path: Path) -> None:
    application = gateway.application
    application.answers("/number", '<Response><Dial action="/done"><Client>bob</Client></Dial></Response>')
    application.answers("/voice", '<Response><Dial action="/done"><Client>bob</Client></Dial></Response>')
    application.answers("/done", "<Response/>")
    async with (
        Phone("bob", tmp_path / "b", tone=700, proxy=gateway.sip) as bob,
        Phone("alice", tmp_path / "a", tone=440, proxy=gateway.sip) as alice,
    ):
        registered = len(bob.events)
        await gateway.restart()
        await alice.dial("1000")
        await bob.wait_for("CALL_ESTABLISHED")
        assert not any(event.type.startswith("REGISTER") for event in bob.events[registered:]), (
            "bob did not register again"
        )
        await alice.hang_up()
        await bob.wait_for("CALL_CLOSED")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_either_digest_is_offered_and_taken(gateway: Gateway, algorithm: str) -> None:
    async with RawPeer(gateway.sip) as peer:
        offered = await challenge(peer)
        status, text = await register(
            peer, authorization(offered, "REGISTER", URI, "alice", "secret", algorithm=algorithm)
        )
    assert status == 200
    assert re.search(rf"^Contact: .*sip:alice@{LOOPBACK}:{peer.port}", text, re.MULTILINE)


async def test_a_wrong_password_is_refused(gateway: Gateway) -> None:
    async with RawPeer(gateway.sip) as peer:
        offered = await challenge(peer)
        status, _ = await register(peer, authorization(offered, "REGISTER", URI, "alice", "guess"))
    assert status in {401, 403}


async def test_a_replayed_registration_is_refused(gateway: Gateway) -> None:
    """The same octets of an attacker who listened: the nonce count must rise."""
    async with RawPeer(gateway.sip) as peer:
        credentials = authorization(await challenge(peer), "REGISTER", URI, "alice", "secret")
        assert (await register(peer, credentials))[0] == 200
        assert (await register(peer, credentials, cseq=3))[0] in {401, 403}
        async with RawPeer(gateway.sip) as attacker:
            assert (await register(attacker, credentials, cseq=4))[0] in {401, 403}


async def test_nobody_registers_for_somebody_else(gateway: Gateway) -> None:
    """Bob's password opens bob's address of record only."""
    async with RawPeer(gateway.sip) as peer:
        offered = await challenge(peer, "bob")
        status, _ = await register(peer, authorization(offered, "REGISTER", URI, "bob", "secret"), user="alice")
    assert status in {401, 403}


async def test_too_short_an_expiry_is_423_and_zero_removes_the_binding(gateway: Gateway) -> None:
    async with RawPeer(gateway.sip) as peer:
        credentials = authorization(await challenge(peer), "REGISTER", URI, "alice", "secret")
        status, text = await register(peer, credentials, headers="Expires: 1\r\n")
        assert status == 423
        assert "Min-Expires:" in text
        credentials = authorization(await challenge(peer), "REGISTER", URI, "alice", "secret")
        assert (await register(peer, credentials))[0] == 200
        credentials = authorization(await challenge(peer), "REGISTER", URI, "alice", "secret")
        status, text = await register(peer, credentials, headers="Expires: 0\r\n")
    assert status == 200
    assert f"{LOOPBACK}:{peer.port}" not in "".join(re.findall(r"^Contact:.*$", text, re.MULTILINE))


async def test_a_stranger_may_not_call(gateway: Gateway) -> None:
    """From a user that is a phone here: challenged. The trunk's address is allowed, so an unknown number is 404."""
    async with RawPeer(gateway.sip) as peer:
        peer.send(peer.request("INVITE", f"sip:1000@{LOOPBACK}", "alice", call_id=secrets.token_hex(8)))
        answer = await peer.final()
    assert answer is not None
    assert answer[0] == 401
    assert gateway.application.received == []


@pytest.mark.parametrize("gateway", [{"more": '\n[[phone]]\nusername = "dora"\npassword = "d"\n'}], indirect=True)
async def test_an_office_of_fifty_phones_behind_one_address_registers_at_once(gateway: Gateway) -> None:
    """The same user from fifty ports is limited to ten contacts; none of the fifty is shut out by the per-source limit."""
    statuses = []
    for _ in range(50):
        async with RawPeer(gateway.sip) as peer:
            credentials = authorization(await challenge(peer, "dora"), "REGISTER", URI, "dora", "d")
            status, text = await register(peer, credentials, user="dora", headers=BIG)
            statuses.append(status)
    assert set(statuses) <= {200, 403, 503}
    assert statuses[:10] == [200] * 10
    assert text.count(f"sip:dora@{LOOPBACK}") <= 12
