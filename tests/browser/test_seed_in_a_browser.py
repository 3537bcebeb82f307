"""nobase's two JavaScript samples in a page of another origin, as a front end would use them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.browser.pages import Site, needs_browser, running_site
from tests.support.service import SEND, App, Service, serving
from tests.test_seeds import substituted

pytestmark = needs_browser

SAMPLES = ["post_token.js", "get_account.js"]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_reads_its_answer_in_a_page_of_another_origin(
    name: str, service: Service, site: Site
) -> None:
    app = service.create_app(f"page {name}", tokens="token" in name)

    said = site.run(substituted(name, service, app))

    assert said == ["log 邮件发送结果: 邮件发送成功"]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_reads_a_refusal_as_well(name: str, service: Service, site: Site) -> None:
    app = service.create_app(f"refused {name}", tokens="token" in name)

    said = site.run(substituted(name, service, app).replace(app.signature, "0" * 32))

    assert said == ["error 邮件发送失败: 用户访问被限制:签名校验失败!"]


def test_a_page_that_the_app_does_not_name_cannot_read_the_answer(
    service: Service, site: Site
) -> None:
    app = service.create_app("elsewhere", "--cors-origin", "https://shop.example")

    said = site.run(substituted("post_token.js", service, app))

    assert [line.partition(" TypeError")[0] for line in said] == ["error 请求异常:"]


def test_a_page_cannot_have_the_cookies_sent_along(service: Service, site: Site) -> None:
    app = service.create_app("with cookies")

    said = site.run(_fetch(service, app, credentials="include"))

    assert [line.partition(" TypeError")[0] for line in said] == ["error 请求异常:"]


def test_a_page_may_send_json(service: Service, site: Site) -> None:
    """The type asks for a preflight, which forms do not."""
    app = service.create_app("json")

    said = site.run(_fetch(service, app, type_="application/json"))

    assert said == ["log 邮件发送成功"]


def _fetch(service: Service, app: App, *, credentials: str = "same-origin", type_: str = "") -> str:
    fields = json.dumps(app.mail("测试"))
    body = f"JSON.stringify({fields})" if type_ else f"new URLSearchParams({fields})"
    headers = json.dumps({"Content-Type": type_} if type_ else {})
    return (
        f"fetch({json.dumps(service.url + SEND)}, {{method: 'POST', body: {body},"
        f" headers: {headers}, credentials: '{credentials}'}})"
        ".then(res => res.json()).then(res => console.log(res.data))"
        ".catch(err => console.error('请求异常:', err));"
    )
