"""What went wrong, as whoever asked can use it: a page for people, `application/problem+json` for programs. Source: RFC
9457."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from app import i18n
from app.routes.rendering import page
from app.rules.idempotency import KeyUsedForOther
from app.rules.refusals import RuleBroken, words

API = "/api/"
MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: words("请求没能读懂"),
    401: words("需要接口密钥"),
    403: words("没有权限"),
    404: words("没有找到"),
    405: words("不能这样请求"),
    408: words("传得太慢"),
    409: words("和已有的记录冲突"),
    413: words("内容太长"),
    422: words("内容不对"),
    429: words("次数太多"),
    500: words("系统出了点问题"),
    503: words("现在太忙"),
}
_CODES = {
    400: "unreadable",
    401: "key_unknown",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    422: "invalid",
    429: "too_many_tries",
    500: "broken",
    503: "busy",
}
_ONCE = words("这个 Idempotency-Key 已经用过，那次的内容不一样。什么都没有做。")
_INVALID = words("有 {count} 处内容不对，什么都没有保存。")
_UNREADABLE = words("内容不是 UTF-8 编码的 JSON，没能读懂，什么都没有保存。")
SAYS: Mapping[int, str] = {
    400: _UNREADABLE,
    404: words("没有这个地址，或没有这条记录。"),
    405: words("这个地址不接受这种请求方法。"),
}
"""What a program is told where a person would be sent back to a page."""
_FAULTS: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", words("缺少这一项。")),
    "extra_forbidden": ("unknown_field", words("没有这个字段。")),
    "string_too_long": ("too_long", words("太长了，最多 {max_length} 个字。")),
    "string_too_short": ("missing", words("这一项不能空着。")),
    "too_long": ("too_long", words("太多了，最多 {max_length} 个。")),
    "too_short": ("missing", words("至少要有 {min_length} 个。")),
    "enum": ("wrong", words("只能是 {expected}。")),
    "int_type": ("wrong", words("要写成整数，不带引号和小数点。")),
    "greater_than_equal": ("wrong", words("太小了，最小是 {ge}。")),
    "less_than_equal": ("wrong", words("太大了，最大是 {le}。")),
}
_WRONG = ("wrong", words("这一项写得不对，请对照接口说明。"))


def is_program(request: Request) -> bool:
    """Whether a program asked, so that nobody will look at a page."""
    return request.url.path.startswith(API)


def sorry(request: Request, status: int, message: str, **context: Any) -> Response:
    """A refusal in one sentence: a page, or for a program a problem. The rest of `context` is the page's."""
    if is_program(request):
        return problem(status, message)
    return page(request, "error.html", status=status, message=message, **context)


def problem(
    status: int, detail: str, *, code: str = "", errors: Sequence[Mapping[str, str]] = (), headers: Any = None
) -> Response:
    """The same words for every way of going wrong. `code` stays what it is; `title` and `detail` are in the caller's
    language."""
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": i18n.gettext(_TITLES.get(status, _TITLES[500])),
        "status": status,
        "code": code or _CODES.get(status, _CODES[500]),
        "detail": detail,
    }
    if errors:
        told["errors"] = list(errors)
    body = json.dumps(told, ensure_ascii=False)
    return Response(body, status, {"Vary": "Accept-Language"} | dict(headers or {}), MEDIA_TYPE)


def refused(refusal: RuleBroken) -> Response:
    """A rule's no. A field's own goes under `errors` as well."""
    detail = i18n.gettext(_ONCE) if isinstance(refusal, KeyUsedForOther) else refusal.say(i18n.gettext)
    errors = [{"field": refusal.field, "code": refusal.code, "detail": detail}] if refusal.field else []
    headers = {"WWW-Authenticate": 'Bearer realm="rouge"'} if refusal.status == 401 else {}
    return problem(refusal.status, detail, code=refusal.code, errors=errors, headers=headers)


def unreadable(error: RequestValidationError) -> Response:
    """A body that is not what the description asks for: every place that is wrong, by its name."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem(400, i18n.gettext(_UNREADABLE))
    errors = [_fault(fault) for fault in faults[:50]]
    return problem(422, i18n.gettext(_INVALID).format(count=len(faults)), errors=errors)


def _fault(fault: Mapping[str, Any]) -> dict[str, str]:
    """One wrong place; never what stood there, which may be a phone."""
    code, message = _FAULTS.get(fault["type"], _WRONG)
    place = ".".join(str(step)[:60] for step in fault["loc"][1:])
    return {"field": place, "code": code, "detail": i18n.gettext(message).format(**fault.get("ctx", {}))}
