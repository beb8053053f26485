"""The configuration: defaults, the environment on top, every fault by its key and all of them at once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config import SINGLE, Config, ConfigError, load, parse

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = {"sid": "AC" + "0" * 32, "auth_token": "secret"}


def document(**tables: Any) -> dict[str, Any]:  # noqa: ANN401 - what TOML gives
    return {"account": dict(ACCOUNT), **tables}


def faults(data: dict[str, Any], environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(data, environ or {})
    return caught.value.faults


def test_a_document_with_only_an_account_has_the_defaults_of_the_contract() -> None:
    config = parse(document(), {})
    assert config.sip.listen == ("udp://127.0.0.1:5060", "tcp://127.0.0.1:5060")
    assert config.rtp.ports == (20_000, 29_999)
    assert config.http.listen == "127.0.0.1:8080"
    assert config.storage.database == "sqlite:///crosspoint.db"
    assert (config.limits.calls_per_second, config.limits.drain_seconds, config.limits.max_calls) == (1, 30, 0)


def test_the_example_file_names_every_setting_and_its_default() -> None:
    text = (ROOT / "configs" / "gateway.toml").read_text(encoding="utf-8")
    shown = tomllib.loads(text)
    loaded = parse(shown, {})
    plain = parse(document(), {})
    for table in SINGLE:
        model = getattr(plain, table)
        assert set(shown[table]) == set(type(model).model_fields), table
        if table != "account":
            assert getattr(loaded, table) == model


def test_the_examples_in_the_example_file_are_good_and_name_every_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "configs" / "gateway.toml").read_text(encoding="utf-8")
    whole = tomllib.loads(re.sub(r"(?m)^#(?=\S)", "", text))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "menu.json").write_text("{}")
    config = parse(whole, {})
    for name, field in Config.model_fields.items():
        if name not in SINGLE:
            (entry,) = getattr(config, name)
            keys = {part.alias or key for key, part in type(entry).model_fields.items()}
            assert set(whole[str(field.alias)][0]) == keys, name


@pytest.mark.parametrize("name", ["demo.toml", "examples/webhook.toml", "examples/trunk.toml"])
def test_the_shipped_files_are_good(name: str) -> None:
    assert load(ROOT / "configs" / name).account.sid.startswith("AC")


def test_the_environment_wins_and_lists_may_be_json_or_commas() -> None:
    environ = {
        "CROSSPOINT_HTTP_LISTEN": "0.0.0.0:80",
        "CROSSPOINT_SIP_LISTEN": "udp://127.0.0.1:5070, tcp://127.0.0.1:5070",
        "CROSSPOINT_RTP_PORTS": "[30000, 30999]",
        "CROSSPOINT_LIMITS_MAX_CALLS": "7",
        "CROSSPOINT_HTTP_ALLOW_PRIVATE": "",
        "CROSSPOINT_STORAGE_RECORDINGS": "/tapes",
        "PATH": "/bin",
    }
    config = parse(document(http={"listen": "127.0.0.1:1"}), environ)
    assert config.http.listen == "0.0.0.0:80"
    assert config.sip.listen == ("udp://127.0.0.1:5070", "tcp://127.0.0.1:5070")
    assert config.rtp.ports == (30_000, 30_999)
    assert config.limits.max_calls == 7
    assert config.http.allow_private == ()
    assert config.storage.recordings == "/tapes"


def test_a_misspelt_variable_of_a_table_is_a_fault() -> None:
    assert faults(document(), {"CROSSPOINT_HTTP_LISTN": "x"}) == ["CROSSPOINT_HTTP_LISTN: no such setting"]


PHONE = {"username": "alice", "password": "x"}
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown table": ({"rpt": {}}, "rpt: no such setting"),
    "unknown key": ({"rtp": {"prots": [1, 2]}}, "rtp.prots: no such setting"),
    "ports in the wrong order": ({"rtp": {"ports": [30_000, 20_000]}}, "rtp.ports: must be [first, last]"),
    "ports of a wrong kind": ({"rtp": {"ports": ["a", "b"]}}, "rtp.ports[0]: "),
    "address is a name": ({"rtp": {"address": "localhost"}}, "rtp.address: "),
    "listen without scheme": ({"sip": {"listen": ["127.0.0.1:5060"]}}, "sip.listen[0]: must look like"),
    "not served yet": (
        {"sip": {"listen": ["ws://127.0.0.1:5062"]}},
        "sip.listen[0]: ws and wss (RFC 7118) are not served",
    ),
    "port too high": ({"sip": {"listen": ["udp://127.0.0.1:65536"]}}, "sip.listen[0]: the port is above 65535"),
    "srtp": ({"rtp": {"srtp": "maybe"}}, "rtp.srtp: "),
    "account sid": (
        {"account": {"sid": "AC12", "auth_token": "x"}},
        "account.sid: must be AC and 32 hexadecimal digits",
    ),
    "no token": ({"account": {"sid": "AC" + "0" * 32}}, "account.auth_token: is missing"),
    "database": ({"storage": {"database": "mysql://x"}}, "storage.database: "),
    "network": ({"http": {"allow_private": ["10.0.0.0/33"]}}, "http.allow_private[0]: "),
    "second phone's password": (
        {"phone": [PHONE, {"username": "bob"}]},
        "phone[1].password: is missing",
    ),
    "the same phone twice": (
        {"phone": [PHONE, {**PHONE, "username": "Alice"}]},
        "phone[1].username: 'Alice' is there twice",
    ),
    "route to nowhere": (
        {"route": [{"prefix": "+", "trunk": "carrier"}]},
        "route[0].trunk: there is no trunk 'carrier'",
    ),
    "bin that is not there": ({"sip": {"voice_url": "bin:menu"}}, "sip.voice_url: there is no bin 'menu'"),
    "number's bin": ({"number": [{"number": "+1", "voice_url": "bin:x"}]}, "number[0].voice_url: there is no bin 'x'"),
    "no url": ({"number": [{"number": "+1", "voice_url": "ftp://x"}]}, "number[0].voice_url: must begin with"),
    "tls without certificate": ({"sip": {"listen": ["tls://127.0.0.1:5061"]}}, "sip.certificate: is needed for tls://"),
    "https without key": ({"http": {"tls_listen": "127.0.0.1:8443"}}, "http.private_key: is needed for tls_listen"),
    "certificate that is not there": ({"sip": {"certificate": "no/such.pem"}}, "sip.certificate: there is no file"),
    "flow file": ({"flow": [{"sid": "FW" + "0" * 32, "file": "no.json"}]}, "flow[0].file: there is no file 'no.json'"),
    "register without password": (
        {"trunk": [{"name": "a", "host": "h", "register": True, "username": "u"}]},
        "trunk[0].register: needs username and password",
    ),
    "negative rate": ({"limits": {"calls_per_second": 0}}, "limits.calls_per_second: "),
    "table that is a text": ({"http": "x"}, "http: "),
    "array that is a table": ({"phone": {"username": "a"}}, "phone: "),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_named_by_its_key(case: str) -> None:
    tables, expected = CASES[case]
    assert any(fault.startswith(expected) for fault in faults(document() | tables)), faults(document() | tables)


def test_all_faults_are_named_at_once_even_those_between_tables() -> None:
    found = faults(
        {
            "rtp": {"ports": [1, 2], "srtp": "x"},
            "sip": {"listen": ["x"], "voice_url": "bin:gone"},
            "route": [{"prefix": "+", "trunk": "gone"}],
            "phone": [{"username": "a b", "password": ""}],
        }
    )
    keys = {fault.partition(": ")[0] for fault in found}
    assert keys == {
        "rtp.ports", "rtp.srtp", "sip.listen[0]", "sip.voice_url", "route[0].trunk", "phone[0].username", "phone[0].password", "account",
    }  # fmt: skip


@pytest.mark.parametrize(
    "host", ["192.0.2.1:99999", "a b", "sip:me@carrier.example", "tel:+1555", "carrier.example?x=y"]
)
def test_a_trunks_host_is_a_server(host: str) -> None:
    assert [fault.partition(": ")[0] for fault in faults(document(trunk=[{"name": "t", "host": host}]))] == [
        "trunk[0].host"
    ]


@pytest.mark.parametrize(
    "host", ["192.0.2.1:5060", "[2001:db8::1]", "carrier.example", "sips:carrier.example;maddr=192.0.2.1"]
)
def test_a_trunks_host_may_be_a_name_or_a_uri(host: str) -> None:
    assert parse(document(trunk=[{"name": "t", "host": host}]), {}).trunks[0].host == host


def test_no_fault_repeats_a_secret() -> None:
    found = faults(
        document(phone=[{"username": "a b", "password": "hunter2"}], api_key=[{"sid": "x", "secret": "hunter2"}])
    )
    assert "hunter2" not in " ".join(found)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    with pytest.raises(ConfigError, match=r"gateway\.toml: No such file"):
        load(path)
    path.write_text("[sip\n")
    with pytest.raises(ConfigError, match=r"gateway\.toml: "):
        load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"gateway\.toml: "):
        load(path)


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        parse(document(), {}).sip.domain = "x"  # type: ignore[misc]
