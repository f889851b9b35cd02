"""How single columns look where their value alone says too little."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from app.admin_base.asking import asking
from app.admin_base.showing import Toned, changes_in_words
from app.i18n import gettext, grouped, stamp
from app.labels import word_of
from app.queries.scopes import DUE_SOON
from app.rules.complaints import standing
from app.rules.refusals import words

_LATE = words("{at}，已逾期 {hours} 小时")
_LATE_DAYS = words("{at}，已逾期 {days} 天")
_SOON = words("{at}，还剩 {hours} 小时")
_LOW = words("{score}，低分")
_REFUND = words("退款")
_SALE = words("消费")
_WITHOUT_VIEW = {
    "purchase_lines": words("消费明细"),
    "survey_answers": words("问卷答案"),
    "customer_tags": words("顾客标签"),
    "policy_settings": words("店里的规则"),
    "public_tokens": words("专属链接"),
    "counters": words("编号"),
    "demo_marks": words("演示数据"),
}
_NOBODY = {"system": words("系统"), "customer": words("顾客"), "demo": words("演示数据")}


def due(case: Any, name: str) -> Any:
    """A case's deadline: in red with how late it is, in amber when it is near."""
    at = stamp(case.due_at, asking().zone)
    stands = standing(case, asking().now)
    if stands.overdue_by is not None:
        hours = int(stands.overdue_by / timedelta(hours=1))
        template, values = (_LATE, {"hours": hours}) if hours < 48 else (_LATE_DAYS, {"days": hours // 24})
        return Toned(gettext(template).format(at=at, **values), "alarm")
    if stands.due_in is not None and stands.due_in < DUE_SOON:
        return Toned(gettext(_SOON).format(at=at, hours=int(stands.due_in / timedelta(hours=1))), "amber")
    return at


def score(response: Any, name: str) -> Any:
    """A response's score, marked when it is low."""
    if response.score is None:
        return "—"
    return Toned(gettext(_LOW).format(score=response.score), "alarm") if response.is_low else response.score


def slip(purchase: Any, name: str) -> Any:
    """Sale or refund."""
    return Toned(gettext(_REFUND), "amber") if purchase.refund_of_id else gettext(_SALE)


def number(customer: Any, name: str) -> str:
    """A member number in groups of four."""
    return grouped(customer.member_no)


def birthday(customer: Any, name: str) -> str:
    """A day of birth with its calendar: 公历 1990-01-02."""
    return f"{word_of(customer.birthday_calendar)} {customer.birthday}" if customer.birthday else ""


def actor(entry: Any, name: str) -> str:
    """Who did it: a person by name, the machine and a customer by what they are."""
    return gettext(_NOBODY[entry.actor]) if entry.staff_id is None and entry.actor in _NOBODY else entry.actor


def table_name(entry: Any, name: str, request: Request) -> str:
    """The table of an audit entry as people call it."""
    return table_names(request.app.state.back_office.views).get(entry.subject, entry.subject)


def changes(entry: Any, name: str, request: Request) -> str:
    """What an audit entry changed, in the words of the forms."""
    labels = {
        (view.model.__tablename__, column): label
        for view in request.app.state.back_office.views
        if view.is_model
        for column, label in view._column_labels.items()
    }
    return changes_in_words(entry, labels) or "—"


def table_names(views: Iterable[Any]) -> dict[str, str]:
    """Every table as people call it: by its view, or by a word of its own where it has none."""
    own = {view.model.__tablename__: str(view.name) for view in views if view.is_model}
    return {table: gettext(word) for table, word in _WITHOUT_VIEW.items()} | own
