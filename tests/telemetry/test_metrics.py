"""The metrics and their text."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from postroad.telemetry.metrics import FIGURES, Figure, Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = metrics.render().decode("utf-8")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[name, frozenset(labels.items())]


def test_messages_are_counted_by_door_and_outcome(metrics: Metrics) -> None:
    metrics.message("nobase", "ok", 0.02)
    metrics.message("nobase", "ok", 0.2)
    metrics.message("nobase", "captured")

    total = "postroad_messages_total"
    assert value(metrics, total, door="nobase", outcome="ok") == 2
    assert value(metrics, total, door="nobase", outcome="captured") == 1
    assert value(metrics, "postroad_send_seconds_count") == 2
    assert value(metrics, "postroad_send_seconds_bucket", le="0.1") == 1


def test_requests_are_counted_by_route_and_status(metrics: Metrics) -> None:
    metrics.request("/api/mail/send", 200, 0.003)
    metrics.refusal("nobase", "signature")

    route = "/api/mail/send"
    assert value(metrics, "postroad_http_requests_total", route=route, status="200") == 1
    assert value(metrics, "postroad_http_request_seconds_count", route=route) == 1
    assert value(metrics, "postroad_refusals_total", door="nobase", check="signature") == 1


def test_commits_are_counted_with_their_writes(metrics: Metrics) -> None:
    metrics.commit(3, 0.002)
    metrics.commit(64, 0.02)

    assert value(metrics, "postroad_commit_writes_count") == 2
    assert value(metrics, "postroad_commit_writes_sum") == 67
    assert value(metrics, "postroad_commit_seconds_count") == 2


def test_open_recipients_are_as_they_were_noted_last(metrics: Metrics) -> None:
    metrics.recipients({"queued": 2})
    metrics.recipients({"queued": 5})

    assert value(metrics, "postroad_recipients", state="queued") == 5


def test_lost_lines_are_asked_for_at_every_look(metrics: Metrics) -> None:
    lost = [3]
    metrics.watch_lost_lines(lambda: lost[0])
    first = value(metrics, "postroad_log_lines_lost_total")
    lost[0] = 4

    assert first == 3
    assert value(metrics, "postroad_log_lines_lost_total") == 4


def test_a_broken_database_hides_no_other_figure(metrics: Metrics) -> None:
    metrics.recipients(None)
    metrics.message("nobase", "ok")

    names = {name for name, _ in samples(metrics)}
    assert "postroad_recipients" not in names
    assert {"postroad_messages_total", "postroad_log_lines_lost_total"} <= names


def test_a_label_with_ever_new_values_costs_no_memory(metrics: Metrics) -> None:
    for number in range(1_000):
        metrics.request(f"/{number}", 404, 0.001)

    found = samples(metrics)
    routes = {dict(labels)["route"] for name, labels in found if name.endswith("requests_total")}
    assert len(routes) == 101
    assert value(metrics, "postroad_http_requests_total", route="other", status="other") == 900


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: str(figure.name))
def test_every_figure_is_there_as_it_is_described(figure: Figure, metrics: Metrics) -> None:
    metrics.recipients({"queued": 1})

    text = metrics.render().decode("utf-8")

    assert f"# HELP {figure.name} {figure.meaning}\n" in text
    assert f"# TYPE {figure.name} {figure.kind}\n" in text


def test_nothing_of_ours_is_there_that_is_not_described(metrics: Metrics) -> None:
    metrics.recipients({"queued": 1})

    lines = metrics.render().decode("utf-8").splitlines()

    types = {tuple(line.split()[2:]) for line in lines if line.startswith("# TYPE postroad")}
    assert types == {(figure.name, figure.kind) for figure in FIGURES}


def test_no_label_is_an_app_or_a_person() -> None:
    labels = {label for figure in FIGURES for label in figure.labels}

    assert labels == {"door", "outcome", "check", "state", "route", "status"}


def test_two_services_do_not_share_their_figures() -> None:
    one, other = Metrics(), Metrics()

    one.message("nobase", "ok")

    assert ("postroad_messages_total", frozenset()) not in samples(other)
    assert not [name for name, labels in samples(other) if dict(labels).get("door")]
