"""The tables of what is set up by the REST API: accounts, keys, applications, numbers, caller IDs, SIP domains, lists."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Boolean, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.models import Row, UtcDateTime


class Resource(Row):
    """What all of them have. A row of one of these is never changed: a change is another row in its place."""

    __abstract__ = True
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34), index=True)
    friendly_name: Mapped[str] = mapped_column(String(256), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Voiced(Resource):
    """What answers calls with documents. `more`: what Twilio keeps with it and calls do not ask for (SMS, emergency …)."""

    __abstract__ = True
    voice_url: Mapped[str] = mapped_column(Text, default="")
    voice_method: Mapped[str] = mapped_column(String(8), default="POST")
    voice_fallback_url: Mapped[str] = mapped_column(Text, default="")
    voice_fallback_method: Mapped[str] = mapped_column(String(8), default="POST")
    status_callback: Mapped[str] = mapped_column(Text, default="")
    status_callback_method: Mapped[str] = mapped_column(String(8), default="POST")
    more: Mapped[dict[str, object]] = mapped_column(JSON)


class AccountRow(Resource):
    """`account_sid`: whose subaccount it is; its own for the first one. `status`: active, suspended or closed."""

    __tablename__ = "accounts"
    status: Mapped[str] = mapped_column(String(16), default="active")
    auth_token: Mapped[str] = mapped_column(String(64))


class KeyRow(Resource):
    """An API key."""

    __tablename__ = "keys"
    secret: Mapped[str] = mapped_column(String(64))


class ApplicationRow(Voiced):
    __tablename__ = "applications"


class NumberRow(Voiced):
    """A telephone number of ours. `application_sid` wins over its own URLs."""

    __tablename__ = "numbers"
    number: Mapped[str] = mapped_column(String(32), index=True)
    application_sid: Mapped[str] = mapped_column(String(34), default="")


class CallerIdRow(Resource):
    """A number that is not ours and that calls may show."""

    __tablename__ = "caller_ids"
    number: Mapped[str] = mapped_column(String(32))


class DomainRow(Voiced):
    """A SIP domain that telephones register with and call."""

    __tablename__ = "domains"
    domain_name: Mapped[str] = mapped_column(String(90))
    sip_registration: Mapped[bool] = mapped_column(Boolean, default=False)


class CredentialListRow(Resource):
    __tablename__ = "credential_lists"


class CredentialRow(Resource):
    """A username of a list. The password is kept as it is, for digests of every kind are made from it."""

    __tablename__ = "credentials"
    list_sid: Mapped[str] = mapped_column(String(34), index=True)
    username: Mapped[str] = mapped_column(String(128))
    password: Mapped[str] = mapped_column(String(256))


class AccessListRow(Resource):
    __tablename__ = "access_lists"


class AddressRow(Resource):
    """A network of an access control list."""

    __tablename__ = "addresses"
    list_sid: Mapped[str] = mapped_column(String(34), index=True)
    ip_address: Mapped[str] = mapped_column(String(45))
    prefix_length: Mapped[int] = mapped_column(Integer)


class MappingRow(Row):
    """A list that is in force at a domain. `use`: calls or registrations."""

    __tablename__ = "mappings"
    domain_sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    use: Mapped[str] = mapped_column(String(16), primary_key=True)
    list_sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(34))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


RESOURCES: tuple[type[Resource], ...] = (
    AccountRow,
    KeyRow,
    ApplicationRow,
    NumberRow,
    CallerIdRow,
    DomainRow,
    CredentialListRow,
    CredentialRow,
    AccessListRow,
    AddressRow,
)
