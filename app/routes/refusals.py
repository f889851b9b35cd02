"""One place turns what went wrong into a sentence: a rule that says no, a missing page, a body too large."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app import i18n
from app.queries.policy import current_policy
from app.routes import problems
from app.routes.guard import security_headers
from app.routes.problems import is_program, sorry
from app.rules.limits import TooManyTries
from app.rules.refusals import RuleBroken, words

_WORDS = {
    400: words("这份表单没能读懂，什么都没有保存。请返回上一页，重新填写再发送。"),
    403: words("您没有打开这一页的权限。"),
    404: words("没有找到这一页。链接可能不完整，请重新扫码或返回。"),
    405: words("这一页不能这样打开。请返回上一页再试。"),
    408: words("内容传得太慢，已经中断，没有保存。请检查网络后再试。"),
    413: words("内容太长了，请缩短后再发送。"),
    422: words("有一项没有填对，请返回检查。"),
    429: words("操作太快了，请稍等一会儿再试。"),
}
_SORRY = words("系统出了点问题，您刚才的内容没有保存成功，请稍后再试。")


def install(app: FastAPI) -> None:
    """Register the handlers: no traceback ever reaches a person."""

    @app.exception_handler(RuleBroken)
    def _refused(request: Request, refusal: RuleBroken) -> Response:
        if is_program(request):
            return problems.refused(refusal)
        return sorry(request, refusal.status, refusal.say(i18n.gettext))

    @app.exception_handler(TooManyTries)
    def _throttled(request: Request, refusal: TooManyTries) -> Response:
        """With the shop's telephone number: whoever cannot wait can call."""
        with app.state.database.reading() as session:
            policy = current_policy(session)
        answer = sorry(request, 429, refusal.say(i18n.gettext), policy=policy)
        answer.headers["retry-after"] = str(refusal.seconds)
        return answer

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        says = problems.SAYS if is_program(request) else {}
        message = i18n.gettext(says.get(error.status_code) or _WORDS.get(error.status_code, _SORRY))
        answer = sorry(request, error.status_code, message)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    def _unreadable(request: Request, error: RequestValidationError) -> Response:
        """A form no page of ours sends, such as a file where words belong."""
        if is_program(request):
            return problems.unreadable(error)
        return sorry(request, 422, i18n.gettext(_WORDS[422]))

    @app.exception_handler(Exception)
    def _broken(request: Request, error: Exception) -> Response:
        # This answer passes none of the guards on its way out.
        answer = sorry(request, 500, i18n.gettext(_SORRY))
        answer.headers.update(security_headers(app.state.settings))
        answer.headers.update({"cache-control": "no-store", "referrer-policy": "same-origin"})
        answer.headers["x-request-id"] = request.scope.get("request_id", "")
        return answer
