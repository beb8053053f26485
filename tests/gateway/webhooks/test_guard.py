"""Where requests may go: 40 ways to write an address, and a resolver that changes its mind."""

from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.errors import WebhookFault
from gateway.webhooks.client import Fetch, WebhookClient
from gateway.webhooks.guard import Guard
from tests.fakes.twilio_app import TwilioApp

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "fc00::1",
    "fd00::1",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "2001:db8::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_by_default(address: str) -> None:
    assert not Guard(()).permits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert Guard(()).permits(address)


def test_a_network_of_the_configuration_is_permitted_and_no_other() -> None:
    guard = Guard(("10.0.0.0/8", "fd00::/8"))
    assert guard.permits("10.9.9.9")
    assert guard.permits("::ffff:10.9.9.9")
    assert guard.permits("fd12::1")
    assert not guard.permits("192.168.0.1")
    assert not guard.permits("fe80::1")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::]",
        "169.254.169.254",
        "user@127.0.0.1",
        "8.8.8.8@127.0.0.1",
    ],
)
async def test_no_way_to_write_it_reaches_this_machine(app: TwilioApp, host: str) -> None:
    app.answers("/", "<Response/>")
    port = app.url.rpartition(":")[2]
    async with WebhookClient(auth_token="t", guard=Guard(())) as client:
        with pytest.raises(WebhookFault) as caught:
            await client.fetch(Fetch(url=f"http://{host}:{port}/"))
    assert caught.value.code in (11200, 11210, 11100)
    assert not app.asked


class Fickle(AbstractResolver):
    """Says another address each time it is asked: the check must be on the very answer that is used."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.times = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.addresses[min(self.times, len(self.addresses) - 1)]
        self.times += 1
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in address.split()
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_name_that_changes_its_address_after_the_check_gets_nowhere(app: TwilioApp) -> None:
    app.answers("/", "<Response/>")
    port = app.url.rpartition(":")[2]
    resolver = Fickle("127.0.0.1", "127.0.0.1")
    async with WebhookClient(auth_token="t", guard=Guard(()), resolver=resolver) as client:
        with pytest.raises(WebhookFault) as caught:
            await client.fetch(Fetch(url=f"http://rebind.example:{port}/"))
    assert caught.value.code == 11200
    assert not app.asked


async def test_a_name_is_resolved_once_and_connected_to_what_was_checked(app: TwilioApp) -> None:
    """Of a public and a private address only the permitted one is tried: here loopback is permitted, the other is not."""
    app.answers("/", "<Response/>")
    port = app.url.rpartition(":")[2]
    resolver = Fickle("10.0.0.1 127.0.0.1", "10.0.0.1")
    async with WebhookClient(auth_token="t", guard=Guard(("127.0.0.0/8",)), resolver=resolver) as client:
        reply = await client.fetch(Fetch(url=f"http://rebind.example:{port}/"))
    assert reply.body == b"<Response/>"
    assert resolver.times == 1
