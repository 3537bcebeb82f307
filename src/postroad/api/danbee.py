"""The danbee dialect: mail through a predefined sender, answered as that platform maps answers."""

from __future__ import annotations

from typing import Final

from postroad.api.call import LATER_S, Answer, Call, Header, Headers, json_answer
from postroad.api.faults import BadRequest, Fault
from postroad.api.limits import limit_fields, retry_after
from postroad.api.parameters import parameters_of
from postroad.errors import Code
from postroad.operations.danbee import FIELDS, Danbee, DanbeeAnswer, DanbeeCall, SenderName

_KEY = "apikey"
_CAPTURED: Header = (b"x-postroad-captured", b"1")
_LATER = "지금은 처리할 수 없습니다. {seconds}초 후에 다시 시도하세요."

# The platform shows nothing at all on an HTTP failure: every answer has status 200.
FAULTS: Final[dict[Fault, tuple[Code, str]]] = {
    Fault.MALFORMED: (Code.CONFIG, "요청 형식이 올바르지 않습니다."),
    Fault.TOO_MANY: (Code.CONFIG, "입력값이 너무 많습니다."),
    Fault.TOO_LARGE: (Code.CONFIG, "요청 본문이 너무 큽니다."),
    Fault.FAR_TOO_LARGE: (Code.CONFIG, "요청 본문이 너무 큽니다."),
    Fault.TOO_SLOW: (Code.CONFIG, "요청 시간이 초과되었습니다."),
    Fault.METHOD: (Code.CONFIG, "GET과 POST만 사용할 수 있습니다."),
    Fault.GET_SHUT: (Code.CONFIG, "GET은 사용할 수 없습니다. POST로 보내세요."),
    Fault.TOO_OFTEN: (Code.TIMEOUT, "요청이 너무 많습니다. {seconds}초 후에 다시 시도하세요."),
    Fault.BUSY: (Code.TIMEOUT, _LATER),
    Fault.STORAGE: (Code.TIMEOUT, _LATER),
    Fault.STOPPING: (
        Code.IN_DOUBT,
        "서비스가 종료되는 중이라 결과를 알 수 없습니다. 발송 기록을 확인하세요.",
    ),
    Fault.CRASHED: (Code.INTERNAL, "내부 오류가 발생했습니다."),
}


class DanbeeDoor:
    """/api/danbee/… of one predefined sender."""

    def __init__(self, sender: SenderName, operations: Danbee, *, get_door: bool) -> None:
        self._sender = sender
        self._names = (*FIELDS[sender], _KEY)
        self._danbee = operations
        self._get_door = get_door

    async def answer(self, call: Call) -> Answer:
        """Return the answer to a request.

        raises: BadRequest, StorageError.
        """
        if call.method not in {"GET", "POST"}:
            raise BadRequest(Fault.METHOD)
        if call.method == "GET" and not self._get_door:
            raise BadRequest(Fault.GET_SHUT)
        found = await parameters_of(call, self._names)
        values = dict(found.values)
        parameter = values.pop(_KEY, "")
        key = "" if _KEY in found.repeated else parameter
        outcome = await self._danbee.send(
            DanbeeCall(
                sender=self._sender,
                values=values,
                repeated=found.repeated,
                undecodable=found.undecodable,
                key=_bearer(call) or call.only(b"x-api-key").strip() or key,
                ip=call.ip,
            )
        )
        return _envelope(
            outcome.code,
            outcome.message,
            outcome.api_message,
            outcome.message_id,
            is_sent=outcome.is_sent,
            headers=_fields(outcome),
        )

    def refuse(self, fault: Fault, call: Call, seconds: int = LATER_S) -> Answer:  # noqa: ARG002
        """Return what the dialect says to a request that did not get that far."""
        code, template = FAULTS[fault]
        text = template.format(seconds=seconds)
        headers = (retry_after(seconds),) if "{seconds}" in template else ()
        return _envelope(code, text, text, headers=headers)


def _fields(outcome: DanbeeAnswer) -> Headers:
    """Return the header fields that tell what the envelope has no place for."""
    standing = outcome.standing
    fields = limit_fields(standing)
    if standing is not None and standing.is_over:
        fields += (retry_after(standing.seconds),)
    return (_CAPTURED, *fields) if outcome.is_captured else fields


def _bearer(call: Call) -> str:
    scheme, _, key = call.only(b"authorization").strip().partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _envelope(
    code: int,
    message: str,
    api_message: str,
    message_id: str = "",
    *,
    is_sent: bool = False,
    headers: Headers = (),
) -> Answer:
    return json_answer(
        {
            "resultCode": "success" if is_sent else "fail",
            "resultMessage": message,
            "apiResultCode": str(int(code)),
            "apiResultMessage": api_message,
            "apiResultMsgId": message_id,
        },
        headers=headers,
    )
