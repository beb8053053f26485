"""The signature: the vector of Twilio's documentation, then whatever the genuine library accepts and refuses.

| URL | signed as |
|---|---|
| user:password@, #fragment | without |
| http with a port | with it |
| https with a port | without |
| a form | its parameters by name; repeated values once each, in order |
| a query | as it is in the URL |
"""

from __future__ import annotations

import random
import string

import pytest
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from gateway.webhooks.signature import sign, signed_url

VECTOR = (
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675310"),
    ("Digits", "1234"),
    ("From", "+14158675310"),
    ("To", "+18005551212"),
)


def test_the_vector_of_the_documentation() -> None:
    assert sign("12345", "https://example.com/myapp.php?foo=1&bar=2", VECTOR) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("http://h/p", "http://h/p"),
        ("http://u:p@h:81/p?q=1#rc=2", "http://h:81/p?q=1"),
        ("https://u@h:8443/p", "https://h/p"),
        ("https://[::1]:8443/p", "https://[::1]/p"),
        ("https://[::1]/p", "https://[::1]/p"),
        ("http://h:80/", "http://h:80/"),
        ("wss://h:444/stream", "wss://h/stream"),
    ],
)
def test_what_of_a_url_is_signed(url: str, signed: str) -> None:
    assert signed_url(url) == signed


def test_the_library_accepts_a_thousand_requests_and_none_that_was_changed() -> None:
    pick = random.Random(7)
    letters = string.ascii_letters + string.digits + "+ /?&=%é✓"

    def word() -> str:
        return "".join(pick.choices(letters, k=pick.randint(0, 12)))

    for _ in range(1_000):
        token = word() or "t"
        port = pick.choice(["", ":8080", ":80", ":443"])
        url = f"{pick.choice(['http', 'https'])}://example.com{port}/{pick.randint(0, 99)}?a={pick.randint(0, 9)}"
        params = [(word() or "p", word()) for _ in range(pick.randint(0, 6))]
        params += [(name, word()) for name, _ in params[:2]]
        form = MultiDict(params)
        signature = sign(token, url, params)
        validator = RequestValidator(token)
        assert validator.validate(url, form, signature)
        assert not validator.validate(url + "x", form, signature)
        form.add("p", "more\0")
        assert not validator.validate(url, form, signature)
        assert not RequestValidator(token + "x").validate(url, MultiDict(params), signature)
