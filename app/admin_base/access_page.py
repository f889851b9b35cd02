"""Who may do what, in words: the owner's permission screen, made from the table in `rules.access` and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from sqladmin import BaseView
from sqladmin.application import expose
from sqlalchemy import inspect as mapped
from starlette.requests import Request
from starlette.responses import Response

from app.admin_base.permissions import subject_of
from app.i18n import Lazy, later
from app.labels import word_of
from app.rules.access import HIDDEN, PERMISSIONS, Scope, may
from app.vocabulary import Role

_SUMMARIES: Mapping[Role, Lazy] = {
    Role.OWNER: later("管整家店：所有门店、所有记录、规则、账号和备份。"),
    Role.MANAGER: later("管一家门店的日常：顾客、消费、投诉和问卷都看得到、改得了；账号和店里的规则由店主定。"),
    Role.RECEPTION: later("在前台接待：建档、记到店、登记投诉、打印会员卡；健康提示只知道有没有。"),
    Role.BEAUTICIAN: later("做护理：只看自己服务过的顾客，写皮肤记录；投诉可以登记，登记后看不到。"),
    Role.MARKETER: later("做活动和问卷：看问卷和回答，看不到是谁答的；看不到顾客名单。"),
    Role.AUDITOR: later("只查不改：看得到记录和操作日志，号码和联系方式遮着。"),
}
_SCOPES: Mapping[Scope, Lazy] = {
    Scope.ALL: later("全部"),
    Scope.STORE: later("只看自己门店的"),
    Scope.OWN: later("只看自己服务过的"),
}
_DEEDS: Mapping[str, Lazy] = {
    "list": later("看"),
    "details": later("看"),
    "view": later("看"),
    "create": later("新增"),
    "edit": later("修改"),
    "delete": later("删除"),
    "import": later("导入"),
    "export": later("导出"),
    "export_whole": later("导出完整号码"),
    "reveal": later("查看完整号码"),
    "note": later("记备注"),
    "reply": later("回复"),
    "close": later("结案"),
    "retry": later("重新执行"),
    "settle": later("核对"),
    "choose": later("在表单里选"),
    "undo": later("撤销合并"),
    "claim": later("认领消费"),
    "refund": later("退款"),
    "release": later("恢复兑换"),
}
_PAGE_DEEDS: Mapping[str, Lazy] = {
    "desk": later("核对资料"),
    "cards": later("打印"),
    "own_pages": later("给链接、换新、收回"),
    "posters": later("打印"),
    "purposes": later("修改"),
    "merges": later("合并"),
    "duplicates": later("确认是不是同一个人"),
    "photographs": later("添加"),
    "tagging": later("批量贴标签"),
    "tag_rules": later("修改"),
    "settings": later("修改"),
    "sessions": later("结束登录"),
    "demo": later("清空"),
    "journal": later("核对"),
    "imports": later("导入"),
    "points_counter": later("兑换、调整、记一次"),
    "counter_sales": later("记一笔消费"),
    "approvals": later("批准或不批准"),
    "customer_tier": later("人工指定"),
    "customer_benefits": later("用一次权益"),
    "design": later("试算"),
}
_BESIDE: Mapping[str, tuple[Lazy, str]] = {
    "health": (later("健康与过敏提示"), "customers"),
    "purchase_lines": (later("消费明细"), "purchases"),
    "survey_answers": (later("问卷答案"), "survey_responses"),
    "policy_settings": (later("改过的规则"), "settings"),
    "duplicate_pairs": (later("疑似重复"), "duplicates"),
    "sessions": (later("结束登录"), "staff_sessions"),
    "dashboard": (later("首页的数字"), "settings"),
    "backups": (later("备份"), "settings"),
}
"""Subjects without a register or page of their own in the menu, each with the one it stands beside."""


@dataclass(frozen=True)
class GrantLine:
    """One subject as a role has it: its name, what may be done, and of which rows."""

    name: str
    deeds: tuple[str, ...]
    scope: str
    is_narrowed: bool


@dataclass(frozen=True)
class RoleInWords:
    """What a role may do, by the menu's groups; what it does not see at all; and columns it does not see of what it
    may read, by register."""

    role: Role
    name: str
    summary: str
    groups: tuple[tuple[str, tuple[GrantLine, ...]], ...]
    unseen: tuple[str, ...]
    hidden: tuple[tuple[str, tuple[str, ...]], ...]
    sees_health: bool


class AccessPage(BaseView):
    """Who may do what."""

    subject: ClassVar[str] = "access"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports every page

    @expose("/access", methods=["GET"], identity="access")
    async def access(self, request: Request) -> Response:
        """Every role in words. For the owner and the auditor."""
        wished = request.query_params.get("role", "")
        context = {
            "roles": [role_in_words(role, self._admin_ref.views) for role in Role],
            "opened": Role(wished) if wished in set(Role) else Role.MANAGER,
        }
        return await self.templates.TemplateResponse(request, "backoffice/access.html", context)


def role_in_words(role: Role, views: list[Any]) -> RoleInWords:
    """A role as the table has it."""
    groups: dict[str, list[GrantLine]] = {}
    unseen: list[str] = []
    for subject, (name, group) in _subjects(views).items():
        line = _line(role, subject, name)
        if line is None:
            unseen.append(name)
        else:
            _add(groups.setdefault(group, []), line)
    seen = {line.name for lines in groups.values() for line in lines}
    return RoleInWords(
        role=role,
        name=word_of(role),
        summary=str(_SUMMARIES[role]),
        groups=tuple((group, tuple(lines)) for group, lines in groups.items()),
        unseen=tuple(name for name in dict.fromkeys(unseen) if name not in seen),
        hidden=tuple(_hidden(role, views)),
        sees_health=may(role, "health", "details"),
    )


def _add(lines: list[GrantLine], line: GrantLine) -> None:
    """One line more; what is a page and a table by one name, the journal, stays one line."""
    for place, known in enumerate(lines):
        if (known.name, known.scope) == (line.name, line.scope):
            lines[place] = replace(known, deeds=tuple(dict.fromkeys((*known.deeds, *line.deeds))))
            return
    lines.append(line)


def _subjects(views: list[Any]) -> dict[str, tuple[str, str]]:
    """Every subject of the table → its name and group, in the order of the menu."""
    ordered: dict[str, tuple[str, str]] = {}
    for view in views:
        # Of several pages of one subject the first is the one in the menu.
        name = str(view.name_plural if view.is_model else view.name)
        ordered.setdefault(subject_of(view), (name, str(view.category)))
        for subject, (title, beside) in _BESIDE.items():
            if beside == subject_of(view):
                ordered.setdefault(subject, (str(title), str(view.category)))
    return ordered


def _line(role: Role, subject: str, name: str) -> GrantLine | None:
    granted = [
        (action, roles[role]) for (known, action), roles in PERMISSIONS.items() if known == subject and role in roles
    ]
    if not granted:
        return None
    actions = [action for action, _ in granted]
    if "list" in actions:
        actions = [action for action in actions if action != "choose"]
    words = (_PAGE_DEEDS[subject] if action == "do" else _DEEDS[action] for action in actions)
    scope = granted[0][1]
    return GrantLine(name, tuple(dict.fromkeys(str(word) for word in words)), str(_SCOPES[scope]), scope != Scope.ALL)


def _hidden(role: Role, views: list[Any]) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for view in views:
        columns = HIDDEN.get(subject_of(view), {}).get(role, ()) if view.is_model else ()
        known = mapped(view.model).all_orm_descriptors if columns else {}
        labels = {str(view._column_labels[one]): None for one in columns if one in known and one in view._column_labels}
        if labels:
            found.append((str(view.name_plural), tuple(labels)))
    return found
