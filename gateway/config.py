"""The one TOML file: a frozen model per table, every fault named by its key, the environment on top."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway.config_checks import cross_checks
from sip.errors import RemoteError
from sip.uri import Uri


class ConfigError(Exception):
    """The file can't be used; `faults` names each by its key."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def _listen(value: str) -> str:
    if not re.fullmatch(r"(udp|tcp|tls|ws|wss)://(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}", value):
        raise ValueError("must look like udp://127.0.0.1:5060 (or tcp, tls)")
    if value.startswith("ws"):
        raise ValueError("ws and wss (RFC 7118) are not served yet: use udp, tcp or tls")
    if int(value.rpartition(":")[2]) > 65_535:
        raise ValueError("the port is above 65535")
    return value


def _host_port(value: str) -> str:
    if value and not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}", value):
        raise ValueError("must look like 127.0.0.1:8080")
    return value


def _network(value: str) -> str:
    ip_network(value, strict=False)
    return value


def _sid(prefix: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(prefix + "[0-9a-fA-F]{32}", value):
            raise ValueError(f"must be {prefix} and 32 hexadecimal digits")
        return value

    return AfterValidator(check)


def _url(value: str) -> str:
    if value and not re.match(r"(https?://[^\s/]+|bin:[^\s]+)", value):
        raise ValueError("must begin with http://, https:// or bin:")
    return value


def _trunk_host(value: str) -> str:
    try:
        uri = Uri.parse(value if value.startswith(("sip:", "sips:")) else f"sip:{value}")
    except RemoteError as fault:
        raise ValueError(
            "must look like 192.0.2.1:5060, sip.example.com or sip:sip.example.com;transport=tcp"
        ) from fault
    if uri.user is not None or uri.headers:
        raise ValueError("names a server, not a user")
    return value


def _recordings(value: str) -> str:
    if "://" in value and not re.fullmatch(r"s3://[A-Za-z0-9][A-Za-z0-9._-]*(/[^\s?#]*)?", value):
        raise ValueError("must be a folder or s3://bucket/prefix")
    return value


def _ports(value: tuple[int, int]) -> tuple[int, int]:
    first, last = value
    if not 1024 <= first < last <= 65_535 or last - first < 3:
        raise ValueError("must be [first, last], above 1023, below 65536 and at least four apart")
    return value


def _address(value: str) -> str:
    if value:
        ip_address(value)
    return value


Url = Annotated[str, AfterValidator(_url)]
Method = Literal["GET", "POST"]
Network = Annotated[str, AfterValidator(_network)]
Listen = Annotated[str, AfterValidator(_listen)]
HostPort = Annotated[str, AfterValidator(_host_port)]
Name = Annotated[str, Field(min_length=1, max_length=121, pattern=r"^[A-Za-z0-9._~+@-]+$")]


class Table(BaseModel):
    """A table of the file. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class SipConfig(Table):
    """`[sip]`: where phones register and trunks call, and what answers calls that phones place."""

    domain: str = Field("127.0.0.1", min_length=1, pattern=r"^[A-Za-z0-9.:\[\]-]+$")
    listen: tuple[Listen, ...] = ("udp://127.0.0.1:5060", "tcp://127.0.0.1:5060")
    voice_url: Url = "http://127.0.0.1:9000/voice"
    voice_method: Method = "POST"
    voice_fallback_url: Url = ""
    status_callback: Url = ""
    certificate: str = ""
    private_key: str = ""
    reject_status: Literal[403, 404, 603] = 404
    """What `<Reject>` answers when the reason is not busy: Twilio says 404, once said 603."""

    session_expires_s: int = Field(1800, ge=90, le=86_400)
    register_min_s: int = Field(60, ge=1)
    register_max_s: int = Field(3600, ge=60)


class RtpConfig(Table):
    """`[rtp]`: what SDP says, and the ports that legs take."""

    address: Annotated[str, AfterValidator(_address)] = Field("127.0.0.1", min_length=1)
    bind: Annotated[str, AfterValidator(_address)] = ""
    ports: Annotated[tuple[int, int], AfterValidator(_ports)] = (20_000, 29_999)
    srtp: Literal["off", "optional", "required"] = "optional"
    silence_s: float = Field(60.0, gt=0)
    hold_silence_s: float = Field(1800.0, gt=0)
    port_rest_s: float = Field(30.0, ge=0)


class HttpConfig(Table):
    """`[http]`: where this gateway serves, and what it may fetch."""

    listen: HostPort = "127.0.0.1:8080"
    tls_listen: HostPort = ""
    certificate: str = ""
    private_key: str = ""
    public_url: Url = "http://127.0.0.1:8080"
    allow_private: tuple[Network, ...] = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    media_auth: bool = False
    """Whether a recording's sound asks for the account's credentials; Twilio's default is that its SID is secret enough."""


class AccountConfig(Table):
    sid: Annotated[str, _sid("AC")]
    auth_token: str = Field(min_length=1)


class StorageConfig(Table):
    database: str = Field("sqlite:///crosspoint.db", pattern=r"^(sqlite|postgresql)://")
    recordings: Annotated[str, AfterValidator(_recordings)] = Field("recordings", min_length=1)
    """A folder, or `s3://bucket/prefix`; credentials come from the environment (`AWS_ACCESS_KEY_ID` …)."""

    spool: str = Field("spool", min_length=1)
    """The folder where recordings are until `s3://` has them, and where they come back to when they are asked for."""

    endpoint: Url = ""
    """An S3-like server of one's own; empty: Amazon's."""

    region: str = ""
    mp3: Literal["on-demand", "after-call"] = "on-demand"
    """When an MP3 is made of a recording."""

    @property
    def is_remote(self) -> bool:
        return self.recordings.startswith("s3://")


class LimitsConfig(Table):
    calls_per_second: float = Field(1.0, gt=0)
    drain_seconds: float = Field(30.0, ge=0)
    max_calls: int = Field(0, ge=0)
    max_call_seconds: float = Field(14_400.0, ge=1, le=86_400)
    """The longest `timeLimit` that a `<Dial>` gets: 4 hours, or up to 24."""

    dial_buffer_seconds: float = Field(5.0, ge=0, le=60)
    """What is added to every `timeout` of a `<Dial>`, as Twilio does; 0: nothing."""

    api_requests_at_once: int = Field(250, ge=0)
    """REST requests of one account that are answered at the same time; further ones get 429. 0: as many as come."""

    own_callers: bool = False
    """Whether calls of the REST API to numbers show only numbers that the account has, its own or validated ones (21210)."""


class PhoneConfig(Table):
    username: Name
    password: str = Field(min_length=1)


class NumberConfig(Table):
    number: str = Field(pattern=r"^\+?[0-9*#]{1,20}$")
    voice_url: Url
    voice_method: Method = "POST"
    voice_fallback_url: Url = ""
    status_callback: Url = ""


class TrunkConfig(Table):
    name: Name
    host: Annotated[str, AfterValidator(_trunk_host)] = Field(min_length=1, pattern=r"^[^\s<>\"]+$")
    allow: tuple[Network, ...] = ()
    username: str = ""
    password: str = ""
    register_: bool = Field(False, alias="register")
    keep_alive_s: int = Field(0, ge=0, le=3600)
    """Seconds between OPTIONS to the trunk, so that an operator sees whether it answers; 0: none are sent."""


class RouteConfig(Table):
    prefix: str = Field(pattern=r"^\+?[0-9*#]*$")
    trunk: str


class ApplicationConfig(Table):
    sid: Annotated[str, _sid("AP")]
    voice_url: Url
    voice_method: Method = "POST"
    voice_fallback_url: Url = ""
    status_callback: Url = ""


class BinConfig(Table):
    name: Name
    twiml: str


class ApiKeyConfig(Table):
    sid: Annotated[str, _sid("SK")]
    secret: str = Field(min_length=1)


class FlowConfig(Table):
    sid: Annotated[str, _sid("FW")]
    file: str


class Config(Table):
    """The whole file. Lists are named as the contract has their tables, in the plural."""

    sip: SipConfig = SipConfig()
    rtp: RtpConfig = RtpConfig()
    http: HttpConfig = HttpConfig()
    account: AccountConfig
    storage: StorageConfig = StorageConfig()
    limits: LimitsConfig = LimitsConfig()
    phones: tuple[PhoneConfig, ...] = Field((), alias="phone")
    numbers: tuple[NumberConfig, ...] = Field((), alias="number")
    trunks: tuple[TrunkConfig, ...] = Field((), alias="trunk")
    routes: tuple[RouteConfig, ...] = Field((), alias="route")
    applications: tuple[ApplicationConfig, ...] = Field((), alias="application")
    bins: tuple[BinConfig, ...] = Field((), alias="bin")
    api_keys: tuple[ApiKeyConfig, ...] = Field((), alias="api_key")
    flows: tuple[FlowConfig, ...] = Field((), alias="flow")


SINGLE = ("sip", "rtp", "http", "account", "storage", "limits")


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read the file, put the environment on top, check everything. Raises `ConfigError` with every fault found.

    Relative paths in the file (recordings, certificates, flows, SQLite) are relative to the working directory.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ConfigError([f"{path}: {fault.strerror or fault}"]) from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError([f"{path}: {fault}"]) from fault
    return parse(data, environ or {})


def parse(data: dict[str, Any], environ: Mapping[str, str]) -> Config:
    """The same from a parsed document. Raises `ConfigError`."""
    faults = list(_overridden(data, environ))
    config: Config | None = None
    try:
        config = Config.model_validate(data)
    except ValidationError as fault:
        faults += [_fault(error) for error in fault.errors(include_url=False, include_input=False)]
    faults += cross_checks(data)
    if faults or config is None:
        raise ConfigError(list(dict.fromkeys(faults)))
    return config


def _overridden(data: dict[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    """`CROSSPOINT_<TABLE>_<KEY>`: JSON where it reads as JSON of the right shape, else the text; lists also by commas."""
    for name, text in environ.items():
        if not name.startswith("CROSSPOINT_"):
            continue
        table, _, key = name.removeprefix("CROSSPOINT_").lower().partition("_")
        if table not in SINGLE or not key:
            continue
        model = Config.model_fields[table].annotation
        fields: Mapping[str, Any] = getattr(model, "model_fields", {})
        if key not in fields:
            yield f"{name}: no such setting"
            continue
        is_list = str(fields[key].annotation).startswith("tuple")
        values = data.setdefault(table, {})
        if isinstance(values, dict):
            values[key] = _value(text, is_list=is_list)


def _value(text: str, *, is_list: bool) -> object:
    if not is_list:
        return text
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [item.strip() for item in text.split(",") if item.strip()]


def _fault(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    key = ""
    for part in error["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if error["type"] == "extra_forbidden":
        return f"{key}: no such setting"
    if error["type"] == "missing":
        return f"{key}: is missing"
    message = error["msg"].removeprefix("Value error, ")
    return f"{key}: {message[:1].lower()}{message[1:]}"
