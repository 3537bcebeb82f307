"""What the log and the metrics are told of requests: routes, and nothing that stood in a URL."""

from __future__ import annotations

import pytest

from postroad.api.guards import Access
from postroad.telemetry import logs
from postroad.telemetry.metrics import Metrics
from postroad.wiring.http_watch import HttpWatch


@pytest.mark.parametrize(("route", "shown"), [("/api/mail/send", "/api/mail/send"), ("", "other")])
def test_a_request_is_told_by_its_route_and_one_of_no_route_as_other(
    route: str, shown: str
) -> None:
    metrics = Metrics()

    with logs.recorded() as events:
        HttpWatch(metrics).access(Access("GET", route, 404, 0.001, "192.0.2.1"))

    assert [event["route"] for event in events] == [shown]
    assert f'route="{shown}"' in metrics.render().decode()
