"""The same job as a user would write it: FastAPI, a form, `smtplib` in its thread pool.

It keeps nothing, logs nothing and has one app with one token: less than Postroad does.
"""
# FastAPI stands in an environment of its own.
# mypy: ignore-errors

from __future__ import annotations

import hmac
import os
import re
import smtplib
from email.message import EmailMessage
from html import unescape
from typing import Annotated

from fastapi import FastAPI, Form

APPID = os.environ["PEER_APPID"]
SIGNATURE = os.environ["PEER_SIGNATURE"]
TOKEN = os.environ["PEER_TOKEN"]
RELAY = ("127.0.0.1", int(os.environ["PEER_RELAY_PORT"]))
SENDER = "orders@danbee.example"

app = FastAPI()


@app.post("/api/mail/send")
def send(
    appid: Annotated[str, Form()],
    signature: Annotated[str, Form()],
    mail: Annotated[str, Form()],
    title: Annotated[str, Form()],
    content: Annotated[str, Form()],
    token: Annotated[str, Form()],
) -> dict[str, object]:
    if appid != APPID:
        return {"code": 407, "msg": "fail", "data": "应用配置不存在!"}
    if not hmac.compare_digest(signature.encode(), SIGNATURE.encode()):
        return {"code": 402, "msg": "fail", "data": "用户访问被限制:签名校验失败!"}
    if not hmac.compare_digest(token.encode(), TOKEN.encode()):
        return {"code": 401, "msg": "fail", "data": "token无效或已过期!"}
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = mail
    message["Subject"] = title
    message.set_content(unescape(re.sub(r"<[^>]+>", "", content)))
    message.add_alternative(content, subtype="html")
    try:
        with smtplib.SMTP(*RELAY, timeout=9) as smtp:
            smtp.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        return {"code": 405, "msg": "fail", "data": f"邮件发送失败:{error}"}
    return {"code": 200, "msg": "success", "data": "邮件发送成功"}


@app.get("/readyz")
def ready() -> dict[str, str]:
    return {}
