"""What the commands say of themselves, in Korean, Chinese and English."""

from __future__ import annotations

from typing import Final

from postroad.errors import Phase
from postroad.providers import FromRule, Source, UserForm, Words

# send

ACCEPTED: Final = Words(
    ko="{host} 서버가 메일을 접수했습니다. 받는 사람: {recipients}",
    zh="{host} 已接受邮件，收件人：{recipients}",
    en="Accepted by {host} for {recipients}",
)
AND_MORE: Final = Words(ko="외 {count}명", zh="等，另有 {count} 人", en="and {count} more")
REFUSED: Final = Words(
    ko="거부됨: {email} ({reply})", zh="被拒绝：{email}（{reply}）", en="Refused: {email} ({reply})"
)
NOT_SENT: Final = Words(
    ko="보내지 못했습니다. {error}", zh="未发送。{error}", en="Not sent: {error}"
)
IN_DOUBT: Final = Words(
    ko="접수 여부를 알 수 없습니다. {error}",
    zh="无法确定服务器是否已接受。{error}",
    en="In doubt: {error}",
)
INTERRUPTED: Final = Words(
    ko="중단했습니다. 이미 넘겨준 메일은 서버가 접수했을 수 있습니다.",
    zh="已中断。如果邮件已经交出，服务器可能已经接受。",
    en="Interrupted. If the message was already handed over, the server may have accepted it.",
)
WHERE: Final = Words(
    ko="코드 {code} {word}, 단계 {phase}.",
    zh="代码 {code} {word}，阶段 {phase}。",
    en="Code {code} {word}, at {phase}.",
)
SEE_STEPS: Final = Words(
    ko="설정 방법: postroad presets {name}.",
    zh="设置步骤：postroad presets {name}。",
    en="How to set it up: postroad presets {name}.",
)
SEE_CHECK: Final = Words(
    ko="단계별 점검: postroad check.",
    zh="逐步检查：postroad check。",
    en="Step by step: postroad check.",
)
SEE_TRANSCRIPT: Final = Words(
    ko="서버와의 대화: --transcript.",
    zh="与服务器的对话：--transcript。",
    en="The dialogue: --transcript.",
)

NO_SUBJECT: Final = Words(
    ko="경고: 제목이 없습니다. --subject로 지정하세요.",
    zh="警告：没有主题；请用 --subject 指定。",
    en="Warning: no subject; use --subject.",
)

# check

STEP: Final = Words(ko="단계", zh="步骤", en="Step")
TIME: Final = Words(ko="시간", zh="用时", en="Time")
DETAIL: Final = Words(ko="내용", zh="详情", en="Detail")
STEPS: Final = {
    Phase.CONNECT: Words(ko="연결", zh="连接", en="Connect"),
    Phase.TLS: Words(ko="TLS 암호화", zh="TLS 加密", en="TLS"),
    Phase.EHLO: Words(ko="EHLO 인사", zh="EHLO 问候", en="EHLO"),
    Phase.AUTH: Words(ko="AUTH 로그인", zh="AUTH 登录", en="AUTH"),
    Phase.MAIL: Words(ko="MAIL 보낸이", zh="MAIL 发件人", en="MAIL"),
    Phase.RCPT: Words(ko="RCPT 받는이", zh="RCPT 收件人", en="RCPT"),
}
GREETING: Final = Words(ko="서버 인사말", zh="服务器问候", en="The greeting")
NO_GREETING: Final = Words(
    ko="연결되었으나 서버 인사말이 오지 않음: {error}",
    zh="已连接，但没有收到服务器问候：{error}",
    en="connected, but no greeting came: {error}",
)
CONNECTED_BUT: Final = Words(
    ko="연결은 되었음: {error}", zh="已经连上：{error}", en="connected, but {error}"
)
NOT_REACHED: Final = Words(ko="여기까지 가지 못함", zh="未到达", en="not reached")
SKIPPED: Final = {
    Phase.TLS: Words(
        ko="사용하지 않음 (security none)",
        zh="未使用（security none）",
        en="not used: security none",
    ),
    Phase.AUTH: Words(ko="--username 없음", zh="没有 --username", en="no --username"),
    Phase.MAIL: Words(ko="--from 없음", zh="没有 --from", en="no --from"),
    Phase.RCPT: Words(ko="--from 없음", zh="没有 --from", en="no --from"),
}
CERTIFICATE: Final = Words(
    ko="인증서 발급자 {issuer}, {days}일 뒤 만료 ({date})",
    zh="证书颁发者 {issuer}，{days} 天后到期（{date}）",
    en="certificate issued by {issuer}, expires in {days} days ({date})",
)
EXPIRES_SOON: Final = Words(
    ko="경고: {subject} 서버의 인증서가 {days}일 뒤 만료됩니다 ({date}). "
    "갱신되지 않으면 그 뒤로는 연결할 수 없습니다.",
    zh="警告：{subject} 的证书将在 {days} 天后到期（{date}）。如不更新，此后将无法连接。",
    en="Warning: the certificate of {subject} expires in {days} days ({date}); "
    "unless it is renewed no connection will be possible after that.",
)
ALL_WELL: Final = Words(
    ko="모든 단계가 정상입니다. 메일은 보내지 않았습니다.",
    zh="所有步骤都正常。没有发送邮件。",
    en="Every step went well. Nothing was sent.",
)
STEP_FAILED: Final = Words(
    ko="{step} 단계에서 실패했습니다. 메일은 보내지 않았습니다.",
    zh="「{step}」这一步失败了。没有发送邮件。",
    en="{step} failed. Nothing was sent.",
)

