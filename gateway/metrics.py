"""Figures for Prometheus, in a registry of their own."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gateway.calls.call import Call, Happening
from gateway.storage.workshop import JOBS, Figures


class Metrics:
    """Owns the registry. Counters that the SIP stack and the engine keep themselves are copied at scrape time."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._happened = Counter(
            "crosspoint_calls", "What happened to calls", ["direction", "what"], registry=self.registry
        )
        self._notifications = Counter(
            "crosspoint_notifications", "Warnings and errors by Twilio's code", ["code"], registry=self.registry
        )
        self._webhook_s = Histogram(
            "crosspoint_webhook_seconds", "How long applications take to answer", registry=self.registry
        )
        self._live = Gauge(
            "crosspoint_live_calls", "Calls with a telephone, by status", ["status"], registry=self.registry
        )
        self._sip = Gauge(
            "crosspoint_sip_messages_total",
            "SIP messages that were not served, by reason",
            ["reason"],
            registry=self.registry,
        )
        self._sip_state = Gauge(
            "crosspoint_sip_state", "Transactions and dialogs alive", ["kind"], registry=self.registry
        )
        self._held = Gauge(
            "crosspoint_held",
            "What calls hold: telephones, live calls, rows and ports of the engine, tasks",
            ["kind"],
            registry=self.registry,
        )
        self._engine = Gauge(
            "crosspoint_engine", "The media engine over its last second", ["figure"], registry=self.registry
        )
        self._registered = Gauge("crosspoint_registered_phones", "Users with a telephone", registry=self.registry)
        self._trunks = Gauge(
            "crosspoint_trunk_up",
            "Whether a trunk took our registration or answers OPTIONS",
            ["trunk"],
            registry=self.registry,
        )
        self._recordings = Gauge(
            "crosspoint_recordings",
            "Recordings that run, are being finished, or wait to be kept where they belong",
            ["state"],
            registry=self.registry,
        )
        self._work = Gauge(
            "crosspoint_recording_jobs",
            "Work on recordings (trim, shape: another format, draw), by state since the start",
            ["job", "state"],
            registry=self.registry,
        )
        self._work_share = Gauge(
            "crosspoint_recording_job_progress",
            "How much of what is being worked on is done, 0 to 1",
            ["job"],
            registry=self.registry,
        )
        self._outbox = Gauge("crosspoint_callbacks_waiting", "Callbacks not yet delivered", registry=self.registry)
        for reason in ("malformed", "refused", "not_admitted", "over_limit", "stray_response"):
            self._sip.labels(reason).set(0)

    def call(self, call: Call, what: Happening) -> None:
        self._happened.labels(call.direction, what.value).inc()

    def notification(self, code: int) -> None:
        self._notifications.labels(str(code)).inc()

    def webhook(self, seconds: float) -> None:
        self._webhook_s.observe(seconds)

    def live(self, statuses: Mapping[str, int]) -> None:
        self._live.clear()
        for status, count in statuses.items():
            self._live.labels(status).set(count)

    def sip(self, counters: Mapping[str, int], transactions: int, dialogs: int) -> None:
        for reason, count in counters.items():
            self._sip.labels(reason).set(count)
        self._sip_state.labels("transactions").set(transactions)
        self._sip_state.labels("dialogs").set(dialogs)

    def held(self, *, legs: int, calls: int, rows: int, tasks: int) -> None:
        """What is to be back at its old figure once every call has ended."""
        for kind, count in (("legs", legs), ("calls", calls), ("rows", rows), ("tasks", tasks)):
            self._held.labels(kind).set(count)

    def engine(self, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._engine.labels(name).set(value)

    def house(self, *, registered: int, callbacks: int) -> None:
        self._registered.set(registered)
        self._outbox.set(callbacks)

    def recordings(self, states: Mapping[str, int], work: Figures) -> None:
        for state, count in states.items():
            self._recordings.labels(state).set(count)
        for name in ("waiting", "running", "done", "failed"):
            counts: Mapping[str, int] = getattr(work, name)
            for job in JOBS:
                self._work.labels(job, name).set(counts.get(job, 0))
        for job in JOBS:
            self._work_share.labels(job).set(work.shares.get(job, 1.0))

    def trunks(self, up: Mapping[str, bool]) -> None:
        for name, is_up in up.items():
            self._trunks.labels(name).set(is_up)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
