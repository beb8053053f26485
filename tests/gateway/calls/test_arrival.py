"""Who is calling, as a carrier attests it: StirVerstat of twiml.md section 3."""

from __future__ import annotations

import pytest

from gateway.calls.arrival import attestation


@pytest.mark.parametrize(
    ("identities", "found"),
    [
        (["<sip:+15550100;verstat=TN-Validation-Passed@carrier.example;user=phone>"], "TN-Validation-Passed"),
        (["<tel:+15550100;verstat=TN-Validation-Passed-A>"], "TN-Validation-Passed-A"),
        (["<sip:+1@x>", "<sip:+1;verstat=TN-Validation-Failed-C-Diverted@x>"], "TN-Validation-Failed-C-Diverted"),
        (["<sip:+1;verstat=No-TN-Validation@x>"], "No-TN-Validation"),
        (["<sip:+1;verstat=TN-Validation-Passed%0d%0aX@x>"], ""),
        (["<sip:+1;verstat=Trust-Me@x>"], ""),
        (['"verstat=TN-Validation-Passed" <sip:+1@x>'], ""),
        ([], ""),
    ],
)
def test_only_what_twilio_knows_is_taken_from_an_identity(identities: list[str], found: str) -> None:
    assert attestation(identities) == found
