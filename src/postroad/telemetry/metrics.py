"""Every metric: its name, its labels and what it means, and the registry that holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

OTHER = "other"
_MAX_VALUES = 100  # of one label; what comes then is counted together: each costs memory for ever


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric as the reference shows it.

    kind:    "counter", "gauge" or "histogram".
    labels:  each with what its values are.
    buckets: upper ends, of a histogram.
    """

    name: str
    kind: str
    meaning: str
    labels: Mapping[str, str]
    buckets: tuple[float, ...] = ()


_DOOR = "where it came in: `nobase`, `danbee-naver`, …"
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

MESSAGES = Figure(
    "postroad_messages_total",
    "counter",
    "Attempts that ended, and messages that were captured.",
    {"door": _DOOR, "outcome": "the [word](errors.md) of its code, or `captured`"},
)
REFUSALS = Figure(
    "postroad_refusals_total",
    "counter",
    "Requests that a door refused.",
    {"door": _DOOR, "check": "the check that refused it"},
)
SEND_SECONDS = Figure(
    "postroad_send_seconds",
    "histogram",
    "From the wish to hand a message to its relay to the relay's answer.",
    {},
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
REQUESTS = Figure(
    "postroad_http_requests_total",
    "counter",
    "Requests that were answered.",
    {"route": "the route, such as `/api/mail/send`; `other` for none", "status": "the HTTP status"},
)
REQUEST_SECONDS = Figure(
    "postroad_http_request_seconds",
    "histogram",
    "From a request's first octet to its answer's last.",
    {"route": "as above"},
    _FAST,
)
COMMIT_WRITES = Figure(
    "postroad_commit_writes",
    "histogram",
    "How many writes one transaction of the database held; its count is that of the transactions.",
    {},
    (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0),
)
COMMIT_SECONDS = Figure(
    "postroad_commit_seconds", "histogram", "How long one transaction took.", {}, _FAST
)
RECIPIENTS = Figure(
    "postroad_recipients",
    "gauge",
    "Recipients that have not ended, at this moment.",
    {"state": "`queued`, `sending`, `deferred`, `held`, `in_doubt` or `scheduled`"},
)
LINES_LOST = Figure(
    "postroad_log_lines_lost_total",
    "counter",
    "Lines of the log that could not be written.",
    {},
)

FIGURES = (
    *(MESSAGES, REFUSALS, SEND_SECONDS, RECIPIENTS, REQUESTS, REQUEST_SECONDS),
    *(COMMIT_WRITES, COMMIT_SECONDS, LINES_LOST),
)


class Metrics:
    """The metrics of one service, in a registry of its own."""

    def __init__(self) -> None:
        # They are a second series beside each, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._messages = _Counts(MESSAGES, self._registry)
        self._refusals = _Counts(REFUSALS, self._registry)
        self._requests = _Counts(REQUESTS, self._registry)
        self._request_seconds = _Times(REQUEST_SECONDS, self._registry)
        self._send_seconds = _Times(SEND_SECONDS, self._registry)
        self._commit_writes = _Times(COMMIT_WRITES, self._registry)
        self._commit_seconds = _Times(COMMIT_SECONDS, self._registry)
        self._watched = _Watched()
        self._registry.register(self._watched)
        ProcessCollector(registry=self._registry)

    def message(self, door: str, outcome: str, seconds: float | None = None) -> None:
        """Count the end of an attempt; `seconds` from the wish to send it, if it was sent."""
        self._messages.add(door, outcome)
        if seconds is not None:
            self._send_seconds.add(seconds)

    def refusal(self, door: str, check: str) -> None:
        """Count a request that a door refused."""
        self._refusals.add(door, check)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered; `route` is the pattern, never the caller's path."""
        self._requests.add(route, str(status))
        self._request_seconds.add(seconds, route)

    def commit(self, writes: int, seconds: float) -> None:
        """Count one transaction."""
        self._commit_writes.add(writes)
        self._commit_seconds.add(seconds)

    def recipients(self, by_state: Mapping[str, int] | None) -> None:
        """Note how many have not ended, by state; None when nobody can count them now."""
        self._watched.recipients = by_state

    def watch_lost_lines(self, count: Callable[[], int]) -> None:
        """Ask `count` for the lines of the log that are lost."""
        self._watched.lost_lines = count

    def render(self) -> bytes:
        """Return everything in Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)


class _Counts:
    """A counter whose children are kept at hand."""

    def __init__(self, figure: Figure, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            figure.name, figure.meaning, tuple(figure.labels), registry=registry
        )
        self._known: dict[tuple[str, ...], Counter] = {}

    def add(self, *values: str) -> None:
        child = self._known.get(values)
        if child is None:
            if len(self._known) >= _MAX_VALUES:
                values = (OTHER,) * len(values)
            child = self._known[values] = self._counter.labels(*values)
        child.inc()


class _Times:
    """A histogram with at most one label, its children kept at hand."""

    def __init__(self, figure: Figure, registry: CollectorRegistry) -> None:
        self._histogram = Histogram(
            figure.name,
            figure.meaning,
            tuple(figure.labels),
            registry=registry,
            buckets=figure.buckets,
        )
        self._known: dict[str, Histogram] = {} if figure.labels else {"": self._histogram}

    def add(self, value: float, label: str = "") -> None:
        child = self._known.get(label)
        if child is None:
            label = label if len(self._known) < _MAX_VALUES else OTHER
            child = self._known[label] = self._histogram.labels(label)
        child.observe(value)


class _Watched:
    """What is counted elsewhere and asked for when the metrics are read."""

    def __init__(self) -> None:
        self.recipients: Mapping[str, int] | None = None
        self.lost_lines: Callable[[], int] = int

    def collect(self) -> Iterable[Metric]:
        """Yield each; one that cannot be counted now is left out, and costs no other its place."""
        lost = CounterMetricFamily(LINES_LOST.name, LINES_LOST.meaning)
        lost.add_metric([], self.lost_lines())
        yield lost
        if self.recipients is not None:
            open_ = GaugeMetricFamily(RECIPIENTS.name, RECIPIENTS.meaning, labels=["state"])
            for state, count in self.recipients.items():
                open_.add_metric([state], count)
            yield open_
