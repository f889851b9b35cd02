"""Signing in and out of the back office. The cookie holds a random id and nothing else; the session lives in the
database, so that ending it there ends it everywhere."""

from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import anyio.to_thread
from sqladmin.authentication import AuthenticationBackend
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.limits import give_back_tries
from app.actions.sign_ins import Counted, check_sign_in, count_sign_in
from app.actions.staff import sign_in, sign_out
from app.admin_base.asking import asking, cookie_name, is_https
from app.admin_base.door import OUTSIDE, outer
from app.db import Database
from app.gateways.passwords import verify_password
from app.i18n import gettext
from app.keys import current_keys
from app.queries.staff import Credentials, credentials_of, has_owner
from app.rules.passwords import LONGEST
from app.rules.refusals import RuleBroken, words
from app.settings import Settings

_NO_OWNER = words(
    "这家店还没有店主账号。请打开启动时显示的首次设置网址（没有看到就重新启动胭脂），或在服务器上运行 rouge init。"
)
_OPENED = words("店铺开好了。请用刚才设的登录名和密码登录。")


class SignInWrong(RuleBroken):
    """One sentence for every refusal: what differs between an account that is there and one that is not tells a
    stranger."""

    code = "sign_in_wrong"
    message = words("账号或密码不对，请重新输入。忘记密码请找店主重设。")


def knows_password(database: Database, login: str, password: str, ip: str, *, now: datetime) -> bool:
    """Whether somebody who is signed in knows her password, counted like a sign-in: an open page is no place to guess.
    Raises TooManyTries, SignInBusy."""
    credentials, counted, (is_right, _) = _tried(database, login, password, ip, now)
    if credentials is None or not is_right:
        return False
    with database.writing() as session:
        give_back_tries(session, counted, now=now)
    return True


def _tried(
    database: Database, login: str, password: str, ip: str, now: datetime
) -> tuple[Credentials | None, Counted, tuple[bool, str | None]]:
    """Read, count, and hash outside any unit of work."""
    with database.reading() as session:
        check_sign_in(session, login, ip, now=now)
        credentials = credentials_of(session, login)
    with database.writing() as session:
        counted = count_sign_in(session, login, ip, now=now)
    known = credentials.password_hash if credentials else None
    return credentials, counted, verify_password(password[: LONGEST + 1], known)


def safe_target(address: str) -> str:
    """A path of this site to go to after signing in; the first page for anything else."""
    parts = urlsplit(address)
    is_ours = not parts.scheme and not parts.netloc and address.startswith("/") and not address.startswith("//")
    return address if is_ours and "\\" not in address and address.isprintable() else "/admin/"


class StaffSignIn(AuthenticationBackend):
    """Who may come in. Flash messages need a signed cookie of their own; it holds nothing but them."""

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__(
            current_keys().session.hex(),
            session_cookie="rouge_flash",
            max_age=None,
            path="/",
            same_site="lax",
            https_only=is_https(settings),
        )
        self.database, self.settings = database, settings

    async def authenticate(self, request: Request) -> Response | bool:
        """The person has been looked up before; nobody is sent to the sign-in, and back afterwards."""
        if asking().person is not None:
            return True
        path = outer(request.url.path) if request.method == "GET" else "/admin/"
        # What was looked for may be a telephone number: it stays out of one more address.
        is_kept = request.url.query and request.method == "GET" and path != OUTSIDE
        target = f"{path}?{request.url.query}" if is_kept else path
        if request.headers.get("HX-Request") == "true":
            # Followed, the sign-in page would stand in the middle of the page that asked.
            here = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/admin/"
            return Response(status_code=401, headers={"HX-Redirect": f"/admin/login?next={quote(here, safe='')}"})
        return RedirectResponse(f"/admin/login?next={quote(target, safe='')}", 303)

    async def get_user_id(self, request: Request) -> int | None:
        """The number of the account."""
        person = asking().person
        return person.staff_id if person else None

    async def refusal_of(self, request: Request, form: FormData) -> Response | RuleBroken:
        """Try to sign in: the way onward with the cookie, or why not."""
        login, password = str(form.get("username", ""))[:200], str(form.get("password", ""))
        ip = request.client.host if request.client else ""
        agent = request.headers.get("user-agent", "")
        try:
            sid = await anyio.to_thread.run_sync(self._try, login, password, ip, agent)
        except RuleBroken as refusal:
            return refusal
        if sid is None:
            return SignInWrong()
        answer = RedirectResponse(safe_target(str(form.get("next", ""))), 303)
        keep_session(answer, sid, self.settings)
        return answer

    def _try(self, login: str, password: str, ip: str, agent: str) -> str | None:
        """Steps as `actions.staff` wants them: read, count, hash outside any unit of work, record."""
        now = datetime.now(UTC)
        credentials, counted, (is_right, fresh_hash) = _tried(self.database, login, password, ip, now)
        before = asking().person
        with self.database.writing() as session:
            sid = sign_in(
                session, credentials, is_right=is_right, fresh_hash=fresh_hash, now=now, ip=ip, user_agent=agent
            )
            if sid is not None:
                give_back_tries(session, counted, now=now)
            # The browser forgets its old session with the new cookie; it must not live on without her.
            if sid is not None and before is not None:
                sign_out(session, before.session_id, now=now)
            return sid

    async def logout(self, request: Request) -> Response | bool:
        """End the session in the database, then forget the cookie."""
        person = asking().person
        if person is not None:

            def end() -> None:
                with self.database.writing(asking().actor) as session:
                    sign_out(session, person.session_id, now=datetime.now(UTC))

            await anyio.to_thread.run_sync(end)
        request.session.clear()
        answer = RedirectResponse("/admin/login", 303)
        answer.delete_cookie(
            cookie_name(self.settings), path="/", secure=is_https(self.settings), httponly=True, samesite="lax"
        )
        return answer

    def hint(self, *, just_opened: bool) -> str:
        """What the sign-in page says before anybody owns the shop, and right after somebody does."""
        with self.database.reading() as session:
            if not has_owner(session):
                return gettext(_NO_OWNER)
        return gettext(_OPENED) if just_opened else ""


def keep_session(answer: Response, sid: str, settings: Settings) -> None:
    """Give the browser its session: out of reach of scripts, gone when the browser closes."""
    answer.set_cookie(cookie_name(settings), sid, path="/", secure=is_https(settings), httponly=True, samesite="lax")