# explain

CAUSE: Final = Words(ko="원인", zh="原因", en="Cause")
REMEDY: Final = Words(ko="조치", zh="办法", en="What to do")
AGAIN: Final = Words(ko="재시도", zh="重试", en="Again")
AGAIN_LATER: Final = Words(
    ko="같은 메일을 나중에 다시 보내면 될 수 있습니다.",
    zh="同一封邮件稍后重发可能成功。",
    en="The same message may be taken later.",
)
AGAIN_NEVER: Final = Words(
    ko="같은 메일을 그대로 다시 보내도 거부됩니다.",
    zh="原样重发同一封邮件仍会被拒绝。",
    en="The same message will be refused again.",
)
AGAIN_NO_NEED: Final = Words(
    ko="필요하지 않습니다.", zh="不需要。", en="Not needed: this is no refusal."
)
KNOWN_FROM: Final = Words(ko="근거", zh="依据", en="Known from")
SOURCES: Final = {
    Source.PROVIDER: Words(
        ko="이 업체의 알려진 응답", zh="该服务商的已知回复", en="the provider's known replies"
    ),
    Source.TEXT: Words(ko="응답의 문구", zh="回复的文字", en="the words of the reply"),
    Source.ENHANCED: Words(
        ko="확장 상태 코드 (RFC 3463)",
        zh="增强状态码（RFC 3463）",
        en="the enhanced status code (RFC 3463)",
    ),
    Source.CODE: Words(ko="응답 코드", zh="回复代码", en="the reply code"),
    Source.REASON: Words(ko="Postroad의 관찰", zh="Postroad 的观察", en="what Postroad saw"),
}

# presets

NAME: Final = Words(ko="이름", zh="名称", en="Name")
TITLE: Final = Words(ko="서비스", zh="服务", en="Provider")
SERVER: Final = Words(ko="서버", zh="服务器", en="Server")
SECURITY: Final = Words(ko="보안", zh="加密", en="Security")
USERNAME: Final = Words(ko="사용자", zh="用户名", en="Username")
PASSWORD: Final = Words(ko="비밀번호", zh="密码", en="Password")
SENDER: Final = Words(ko="보내는 주소", zh="发件地址", en="From")
TOKEN: Final = Words(ko="토큰 범위", zh="令牌范围", en="Token scope")
LIMITS: Final = Words(ko="한도", zh="限额", en="Limits")
SET_UP: Final = Words(ko="설정 방법", zh="设置步骤", en="How to set it up")
REPLIES: Final = Words(ko="알려진 응답", zh="已知回复", en="Known replies")
PASTE: Final = Words(ko="보내 보기", zh="试着发送", en="Send")
PASTE_CHECK: Final = Words(ko="먼저 점검하기", zh="先检查", en="Check first")
MORE: Final = Words(
    ko="자세히: postroad presets 이름 (예: postroad presets naver)",
    zh="详情：postroad presets 名称（例如 postroad presets naver）",
    en="More of one: postroad presets NAME, such as postroad presets naver",
)
SUBJECT: Final = Words(ko="안녕하세요", zh="你好", en="Hello")
TEXT: Final = Words(
    ko="Postroad에서 보냅니다.", zh="来自 Postroad 的邮件。", en="Sent with Postroad."
)

USER_FORMS: Final = {
    UserForm.ID_OR_ADDRESS: Words(ko="ID/주소", zh="ID/地址", en="ID/address"),
    UserForm.ID: Words(ko="ID", zh="ID", en="ID"),
    UserForm.ADDRESS: Words(ko="주소", zh="地址", en="address"),
    UserForm.KEY: Words(ko="키", zh="密钥", en="key"),
    UserForm.LOGIN: Words(ko="로그인 ID", zh="登录名", en="login"),
}
FROM_RULES: Final = {
    FromRule.ACCOUNT: Words(
        ko="로그인한 계정의 주소만", zh="只能是登录账号的地址", en="the account's own address only"
    ),
    FromRule.VERIFIED: Words(
        ko="계정의 주소와 그곳에서 확인된 주소",
        zh="账号的地址和在该服务验证过的地址",
        en="the account's address and others verified there",
    ),
    FromRule.ANY: Words(ko="아무 주소나", zh="任意地址", en="any address"),
}
LIMIT_OF: Final = {
    "recipients_per_message": Words(
        ko="메시지당 받는 사람 {n}명", zh="每封收件人 {n} 个", en="{n} recipients a message"
    ),
    "messages_per_second": Words(ko="초당 {n}통", zh="每秒 {n} 封", en="{n} messages a second"),
    "messages_per_minute": Words(ko="분당 {n}통", zh="每分钟 {n} 封", en="{n} messages a minute"),
    "messages_per_day": Words(ko="하루 {n}통", zh="每天 {n} 封", en="{n} messages a day"),
    "recipients_per_day": Words(
        ko="하루 받는 사람 {n}명", zh="每天收件人 {n} 个", en="{n} recipients a day"
    ),
    "size_octets": Words(
        ko="메시지 크기 {n}옥텟", zh="邮件大小 {n} 字节", en="{n} octets a message"
    ),
}
