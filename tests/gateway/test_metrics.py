"""The figures: what is counted, what is copied at scrape time, and that Prometheus can read it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from gateway.calls.call import Call, Happening
from gateway.ids import AccountSid, new_call_sid
from gateway.metrics import Metrics
from tests.gateway.rows import ACCOUNT


def figures(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """By name and the values of the labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def a_call() -> Call:
    return Call(sid=new_call_sid(), account_sid=AccountSid(ACCOUNT), direction="inbound", from_="a", to="b")


def test_calls_and_notifications_are_counted() -> None:
    metrics = Metrics()
    metrics.call(a_call(), Happening.RINGING)
    metrics.call(a_call(), Happening.RINGING)
    metrics.notification(11200)
    found = figures(metrics)
    assert found["crosspoint_calls_total", ("inbound", "ringing")] == 2
    assert found["crosspoint_notifications_total", ("11200",)] == 1


def test_webhooks_are_a_histogram_of_seconds() -> None:
    metrics = Metrics()
    metrics.webhook(0.2)
    metrics.webhook(20.0)
    found = figures(metrics)
    assert found["crosspoint_webhook_seconds_count", ()] == 2
    assert found["crosspoint_webhook_seconds_bucket", ("0.25",)] == 1


def test_refusals_of_sip_are_there_before_the_first_one_and_are_copied_as_they_stand() -> None:
    metrics = Metrics()
    assert figures(metrics)["crosspoint_sip_messages_total", ("malformed",)] == 0
    metrics.sip({"malformed": 7}, 3, 2)
    metrics.sip({"malformed": 9}, 4, 1)
    found = figures(metrics)
    assert found["crosspoint_sip_messages_total", ("malformed",)] == 9
    assert (found["crosspoint_sip_state", ("transactions",)], found["crosspoint_sip_state", ("dialogs",)]) == (4, 1)


def test_a_status_that_no_call_has_any_more_is_gone() -> None:
    metrics = Metrics()
    metrics.live({"ringing": 2})
    metrics.live({"in-progress": 1})
    found = figures(metrics)
    assert ("crosspoint_live_calls", ("ringing",)) not in found
    assert found["crosspoint_live_calls", ("in-progress",)] == 1


def test_the_engine_and_the_house_are_copied() -> None:
    metrics = Metrics()
    metrics.engine({"late_ticks": 3.0})
    metrics.house(registered=5, callbacks=6)
    found = figures(metrics)
    assert found["crosspoint_engine", ("late_ticks",)] == 3
    assert found["crosspoint_registered_phones", ()] == 5
    assert found["crosspoint_callbacks_waiting", ()] == 6


def test_each_trunk_that_is_watched_is_up_or_down() -> None:
    metrics = Metrics()
    metrics.trunks({"carrier": True, "other": False})
    found = figures(metrics)
    assert (found["crosspoint_trunk_up", ("carrier",)], found["crosspoint_trunk_up", ("other",)]) == (1, 0)
