"""Registrar: register, refresh, query, remove, limits (RFC 3261 section 10.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message import Request, Response
from sip.registrar import MAX_CONTACTS, Binding, Change, Registrar
from sip.transport import Flow, Hop

FLOW = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 40_000))


def register(
    *contacts: str, expires: str | None = None, cseq: int = 1, call_id: str = "one", user: str = "alice"
) -> Request:
    headers = [
        ("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx"),
        ("From", f"<sip:{user}@example.org>;tag=1"),
        ("To", f"<sip:{user}@example.org>"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} REGISTER"),
        *[("Contact", contact) for contact in contacts],
    ]
    if expires is not None:
        headers.append(("Expires", expires))
    return Request("REGISTER", "sip:example.org", headers)


def answered(registrar: Registrar, request: Request, now: float = 0.0, user: str = "alice") -> Response:
    return registrar.register(request, user, FLOW, now)


def contacts(response: Response) -> list[str]:
    return response.headers.get_all("Contact")


def test_a_binding_is_kept_with_the_flow_it_came_by_and_told_with_what_is_left() -> None:
    registrar = Registrar()
    response = answered(registrar, register("<sip:alice@10.0.0.1>", expires="600"))
    assert response.status == 200
    assert contacts(response) == ["<sip:alice@10.0.0.1>;expires=600"]
    (binding,) = registrar.bindings("Alice", 1)
    assert binding.flow == FLOW
    assert contacts(answered(registrar, register(cseq=2), now=100)) == ["<sip:alice@10.0.0.1>;expires=500"]


def test_the_contact_parameter_wins_over_the_header_and_the_default_over_nothing() -> None:
    registrar = Registrar(default_expires_s=3600)
    response = answered(registrar, register("<sip:a@h1>;expires=120", "<sip:a@h2>", expires="300"))
    assert sorted(contacts(response)) == ["<sip:a@h1>;expires=120", "<sip:a@h2>;expires=300"]
    assert contacts(answered(Registrar(), register("<sip:a@h>"))) == ["<sip:a@h>;expires=3600"]


def test_too_short_is_423_with_what_is_enough_and_too_long_is_cut() -> None:
    response = answered(Registrar(min_expires_s=60), register("<sip:a@h>", expires="30"))
    assert (response.status, response.headers.get("Min-Expires")) == (423, "60")
    assert contacts(answered(Registrar(), register("<sip:a@h>", expires="999999"))) == ["<sip:a@h>;expires=3600"]


def test_expires_0_removes_one_and_the_star_removes_all() -> None:
    registrar = Registrar()
    answered(registrar, register("<sip:a@h1>", "<sip:a@h2>"))
    assert contacts(answered(registrar, register("<sip:a@h1>;expires=0", cseq=2))) == ["<sip:a@h2>;expires=3600"]
    assert contacts(answered(registrar, register("*", expires="0", cseq=3))) == []
    assert registrar.users(0) == []


def test_the_star_needs_expires_0() -> None:
    assert answered(Registrar(), register("*", expires="3600")).status == 400
    assert answered(Registrar(), register("*")).status == 400
    assert answered(Registrar(), register("*", "<sip:a@h>", expires="0")).status == 400


def test_only_ones_own_address_is_to_be_had() -> None:
    assert answered(Registrar(), register("<sip:a@h>", user="bob"), user="alice").status == 403


def test_an_older_request_of_the_same_dialog_changes_nothing() -> None:
    registrar = Registrar()
    answered(registrar, register("<sip:a@h>", cseq=5))
    assert answered(registrar, register("<sip:a@h>;expires=0", cseq=4)).status == 500
    assert len(registrar.bindings("alice", 0)) == 1


def test_at_most_ten_contacts_all_or_nothing() -> None:
    registrar = Registrar()
    assert answered(registrar, register(*[f"<sip:a@h{n}>" for n in range(MAX_CONTACTS)])).status == 200
    assert answered(registrar, register("<sip:a@h1>;expires=0", "<sip:a@x>", "<sip:a@y>", cseq=2)).status == 403
    assert len(registrar.bindings("alice", 0)) == MAX_CONTACTS


def test_the_same_instance_behind_a_new_address_replaces_the_old_one() -> None:
    registrar = Registrar()
    answered(registrar, register('<sip:a@h1>;+sip.instance="<urn:uuid:1>"'))
    answered(registrar, register('<sip:a@h2>;+sip.instance="<urn:uuid:1>"', call_id="two"))
    assert [binding.contact for binding in registrar.bindings("alice", 0)] == ["sip:a@h2"]


def test_an_equal_uri_written_otherwise_is_the_same_contact() -> None:
    registrar = Registrar()
    answered(registrar, register("<sip:a@H1:5070;transport=udp>"))
    answered(registrar, register("<sip:a@h1:5070;Transport=UDP>", cseq=2))
    assert len(registrar.bindings("alice", 0)) == 1


def test_bindings_end_by_themselves_and_the_storage_hears_of_it() -> None:
    changes: list[Change] = []
    registrar = Registrar(on_change=changes.append)
    answered(registrar, register("<sip:a@h>", expires="60"))
    assert registrar.bindings("alice", 61) == []
    assert [len(change.saved) for change in changes] == [1, 0]
    assert [len(change.removed) for change in changes] == [0, 1]


def test_what_a_storage_kept_is_taken_up_but_no_dead_connection() -> None:
    kept = Binding(
        user="alice",
        contact="sip:a@h;transport=tcp",
        call_id="c",
        cseq=1,
        expires_at=100,
        transport="tcp",
        local=("192.0.2.1", 5060),
        remote=("198.51.100.7", 40_000),
        connection=7,
    )
    registrar = Registrar()
    registrar.load([kept], now=50)
    assert [binding.flow.connection for binding in registrar.bindings("alice", 50)] == [0]
    registrar.load([kept], now=101)
    assert registrar.bindings("alice", 101) == []


def test_the_most_wanted_comes_first() -> None:
    registrar = Registrar()
    answered(registrar, register("<sip:a@low>;q=0.2", "<sip:a@high>;q=0.9", "<sip:a@odd>;q=x"))
    assert [b.contact for b in registrar.bindings("alice", 0)] == ["sip:a@odd", "sip:a@high", "sip:a@low"]


def test_a_datagram_telephone_is_called_the_way_it_came_and_no_other() -> None:
    registrar = Registrar()
    answered(registrar, register("<sip:alice@10.0.0.1:5070>"))
    assert [binding.ways for binding in registrar.bindings("alice", 0)] == [(FLOW,)]


@pytest.mark.parametrize(
    ("contact", "connection", "expected"),
    [
        ("sip:a@198.51.100.7:5071;transport=tcp", 3, ["flow", Hop("tcp", "198.51.100.7", 5071)]),
        ("sip:a@198.51.100.7;transport=tcp", 0, [Hop("tcp", "198.51.100.7", 5060)]),
        ("sip:a@10.0.0.1:5071;transport=tcp", 3, ["flow"]),
        ("sip:a@127.0.0.1:5060;transport=tcp", 0, ["flow"]),
        ("sip:a@198.51.100.7:40000;transport=tcp", 0, ["flow"]),
    ],
    ids=["connected", "connection gone", "behind a NAT", "somebody else's address", "the same address"],
)
def test_a_stream_telephone_whose_connection_is_gone_is_called_at_its_contact_if_that_is_itself(
    contact: str, connection: int, expected: list[Hop | str]
) -> None:
    flow = replace(FLOW, transport="tcp", connection=connection)
    registrar = Registrar()
    registrar.register(register(f"<{contact}>"), "alice", flow, 0)
    (binding,) = registrar.bindings("alice", 0)
    assert list(binding.ways) == [flow if way == "flow" else way for way in expected]


def test_removing_everything_asks_for_a_newer_request_too() -> None:
    registrar = Registrar()
    answered(registrar, register("<sip:a@h>", cseq=5))
    assert answered(registrar, register("*", expires="0", cseq=5)).status == 500
    assert len(registrar.bindings("alice", 0)) == 1


def test_a_contact_that_is_no_sip_uri_is_refused() -> None:
    assert answered(Registrar(), register("<tel:+15550100>")).status == 400
    assert answered(Registrar(), register("<sip:a@h>, <mailto:a@h>")).status in (400, 416)


def test_a_malformed_expiry_is_the_default() -> None:
    registrar = Registrar(default_expires_s=1234)
    assert contacts(answered(registrar, register("<sip:a@h>;expires=soon"))) == ["<sip:a@h>;expires=1234"]
    assert contacts(answered(Registrar(), register("<sip:a@h>;expires=99999999999"))) == ["<sip:a@h>;expires=3600"]


def test_a_refused_request_changes_nothing_at_all() -> None:
    changes: list[Change] = []
    registrar = Registrar(on_change=changes.append)
    assert answered(registrar, register("<sip:a@h1>", "<sip:a@h2>;expires=5")).status == 423
    assert (registrar.bindings("alice", 0), changes) == ([], [])


def test_a_telephone_that_moves_takes_its_old_binding_out_of_the_storage() -> None:
    changes: list[Change] = []
    registrar = Registrar(on_change=changes.append)
    answered(registrar, register("<sip:a@h1>"))
    answered(registrar, register('<sip:a@h1>;+sip.instance="<urn:uuid:1>"', cseq=2))
    assert [(b.key, changes[1].saved[0].key) for b in changes[1].removed] == [("sip:a@h1", "urn:uuid:1")]
    assert [binding.key for binding in registrar.bindings("alice", 0)] == ["urn:uuid:1"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["<sip:a@h1>", "<sip:a@h2>;q=0.5", '<sip:a@h3>;+sip.instance="<urn:uuid:1>"', "*", "<sip:"]
            ),
            st.sampled_from([None, "0", "30", "600", "4294967295", "x"]),
            st.integers(1, 5),
            st.integers(0, 400),
        ),
        max_size=30,
    )
)
def test_what_the_storage_heard_is_what_the_registrar_knows(steps: list[tuple[str, str | None, int, int]]) -> None:
    kept: dict[str, Binding] = {}

    def keep(change: Change) -> None:
        for binding in change.removed:
            del kept[binding.key]
        kept.update({binding.key: binding for binding in change.saved})

    registrar, now = Registrar(on_change=keep), 0
    for contact, expires, cseq, passed in steps:
        now += passed
        status = answered(registrar, register(contact, expires=expires, cseq=cseq), now).status
        assert status in (200, 400, 423, 500)
        assert {b.key: b for b in registrar.bindings("alice", now)} == kept
