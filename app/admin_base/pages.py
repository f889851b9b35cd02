"""Pages of the back office that are no table."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.demo import wipe_demo
from app.actions.policy import change_policy, lock_policy
from app.admin_base.asking import asking
from app.admin_base.clashes import Clash, Clashes, put_together
from app.admin_base.merging import FIELD, Marks
from app.admin_base.once import Answer
from app.admin_base.writing import Refused, write
from app.i18n import gettext
from app.queries.demo import has_own_owner
from app.queries.policy import current_policy
from app.rules.access import may
from app.rules.demo import check_wipe_from_inside
from app.rules.policy import LONGEST_TEXT, POLICY_FIELDS, Policy
from app.rules.refusals import words

_SAVED = words("店里的规则已保存")
_CHECK = words("还没有保存，请看下面标出的地方。")
_WIPED = words("演示数据已清空，您自己录的都在")
GROUPS = (
    (words("店铺"), ("shop_", "brand_", "privacy_", "notice_")),
    (words("答复承诺"), ("complaint_", "suggestion_", "question_", "praise_", "review_")),
    (words("问卷与评分"), ("low_", "grade_", "sample_")),
    (words("会员"), ("tier_", "points_", "card_", "profile_", "ask_", "stale_")),
    (words("夜里的工作"), ("night_", "trace_")),
)
_OTHERS = words("其他")
_PLACE = "policy"


class SettingsPage(BaseView):
    """The shop's rules on one page: each with its meaning, its default and what holds now."""

    subject: ClassVar[str] = "settings"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    @expose("/settings", methods=["GET", "POST"], identity="settings")
    async def settings(self, request: Request) -> Response:
        """Read them: owner, manager, auditor. Change them: the owner."""
        person = asking().person
        can_save = person is not None and may(person.role, self.subject, "do")
        typed: Mapping[str, str] = {}
        errors: Mapping[str, str] = {}
        form = FormData()
        sentence = ""
        if request.method == "POST":
            if not can_save:
                raise HTTPException(403)
            form = await request.form()
            typed = {key: str(form[key]) for key in POLICY_FIELDS if key in form}
            try:
                return (await self._save(request, typed, form)).lead(request)
            except RulesRefused as refused:
                errors, sentence = refused.errors, gettext(_CHECK)
            except Refused as refused:
                sentence = str(refused)
        context = {
            "groups": _groups(asking().policy, typed, errors),
            "can_save": can_save,
            "error": sentence,
            "longest": LONGEST_TEXT,
            "opened": self._opened(request, str(form.get(FIELD, ""))),
        }
        status = getattr(request.state, "refused_status", 422) if request.method == "POST" else 200
        return await self.templates.TemplateResponse(request, "backoffice/settings.html", context, status_code=status)

    async def _save(self, request: Request, typed: Mapping[str, str], form: FormData) -> Answer:
        here = asking()
        staff_id = here.person.staff_id if here.person else None

        def work(session: Session) -> Answer:
            lock_policy(session)
            now = _values(current_policy(session))

            def tell(clashing: tuple[str, ...], kept: tuple[str, ...]) -> Clashes:
                asked = (Clash(one, _label(one), typed[one], now[one], (typed[one],)) for one in clashing)
                return Clashes(tuple(asked), tuple((_label(one), now[one]) for one in kept))

            values = put_together(request, _PLACE, typed, now, form=form, tell=tell)
            refusals = change_policy(session, values, now=here.now, staff_id=staff_id)
            if refusals:
                raise RulesRefused({key: refusal.say(gettext) for key, refusal in refusals.items()})
            return Answer("/admin/settings", gettext(_SAVED))

        return await write(request, self._admin_ref.database, work)

    def _opened(self, request: Request, posted: str) -> str:
        if request.method == "POST":
            return getattr(request.state, "opened", "") or posted
        return str(Marks.of(_PLACE, _values(asking().policy)))


class RulesRefused(Refused):
    """Rules that cannot hold, each with its sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("")
        self.errors = errors


def _values(policy: Policy) -> dict[str, str]:
    return {name: str(getattr(policy, name)) for name in POLICY_FIELDS}


def _label(name: str) -> str:
    return gettext(POLICY_FIELDS[name].metadata["label"])


class DemoPage(BaseView):
    """Taking the demo shop away; in the menu only while there is one."""

    subject: ClassVar[str] = "demo"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def is_visible(self, request: Request) -> bool:
        """Nothing to see where nothing is made up."""
        return self._admin_ref.templates.env.globals["demo_mode"]()

    @expose("/demo", methods=["GET", "POST"], identity="demo")
    async def demo(self, request: Request) -> Response:
        """Say what would go, then wipe. For the owner."""
        person = asking().person
        if person is None or not may(person.role, self.subject, "do"):
            raise HTTPException(403)
        sentence = ""
        if request.method == "POST":
            try:
                return (await write(request, self._admin_ref.database, _wipe)).lead(request)
            except Refused as refused:
                sentence = str(refused)
        status = getattr(request.state, "refused_status", 409) if request.method == "POST" else 200
        return await self.templates.TemplateResponse(
            request, "backoffice/demo.html", {"error": sentence}, status_code=status
        )


def _wipe(session: Session) -> Answer:
    check_wipe_from_inside(has_own_owner=has_own_owner(session))
    wipe_demo(session)
    return Answer("/admin/", gettext(_WIPED))


def _groups(policy: Policy, typed: Mapping[str, str], errors: Mapping[str, str]) -> list[dict[str, Any]]:
    rest = dict(POLICY_FIELDS)
    groups = []
    for title, prefixes in (*GROUPS, (_OTHERS, ("",))):
        names = [name for name in rest if name.startswith(prefixes)]
        rules = [_rule(name, policy, typed, errors) for name in names if rest.pop(name)]
        if rules:
            groups.append({"title": gettext(title), "rules": rules})
    return groups


def _rule(name: str, policy: Policy, typed: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, Any]:
    rule = POLICY_FIELDS[name]
    is_number = isinstance(rule.default, int)
    return {
        "name": name,
        "label": gettext(rule.metadata["label"]),
        "hint": gettext(rule.metadata["hint"]),
        "default": rule.default,
        "value": typed.get(name, getattr(policy, name)),
        "is_changed": getattr(policy, name) != rule.default,
        "low": rule.metadata["low"] if is_number else None,
        "high": rule.metadata["high"] if is_number else None,
        "error": errors.get(name, ""),
    }
